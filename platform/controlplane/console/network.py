"""The network rules that the platform keeps in a team's two namespaces, as sentences."""

from dataclasses import dataclass, replace

from django.conf import settings

from controlplane.errors import DomainError
from controlplane.kube.errors import KubeError
from controlplane.objects import Manifest
from provisioning import sign_on
from provisioning.desired import guard_rail_values
from provisioning.render import GUARD_RAILS, chart, rendered
from tenants.spec import NamespaceSpec, TierSpec

from .network_rules import sentences

# Rules follow from the cluster and the chart alone. Under one name for all, a chart is rendered once a
# cluster, not once a namespace.
ANY = "any"
NO_TIER = TierSpec(ANY, {"pods": "1"}, {"default": {"cpu": "1"}}, {}, None, 1)


@dataclass(frozen=True)
class Rules:
    """Sentences for workflow pods and for the controller; or why there are none."""

    workload: tuple[str, ...] = ()
    control: tuple[str, ...] = ()
    problem: str = ""


def rules_for(spec: NamespaceSpec) -> Rules:
    """The rules as the chart makes them, which the platform puts back when somebody edits them."""
    alike = replace(spec, name=ANY, team=ANY, tier=NO_TIER, groups={})
    try:
        values = guard_rail_values(
            alike, server=sign_on.server_of(spec), store_networks=settings.STORE_NETWORKS
        )
        made = rendered(chart(GUARD_RAILS), GUARD_RAILS, ANY, values)
    except (KubeError, DomainError) as exc:
        return Rules(problem=exc.sentence)
    return Rules(sentences(_policies(made, ANY)), sentences(_policies(made, alike.control)))


def _policies(made: tuple[Manifest, ...], namespace: str) -> list[Manifest]:
    return [
        manifest
        for manifest in made
        if manifest["kind"] == "NetworkPolicy" and manifest["metadata"]["namespace"] == namespace
    ]
