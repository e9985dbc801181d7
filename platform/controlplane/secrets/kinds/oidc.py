"""As whom a team's Argo server signs people in: its own client at the identity provider."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from controlplane.secrets.trying import oidc as trying

from . import Field, Held, Problem, Role, Tried

KIND = "oidc"
TITLE = "OIDC client of the Argo server"
ABOUT = "The client that the team's Argo server is at your identity provider."
FIELDS = (
    Field("issuer", "Issuer", "As the provider writes it: https://id.example.com/realms/people"),
    Field("client_id", "Client id"),
    Field("client_secret", "Client secret", secret=True),
)
TYPE = "Opaque"
ROLE: Role = "control"  # the server reads it where it runs
ONE_A_NAMESPACE = True
TESTED = "Asks the provider who it is, and whether it knows this client by this secret."

CLIENT = re.compile(r"[!-~]{1,255}", re.ASCII)


def problems(held: Held) -> Iterator[Problem]:
    """What no provider would be found by."""
    try:
        url = urlsplit(held.settings["issuer"])
        # What splits a URL throws line breaks away, and what keeps it does not.
        good = held.settings["issuer"].isprintable() and " " not in held.settings["issuer"]
        good = good and url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
    except ValueError:
        good = False
    if not good or url.query or url.fragment or url.username:
        yield Problem(
            "issuer", "A URL without anything behind its path, as https://id.example.com."
        )
    if not CLIENT.fullmatch(held.settings["client_id"]):
        yield Problem("client_id", "Up to 255 letters, digits and signs, without spaces.")


def data(held: Held) -> Mapping[str, bytes]:
    """By the names that Argo's own examples use."""
    return {
        "client-id": held.settings["client_id"].encode(),
        "client-secret": held.values["client_secret"],
    }


def wiring(name: str, settings: Mapping[str, str]) -> Mapping[str, Any]:
    """What the Argo server's configuration is made of, together with where it is reached."""
    return {
        "sso": {
            "issuer": settings["issuer"],
            "clientId": {"name": name, "key": "client-id"},
            "clientSecret": {"name": name, "key": "client-secret"},
        }
    }


def belongs_to(settings: Mapping[str, str]) -> str:
    """A client is one team's: its secret signs in whoever it signs in."""
    return f"oidc:{settings['client_id']}@{settings['issuer']}"


def test(held: Held) -> Tried:
    """Ask the provider."""
    return trying.test(
        issuer=held.settings["issuer"],
        client_id=held.settings["client_id"],
        client_secret=held.text("client_secret"),
    )
