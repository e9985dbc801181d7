"""A browser's way through the provider, without a browser: there, back, and in."""

from functools import partial
from urllib.parse import parse_qs, urlsplit

import httpx
from django.test import Client

from tests.provider import CLIENT_ID, CLIENT_SECRET, Provider

START, BACK = "/sign-in/provider/", "/sign-in/provider/back/"


# Nothing here is said by TLS, and reading the authorities it would be checked by takes longer than all else.
browse = partial(httpx.get, verify=False)


def told(idp: Provider) -> dict[str, object]:
    """The settings of a platform whose people come from this provider."""
    return {
        "OIDC_ISSUER": idp.issuer,
        "OIDC_RP_CLIENT_ID": CLIENT_ID,
        "OIDC_RP_CLIENT_SECRET": CLIENT_SECRET,
        "OIDC_NAME": "Example Login",
    }


def to_provider(client: Client, next_page: str = "") -> str:
    """The address that the platform sends a browser to."""
    answer = client.get(START, {"next": next_page} if next_page else {})
    assert answer.status_code == 302, answer.content
    return answer["Location"]


def from_provider(there: str) -> str:
    """The address that the provider sends it back to, without the host."""
    parts = urlsplit(browse(there).headers["Location"])
    return f"{parts.path}?{parts.query}"


def come(client: Client, idp: Provider, who: str, next_page: str = ""):
    """The answer to who comes back from the provider."""
    idp.at_the_door = who
    return client.get(from_provider(to_provider(client, next_page)))


def query_of(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
