"""What this part asks of a cluster: to bring a team's secrets, put them right, and take them away."""

from collections.abc import Iterator

from controlplane.clusters.rights import Right, calls, register


@register
def delivered() -> Iterator[Right]:
    """RBAC tells Secrets of ours from no others; what is there is asked for without its content."""
    yield from calls("v1", "Secret", "get", "list", "create", "apply", "replace", "delete")
    yield from calls("v1", "Namespace", "get")
