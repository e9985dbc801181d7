"""What a look adds up to: conditions with a reason and a sentence, decided from values alone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from controlplane.objects import Manifest, ref_of
from controlplane.releases import DEPLOYED
from tenants.conditions import READY, Condition, Status
from tenants.spec import NamespaceSpec

from .desired import Desired, WantedRelease
from .live import Live
from .plan import Stage, drifted, release_drifted, taken_by_others, terminating

NAMESPACES_READY, GUARD_RAILS_READY, ARGO_READY = (
    "NamespaceReady",
    "GuardRailsReady",
    "ArgoReady",
)
CONTROLLER = "workflow-controller"
STAGES_OF = {
    NAMESPACES_READY: {Stage.NAMESPACES},
    # A binding that should be gone and is not is as bad as one that should be there and is not.
    GUARD_RAILS_READY: {Stage.GUARD_RAILS, Stage.REMOVALS},
    ARGO_READY: {Stage.RELEASES},
}


@dataclass(frozen=True)
class Failure:
    """A step that failed: which stage it belonged to, what it was, the cluster's or helm's words."""

    stage: Stage
    step: str
    sentence: str
    reason: str = "StepFailed"


@dataclass(frozen=True)
class Report:
    """What a turn has to say of its row."""

    conditions: tuple[Condition, ...]
    failed: bool = False
    gone: bool = False
    argo_version: str = ""  # the controller's that is available now; blank: none was seen to be

    @property
    def ready(self) -> Condition:
        """The condition over all."""
        return next(c for c in self.conditions if c.type == READY)


def summarise(
    spec: NamespaceSpec,
    desired: Desired,
    live: Live,
    failures: Sequence[Failure],
    needs: Sequence[Condition] = (),
) -> Report:
    """The conditions of one tenant namespace after a turn; `needs` are what others must bring."""
    if taken := taken_by_others(spec, live):
        return _refused(
            "NameTaken",
            f"{' and '.join(ref.name for ref in taken)} exists on the cluster and is not this team's; "
            "nothing was touched. Choose another name, or have its owner remove it.",
        )
    if desired == Desired():
        return _terminating(live, failures)
    parts = (
        _failed(NAMESPACES_READY, failures) or _namespaces(desired, live),
        _failed(GUARD_RAILS_READY, failures) or _guard_rails(desired, live),
        _failed(ARGO_READY, failures) or _argo(desired, live),
        *needs,
    )
    return Report(
        (*parts, _over_all(parts)),
        failed=bool(failures),
        argo_version=running_version(desired, live),
    )


def running_version(desired: Desired, live: Live) -> str:
    """The tag of the controller that is available; blank while it comes up, or there is none."""
    for wanted in desired.releases:
        for manifest in wanted.objects:
            deployment = live.objects.get(ref_of(manifest))
            if is_controller(manifest) and deployment and is_available(deployment):
                controller = deployment["spec"]["template"]["spec"]["containers"][0]
                return _tag(controller.get("image", ""))
    return ""


def _tag(image: str) -> str:
    """`v4.1.2` of `registry:5000/argo/controller:v4.1.2@sha256:…`; '' if it has none."""
    name, _, _ = image.partition("@")
    _, _, last = name.rpartition("/")
    return last.partition(":")[2][:50]


def unreachable(sentence: str) -> Report:
    """The cluster did not answer: nothing is known to be wrong with the namespace itself."""
    return _refused(
        "ClusterUnreachable",
        f"{sentence.rstrip('.')}. The platform keeps trying; what was made stays as it is.",
    )


def forbidden(sentence: str) -> Report:
    """The cluster answers and refuses our account: no mistake of the platform's, nor of the team's."""
    return _refused(
        "Forbidden",
        f"{sentence.rstrip('.')}. What was made stays as it is; the platform goes on once it may.",
    )


def broken(sentence: str) -> Report:
    """A mistake of the platform's own, or a chart that cannot be rendered."""
    return _refused("PlatformError", sentence)


def plan_changed() -> Report:
    """What would be made is not what was approved: nothing was made."""
    report = _refused(
        "PlanChanged",
        "What would be made has changed since it was approved; it waits for the approver again.",
    )
    return replace(report, failed=False)


def is_controller(manifest: Manifest) -> bool:
    """Whether this is what a namespace cannot be used without.

    Its server is not: that ends while its provider is away, and workflows run all the same.
    """
    return (manifest["kind"], manifest["metadata"]["name"]) == ("Deployment", CONTROLLER)


def is_available(deployment: Manifest) -> bool:
    """True if the newest template is the one that runs, and its pods are available."""
    seen = deployment.get("status") or {}
    wanted = deployment["spec"].get("replicas", 1)
    return bool(
        seen.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
        and seen.get("updatedReplicas", 0) >= wanted
        and seen.get("availableReplicas", 0) >= wanted
    )


def _namespaces(desired: Desired, live: Live) -> Condition:
    if leaving := terminating(live):
        return _under_way(
            NAMESPACES_READY,
            "NamespaceTerminating",
            f"Somebody deleted {_names(leaving)}; the platform makes it anew once it is gone"
            f"{_what_holds(leaving)}",
        )
    missing = [m for m in desired.namespaces if drifted(m, live)]
    if missing:
        return _under_way(NAMESPACES_READY, "Creating", f"{_names(missing)} is being made")
    return _yes(NAMESPACES_READY, "Present", f"{_names(desired.namespaces)} are there")


def _what_holds(leaving: Iterable[Manifest]) -> str:
    """Why namespaces that are being deleted are still there, in the cluster's own words."""
    words = [
        c["message"]
        for namespace in leaving
        for c in (namespace.get("status") or {}).get("conditions") or ()
        if c.get("status") == "True" and c.get("message")
    ]
    return f": {'; '.join(words)}"[:500] if words else ""


def _guard_rails(desired: Desired, live: Live) -> Condition:
    missing = [m for m in desired.guard_rails if drifted(m, live)]
    if missing:
        return _under_way(
            GUARD_RAILS_READY, "Applying", f"{len(missing)} of {len(desired.guard_rails)} to apply"
        )
    if waiting := _uncounted(desired, live):
        return _under_way(
            GUARD_RAILS_READY,
            "QuotaNotCounted",
            f"The cluster has not counted {', '.join(waiting)} yet, so the quota does not hold them",
        )
    return _yes(
        GUARD_RAILS_READY, "Applied", f"{len(desired.guard_rails)} guard rails are as approved"
    )


def _uncounted(desired: Desired, live: Live) -> list[str]:
    """Keys of the quota that the cluster does not count yet: a limit that limits nothing."""
    waiting: set[str] = set()
    for manifest in desired.guard_rails:
        if manifest["kind"] == "ResourceQuota":
            seen = live.objects[ref_of(manifest)].get("status") or {}
            waiting |= manifest["spec"]["hard"].keys() - (seen.get("used") or {}).keys()
    return sorted(waiting)


def _argo(desired: Desired, live: Live) -> Condition:
    for wanted in desired.releases:
        if (condition := _release(wanted, live)).status is not Status.TRUE:
            return condition
    return _yes(ARGO_READY, "Available", "The controller is running the approved release")


def _release(wanted: WantedRelease, live: Live) -> Condition:
    found = live.releases.get((wanted.release.namespace, wanted.release.name))
    if found is None or found.pending:
        return _under_way(ARGO_READY, "Installing", f"{wanted.release} is being installed")
    if found.status != DEPLOYED:
        return _no(ARGO_READY, "ReleaseFailed", found.message or f"The release is {found.status}")
    if release_drifted(wanted, live):
        return _under_way(ARGO_READY, "Upgrading", f"{wanted.release} is being brought up to date")
    for manifest in wanted.objects:
        if is_controller(manifest):
            deployment = live.objects[ref_of(manifest)]
            if not is_available(deployment):
                return _coming_up(deployment, live.pods)
    return _yes(ARGO_READY, "Available", "")


def _coming_up(deployment: Manifest, pods: Sequence[Manifest]) -> Condition:
    """The controller is not available: still on its way, or past its deadline, with the pod's words."""
    name = deployment["metadata"]["name"]
    why = next((w for pod in pods if (w := _why_pod_waits(pod))), "its pod is starting")
    conditions = (deployment.get("status") or {}).get("conditions") or ()
    late = any(c.get("reason") == "ProgressDeadlineExceeded" for c in conditions)
    refused = next((c for c in conditions if c.get("type") == "ReplicaFailure"), None)
    if late or refused:
        sentence = refused["message"] if refused else f"{name} did not come up in time: {why}"
        return _no(ARGO_READY, "ControllerNotAvailable", sentence)
    return _under_way(ARGO_READY, "ControllerStarting", f"Waiting for {name}: {why}")


def _why_pod_waits(pod: Manifest) -> str:
    """The first thing a pod complains of: it cannot be placed, or a container waits or died."""
    seen = pod.get("status") or {}
    for condition in seen.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return f"no node takes its pod: {condition.get('message', '')}"
    for container in seen.get("containerStatuses") or ():
        if sentence := _why_container_waits(container):
            return sentence
    return ""


def _why_container_waits(container: Mapping[str, Any]) -> str:
    state = container.get("state") or {}
    if (waiting := state.get("waiting")) and waiting.get("reason") != "ContainerCreating":
        return f"{waiting.get('reason')}: {waiting.get('message', '')}"
    if ended := state.get("terminated"):
        return f"its container ended with {ended.get('exitCode')}: {ended.get('message', '')}"
    return ""


def _terminating(live: Live, failures: Sequence[Failure]) -> Report:
    if not live.objects:
        return Report((_yes(READY, "Gone", "Nothing of it is left"),), gone=True)
    left = ", ".join(sorted(ref.name for ref in live.objects if ref.kind == "Namespace"))
    if failures:
        condition = _no(READY, "RemovalFailed", failures[0].sentence)
    else:
        held = _what_holds(terminating(live))
        condition = _under_way(READY, "Removing", f"{left} is being removed{held}")
    return Report((condition,), failed=bool(failures))


def _failed(type_: str, failures: Sequence[Failure]) -> Condition | None:
    """This part's own failures, joined: one bad child does not hide the others."""
    mine = [f for f in failures if f.stage in STAGES_OF[type_]]
    if not mine:
        return None
    return _no(type_, mine[0].reason, "; ".join(f"{f.step}: {f.sentence}" for f in mine)[:1000])


def _over_all(parts: Iterable[Condition]) -> Condition:
    """False if any is False, else Unknown if any is, else True; the reason is the part's own."""
    ordered = sorted(
        parts, key=lambda c: (Status.FALSE, Status.UNKNOWN, Status.TRUE).index(c.status)
    )
    worst = ordered[0]
    if worst.status is Status.TRUE:
        return _yes(READY, "AllReady", "Guard rails hold and the controller is running")
    return replace(worst, type=READY)


def _refused(reason: str, sentence: str) -> Report:
    return Report((_no(READY, reason, sentence),), failed=True)


def _yes(type_: str, reason: str, message: str) -> Condition:
    return Condition(type_, Status.TRUE, reason, message)


def _no(type_: str, reason: str, message: str) -> Condition:
    return Condition(type_, Status.FALSE, reason, message)


def _under_way(type_: str, reason: str, message: str) -> Condition:
    return Condition(type_, Status.UNKNOWN, reason, message)


def _names(manifests: Iterable[Manifest]) -> str:
    return " and ".join(m["metadata"]["name"] for m in manifests)
