"""Does a provider know itself by this issuer, and this client by this secret?"""

import base64
from urllib.parse import quote, urlencode, urlsplit

import orjson

from controlplane.secrets.verdict import Tried

from .reaching import Answer, NotReached, ask

OK = 200
CLIENT_REFUSED = {"invalid_client"}


def test(*, issuer: str, client_id: str, client_secret: str) -> Tried:
    """Read what it says of itself, and ask for a token that is nobody's."""
    try:
        said = _document(_call("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration"))
        if str(said.get("issuer", "")).rstrip("/") != issuer.rstrip("/"):
            return Tried(
                works=False,
                sentence="What answers there is another issuer by its own words: write it exactly as it "
                "calls itself.",
            )
        token = str(said.get("token_endpoint", ""))
        if urlsplit(token).hostname != urlsplit(issuer).hostname:
            # A secret goes to the host that was filled in, and to none that this one names.
            return Tried(
                works=False,
                sentence="Its token endpoint is on another host; no secret was sent there.",
            )
        return _client(token, client_id, client_secret)
    except NotReached as exc:
        return Tried(works=False, sentence=exc.sentence)


def _client(token: str, client_id: str, client_secret: str) -> Tried:
    pair = f"{quote(client_id, safe='')}:{quote(client_secret, safe='')}"
    answer = _call(
        "POST",
        token,
        headers={
            "Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}",
            "Content-Type": "application/x-www-form-urlencoded",
        },
        # A code that never was: who knows the client refuses the code, and who does not, the client.
        body=urlencode(
            {"grant_type": "authorization_code", "code": "none", "redirect_uri": "https://none"}
        ).encode(),
    )
    refusal = str(_document(answer, any_status=True).get("error", ""))
    if refusal in CLIENT_REFUSED:
        return Tried(works=False, sentence="The provider does not know this client by this secret.")
    if not refusal:
        return Tried(works=False, sentence="The provider's token endpoint does not speak OAuth.")
    return Tried(works=True, sentence="The provider knows this client by this secret.")


def _call(
    method: str, url: str, headers: dict[str, str] | None = None, body: bytes = b""
) -> Answer:
    where = urlsplit(url)
    tls = where.scheme == "https"
    port = where.port or (443 if tls else 80)
    path = where.path or "/"
    return ask(
        method, path, host=where.hostname or "", port=port, tls=tls, headers=headers, body=body
    )


def _document(answer: Answer, *, any_status: bool = False) -> dict[str, object]:
    try:
        found = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict) or (answer.status != OK and not any_status):
        raise NotReached("What answers there is no OpenID provider.")
    return found
