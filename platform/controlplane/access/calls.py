"""What this part asks of a cluster: people's accounts, their bindings, and tokens that end.

RBAC knows no tokens by the account's label, and the accounts have names of no pattern: it is a right to the
tokens of all. The base's own policy (63-platform-tokens.yaml) lets the platform use it where people are, and
where its own accounts are, alone.
"""

from collections.abc import Iterator

from controlplane.clusters.rights import Right, calls, register

from .bindings import RBAC


@register
def given_to_people() -> Iterator[Right]:
    """Each person's account, what binds it, and what each of their credentials is bound to."""
    yield from calls("v1", "ServiceAccount", "get", "apply", "replace")
    yield from calls(f"{RBAC}/v1", "RoleBinding", "list", "apply", "replace", "delete")
    yield from calls("v1", "Secret", "list", "create", "delete")
    yield Right("", "serviceaccounts/token", "create")
