"""The platform's own part of a cluster, once per cluster: CRDs, priority class, admission policies."""

import re
import time
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson
import yaml

from controlplane import __version__
from controlplane.kube.applying import apply_over
from controlplane.kube.door import Connection, Kube
from controlplane.kube.errors import Forbidden, KubeError
from controlplane.objects import Manifest, Ref, fingerprint, ref_of, stamped

FOLDER = Path(__file__).parent / "base"
# The policy that lets the platform alone write its labels, and where on it stands who that is.
GUARD = Ref(
    "admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", "", "argosy-namespace-labels"
)
# What only the platform may make: tried, never made.
PROBE: Manifest = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": "argosy-probe", "labels": {"argosy.dev/managed": "true"}},
}
KNOWN_AS = "argosy.dev/platform"
WORD = re.compile(r"\{\{([A-Z_]+)\}\}")
ESTABLISHED_WITHIN = 20.0  # seconds
LOOK_EVERY = 0.1

CRD = "CustomResourceDefinition"
SCRATCH = "argosy-scratch"
# What earlier bases had, and this one has not: taken away wherever it is brought.
RETIRED = (Ref("v1", "ConfigMap", "argosy-system", "argosy-admission"),)


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
        apply_over(connection.kube, manifest)
    for manifest in manifests:
        if manifest["kind"] == CRD:
            _await_established(connection.kube, ref_of(manifest))
    sweep(connection.kube)
    _await_let_through(connection.kube)
    return tuple(map(ref_of, manifests))


def sweep(kube: Kube) -> None:
    """Take away what an earlier base left. After the new one is applied: nothing reads it then."""
    for ref in RETIRED:
        kube.delete(ref)


@lru_cache(maxsize=1)
def version() -> str:
    """Which base this platform brings: its own version, and what the files say, so no edit keeps a number."""
    said = [(file.name, file.read_text(encoding="utf-8")) for file in _files()]
    return f"{__version__}-{fingerprint(said)[:8]}"


def manifests_for(
    username: str, placement: Mapping[str, Any] = MappingProxyType({}), *, before: str = ""
) -> tuple[Manifest, ...]:
    """The base's objects in the order of the files' names, for a platform that is `username` there."""
    said = _said(username, placement, before)
    words = {name: orjson.dumps(each).decode() for name, each in said.items()}
    return tuple(
        stamped(_filled(document, words))
        for file in _files()
        for document in _documents(file.read_text(encoding="utf-8"))
    )


@lru_cache(maxsize=64)
def _documents(text: str) -> tuple[Manifest, ...]:
    """What a file says. Kept, for all who ask want the same; what they are given is `_filled`, a copy."""
    return tuple(document for document in yaml.safe_load_all(text) if document)


def _files() -> list[Path]:
    return sorted(FOLDER.glob("*.yaml"))


def _said(username: str, placement: Mapping[str, Any], before: str) -> dict[str, Any]:
    """What stands where the files have a word. As JSON each is a constant of CEL's: no text can leave it."""
    return {
        "PLATFORM_USERNAME": username,
        "PLATFORM_USERNAMES": [name for name in (username, before) if name],
        "PLACEMENT": {"nodeSelector": placement.get("nodeSelector") or {}},
        "WORKLOAD_NODE_SELECTOR": [
            f"{key}={value}" for key, value in sorted((placement.get("nodeSelector") or {}).items())
        ],
        "WORKLOAD_TOLERATIONS": [
            "|".join(
                (
                    t.get("key", ""),
                    t.get("operator", "Equal"),
                    t.get("value", ""),
                    t.get("effect", ""),
                )
            )
            for t in placement.get("tolerations") or ()
        ],
    }


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
    notes = ((kube.get(GUARD) or {}).get("metadata") or {}).get("annotations") or {}
    try:
        return str(orjson.loads(notes.get(KNOWN_AS) or '""'))
    except orjson.JSONDecodeError:
        return ""


def _filled(value: Any, words: Mapping[str, str]) -> Any:
    """The parsed document with our words where they are asked for, none of them read for words again."""
    match value:
        case dict():
            return {key: _filled(inner, words) for key, inner in value.items()}
        case list():
            return [_filled(inner, words) for inner in value]
        case str():
            return WORD.sub(lambda found: words[found[1]], value)
    return value


def _await_let_through(kube: Kube) -> None:
    """Return when the cluster's policies know us: an API server acts by what it was given a moment ago.

    Until then it would refuse us the namespaces of teams, as it refuses them to everybody else.
    """
    deadline = time.monotonic() + ESTABLISHED_WITHIN
    while time.monotonic() < deadline:
        try:
            kube.create(PROBE, dry_run=True)
        except Forbidden as exc:
            if GUARD.name not in str(exc):
                raise
            time.sleep(LOOK_EVERY)
        else:
            return
    raise BaseNotReady(
        f"{GUARD.name} was applied, but refuses the platform's own account still after "
        f"{ESTABLISHED_WITHIN:.0f} s"
    )


def _await_established(kube: Kube, ref: Ref) -> None:
    deadline = time.monotonic() + ESTABLISHED_WITHIN
    while time.monotonic() < deadline:
        found = kube.get(ref)
        conditions = ((found or {}).get("status") or {}).get("conditions") or ()
        if any(c["type"] == "Established" and c["status"] == "True" for c in conditions):
            return
        time.sleep(LOOK_EVERY)
    raise BaseNotReady(f"{ref.name} was applied but is not served after {ESTABLISHED_WITHIN:.0f} s")
