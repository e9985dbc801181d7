"""What this part asks of a cluster: to bring image policies, to see that they act, to read what runs."""

from collections.abc import Iterator

from controlplane.clusters.rights import Right, calls, register

from . import delivery, reading
from .compile import admission_policies, probes


@register
def brought() -> Iterator[Right]:
    """The policies, whose names change with what they say; and the one webhook configuration."""
    for kind in delivery.KINDS:
        yield from calls(admission_policies.API, kind, "list", "apply", "replace", "delete")
    webhook = delivery.CONFIGURATION
    yield from calls(
        webhook.api_version,
        webhook.kind,
        *("get", "apply", "replace", "delete"),
        names=(webhook.name,),
    )


@register
def tried() -> Iterator[Right]:
    """Dry runs that must be refused: RBAC asks for the whole right all the same."""
    yield from calls("v1", "Namespace", "get", "apply", "replace", "delete")
    yield from calls("v1", "ConfigMap", "create")
    for probe in probes.probes():
        yield from calls(probe["apiVersion"], probe["kind"], "create")


@register
def read() -> Iterator[Right]:
    """What runs already, before a policy binds it."""
    for api_version, kind in reading.KINDS:
        yield from calls(api_version, kind, "list")
