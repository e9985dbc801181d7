"""The demo's people at a real identity provider: a Keycloak beside the platform."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from controlplane.cli.show import console
from controlplane.environment import folder
from controlplane.processes import background
from localcluster import slots
from localcluster.errors import LocalClusterError
from localcluster.keycloak import CLIENT_ID, Keycloak, Realm

# Not called as the local accounts are, which stay: those are the way in when the provider is away.
PEOPLE: dict[str, tuple[str, ...]] = {
    "olivia": ("payments-owners",),
    "max": ("payments-members",),
    "vera": ("payments-viewers",),
    "anna": ("argosy-approvers",),
    "adam": ("argosy-admins",),
    "audrey": ("argosy-auditors",),
}
PORTS = range(8180, 8200)


def begin(*, port: int | None) -> Mapping[str, str]:
    """Have Keycloak run with the demo's people, and the platform's own settings say so; their passwords."""
    stop()
    keycloak = Keycloak(_home(), _free_port())
    keycloak.start(console.print)
    realm = Realm(keycloak)
    passwords = {name: secrets.token_urlsafe(9) for name in PEOPLE}
    ports = background.PORTS if port is None else [port]
    realm.make(PEOPLE, passwords=passwords, platforms=[f"http://127.0.0.1:{p}" for p in ports])
    # The platform is told when it starts; one that runs was told of another Keycloak, or of none.
    background.stop()
    os.environ |= {
        "ARGOSY_OIDC_ISSUER": keycloak.issuer,
        "ARGOSY_OIDC_CLIENT_ID": CLIENT_ID,
        "ARGOSY_OIDC_CLIENT_SECRET": realm.secret,
        "ARGOSY_OIDC_NAME": "Keycloak",
        # Where Argo finds a person's groups: our realm puts them into its tokens.
        "ARGOSY_ARGO_GROUPS_FROM": "token",
    }
    return passwords


def stop() -> None:
    """End it, with all that it knew. Already gone is success."""
    Keycloak(_home(), 0).stop()


def show(passwords: Mapping[str, str]) -> None:
    """At once: they are kept nowhere."""
    console.print("People of Keycloak and their passwords, shown this once:")
    for name, groups in PEOPLE.items():
        line = f"  {name:7} {passwords[name]}  {', '.join(groups)}"
        console.print(line, highlight=False, markup=False)


def _home() -> Path:
    return folder("ARGOSY_HOME", default=".argosy") / "keycloak"


def _free_port() -> int:
    for port in PORTS:
        if slots.is_free(port, slots.LOOPBACK):
            return port
    raise LocalClusterError(
        f"Each port of 127.0.0.1 from {PORTS[0]} to {PORTS[-1]} is taken: end what listens on one of them."
    )
