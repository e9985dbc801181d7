"""How do the policies get into a cluster, and how does one know that they act?

Policies and webhook configuration load each on their own and give no signal. So the routing is
widened first, the policies changed then, and the routing narrowed last, and between these steps
dry runs that must be refused show what is in force: at no moment does an image slip through that
both the rules before and the rules after would keep out.

May run any number of times; what drifted is as it should be afterwards.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from controlplane.kube.door import Kube
from controlplane.kube.errors import KubeError
from controlplane.objects import Ref, fingerprint, ref_of

from .compile import admission_policies, probes, routing
from .compile.cluster import Held

ACTS_WITHIN = 30.0  # seconds
LOOK_EVERY = 0.1
KINDS = ("ValidatingAdmissionPolicyBinding", "ValidatingAdmissionPolicy")
CONFIGURATION = Ref(routing.API, "ValidatingWebhookConfiguration", "", routing.NAME)
LABEL = "argosy.dev/part=image-policy"
BEFORE = "before-"
LOADED_LABEL = "argosy.dev/routing"

Manifest = dict[str, Any]


class NotInForce(KubeError):
    """The cluster took the policies, but does not act on them yet."""


def deliver(kube: Kube, held: Held) -> None:
    """Bring the cluster's image policies up to date. Raises KubeError; then it may be tried again."""
    kube.apply(probes.namespace())
    if held.configuration is not None:
        _route(kube, _widened(kube, held.configuration))
    for manifest in held.policies:
        kube.apply(manifest)
    _await_policies(kube, held)
    if held.configuration is not None:
        _route(kube, held.configuration)
    else:
        kube.delete(CONFIGURATION)
    _sweep(kube, {ref_of(manifest) for manifest in held.policies})


def _widened(kube: Kube, wanted: Manifest) -> Manifest:
    """What was routed until now goes on being routed beside what is to be."""
    current = kube.get(CONFIGURATION) or {}
    names = {entry["name"] for entry in wanted["webhooks"]}
    before = [
        {**entry, "name": f"{BEFORE}{entry['name']}"}
        for entry in current.get("webhooks") or ()
        if not _same_as_one_of(entry, wanted) and not entry["name"].startswith((BEFORE, "loaded."))
    ]
    kept = [entry for entry in before if entry["name"] not in names]
    return {**wanted, "webhooks": [*wanted["webhooks"], *kept]}


def _same_as_one_of(entry: Manifest, wanted: Manifest) -> bool:
    fields = ("name", "rules", "matchConditions", "namespaceSelector")
    return any(
        all((entry.get(field) or {}) == (other.get(field) or {}) for field in fields)
        for other in wanted["webhooks"]
    )


def _route(kube: Kube, configuration: Manifest) -> None:
    """Apply it, and return when the API server is seen to route by it."""
    revision = fingerprint(configuration)[:8]
    entry = _loaded(revision)
    kube.apply({**configuration, "webhooks": [*configuration["webhooks"], entry]})
    probe = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "probe",
            "namespace": probes.NAMESPACE,
            "labels": {LOADED_LABEL: revision},
        },
    }
    _until(
        lambda: entry["name"] in _refusal(kube, probe), "route to the image webhook by its rules"
    )


def _loaded(revision: str) -> Manifest:
    """An entry that only our probe meets, and that nobody answers: its error is the sign we wait for."""
    return {
        "name": f"loaded.{revision}.{routing.DOMAIN}",
        "admissionReviewVersions": ["v1"],
        "clientConfig": {"url": "https://127.0.0.1:1/"},
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "timeoutSeconds": 1,
        "rules": [
            {
                "apiGroups": [""],
                "apiVersions": ["v1"],
                "operations": ["CREATE"],
                "resources": ["configmaps"],
                "scope": "Namespaced",
            }
        ],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": probes.NAMESPACE}},
        "objectSelector": {"matchLabels": {LOADED_LABEL: revision}},
    }


def _await_policies(kube: Kube, held: Held) -> None:
    for probe in held.probes:
        _await_denial(kube, probe, held.revision)


def _await_denial(kube: Kube, probe: Manifest, revision: str) -> None:
    _until(
        lambda: admission_policies.said_by(_refusal(kube, probe), revision),
        f"deny a {probe['kind']} by the rules {revision}",
    )


def _refusal(kube: Kube, probe: Manifest) -> str:
    """What the cluster says against it; nothing if it would take it."""
    try:
        kube.create(probe, dry_run=True)
    except KubeError as error:
        return str(error)
    return ""


def _until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + ACTS_WITHIN
    while not condition():
        if time.monotonic() > deadline:
            raise NotInForce(
                f"The cluster took the image policies, but did not {what} within "
                f"{ACTS_WITHIN:.0f} s. They are brought again at the next look at its base."
            )
        time.sleep(LOOK_EVERY)


def _sweep(kube: Kube, wanted: set[Ref]) -> None:
    """Nothing of ours stays that nobody wants any more."""
    for ref in _ours(kube):
        if ref not in wanted:
            kube.delete(ref)


def _ours(kube: Kube) -> Iterator[Ref]:
    for kind in KINDS:
        yield from map(ref_of, kube.list(admission_policies.API, kind, labels=LABEL))


def withdraw(kube: Kube) -> None:
    """Take every image policy out of the cluster: bindings first, or a policy would be missed."""
    kube.delete(CONFIGURATION)
    for ref in _ours(kube):
        kube.delete(ref)
    with suppress(KubeError):
        kube.delete(ref_of(probes.namespace()))
