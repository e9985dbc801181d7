"""How do the policies get into a cluster, and how does one know that they act?

Policies and webhook configuration load each on their own and give no signal. So the routing is
widened first, the policies changed then, and the routing narrowed last, and between these steps
dry runs that must be refused show what is in force: at no moment does an image slip through that
both the rules before and the rules after would keep out.

May run any number of times; what drifted is as it should be afterwards. Where it was broken off, what
was routed goes on being routed until the policies are seen to act.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from controlplane.kube.applying import apply_over
from controlplane.kube.door import Kube
from controlplane.kube.errors import KubeError
from controlplane.objects import Ref, fingerprint, ref_of, stamped
from provisioning.apply import restore
from provisioning.drift import OURS, foreign_entries

from .compile import admission_policies, probes, routing
from .compile.cluster import Held

ACTS_WITHIN = 60.0  # seconds, for all of it
LOOK_EVERY = 0.1
ASK_EVERY = 0.5  # whether somebody disturbs
KINDS = ("ValidatingAdmissionPolicyBinding", "ValidatingAdmissionPolicy")
CONFIGURATION = Ref(routing.API, "ValidatingWebhookConfiguration", "", routing.NAME)
LABEL = "argosy.dev/part=image-policy"
BEFORE = "before-"

Manifest = dict[str, Any]


class NotInForce(KubeError):
    """The cluster took the policies, but does not act on them yet."""


class Disturbed(NotInForce):
    """Somebody changed them while they were brought: to wait on for them to act is to wait for nothing."""


def nobody() -> bool:
    """Nobody disturbs."""
    return False


@dataclass(frozen=True)
class Patience:
    """How long one delivery waits for the cluster to act, in all."""

    within: float = ACTS_WITHIN
    disturbed: Callable[[], bool] = nobody
    began: float = field(default_factory=time.monotonic)

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Return when it is so. Raises NotInForce when time is up, Disturbed when somebody meddles."""
        ask_at = time.monotonic() + ASK_EVERY
        while not condition():
            if time.monotonic() >= ask_at:
                if self.disturbed():
                    raise Disturbed(
                        "Somebody changed the image policies in the cluster before they were seen to "
                        "act. They are put back, and brought again, now."
                    )
                ask_at = time.monotonic() + ASK_EVERY
            if time.monotonic() - self.began > self.within:
                raise NotInForce(
                    f"The cluster took the image policies, but did not {what} within "
                    f"{self.within:.0f} s; what was in force before may be so still. They are "
                    "brought again in a minute."
                )
            time.sleep(LOOK_EVERY)


def deliver(
    kube: Kube,
    held: Held,
    *,
    within: float = ACTS_WITHIN,
    disturbed: Callable[[], bool] = nobody,
) -> None:
    """Bring the cluster's image policies up to date. Raises KubeError; then it may be tried again."""
    patience = Patience(within, disturbed)
    kube.apply(probes.namespace())
    if held.configuration is not None:
        _route(kube, _widened(kube, held.configuration), patience)
    for manifest in held.policies:
        _put(kube, manifest)
    for probe in held.probes:
        _await_denial(kube, probe, held.revision, patience)
    if held.configuration is not None:
        _route(kube, held.configuration, patience)
    else:
        kube.delete(CONFIGURATION)
    _sweep(kube, {ref_of(manifest) for manifest in held.policies})


def await_acting(
    kube: Kube, held: Held, *, within: float = ACTS_WITHIN, disturbed: Callable[[], bool] = nobody
) -> None:
    """Return when all that lies there is seen to act; nothing is written. Raises NotInForce."""
    patience = Patience(within, disturbed)
    for probe in held.probes:
        _await_denial(kube, probe, held.revision, patience)
    if held.configuration is not None:
        _await_routed(kube, with_sign(held.configuration), patience)


def _widened(kube: Kube, wanted: Manifest) -> Manifest:
    """What was routed until now goes on being routed beside what is to be."""
    current = kube.get(CONFIGURATION) or {}
    client = wanted["webhooks"][0]["clientConfig"] if wanted["webhooks"] else None
    kept = {
        name: {**entry, "name": name, **({"clientConfig": client} if client else {})}
        for entry in current.get("webhooks") or ()
        if not probes.is_sign(entry) and not _same_as_one_of(entry, wanted)
        for name in (_name_before(entry),)
    }
    return {**wanted, "webhooks": [*wanted["webhooks"], *kept.values()]}


def _name_before(entry: Manifest) -> str:
    """One that no other has. Of a delivery that was broken off it stays as it is."""
    name = str(entry["name"])
    if name.startswith(BEFORE):
        return name
    what = [entry.get(each) for each in ("rules", "matchConditions", "namespaceSelector")]
    return f"{BEFORE}{fingerprint(what)[:6]}-{name}"


def _same_as_one_of(entry: Manifest, wanted: Manifest) -> bool:
    fields = ("name", "rules", "matchConditions", "namespaceSelector")
    return any(
        all((entry.get(field) or {}) == (other.get(field) or {}) for field in fields)
        for other in wanted["webhooks"]
    )


def _route(kube: Kube, configuration: Manifest, patience: Patience) -> None:
    """Apply it, and return when the API server is seen to route by it."""
    signed = with_sign(configuration)
    _put(kube, signed)
    _await_routed(kube, signed, patience)


def _await_routed(kube: Kube, signed: Manifest, patience: Patience) -> None:
    sign = signed["webhooks"][-1]
    probe = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "probe",
            "namespace": probes.NAMESPACE,
            "labels": dict(sign["objectSelector"]["matchLabels"]),
        },
    }
    patience.until(
        lambda: sign["name"] in _refusal(kube, probe), "route to the image webhook by its rules"
    )


def with_sign(configuration: Manifest) -> Manifest:
    """The configuration with the entry by which one sees that the API server routes by it."""
    sign = probes.sign(fingerprint(configuration)[:8])
    return {**configuration, "webhooks": [*configuration["webhooks"], sign]}


def _put(kube: Kube, manifest: Manifest) -> None:
    """Make it so, and nothing else: what somebody added may narrow it to nothing."""
    marked = stamped(manifest)
    if foreign_entries(apply_over(kube, marked), manager=OURS):
        restore(kube, marked, OURS)


def _await_denial(kube: Kube, probe: Manifest, revision: str, patience: Patience) -> None:
    patience.until(
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


def _sweep(kube: Kube, wanted: set[Ref]) -> None:
    """Nothing of ours stays that nobody wants any more."""
    for ref in map(ref_of, live(kube)):
        if ref not in wanted:
            kube.delete(ref)


def lasting(held: Held) -> tuple[Manifest, ...]:
    """Every object of a delivery, as it lies there in the end."""
    routed = () if held.configuration is None else (with_sign(held.configuration),)
    return (probes.namespace(), *map(stamped, (*held.policies, *routed)))


def live(kube: Kube) -> Iterator[Manifest]:
    """The policies and bindings that lie there and are the image policies', wanted or not."""
    for kind in KINDS:
        yield from kube.list(admission_policies.API, kind, labels=LABEL)


def withdraw(kube: Kube) -> None:
    """Take every image policy out of the cluster: bindings first, or a policy would be missed."""
    kube.delete(CONFIGURATION)
    for ref in map(ref_of, live(kube)):
        kube.delete(ref)
    with suppress(KubeError):
        kube.delete(ref_of(probes.namespace()))
