"""What approving would do: the exact objects, each checked by the cluster's own API server."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from controlplane.clusters.base_release import SCRATCH
from controlplane.clusters.connections import connect
from controlplane.clusters.models import Cluster
from controlplane.kube.door import Kube
from controlplane.kube.errors import KubeError, Missing, Unreachable
from controlplane.objects import Manifest, Ref, ref_of
from tenants.spec import NamespaceSpec

from .desired import Desired
from .drift import HELMS, OURS
from .plan import is_ours
from .render import GUARD_RAILS, chart, render

SECONDS = 60.0  # for all of a plan's questions: an API server may be slow on each of fifty


@dataclass(frozen=True)
class PlannedObject:
    """One object of the plan, and what the API server said of it."""

    ref: Ref
    manifest: Manifest
    stage: str
    verdict: str  # "ok" or "refused"
    sentence: str = ""


@dataclass(frozen=True)
class Preview:
    """The plan a person decides on. Approving binds to `hash`."""

    hash: str
    objects: tuple[PlannedObject, ...]
    charts: tuple[tuple[str, str], ...]
    problems: tuple[str, ...]


def preview(spec: NamespaceSpec, cluster: Cluster) -> Preview:
    """Render the spec and have every object checked: a server-side dry run, strict about fields.

    Where the namespaces do not exist yet, the dry run goes to a scratch namespace of the platform's:
    nothing can be checked in a namespace that is not there. Raises Unreachable, ChartBroken.
    """
    if cluster.reachable is False:
        # Known to be away: a reader is told at once, rather than after a deadline.
        raise Unreachable(f"{cluster.name} does not answer: {cluster.message}")
    desired = render(spec)
    kube = connect(cluster).kube
    standing = {
        name: kube.get(Ref("v1", "Namespace", "", name)) for name in (spec.name, spec.control)
    }
    taken = [name for name, found in standing.items() if found and not is_ours(spec, found)]
    if taken:
        sentence = (
            f"{' and '.join(taken)} exists on {cluster.name} already and is not this team's; "
            "choose another name."
        )
        problems: tuple[str, ...] = (sentence,)
        objects = tuple(
            PlannedObject(ref_of(m), m, stage, "refused", sentence)
            for m, stage, _ in _staged(desired)
        )
    else:
        there = {name for name, found in standing.items() if found}
        objects = tuple(_checked(kube, list(_staged(desired)), there))
        problems = tuple(f"{o.ref}: {o.sentence}" for o in objects if o.verdict != "ok")
    return Preview(
        hash=desired.fingerprint,
        objects=objects,
        charts=(
            (GUARD_RAILS, chart(GUARD_RAILS).version),
            *((w.release.chart.name, w.release.chart.version) for w in desired.releases),
        ),
        problems=problems,
    )


def _staged(desired: Desired) -> Iterator[tuple[Manifest, str, str]]:
    """Every object with its stage and the manager that would apply it."""
    yield from ((m, "namespaces", OURS) for m in desired.namespaces)
    yield from ((m, "guard_rails", OURS) for m in desired.guard_rails)
    yield from ((m, "releases", HELMS) for w in desired.releases for m in w.objects)


def _checked(
    kube: Kube, staged: Sequence[tuple[Manifest, str, str]], there: set[str]
) -> Iterator[PlannedObject]:
    until = time.monotonic() + SECONDS
    made = {ref_of(manifest) for manifest, _, _ in staged}
    for manifest, stage, manager in staged:
        if time.monotonic() > until:
            raise Unreachable(f"the API server has not checked the plan within {SECONDS:.0f} s")
        ref = ref_of(manifest)
        trial = manifest if not ref.namespace or ref.namespace in there else _elsewhere(manifest)
        try:
            kube.apply(trial, manager=manager, dry_run=True, strict=True)
        except Unreachable:
            raise
        except Missing as exc:
            # Who may not bind any role may bind one that gives no more than he has, and for that it must
            # be there: here it comes before its binding, and was itself tried.
            waits = _bound_by(manifest) in made
            said = "" if waits else exc.sentence
            yield PlannedObject(ref, manifest, stage, "ok" if waits else "refused", said)
        except KubeError as exc:
            yield PlannedObject(ref, manifest, stage, "refused", exc.sentence)
        else:
            yield PlannedObject(ref, manifest, stage, "ok")


def _bound_by(manifest: Manifest) -> Ref | None:
    """The role that a RoleBinding of a team binds; None for everything else."""
    role = manifest.get("roleRef") or {}
    if manifest["kind"] != "RoleBinding" or role.get("kind") != "Role":
        return None
    there = manifest["metadata"]["namespace"]
    return Ref(manifest["apiVersion"], "Role", there, role.get("name", ""))


def _elsewhere(manifest: Manifest) -> Manifest:
    return {**manifest, "metadata": {**manifest["metadata"], "namespace": SCRATCH}}
