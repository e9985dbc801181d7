"""The platform's own part of a cluster, once per cluster: CRDs, priority class, admission policies."""

import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from controlplane.kube.door import Connection, Kube
from controlplane.kube.errors import KubeError
from controlplane.objects import Manifest, Ref, ref_of

FOLDER = Path(__file__).parent / "base"
PLATFORM_USERNAME = "{{PLATFORM_USERNAME}}"
PLATFORM_USERNAME_BEFORE = "{{PLATFORM_USERNAME_BEFORE}}"
WORKLOAD_NODE_SELECTOR = "{{WORKLOAD_NODE_SELECTOR}}"
WORKLOAD_TOLERATIONS = "{{WORKLOAD_TOLERATIONS}}"
ESTABLISHED_WITHIN = 20.0  # seconds
LOOK_EVERY = 0.1

CRD = "CustomResourceDefinition"
SCRATCH = "argosy-scratch"
SETTINGS = Ref("v1", "ConfigMap", "argosy-system", "argosy-admission")


class BaseNotReady(KubeError):
    """The cluster took the base, but does not serve it yet."""


def install(
    connection: Connection, placement: Mapping[str, Any], *, handing_over: bool = False
) -> tuple[Ref, ...]:
    """Bring the cluster's base up to date; what was applied. May run any number of times.

    `handing_over`: we come with another credential than until now. Whom the cluster knew as the platform
    may go on with what it has begun, until the base is next brought up to date.

    `placement` is where the pods of teams go: its nodeSelector is asked of every one of them, and
    its tolerations are the only ones they may have beside Kubernetes' own.

    Raises KubeError naming the object that the cluster refused.
    """
    username = whoami(connection.kube)
    before = known_as(connection.kube) if handing_over else ""
    manifests = manifests_for(username, placement, before="" if before == username else before)
    for manifest in manifests:
        connection.kube.apply(manifest)
    for manifest in manifests:
        if manifest["kind"] == CRD:
            _await_established(connection.kube, ref_of(manifest))
    return tuple(map(ref_of, manifests))


def manifests_for(
    username: str, placement: Mapping[str, Any] = MappingProxyType({}), *, before: str = ""
) -> tuple[Manifest, ...]:
    """The base's objects in the order of the files' names, for a platform that is `username` there."""
    documents = [
        document
        for file in sorted(FOLDER.glob("*.yaml"))
        for document in yaml.safe_load_all(file.read_text(encoding="utf-8"))
        if document
    ]
    words = {
        PLATFORM_USERNAME: username,
        PLATFORM_USERNAME_BEFORE: before,
        WORKLOAD_NODE_SELECTOR: "\n".join(
            f"{key}={value}" for key, value in sorted((placement.get("nodeSelector") or {}).items())
        ),
        WORKLOAD_TOLERATIONS: "\n".join(
            "|".join(
                (
                    t.get("key", ""),
                    t.get("operator", "Equal"),
                    t.get("value", ""),
                    t.get("effect", ""),
                )
            )
            for t in placement.get("tolerations") or ()
        ),
    }
    return tuple(_filled(document, words) for document in documents)


def crds() -> tuple[Manifest, ...]:
    """The kinds alone: a local cluster takes them before its controllers start, so quotas count them."""
    return tuple(m for m in manifests_for("") if m["kind"] == CRD)


def whoami(kube: Kube) -> str:
    """Who the platform is to this cluster: what its policies must know to let it pass."""
    review = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "SelfSubjectReview",
        "metadata": {},
    }
    return str(kube.create(review)["status"]["userInfo"]["username"])


def known_as(kube: Kube) -> str:
    """Whom the cluster's policies take for the platform; '' before there are any."""
    found = kube.get(SETTINGS) or {}
    return str((found.get("data") or {}).get("platformUsername") or "")


def _filled(value: Any, words: Mapping[str, str]) -> Any:
    """The parsed document with our words where they are asked for: values, never parsed again."""
    match value:
        case dict():
            return {key: _filled(inner, words) for key, inner in value.items()}
        case list():
            return [_filled(inner, words) for inner in value]
        case str():
            for asked, word in words.items():
                value = value.replace(asked, word)
    return value


def _await_established(kube: Kube, ref: Ref) -> None:
    deadline = time.monotonic() + ESTABLISHED_WITHIN
    while time.monotonic() < deadline:
        found = kube.get(ref)
        conditions = ((found or {}).get("status") or {}).get("conditions") or ()
        if any(c["type"] == "Established" and c["status"] == "True" for c in conditions):
            return
        time.sleep(LOOK_EVERY)
    raise BaseNotReady(f"{ref.name} was applied but is not served after {ESTABLISHED_WITHIN:.0f} s")
