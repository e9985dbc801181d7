"""What this part asks of a cluster: registering it, its base, whether it answers, and the preflight."""

from collections.abc import Iterator

from . import base_release, facts
from .rights import Right, calls, register, rights_in


@register
def base() -> Iterator[Right]:
    """The base's objects, each by its name, and what its own roles give: who gives a right must hold it.

    Argo's kinds are never deleted: all workflows would go with them.
    """
    for manifest in base_release.manifests_for(""):
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        yield from calls(manifest["apiVersion"], kind, "get", "apply", "replace", names=(name,))
        yield from rights_in(manifest.get("rules") or ())
        if kind == "ServiceAccount":  # by which others come to the cluster, with a token that ends
            yield Right("", "serviceaccounts/token", "create", name)
    for ref in base_release.RETIRED:
        yield from calls(ref.api_version, ref.kind, "delete", names=(ref.name,))


@register
def knowing_it() -> Iterator[Right]:
    """Who we are there, which Kubernetes it is, where its API server is, and whether it is well."""
    yield Right(path="/readyz")
    yield Right(path="/version")
    yield from calls("authentication.k8s.io/v1", "SelfSubjectReview", "create")
    yield from calls("v1", "Namespace", "get")
    yield from calls("discovery.k8s.io/v1", "EndpointSlice", "list")


@register
def preflight() -> Iterator[Right]:
    """What is read and tried before a cluster is taken."""
    yield Right(path=facts.ADMISSION)
    yield from calls("authorization.k8s.io/v1", "SelfSubjectAccessReview", "create")
    yield from calls("apps/v1", "Deployment", "list")
    yield from calls("v1", "Namespace", "create", "delete")
    yield from calls("v1", "ResourceQuota", "create")
    yield from calls("v1", "ConfigMap", "create")
