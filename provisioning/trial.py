"""Whether the clusters would take an edited tier: each is asked with one namespace, before it is kept."""

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from django.db.models import Min

from controlplane.clusters.models import Cluster
from controlplane.errors import DomainError
from controlplane.kube.errors import KubeError
from tenants.models import NamespaceQuerySet, TenantNamespace, Tier
from tenants.spec import NamespaceSpec

from .desired import ChartEscapesError
from .preview import preview

ASKED = 5  # clusters an edit is tried on
AT_ONCE = 3
SECONDS = 8.0  # for all of them: somebody waits for the page
MOST_WORDS = 600


@dataclass(frozen=True)
class Answer:
    """What one cluster says; `taken` is None where it could not be asked."""

    cluster: str
    namespace: str
    taken: bool | None
    sentence: str = ""


def of_tier(tier: Tier, touched: NamespaceQuerySet) -> list[Answer]:
    """Each cluster's answer to this tier, by one namespace that has it there; those not asked say so."""
    first = touched.order_by().values("cluster").annotate(first=Min("pk")).values("first")
    rows = TenantNamespace.objects.filter(pk__in=first).select_related("team", "tier", "cluster")
    chosen = list(rows.order_by("cluster__name")[: ASKED + 1])
    answers = _ask([(_with(tier, row), row.cluster) for row in chosen[:ASKED]])
    if len(chosen) > ASKED:
        answers.append(Answer("The others", "", None, f"Only the first {ASKED} are asked."))
    return answers


def _with(tier: Tier, row: TenantNamespace) -> NamespaceSpec:
    row.tier = tier
    return row.spec()


def _ask(questions: Sequence[tuple[NamespaceSpec, Cluster]]) -> list[Answer]:
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="trial")
    began = time.monotonic()
    try:
        asked = [pool.submit(_answer, spec, cluster) for spec, cluster in questions]
        wait(asked, timeout=SECONDS)
        return [_answered(f, *question) for f, question in zip(asked, questions, strict=True)]
    finally:
        # Whoever hangs is left to the deadline that every call to a cluster has.
        pool.shutdown(wait=time.monotonic() - began < SECONDS, cancel_futures=True)


def _answered(future: "Future[Answer]", spec: NamespaceSpec, cluster: Cluster) -> Answer:
    if future.done():
        return future.result()
    return Answer(cluster.name, spec.name, None, f"It did not answer within {SECONDS:.0f} s.")


def _answer(spec: NamespaceSpec, cluster: Cluster) -> Answer:
    try:
        found = preview(spec, cluster)
    except (KubeError, DomainError) as exc:
        return Answer(cluster.name, spec.name, None, exc.sentence[:MOST_WORDS])
    except ChartEscapesError as exc:
        return Answer(cluster.name, spec.name, taken=False, sentence=str(exc)[:MOST_WORDS])
    if found.problems:
        words = "; ".join(found.problems)[:MOST_WORDS]
        return Answer(cluster.name, spec.name, taken=False, sentence=words)
    return Answer(cluster.name, spec.name, taken=True)
