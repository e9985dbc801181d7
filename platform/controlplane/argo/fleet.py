"""The CronWorkflows of many namespaces on many clusters at once: who does not answer in time is named."""

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import groupby

from controlplane.clusters.models import Cluster
from controlplane.errors import DomainError
from controlplane.identity.models import User
from controlplane.kube.door import Kube
from controlplane.kube.errors import KubeError, Unreachable
from controlplane.objects import Manifest
from tenants.models import TenantNamespace

from .access import absence, as_level
from .submission import API_VERSION, CRON

DEADLINE = 3.0
# An abandoned call ends by the door's own deadline; until then it holds one of these.
_readers = ThreadPoolExecutor(max_workers=16, thread_name_prefix="crons")

Found = list[tuple[TenantNamespace, Manifest]]


@dataclass
class Answer:
    """What was found, and a sentence for each cluster or namespace that could not say."""

    found: Found = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)


def crons_of(user: User, namespaces: Iterable[TenantNamespace]) -> Answer:
    """All CronWorkflows of these namespaces, as the person's level in each."""
    answer = Answer()
    asked: dict[Future[Answer], Cluster] = {}
    for cluster, there in groupby(
        sorted(namespaces, key=lambda n: (n.cluster.name, n.name)), key=lambda n: n.cluster
    ):
        if cluster.reachable is False:
            answer.problems.append(
                (cluster.name, "It does not answer; the platform team is shown why.")
            )
            continue
        try:
            doors = [
                (n, as_level(n, level))
                for n in there
                if not absence(n) and (level := n.team.level_of(user)) is not None
            ]
        except (DomainError, KubeError) as exc:
            answer.problems.append((cluster.name, exc.sentence))
            continue
        if doors:
            asked[_readers.submit(_read, cluster.name, doors)] = cluster
    ended, late = wait(asked, timeout=DEADLINE)
    for future in ended:
        part = future.result()
        answer.found += part.found
        answer.problems += part.problems
    for future in late:
        future.cancel()
        sentence = f"It did not answer within {DEADLINE:.0f} s."
        answer.problems.append((asked[future].name, sentence))
    answer.found.sort(key=lambda each: (each[1]["metadata"]["name"], each[0].name))
    answer.problems.sort()
    return answer


def _read(cluster: str, doors: list[tuple[TenantNamespace, Kube]]) -> Answer:
    """One cluster's namespaces, one after the other; no use going on once it is away."""
    answer = Answer()
    for namespace, kube in doors:
        try:
            listed = kube.list(API_VERSION, CRON, namespace.name)
        except Unreachable as exc:
            answer.problems.append((cluster, exc.sentence))
            return answer
        except KubeError as exc:
            answer.problems.append((f"{cluster}, {namespace.name}", exc.sentence))
            continue
        answer.found += [(namespace, cron) for cron in listed]
    return answer
