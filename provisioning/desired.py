"""What should be in the cluster for one tenant namespace: complete, or empty to delete.

Charts say what the guard rails and the release hold; what a chart may not do is said here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.objects import Manifest, Ref, fingerprint, ref_of, stamped
from controlplane.releases import Chart, Release
from tenants.levels import Level, roles_of, rules_of
from tenants.spec import NamespaceSpec

from . import argo_access, argo_config, stores
from .argo_access import Provider, Server

MANAGED, TEAM, NAMESPACE, ROLE = (
    f"argosy.dev/{word}" for word in ("managed", "team", "namespace", "role")
)
RELEASE = "argo"

RBAC = "rbac.authorization.k8s.io/v1"
GUARD_RAIL_KINDS = (
    ("v1", "ServiceAccount"),
    ("v1", "ResourceQuota"),
    ("v1", "LimitRange"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    (RBAC, "Role"),
    (RBAC, "RoleBinding"),
)
# Told by a label of their own, and never looked into: Kubernetes writes a token into each of them.
TOKEN_KIND = ("v1", "Secret")
TOKEN = "argosy.dev/account-token"  # noqa: S105 - a label's name
RELEASE_KINDS = (
    ("v1", "ConfigMap"),
    ("v1", "Service"),
    ("apps/v1", "Deployment"),
    ("networking.k8s.io/v1", "Ingress"),
)


class ChartEscapesError(Exception):
    """A chart made something it may not: the whole chart is refused."""


@dataclass(frozen=True)
class Images:
    """Which Argo to run: the version, and where its images are."""

    version: str
    controller: str
    executor: str
    server: str = ""


@dataclass(frozen=True)
class WantedRelease:
    """A release, and the objects it consists of (for seeing drift without asking helm)."""

    release: Release
    objects: tuple[Manifest, ...]


@dataclass(frozen=True)
class Desired:
    """Everything of ours that should be there. `Desired()` is: nothing."""

    namespaces: tuple[Manifest, ...] = ()
    guard_rails: tuple[Manifest, ...] = ()
    releases: tuple[WantedRelease, ...] = ()
    cluster: str = ""  # where; the same objects on another cluster are another plan

    @property
    def refs(self) -> frozenset[Ref]:
        """What should be there, releases' objects included."""
        owned = (m for wanted in self.releases for m in wanted.objects)
        return frozenset(map(ref_of, (*self.namespaces, *self.guard_rails, *owned)))

    @property
    def fingerprint(self) -> str:
        """The hash an approval is bound to: objects, charts and values."""
        return fingerprint(
            {
                "cluster": self.cluster,
                "objects": [*self.namespaces, *self.guard_rails],
                "releases": [
                    {"fingerprint": w.release.fingerprint, "objects": w.objects}
                    for w in self.releases
                ],
            }
        )


def labels_of(spec: NamespaceSpec) -> dict[str, str]:
    """The labels on everything of this namespace's."""
    return {MANAGED: "true", TEAM: spec.team, NAMESPACE: spec.name}


def namespaces_of(spec: NamespaceSpec) -> tuple[Manifest, ...]:
    """The workload namespace and the control namespace, before any chart."""
    return (
        _namespace(spec, spec.name, role="workload"),
        _namespace(spec, spec.control, role="control"),
    )


def guard_rail_values(
    spec: NamespaceSpec,
    provider: Provider | None = None,
    server: Server | None = None,
    store_networks: Iterable[str] = (),
) -> dict[str, Any]:
    """The values of charts/team-guardrails; without a provider Argo's server takes nobody for an account.

    Without `store_networks` no store and no database is reached, whatever secrets a team has.
    """
    reached = stores.rails(spec.wiring, store_networks)
    return {
        "team": spec.team,
        "workloadNamespace": spec.name,
        "controlNamespace": spec.control,
        "quota": {"hard": dict(spec.tier.quota)},
        "limits": dict(spec.tier.limits),
        "apiServer": {"endpoints": [dict(e) for e in spec.cluster.api_endpoints]},
        "levels": level_values(),
        "groups": group_values(spec),
        **({"accounts": _accounts(spec)} if provider else {}),
        **({"server": server.rails} if server else {}),
        **({"stores": reached} if reached else {}),
    }


def level_values() -> list[dict[str, Any]]:
    """The levels as Roles: what each adds, and which levels have it."""
    return [
        {
            "name": str(level),
            "holders": [str(other) for other in Level if level in roles_of(other)],
            "rules": [rule.manifest() for rule in rules_of(level)],
        }
        for level in Level
    ]


def group_values(spec: NamespaceSpec) -> dict[str, str]:
    """The team's groups as the cluster names them; none where it does not believe the provider."""
    prefix = spec.cluster.group_prefix
    if prefix is None:
        return {}
    return {str(level): f"{prefix}{group}" for level, group in spec.groups.items() if group}


def release_values(
    spec: NamespaceSpec,
    images: Images,
    provider: Provider | None = None,
    server: Server | None = None,
) -> dict[str, Any]:
    """The values of charts/team-argo, the controller's configuration among them."""
    sso = (
        argo_access.sso(provider, admitted(spec), host=server.host, client=server.client)
        if provider and server
        else None
    )
    config = argo_config.default_config(
        hard=spec.tier.quota,
        executor_image=f"{images.executor}:{images.version}",
        deadline_seconds=spec.tier.workflow_deadline_seconds,
        parallelism=spec.tier.parallelism,
        placement=spec.cluster.placement,
        sso=sso,
    )
    config = argo_config.wired(config, spec.wiring, cluster=spec.cluster.name)
    return {
        "team": spec.team,
        "workloadNamespace": spec.name,
        "controller": {
            "image": {"repository": images.controller, "tag": images.version},
            "resources": dict(spec.tier.controller_resources),
            **spec.cluster.placement,
        },
        "config": argo_config.render(config, version=images.version),
        **({"server": _server(spec, images, server)} if sso and server else {}),
    }


def admitted(spec: NamespaceSpec) -> argo_access.Admitted:
    """Whom the team lets in at which level."""
    return argo_access.Admitted(spec.groups, spec.shut_out)


def _accounts(spec: NamespaceSpec) -> dict[str, Any]:
    rules = argo_access.rules(admitted(spec))
    return {
        str(level): {"rule": rule.rule, "precedence": rule.precedence}
        for level, rule in rules.items()
    }


def _server(spec: NamespaceSpec, images: Images, server: Server) -> dict[str, Any]:
    return {
        "enabled": True,
        "image": {"repository": images.server, "tag": images.version},
        "host": server.host,
        "ingress": {"className": server.ingress_class},
        **spec.cluster.placement,
    }


def release_of(spec: NamespaceSpec, chart: Chart, values: Mapping[str, Any]) -> Release:
    """The release, its fingerprint among its values so that its objects carry it."""
    print_ = fingerprint({"chart": chart.digest, "version": chart.version, "values": values})
    return Release(
        name=RELEASE,
        namespace=spec.control,
        chart=chart,
        values={**values, "fingerprint": print_},
        fingerprint=print_,
    )


def guard_rails_of(spec: NamespaceSpec, rendered: Iterable[Manifest]) -> tuple[Manifest, ...]:
    """Rendered guard rails, checked, labelled, and each with the fingerprint of itself."""
    kinds = (*GUARD_RAIL_KINDS, TOKEN_KIND)
    manifests = allowed(spec, rendered, kinds=kinds, where={spec.name, spec.control})
    for manifest in manifests:
        if manifest["kind"] == "Secret" and not is_token(manifest):
            raise ChartEscapesError(
                f"a chart of {spec.name} made a Secret that is more than a place for a token: charts name "
                "secrets, and never carry them"
            )
    return tuple(stamped(_labelled(spec, manifest)) for manifest in manifests)


def is_token(manifest: Manifest) -> bool:
    """Whether this Secret is empty, and Kubernetes' to fill with an account's token."""
    labels = manifest["metadata"].get("labels") or {}
    return (
        manifest.get("type") == "kubernetes.io/service-account-token"
        and labels.get(TOKEN) == "true"
        and not {"data", "stringData"} & manifest.keys()
    )


def release_objects_of(spec: NamespaceSpec, rendered: Iterable[Manifest]) -> tuple[Manifest, ...]:
    """A release's objects as rendered, checked: they live in the control namespace only."""
    return allowed(spec, rendered, kinds=RELEASE_KINDS, where={spec.control})


def as_installed(manifest: Manifest) -> Manifest:
    """A release's object with what helm adds on installing, or every one would look changed."""
    meta = manifest["metadata"]
    labels = {**(meta.get("labels") or {}), "app.kubernetes.io/managed-by": "Helm"}
    notes = {
        **(meta.get("annotations") or {}),
        "meta.helm.sh/release-name": RELEASE,
        "meta.helm.sh/release-namespace": meta["namespace"],
    }
    return {**manifest, "metadata": {**meta, "labels": labels, "annotations": notes}}


def allowed(
    spec: NamespaceSpec,
    rendered: Iterable[Manifest],
    *,
    kinds: Iterable[tuple[str, str]],
    where: set[str],
) -> tuple[Manifest, ...]:
    """The manifests, if all are of listed kinds and in these namespaces, and no two are one object.

    Raises ChartEscapesError naming the first that is not: anything else, and a chart would be a way
    to act as the platform.
    """
    manifests = tuple(rendered)
    seen: set[Ref] = set()
    for manifest in manifests:
        ref = ref_of(manifest)
        if (ref.api_version, ref.kind) not in set(kinds):
            raise ChartEscapesError(f"a chart of {spec.name} made a {ref.kind}, which it may not")
        if ref.namespace not in where:
            raise ChartEscapesError(
                f"a chart of {spec.name} made {ref}, outside its own namespaces"
            )
        if ref in seen or not ref.name:
            raise ChartEscapesError(f"a chart of {spec.name} made {ref} twice, or without a name")
        seen.add(ref)
    return manifests


def _namespace(spec: NamespaceSpec, name: str, *, role: str) -> Manifest:
    pod_security = {
        f"pod-security.kubernetes.io/{mode}{suffix}": value
        for mode in ("enforce", "audit", "warn")
        for suffix, value in (("", "restricted"), ("-version", "latest"))
    }
    return stamped(
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": {**labels_of(spec), ROLE: role, **pod_security}},
        }
    )


def _labelled(spec: NamespaceSpec, manifest: Manifest) -> Manifest:
    meta = manifest["metadata"]
    labels = {**(meta.get("labels") or {}), **labels_of(spec)}
    return {**manifest, "metadata": {**meta, "labels": labels}}
