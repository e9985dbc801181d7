"""From news to rows: batches of what came, in the order it came, and no letter spoils another."""

import threading
from typing import Any

import pytest
from django.db import OperationalError

from controlplane.index import services, writing
from controlplane.index.kinds import QUOTA, WORKFLOW
from controlplane.index.models import Watch, Workflow
from controlplane.index.watching import Changed, Heard, Listed, Standing
from controlplane.index.writing import Inbox, Letter, write
from tenants.models import TenantNamespace
from tests.controlplane.index.conftest import NOW, counted, seen
from tests.factories import ClusterFactory

NEVER = threading.Event()


def letters(namespace: TenantNamespace, *news: Any) -> list[Letter]:
    return [Letter(namespace.cluster, WORKFLOW, each) for each in news]


def names() -> list[str]:
    return sorted(Workflow.objects.values_list("name", flat=True))


def test_changes_are_rows_and_the_watch_was_heard(payments: TenantNamespace) -> None:
    news = [
        Standing(in_step=True),
        Changed(seen("a"), gone=False),
        Changed(seen("b"), gone=False),
        Changed(seen("a", version=2), gone=True),
    ]

    write(letters(payments, *news), now=NOW)

    assert names() == ["b"]
    assert Watch.objects.get().heard_at == NOW


def test_a_list_and_what_happened_after_it_keep_their_order(payments: TenantNamespace) -> None:
    news = [
        Changed(seen("before"), gone=False),
        Listed((seen("listed", version=2),), resource_version=3, went_back=False),
        Changed(seen("after", version=4), gone=False),
        Changed(seen("listed", version=5), gone=True),
    ]

    write(letters(payments, *news), now=NOW)

    assert names() == ["after"]


def test_each_kind_and_cluster_has_its_own_standing(payments: TenantNamespace) -> None:
    other = ClusterFactory()
    news = [
        Letter(payments.cluster, WORKFLOW, Standing(in_step=True)),
        Letter(other, WORKFLOW, Standing(in_step=False, message="refused")),
        Letter(payments.cluster, QUOTA, Listed((counted(),), 2, went_back=False)),
        Letter(payments.cluster, QUOTA, Standing(in_step=True)),
        Letter(payments.cluster, QUOTA, Heard()),
    ]

    write(news, now=NOW)

    told = Watch.objects.values_list("cluster", "kind", "in_step", "message")
    assert sorted(told) == sorted(
        [
            (payments.cluster_id, "Workflow", True, ""),
            (other.pk, "Workflow", False, "refused"),
            (payments.cluster_id, "ResourceQuota", True, ""),
        ]
    )


def test_a_letter_that_cannot_be_written_costs_itself_alone(
    payments: TenantNamespace, caplog: pytest.LogCaptureFixture
) -> None:
    odd = seen("odd", labels={"a": object()})
    news = [Changed(each, gone=False) for each in (seen("a"), odd, seen("b"))]

    write(letters(payments, *news), now=NOW)

    assert names() == ["a", "b"]
    assert "lost news of Workflow" in caplog.text


def test_a_database_that_is_away_is_told_so_that_they_come_again(
    payments: TenantNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(services, "put", away)

    with pytest.raises(OperationalError):
        write(letters(payments, Changed(seen(), gone=False)), now=NOW)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "LOOK_EVERY", 0.01)


@pytest.mark.usefixtures("hasty")
def test_a_batch_is_what_a_moment_gathers_and_no_more_than_it_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writing, "MOST", 3)
    inbox, cluster = Inbox(), ClusterFactory.build()
    sent = [Letter(cluster, WORKFLOW, Changed(seen(str(n)), gone=False)) for n in range(5)]
    for letter in sent:
        inbox.put(letter, NEVER)

    assert [inbox.batch(), inbox.batch(), inbox.batch()] == [sent[:3], sent[3:], []]


@pytest.mark.usefixtures("hasty")
def test_who_is_to_end_does_not_wait_for_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "WAITING", 1)
    inbox, letter = Inbox(), Letter(ClusterFactory.build(), WORKFLOW, Heard())
    ended = threading.Event()
    inbox.put(letter, ended)
    waiting = threading.Thread(target=inbox.put, args=(letter, ended))
    waiting.start()

    ended.set()
    waiting.join(5)

    assert not waiting.is_alive()
    assert inbox.batch() == [letter]
