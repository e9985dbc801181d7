"""One question to the identity provider: is this still the person, and in which groups?

The refresh token is put to its token endpoint. Three answers: yes with groups, no, and silence. Only the
provider's own "no" is a no: an error page, a time-out or a document that nobody understands is silence.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import jwt

NO = "invalid_grant"  # RFC 6749 5.2: expired, revoked, used before, or of somebody who is gone
OK, REFUSED = 200, frozenset({400, 401})
LONGEST = 1_000_000  # bytes of an answer: 400 groups are 20 thousand


@dataclass(frozen=True)
class Provider:
    """Where the provider is asked, and as whom."""

    issuer: str
    token_url: str
    userinfo_url: str
    client_id: str
    client_secret: str
    groups_claim: str


@dataclass(frozen=True)
class Yes:
    """It is the person, in these groups. `refresh_token`: the next one, empty if the old one stays."""

    groups: tuple[str, ...]
    refresh_token: str


@dataclass(frozen=True)
class No:
    """The provider vouches no more."""

    sentence: str


@dataclass(frozen=True)
class Silence:
    """No answer that says anything about the person. `refresh_token`: if a new one came all the same."""

    sentence: str
    refresh_token: str = ""


Answer = Yes | No | Silence


def ask(provider: Provider, client: httpx.Client, *, refresh_token: str, subject: str) -> Answer:
    """The provider's answer about the person `subject`. Raises nothing: what goes wrong is silence."""
    try:
        response = client.post(
            provider.token_url,
            data={
                "grant_type": "refresh_token",
                "refresh_token": refresh_token,
                "client_id": provider.client_id,
                "client_secret": provider.client_secret,
            },
        )
        document = _document(response)
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        return Silence(f"The provider does not answer: {type(exc).__name__}.")
    if response.status_code in REFUSED and document.get("error") == NO:
        return No("The provider ended this sign-in: sign in again.")
    if response.status_code != OK or not isinstance(document.get("access_token"), str):
        said = str(document.get("error") or f"HTTP {response.status_code}")
        return Silence(f"The provider gives no answer about people: {said[:100]}.")
    return _about(provider, client, document, subject)


def _about(
    provider: Provider, client: httpx.Client, document: Mapping[str, Any], subject: str
) -> Answer:
    """Whom the tokens are about. The next refresh token is kept whatever else goes wrong: the old is used."""
    fresh = document.get("refresh_token")
    fresh = fresh if isinstance(fresh, str) else ""
    claims = _claims(provider, document.get("id_token"))
    if claims is None or provider.groups_claim not in claims:
        # The ID token of a refresh is optional, and need not carry the groups.
        try:
            claims = _document(
                client.get(
                    provider.userinfo_url,
                    headers={"Authorization": f"Bearer {document['access_token']}"},
                )
            )
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            return Silence(f"The provider does not answer: {type(exc).__name__}.", fresh)
    told = claims.get("sub")
    if told is None:
        return Silence("The provider does not say whom its answer is about.", fresh)
    if told != subject:
        return No("The provider answered about somebody else: sign in again.")
    return Yes(groups_in(claims, provider.groups_claim), fresh)


def groups_in(claims: Mapping[str, Any], claim: str) -> tuple[str, ...]:
    """The groups of a claim. None at all where it is missing: that is how some say that there are none."""
    found = claims.get(claim)
    found = [found] if isinstance(found, str) else found
    if not isinstance(found, list):
        return ()
    return tuple(
        dict.fromkeys(group for group in found if isinstance(group, str) and group.strip())
    )


def _claims(provider: Provider, id_token: object) -> Mapping[str, Any] | None:
    """What a refreshed ID token says; None if it is not for us.

    It came over the provider's own TLS, which stands for its signature (OpenID Connect Core 3.1.3.7, 6);
    issuer and audience are ours to see to.
    """
    if not isinstance(id_token, str):
        return None
    try:
        claims: dict[str, Any] = jwt.decode(id_token, options={"verify_signature": False})
    except jwt.PyJWTError:
        return None
    audience = claims.get("aud")
    ours = provider.client_id in (audience if isinstance(audience, list) else [audience])
    return claims if ours and claims.get("iss") == provider.issuer else None


def _document(response: httpx.Response) -> dict[str, Any]:
    """The object that an answer holds; an empty one where it holds something else."""
    if len(response.content) > LONGEST:
        return {}
    try:
        found = response.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
