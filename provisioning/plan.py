"""Every step, in order, that turns what is there into what is wanted; none if it already is."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

from controlplane.objects import Manifest, Ref, ref_of
from controlplane.releases import DEPLOYED, LiveRelease, Release
from tenants.spec import NamespaceSpec

from .desired import MANAGED, Desired, WantedRelease, as_installed, labels_of
from .drift import HELMS, OURS, foreign_entries, is_drifted
from .live import Live

NAMESPACE_KIND = ("v1", "Namespace")
IMMUTABLE = {"RoleBinding": "roleRef"}  # a change of this field is a new object


class Stage(IntEnum):
    """A stage starts only when the one before it held."""

    NAMESPACES = 1
    GUARD_RAILS = 2
    RELEASES = 3
    REMOVALS = 4


@dataclass(frozen=True)
class Apply:
    """Make an object so."""

    stage: Stage
    manifest: Manifest

    def __str__(self) -> str:
        return f"apply {ref_of(self.manifest)}"


@dataclass(frozen=True)
class Create:
    """Make a namespace that must not exist: one that came about since the look is somebody else's."""

    stage: Stage
    manifest: Manifest

    def __str__(self) -> str:
        return f"create {ref_of(self.manifest)}"


@dataclass(frozen=True)
class Restore:
    """Make an object so, and take away what others wrote into it."""

    stage: Stage
    manifest: Manifest
    manager: str

    def __str__(self) -> str:
        return f"restore {ref_of(self.manifest)}"


@dataclass(frozen=True)
class Recreate:
    """Delete this very object and make it anew: what differs cannot be changed in place."""

    stage: Stage
    manifest: Manifest
    uid: str

    def __str__(self) -> str:
        return f"recreate {ref_of(self.manifest)}"


@dataclass(frozen=True)
class MendRelease:
    """Undo a revision that was cut off: back to the last deployed one, or forget the half-made one."""

    stage: Stage
    live: LiveRelease

    def __str__(self) -> str:
        return f"mend release {self.live.name} in {self.live.namespace} ({self.live.status})"


@dataclass(frozen=True)
class EnsureRelease:
    """Install or upgrade a release."""

    stage: Stage
    release: Release

    def __str__(self) -> str:
        return f"upgrade {self.release}"


@dataclass(frozen=True)
class RemoveRelease:
    """Uninstall a release that is no longer wanted."""

    stage: Stage
    live: LiveRelease

    def __str__(self) -> str:
        return f"uninstall release {self.live.name} in {self.live.namespace}"


@dataclass(frozen=True)
class Remove:
    """Delete this very object of ours, which is no longer wanted."""

    stage: Stage
    ref: Ref
    uid: str

    def __str__(self) -> str:
        return f"remove {self.ref}"


Step = Apply | Create | Restore | Recreate | MendRelease | EnsureRelease | RemoveRelease | Remove


def plan(spec: NamespaceSpec, desired: Desired, live: Live) -> tuple[Step, ...]:
    """The steps for one tenant namespace; none at all where a namespace is not the team's own."""
    if taken_by_others(spec, live) or (desired != Desired() and terminating(live)):
        return ()
    return (
        *_objects(Stage.NAMESPACES, desired.namespaces, live),
        *_objects(Stage.GUARD_RAILS, desired.guard_rails, live),
        *(step for wanted in desired.releases for step in _release(wanted, live)),
        *_removals(desired, live),
    )


def guarding(wanted: Iterable[Manifest], live: Live) -> tuple[Step, ...]:
    """The steps that make these objects so, whoever else's namespace or cluster they stand in."""
    return tuple(_objects(Stage.GUARD_RAILS, tuple(wanted), live))


def taken_by_others(spec: NamespaceSpec, live: Live) -> tuple[Ref, ...]:
    """The namespaces of these names that exist and are not this one's, however they came about."""
    return tuple(
        ref
        for ref, manifest in live.objects.items()
        if (ref.api_version, ref.kind) == NAMESPACE_KIND and not is_ours(spec, manifest)
    )


def terminating(live: Live) -> tuple[Manifest, ...]:
    """The namespaces that are on their way out: nothing can be made in them until they are gone."""
    return tuple(
        manifest
        for ref, manifest in live.objects.items()
        if (ref.api_version, ref.kind) == NAMESPACE_KIND
        and "deletionTimestamp" in manifest["metadata"]
    )


def is_ours(spec: NamespaceSpec, manifest: Manifest) -> bool:
    """True if our labels say that this object belongs to this tenant namespace, of this team.

    The team too: one that another row made for another team is that team's, whatever its name.
    """
    labels = manifest["metadata"].get("labels") or {}
    return labels_of(spec).items() <= labels.items()


def drifted(wanted: Manifest, live: Live, *, manager: str = OURS) -> bool:
    """True if this object is missing or no longer what we applied."""
    found = live.objects.get(ref_of(wanted))
    return found is None or is_drifted(
        found, wanted, manager=manager, answer=live.answers.get(ref_of(wanted))
    )


def release_drifted(wanted: WantedRelease, live: Live) -> bool:
    """True if the release is not deployed as wanted, or one of its objects was changed."""
    found = live.releases.get((wanted.release.namespace, wanted.release.name))
    return (
        found is None
        or found.status != DEPLOYED
        or found.fingerprint != wanted.release.fingerprint
        or any(drifted(m, live, manager=HELMS) for m in wanted.objects)
    )


def _objects(stage: Stage, wanted: tuple[Manifest, ...], live: Live) -> Iterator[Step]:
    for manifest in wanted:
        if drifted(manifest, live):
            yield _repair(stage, manifest, live.objects.get(ref_of(manifest)))


def _repair(stage: Stage, manifest: Manifest, found: Manifest | None) -> Step:
    if found is None:
        return (Create if stage is Stage.NAMESPACES else Apply)(stage, manifest)
    field = IMMUTABLE.get(manifest["kind"])
    if field and found.get(field) != manifest.get(field):
        return Recreate(stage, manifest, found["metadata"]["uid"])
    if foreign_entries(found, manager=OURS):
        return Restore(stage, manifest, OURS)
    return Apply(stage, manifest)


def _release(wanted: WantedRelease, live: Live) -> Iterator[Step]:
    found = live.releases.get((wanted.release.namespace, wanted.release.name))
    if found is not None and found.pending:
        yield MendRelease(Stage.RELEASES, found)
    if release_drifted(wanted, live):
        yield EnsureRelease(Stage.RELEASES, wanted.release)
    for manifest in wanted.objects:
        there = live.objects.get(ref_of(manifest))
        # helm takes its own fields back, and leaves standing what others added beside them.
        if there is not None and foreign_entries(there, manager=HELMS):
            yield Restore(Stage.RELEASES, as_installed(manifest), HELMS)


def _removals(desired: Desired, live: Live) -> Iterator[Step]:
    """What is ours and not wanted: releases first, the namespaces last."""
    kept = {(w.release.namespace, w.release.name) for w in desired.releases}
    for key, release in live.releases.items():
        if key not in kept:
            yield RemoveRelease(Stage.REMOVALS, release)
    unwanted = [
        (ref, found)
        for ref, found in live.objects.items()
        if ref not in desired.refs
        and (found["metadata"].get("labels") or {}).get(MANAGED) == "true"
        and "deletionTimestamp" not in found["metadata"]
        # Helm's own objects go with their release, never one by one.
        and (found["metadata"].get("labels") or {}).get("app.kubernetes.io/managed-by") != "Helm"
    ]
    for ref, found in sorted(unwanted, key=lambda pair: pair[0].kind == "Namespace"):
        yield Remove(Stage.REMOVALS, ref, found["metadata"]["uid"])
