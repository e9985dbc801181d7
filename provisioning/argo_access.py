"""Which of a team's accounts Argo's server takes a person for: the rules that it reads from the accounts.

The server asks no cluster who a person is. It has the claims of the sign-in, which hold for as long as its
session does, and the rule on each account, tried from the highest precedence down; the first that holds is
who they are. A rule that cannot be read, or that speaks of a claim that is not there, ends the trying for
everybody below it: so no rule is written by hand, every name is quoted, and there are none at all for a
provider that sends no groups. Pure: values in, values out.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from controlplane.errors import DomainError
from tenants.levels import Level

from .argo_keys import Rbac, SecretKey, Sso

PRECEDENCE = {Level.OWNER: 30, Level.MEMBER: 20, Level.VIEWER: 10}
NOBODY = "false"
# An object's annotations may hold 256 KiB together. Whoever is shut out is so for an hour at most.
LONGEST_RULE = 200_000
SESSION_MINUTES = 60  # the most: for so long a session goes by the groups it began with
PLAIN = re.compile(r"[ !#-&(-\[\]-~]")  # ASCII that stands for itself between single quotes


class NoGroups(DomainError):
    """A provider whose sign-ins do not say which groups a person is in: Argo could tell nobody apart."""

    code = "no_groups"


class TooLong(DomainError):
    """Sessions that would outlive what they go by."""

    code = "too_long"


@dataclass(frozen=True)
class Provider:
    """Who vouches for people at Argo's servers, and how it says their groups."""

    issuer: str
    groups_from: str  # "token" or "userinfo"; anything else is: it does not say them
    groups_claim: str = "groups"
    userinfo_path: str = "/userinfo"
    scopes: tuple[str, ...] = ()
    root_ca: str = ""
    session_minutes: int = SESSION_MINUTES

    def __post_init__(self) -> None:
        """Raise NoGroups where the rules would be of no use, before there is one."""
        if self.groups_from not in {"token", "userinfo"}:
            raise NoGroups(
                f"{self.issuer} is not said to send groups, without which Argo's server can tell nobody "
                "apart. Have it send them, and say how in ARGOSY_ARGO_GROUPS_FROM: token or userinfo."
            )
        if self.groups_from == "userinfo" and self.groups_claim != "groups":
            raise NoGroups(
                f"Argo's server reads no claim but groups from the user information of {self.issuer}, and "
                f"there they are called {self.groups_claim}. Have it send them in the token, or by that name."
            )
        if not 1 <= self.session_minutes <= SESSION_MINUTES:
            raise TooLong(
                f"A session of Argo's goes by the groups it began with, so it lasts 1 to {SESSION_MINUTES} "
                f"minutes and not {self.session_minutes}; set ARGOSY_ARGO_SESSION_MINUTES."
            )


@dataclass(frozen=True)
class Server:
    """Where one namespace's server is reached, and whom it reaches itself."""

    host: str
    client: str  # the Secret with its OIDC client, in the control namespace
    ingress_class: str
    ingress_namespace: str
    networks: tuple[str, ...]  # in which the provider is
    provider_port: int

    @property
    def rails(self) -> dict[str, Any]:
        """The server's values of charts/team-guardrails."""
        peer = {"namespaceLabels": {"kubernetes.io/metadata.name": self.ingress_namespace}}
        return {
            "enabled": True,
            "client": self.client,
            "from": [peer],
            "provider": {"cidrs": list(self.networks), "port": self.provider_port},
        }


@dataclass(frozen=True)
class Rule:
    """What an account carries."""

    rule: str
    precedence: int


@dataclass(frozen=True)
class Admitted:
    """Whom a team lets in at which level: its groups, and those of them who are shut out by their subject."""

    groups: Mapping[Level, str]
    shut_out: Mapping[Level, Collection[str]] = field(default_factory=dict)


def rules(admitted: Admitted) -> dict[Level, Rule]:
    """The rule of each level that has a group; a level without one has none, and lets nobody in."""
    return {
        level: Rule(_rule(group, admitted.shut_out.get(level, ())), PRECEDENCE[level])
        for level in Level
        if (group := admitted.groups.get(level, ""))
    }


def sso(provider: Provider, admitted: Admitted, *, host: str, client: str) -> Sso:
    """The server's own configuration: who may sign in, for how long, by which of their groups."""
    return Sso(
        issuer=provider.issuer,
        client_id=SecretKey(name=client, key="client-id"),
        client_secret=SecretKey(name=client, key="client-secret"),
        redirect_url=f"https://{host}/oauth2/callback",
        rbac=Rbac(enabled=True),
        scopes=list(provider.scopes),
        session_expiry=f"{provider.session_minutes}m",
        custom_group_claim_name=None
        if provider.groups_claim == "groups"
        else provider.groups_claim,
        user_info_path=provider.userinfo_path if provider.groups_from == "userinfo" else None,
        # The session is a cookie, and one of 400 groups is larger than browsers keep.
        filter_groups_regex=[
            f"^{re.escape(group)}$" for group in sorted({g for g in admitted.groups.values() if g})
        ],
        root_ca=provider.root_ca or None,
    )


def quoted(text: str) -> str:
    """The text as a constant of expr, Argo's language of rules: no text can leave it."""
    return f"'{''.join(map(_escaped, text))}'"


def _rule(group: str, shut_out: Collection[str]) -> str:
    rule = f"({quoted(group)} in groups)"
    if names := ", ".join(map(quoted, sorted(set(shut_out)))):
        rule += f" && !(sub in [{names}])"
    # Too long to be kept: then nobody gets in by this level, rather than somebody who is shut out.
    return rule if len(rule) <= LONGEST_RULE else NOBODY


def _escaped(character: str) -> str:
    if PLAIN.fullmatch(character):
        return character
    number = ord(character)
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"  # noqa: PLR2004 - as Unicode has it
