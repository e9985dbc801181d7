"""Does a registry sign this name in? As containerd asks: straight, or by the token it sends us for."""

import base64
import re
from urllib.parse import urlencode, urlsplit

from controlplane.secrets.verdict import Tried

from .reaching import Answer, NotReached, ask

OK, UNAUTHORIZED, FORBIDDEN = 200, 401, 403
ASKED = re.compile(r'(\w+)="([^"]*)"')


def test(*, registry: str, username: str, password: str) -> Tried:
    """Sign in, and fetch nothing."""
    host, _, port = registry.partition(":")
    basic = "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
    try:
        first = ask("GET", "/v2/", host=host, port=int(port or 443), tls=True)
        if first.status == OK:
            return Tried(works=True, sentence=f"{registry} asks nobody who they are.")
        challenge = first.headers.get("Www-Authenticate") or first.headers.get(
            "WWW-Authenticate", ""
        )
        if first.status != UNAUTHORIZED or not challenge:
            return Tried(works=False, sentence=f"{registry} is no registry, by what it answers.")
        if challenge.lower().startswith("basic"):
            headers = {"Authorization": basic}
            answer = ask("GET", "/v2/", host=host, port=int(port or 443), tls=True, headers=headers)
        else:
            answer = _token(challenge, registry, basic)
    except NotReached as exc:
        return Tried(works=False, sentence=exc.sentence)
    if answer.status == OK:
        return Tried(works=True, sentence=f"{registry} signed {username} in.")
    if answer.status in {UNAUTHORIZED, FORBIDDEN}:
        return Tried(works=False, sentence=f"{registry} does not know {username} by this password.")
    return Tried(works=False, sentence=f"{registry} did not sign us in (HTTP {answer.status}).")


def _token(challenge: str, registry: str, basic: str) -> Answer:
    """Where the registry sends us for a token: over TLS, and to its own domain, or nowhere."""
    said = dict(ASKED.findall(challenge))
    realm = urlsplit(said.get("realm", ""))
    if realm.scheme != "https" or not _same_house(realm.hostname or "", registry.partition(":")[0]):
        raise NotReached(
            f"{registry} sends us to another house for a token; nothing was sent there."
        )
    query = urlencode({"service": said.get("service", "")})
    return ask(
        "GET",
        f"{realm.path or '/'}?{query}",
        host=realm.hostname or "",
        port=realm.port or 443,
        tls=True,
        headers={"Authorization": basic},
    )


def _same_house(one: str, other: str) -> bool:
    """`auth.docker.io` is of the house of `registry-1.docker.io`."""
    return one.split(".")[-2:] == other.split(".")[-2:]
