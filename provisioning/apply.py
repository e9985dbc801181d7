"""Doing: the steps of a plan, stage by stage, each failure kept and none of them hiding another."""

import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from controlplane.kube.applying import apply_over
from controlplane.kube.door import Connection, Kube
from controlplane.kube.errors import (
    Conflict,
    HelmFailed,
    HelmTimedOut,
    KubeError,
    Unreachable,
)
from controlplane.objects import Manifest, Ref, ref_of
from controlplane.releases import LiveRelease

from .drift import OURS, is_trusted
from .plan import (
    Apply,
    Create,
    EnsureRelease,
    MendRelease,
    Recreate,
    Remove,
    RemoveRelease,
    Restore,
    Step,
)
from .status import Failure

# As the API server words it.
QUOTA = re.compile(r"exceeded quota: ([a-z0-9][a-z0-9.-]*)")


class ClaimLost(Exception):
    """Another worker has the row by now: stop at once, and write nothing."""


@dataclass(frozen=True)
class Outcome:
    """What became of one step."""

    step: Step
    seconds: float
    failure: Failure | None = None


def apply(
    steps: Sequence[Step],
    connection: Connection,
    *,
    keep_claim: Callable[[], bool],
    note: Callable[[Outcome], None] = lambda _: None,
) -> tuple[Outcome, ...]:
    """Do the steps. A stage starts only when the one before it held; the claim is renewed before each.

    Raises Unreachable if the cluster stops answering, ClaimLost if the row is somebody else's by now.
    """
    outcomes: list[Outcome] = []
    for _, staged in groupby(sorted(steps, key=lambda s: s.stage), key=lambda s: s.stage):
        if not keep_claim():
            raise ClaimLost
        for step in staged:
            # helm may take long: its deadline must lie within the lease that starts here.
            if isinstance(step, EnsureRelease | MendRelease | RemoveRelease) and not keep_claim():
                raise ClaimLost
            outcomes.append(_attempt(step, connection))
            note(outcomes[-1])
        if any(o.failure for o in outcomes):
            break
    return tuple(outcomes)


def failures_of(outcomes: Iterable[Outcome]) -> tuple[Failure, ...]:
    """The failures among the outcomes, in order."""
    return tuple(o.failure for o in outcomes if o.failure is not None)


def _attempt(step: Step, connection: Connection) -> Outcome:
    started = time.monotonic()
    failure: Failure | None = None
    try:
        _do(step, connection)
    except Unreachable:
        raise
    except KubeError as exc:
        failure = Failure(step.stage, str(step), _told(step, exc), _reason(exc))
    return Outcome(step, time.monotonic() - started, failure)


def _told(step: Step, exc: KubeError) -> str:
    """The words of the failure; a quota that keeps helm from writing goes first, by its name and place."""
    found = QUOTA.search(exc.sentence)
    if found is None or not isinstance(step, EnsureRelease):
        return exc.sentence
    return (
        f"The quota {found[1]} of the namespace {step.release.namespace} leaves no room for this: "
        f"{exc.sentence}"
    )


def _reason(exc: KubeError) -> str:
    match exc:
        case HelmTimedOut():
            return "HelmTimedOut"
        case HelmFailed():
            return "HelmFailed"
    return type(exc).__name__


def _do(step: Step, connection: Connection) -> None:
    kube = connection.kube
    match step:
        case Apply(manifest=manifest):
            kube.apply(manifest)
        case Create(manifest=manifest):
            kube.create(manifest)
            restore(
                kube, manifest, OURS
            )  # by creating we own it as an editor would, not as applier
        case Restore(manifest=manifest, manager=manager):
            restore(kube, manifest, manager)
        case Recreate(manifest=manifest, uid=uid):
            kube.delete(ref_of(manifest), uid=uid)
            kube.apply(manifest)
        case MendRelease(live=release):
            _mend(connection, release)
        case EnsureRelease(release=wanted):
            connection.helm.upgrade(wanted)
        case RemoveRelease(live=release):
            connection.helm.uninstall(release.name, release.namespace)
        case Remove(ref=ref, uid=uid):
            kube.delete(ref, uid=uid)


def restore(kube: Kube, manifest: Manifest, manager: str) -> None:
    """Apply, then replace the whole object by what we apply, and the others' ownership with it.

    After the apply every field of ours is right; the replacement only takes away, and a removal
    leaves no new owner behind. So afterwards managedFields names us alone.
    """
    for last in (False, False, False, False, True):
        applied = apply_over(kube, manifest, manager=manager)
        try:
            kube.replace(_ours_alone(manifest, applied, manager), manager=manager)
        except Conflict:
            if last:
                raise
            continue  # a controller reported its status in between, as quotas' do at every change
        return


def _ours_alone(manifest: Manifest, applied: Manifest, manager: str) -> Manifest:
    """The object as we apply it, at the version of `applied`, owned by nobody but us.

    What others say about it (labels, annotations) may stay; what they made of it may not.
    """
    wanted, there = manifest["metadata"], applied["metadata"]
    return {
        **manifest,
        "metadata": {
            **wanted,
            "resourceVersion": there["resourceVersion"],
            "uid": there["uid"],
            "labels": {**(there.get("labels") or {}), **(wanted.get("labels") or {})},
            "annotations": {
                **(there.get("annotations") or {}),
                **(wanted.get("annotations") or {}),
            },
            "managedFields": [e for e in there["managedFields"] if is_trusted(e, manager=manager)],
        },
    }


def _mend(connection: Connection, release: LiveRelease) -> None:
    """A helm run was cut off and, under our claim, nobody else can be at it."""
    if release.deployed_revision:
        connection.helm.rollback(release.name, release.namespace, release.deployed_revision)
        return
    # The first install: helm would refuse every later one. Its objects stay; the next install, by
    # the same release name, takes them as its own.
    connection.kube.delete(Ref("v1", "Secret", release.namespace, release.record))
