"""What this part asks of a cluster: a team's two namespaces, the guard rails, and the release.

Who gives a right by a Role must hold it, or be let past that rule (`escalate`, `bind`). We hold what the
charts give, and are let past nothing: so no chart, and no mistake of ours, gives a team a right that does
not stand in the platform's own role.
"""

from collections.abc import Iterator

from controlplane.clusters.rights import Right, calls, register, rights_in
from tenants.levels import Level, account_of
from tenants.spec import ClusterSpec, NamespaceSpec, TierSpec

from . import desired, render
from .argo_access import Provider, Server

ANY = NamespaceSpec(
    name="team",
    team="team",
    generation=1,
    tier=TierSpec(
        slug="any",
        quota={"pods": "1"},
        limits={
            "defaultRequest": {"cpu": "1", "memory": "1Gi"},
            "default": {"cpu": "1", "memory": "1Gi"},
            "max": {"cpu": "1", "memory": "1Gi"},
        },
        controller_resources={},
        parallelism=None,
        workflow_deadline_seconds=1,
    ),
    cluster=ClusterSpec(name="any", api_endpoints=({"ip": "10.0.0.1", "port": 443},)),
    groups=dict.fromkeys(Level, "any"),
)
ANYBODY = Provider(issuer="https://any.example.com", groups_from="token")
ANYWHERE = Server(
    host="any.example.com",
    client="any",
    ingress_class="any",
    ingress_namespace="any",
    networks=("10.0.0.0/8",),
    provider_port=443,
)


@register
def made() -> Iterator[Right]:
    """All that the loop makes, puts back and takes away."""
    for api_version, kind in (("v1", "Namespace"), *desired.RELEASE_KINDS):
        yield from calls(api_version, kind, "get", "apply", "create", "replace", "delete")
    for api_version, kind in (*desired.GUARD_RAIL_KINDS, *desired.RELEASE_KINDS):
        yield from calls(api_version, kind, "list", "apply", "replace", "delete")


@register
def released() -> Iterator[Right]:
    """helm's records are Secrets, and RBAC tells them from no others."""
    yield from calls("v1", "Secret", "get", "list", "create", "replace", "delete")
    # And so are the places for the tokens with which Argo's server acts for people.
    yield from calls(*desired.TOKEN_KIND, "apply")
    yield from calls("v1", "Pod", "list")


@register
def given() -> Iterator[Right]:
    """What the Roles of the guard rails give to a team's accounts, read from the charts themselves."""
    values = desired.guard_rail_values(ANY, ANYBODY, ANYWHERE)
    for manifest in render.rendered(
        render.chart(render.GUARD_RAILS), render.GUARD_RAILS, ANY.name, values
    ):
        yield from rights_in(manifest.get("rules") or ())


@register
def in_a_persons_name() -> Iterator[Right]:
    """A person's own acts are made as the account of their level, and it is refused what that may not."""
    for level in Level:
        name = account_of(level, ANY.name).rpartition(":")[2]
        yield Right("", "serviceaccounts", "impersonate", name)
