"""Looking: everything of the kinds we own in a tenant's two namespaces, read once."""

from collections.abc import Iterator

from controlplane.kube import storage
from controlplane.kube.door import Connection, Kube
from controlplane.kube.errors import Invalid
from controlplane.objects import Manifest, Ref, ref_of
from controlplane.releases import LiveRelease
from tenants.spec import NamespaceSpec

from .desired import GUARD_RAIL_KINDS, RELEASE_KINDS, TOKEN, TOKEN_KIND, Desired, as_installed
from .drift import HELMS, OURS
from .live import Live, unread
from .plan import is_ours
from .status import is_available

STORAGE_LABEL = "owner=helm"
# For the first answers, which are small, as long as the probe waits for one: who hangs holds nobody longer.
FIRST_SECONDS = 5.0


def observe(
    connection: Connection, spec: NamespaceSpec, desired: Desired, *, thorough: bool = False
) -> Live:
    """One look. `thorough` also asks the API server what our applies would change."""
    kube = connection.kube
    found = {ref_of(m): m for m in _namespaces(kube.within(FIRST_SECONDS), spec)}
    if not found or not all(is_ours(spec, m) for m in found.values()):
        return Live(objects=found)  # nothing is there, or it is not ours to look into
    present = [ref.name for ref in found]
    found |= {ref_of(m): m for m in _owned(kube, spec, present)}
    answers = _answers(kube, desired, found) if thorough else {}
    return Live(
        objects=found,
        releases=_releases(kube, spec.control) if spec.control in present else {},
        answers=answers,
        pods=_pods(kube, spec, found),
    )


def _namespaces(kube: Kube, spec: NamespaceSpec) -> Iterator[Manifest]:
    """By name, label or not: one that exists and is not ours must be seen."""
    for name in (spec.name, spec.control):
        if (found := kube.get(Ref("v1", "Namespace", "", name))) is not None:
            yield found


def _owned(kube: Kube, spec: NamespaceSpec, present: list[str]) -> Iterator[Manifest]:
    """Whole namespaces, not by label: a label that somebody took off would hide the object."""
    for name in present:
        for api_version, kind in GUARD_RAIL_KINDS:
            yield from kube.list(api_version, kind, name)
    if spec.name in present:
        yield from map(unread, kube.list(*TOKEN_KIND, spec.name, labels=f"{TOKEN}=true"))
    if spec.control in present:
        for api_version, kind in RELEASE_KINDS:
            yield from kube.list(api_version, kind, spec.control)


def _releases(kube: Kube, namespace: str) -> dict[tuple[str, str], LiveRelease]:
    secrets = kube.list("v1", "Secret", namespace, labels=STORAGE_LABEL)
    return {(namespace, name): found for name, found in storage.newest_of(secrets).items()}


def _answers(kube: Kube, desired: Desired, found: dict[Ref, Manifest]) -> dict[Ref, Manifest]:
    """The API server's normalising, for each wanted object that exists."""
    wanted: list[tuple[Manifest, str]] = [
        *((m, OURS) for m in (*desired.namespaces, *desired.guard_rails)),
        *((as_installed(m), HELMS) for w in desired.releases for m in w.objects),
    ]
    answers: dict[Ref, Manifest] = {}
    for manifest, manager in wanted:
        if ref_of(manifest) not in found:
            continue
        try:
            answer = kube.apply(manifest, manager=manager, dry_run=True)
            answers[ref_of(manifest)] = unread(answer)
        except Invalid:
            answers[ref_of(manifest)] = manifest  # cannot be applied in place: surely different
    return answers


def _pods(kube: Kube, spec: NamespaceSpec, found: dict[Ref, Manifest]) -> tuple[Manifest, ...]:
    """The control pods, asked for only while a Deployment is not available: they know why."""
    deployments = [m for ref, m in found.items() if ref.kind == "Deployment"]
    if not deployments or all(map(is_available, deployments)):
        return ()
    return kube.list("v1", "Pod", spec.control)
