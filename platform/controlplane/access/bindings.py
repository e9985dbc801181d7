"""What a person has in a cluster, as objects: an account, and a binding for each Role of their level.

Nothing here carries `argosy.dev/managed`: by that label the loop of a namespace takes away what it did not
render itself, and people come and go between its turns.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from controlplane.objects import Manifest, stamped
from tenants.levels import Level, role_of, roles_of

PEOPLE = "argosy-people"  # the namespace that the base brings for them
PERSON, TEAM = "argosy.dev/person", "argosy.dev/team"
USERNAME = "argosy.dev/username"
LOCAL = "local"  # the issuer of who has no provider
RBAC = "rbac.authorization.k8s.io"


@dataclass(frozen=True, order=True)
class Place:
    """A namespace in which a person has a level."""

    namespace: str
    team: str
    level: Level

    def __str__(self) -> str:
        return f"{self.namespace}: {self.level}"


def account_name(issuer: str, subject: str) -> str:
    """The name of a person's account: always the same for the same person, and telling nobody who it is.

    The issuer's length stands before it, so that no two pairs are one text.
    """
    told = f"{len(issuer)}:{issuer}{subject}".encode()
    return f"person-{hashlib.sha256(told).hexdigest()[:32]}"


def account(name: str, *, username: str) -> Manifest:
    """The account. Its token is in no pod: those of its namespace would be the platform's."""
    return stamped(
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {
                "name": name,
                "namespace": PEOPLE,
                "labels": {PERSON: name},
                "annotations": {USERNAME: username},
            },
            "automountServiceAccountToken": False,
        }
    )


def bindings(name: str, places: Iterable[Place]) -> tuple[Manifest, ...]:
    """A binding for each Role that the person's level has, in each of their namespaces."""
    return tuple(
        stamped(
            {
                "apiVersion": f"{RBAC}/v1",
                "kind": "RoleBinding",
                "metadata": {
                    "name": f"{name}-{level}",
                    "namespace": place.namespace,
                    "labels": {PERSON: name, TEAM: place.team},
                },
                "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": role_of(level)},
                "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": PEOPLE}],
            }
        )
        for place in places
        for level in roles_of(place.level)
    )


def proof(name: str, *, account: str) -> Manifest:
    """What one credential is bound to, and ends with: a Secret that holds nothing."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "argosy.dev/kubeconfig",
        "metadata": {"name": name, "namespace": PEOPLE, "labels": {PERSON: account}},
    }
