"""What is in a namespace now: its pods by whose they are, and what the cluster says of them lately.

Read live, as the account of the person's level: so much and no more, and no page waits for ever.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from controlplane.argo.access import acting
from controlplane.errors import DomainError
from controlplane.identity.models import User
from controlplane.kube.errors import KubeError
from controlplane.objects import Manifest
from tenants.models import TenantNamespace

SECONDS = 4.0  # for each of the two answers
MOST_PODS = 250  # that are read
MOST_EVENTS = 500  # that are read; the API server does not know which are the newest
SHOWN = 10  # of each
# What a container waits for when all is well.
STARTING = frozenset({"", "ContainerCreating", "PodInitializing"})
FINE = ("Running", "Succeeded")
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Workload:
    """Pods that are one thing's: a workflow's, a Deployment's, or one that nobody made but a person."""

    kind: str
    name: str
    phases: tuple[tuple[str, int], ...]  # most urgent first
    restarts: int = 0
    why: str = ""  # what a container waits for that does not come by itself

    @property
    def troubled(self) -> bool:
        return bool(self.why) or any(phase in {"Failed", "Unknown"} for phase, _ in self.phases)


@dataclass(frozen=True)
class Happening:
    """An event: what happened to which object, how often, the last time when."""

    at: datetime
    warns: bool
    reason: str
    about: str
    message: str
    count: int = 1


@dataclass(frozen=True)
class Inside:
    """What was found, and whether there is more than was read; or why it could not be read."""

    workloads: Sequence[Workload] = ()
    more_workloads: int = 0
    pods_are_all: bool = True
    happenings: Sequence[Happening] = ()
    events_are_all: bool = True
    problem: str = ""


def inside_of(namespace: TenantNamespace, user: User) -> Inside:
    """A live look. A cluster that does not answer in time, or refuses, is a sentence."""
    try:
        kube = acting(namespace, user).within(SECONDS)
        pods, more_pods = kube.page("v1", "Pod", namespace.name, limit=MOST_PODS)
        events, more_events = kube.page("v1", "Event", namespace.name, limit=MOST_EVENTS)
    except (KubeError, DomainError) as exc:
        return Inside(problem=exc.sentence)
    workloads = workloads_of(pods)
    return Inside(
        workloads=workloads[:SHOWN],
        more_workloads=max(len(workloads) - SHOWN, 0),
        pods_are_all=not more_pods,
        happenings=happenings_of(events)[:SHOWN],
        events_are_all=not more_events,
    )


def workloads_of(pods: Sequence[Manifest]) -> list[Workload]:
    """The pods by whose they are: first what is in trouble, then what runs, then what has ended."""
    by_owner: dict[tuple[str, str], list[Manifest]] = defaultdict(list)
    for pod in pods:
        by_owner[_owner(pod["metadata"])].append(pod)
    found = [_workload(kind, name, theirs) for (kind, name), theirs in by_owner.items()]
    return sorted(found, key=lambda w: (not w.troubled, _ended(w), w.kind, w.name))


def happenings_of(events: Sequence[Manifest]) -> list[Happening]:
    """The events, newest first."""
    return sorted((_happening(e) for e in events), key=lambda h: h.at, reverse=True)


def _owner(metadata: Mapping[str, Any]) -> tuple[str, str]:
    """What made a pod: of a ReplicaSet its Deployment, by the hash that both carry; else the pod itself."""
    owners = metadata.get("ownerReferences") or ()
    owner = next((each for each in owners if each.get("controller")), None)
    if owner is None:
        return "Pod", metadata["name"]
    kind, name = owner["kind"], owner["name"]
    made_from = (metadata.get("labels") or {}).get("pod-template-hash", "")
    if kind == "ReplicaSet" and made_from and name.endswith(f"-{made_from}"):
        return "Deployment", name.removesuffix(f"-{made_from}")
    return kind, name


def _workload(kind: str, name: str, pods: Sequence[Manifest]) -> Workload:
    statuses = [pod.get("status") or {} for pod in pods]
    phases = Counter(status.get("phase") or "Pending" for status in statuses)
    containers = [each for status in statuses for each in _containers(status)]
    return Workload(
        kind,
        name,
        tuple(sorted(phases.items(), key=lambda each: (each[0] in FINE, each[0]))),
        restarts=sum(each.get("restartCount") or 0 for each in containers),
        why=next((why for each in containers if (why := _waits_for(each)) not in STARTING), ""),
    )


def _containers(status: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for key in ("initContainerStatuses", "containerStatuses"):
        yield from status.get(key) or ()


def _waits_for(container: Mapping[str, Any]) -> str:
    waiting = (container.get("state") or {}).get("waiting") or {}
    return str(waiting.get("reason") or "")


def _ended(workload: Workload) -> bool:
    return all(phase in {"Succeeded", "Failed"} for phase, _ in workload.phases)


def _happening(event: Manifest) -> Happening:
    about, series = event.get("involvedObject") or {}, event.get("series") or {}
    times = (
        series.get("lastObservedTime"),
        event.get("lastTimestamp"),
        event.get("eventTime"),
        event["metadata"].get("creationTimestamp"),
    )
    said = next((each for each in times if each), None)
    return Happening(
        at=datetime.fromisoformat(said) if said else NEVER,
        warns=event.get("type") == "Warning",
        reason=event.get("reason") or "",
        about=f"{about.get('kind', '')} {about.get('name', '')}".strip(),
        message=event.get("message") or "",
        count=series.get("count") or event.get("count") or 1,
    )
