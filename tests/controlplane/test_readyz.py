"""What a watcher of the platform asks: is it up, and is it at work."""

from datetime import datetime, timedelta

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from controlplane.clusters import answering
from tests.factories import ClusterFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("looked", "status"), [(timedelta(seconds=20), 200), (timedelta(minutes=5), 503)]
)
def test_it_is_at_work_while_somebody_looks_at_a_cluster(looked: timedelta, status: int) -> None:
    now = timezone.now()
    ClusterFactory(checked_at=now - timedelta(hours=30))
    ClusterFactory(checked_at=now - looked)

    answer = Client().get("/readyz")

    assert answer.status_code == status
    if status != 200:
        assert "argosy worker" in answer.content.decode()
    assert Client().get("/healthz").status_code == 200  # the process lives all the same


def test_a_platform_without_clusters_is_at_work() -> None:
    assert Client().get("/readyz").content == b"ok"


def test_it_is_not_at_work_without_its_database(monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(_: datetime) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(answering, "idle_since", locked)

    answer = Client().get("/readyz")

    assert (answer.status_code, answer.content) == (503, b"The database does not answer.")


def test_what_is_older_than_a_day_says_which_day() -> None:
    now = timezone.now()
    then = now - timedelta(days=3)

    assert f"{timezone.localtime(then):%b %Y}" in answering.idle_sentence(then, now)


def test_a_page_can_be_shown_that_says_nobody_works() -> None:
    ClusterFactory(checked_at=timezone.now() - timedelta(minutes=5))

    assert Client().get("/readyz").status_code == 503
    assert Client().get("/readyz/web").content == b"ok"


def test_no_page_can_be_shown_without_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(connection, "cursor", away)

    answer = Client().get("/readyz/web")

    assert (answer.status_code, answer.content) == (503, b"The database does not answer.")
