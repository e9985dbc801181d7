"""Several at once on PostgreSQL: what is claimed is claimed once, what is counted stays counted."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import close_old_connections, connections
from django.utils import timezone

from controlplane.audit import record, sealing, verifying
from controlplane.audit.models import Seal
from controlplane.errors import DomainError
from controlplane.index import services as index
from controlplane.index.entries import WorkflowEntry
from controlplane.index.kinds import WORKFLOW
from controlplane.index.models import Workflow
from tenants import requests, services
from tenants.conditions import READY, Condition, Status
from tenants.models import RequestState, TenantNamespace
from tests.factories import (
    ClusterFactory,
    NamespaceFactory,
    TeamFactory,
    approver,
    filed,
    tier,
)

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]

MANY = 8
DEADLINE = 60.0


def at_once(acts: list[Callable[[], Any]]) -> list[Any]:
    """What each gave, or the error it raised; all begin in the same moment."""
    ready = threading.Barrier(len(acts))

    def one(act: Callable[[], Any]) -> Any:
        close_old_connections()
        try:
            ready.wait(DEADLINE)
            return act()
        except DomainError as exc:
            return exc
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(one, acts, timeout=DEADLINE))


def test_of_many_workers_one_takes_the_row() -> None:
    row, now = NamespaceFactory(), timezone.now()

    def claim() -> bool:
        return (
            TenantNamespace.objects.claim(row.pk, now=now, until=now + timedelta(seconds=90))
            is not None
        )

    assert sorted(at_once([claim] * MANY)) == [False] * (MANY - 1) + [True]


def test_of_many_sweeps_one_queues_the_row() -> None:
    row, now = NamespaceFactory(), timezone.now()

    queued = at_once([lambda: services.queue(row.pk, now=now)] * MANY)

    assert sorted(queued) == [False] * (MANY - 1) + [True]


def test_approvals_at_once_never_promise_more_than_the_budget() -> None:
    team = TeamFactory(namespace_limit=3, cpu_budget=1000, memory_budget_gib=4000)
    waiting = [filed(team, name=f"wish-{number}") for number in range(MANY)]
    people = [approver() for _ in waiting]

    def approve(number: int) -> Any:
        asked = waiting[number]
        return requests.approve(asked, by=people[number], plan_hash="a" * 32, decided={})

    answers = at_once([lambda n=number: approve(n) for number in range(MANY)])  # type: ignore[misc]

    assert TenantNamespace.objects.filter(team=team).count() == 3
    assert sum(isinstance(answer, DomainError) for answer in answers) == MANY - 3
    assert team.requests.filter(state=RequestState.APPROVED).count() == 3


def test_one_decision_stands_where_two_people_decide_at_once() -> None:
    asked, people = filed(), [approver(), approver()]

    answers = at_once(
        [
            lambda: requests.approve(asked, by=people[0], plan_hash="a" * 32, decided={}),
            lambda: requests.reject(asked, by=people[1], note="no"),
        ]
    )

    assert sum(isinstance(answer, DomainError) for answer in answers) == 1


def test_changes_of_many_rows_at_once_wait_for_each_other_and_none_fails() -> None:
    cluster, small = ClusterFactory(), tier()
    for _ in range(40):
        NamespaceFactory(cluster=cluster)
    rows = TenantNamespace.objects.filter(cluster=cluster)
    away = Condition(READY, Status.UNKNOWN, "Unreachable", "It does not answer.")

    def often(act: Callable[[], Any]) -> Callable[[], Any]:
        return lambda: [act() for _ in range(10)]

    answers = at_once(
        [
            often(lambda: services.nudge(rows.order_by("-pk"))),
            often(lambda: services.follow_cluster(cluster)),
            often(lambda: services.save_tier(small)),
            often(lambda: services.record_unreachable(rows, away, now=timezone.now())),
        ]
    )

    assert all(isinstance(answer, list) for answer in answers)


def test_two_watches_that_see_the_same_make_one_row_of_each_and_the_newest_stands() -> None:
    namespace = NamespaceFactory(begun_at=timezone.now())
    seen = [entry(namespace.name, number, version=number + 1) for number in range(50)]
    later = [
        replace(one, phase="Succeeded", resource_version=one.resource_version + 100) for one in seen
    ]
    now = timezone.now()

    def put(entries: list[WorkflowEntry]) -> None:
        index.put(namespace.cluster, WORKFLOW, entries, now=now)
        index.heard(namespace.cluster, WORKFLOW, now=now)

    at_once(
        [lambda: put(seen), lambda: put(later), lambda: put(later[::-1]), lambda: put(seen[::-1])]
    )

    rows = Workflow.objects.filter(namespace=namespace)
    assert rows.count() == 50
    assert set(rows.values_list("phase", flat=True)) == {"Succeeded"}


def test_a_nul_is_kept_as_a_mark_and_holds_up_nobody() -> None:
    namespace = NamespaceFactory(begun_at=timezone.now())
    odd = replace(entry(namespace.name, 1), message="a\0b", labels={"k": "x\0y", "raw": r"\u0000"})

    index.put(namespace.cluster, WORKFLOW, [odd, entry(namespace.name, 2)], now=timezone.now())

    kept = Workflow.objects.get(uid="uid-1")
    assert kept.message == "a\ufffdb"
    assert kept.labels == {"k": "x\ufffdy", "raw": r"\u0000"}
    assert Workflow.objects.filter(name__contains="\0").count() == 0
    assert Workflow.objects.count() == 2


def entry(namespace: str, number: int, *, version: int = 1) -> WorkflowEntry:
    return WorkflowEntry(
        namespace=namespace,
        uid=f"uid-{number}",
        name=f"workflow-{number:03}",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        resource_version=version,
    )


def test_of_many_sealers_each_act_gets_one_seal_and_the_chain_is_whole() -> None:
    for n in range(200):
        record("tier.changed", target=f"tier {n}")

    at_once([lambda: sealing.seal(now=timezone.now())] * MANY)
    sealing.seal(now=timezone.now())

    assert Seal.objects.count() == 200
    assert verifying.verify(now=timezone.now()).wrong == ()
