"""With the broker away nothing is lost: the wish is kept, and the sweep finds it."""

from collections.abc import Iterator

import pytest
from django.utils import timezone
from kombu.exceptions import OperationalError
from pytest_django import DjangoCaptureOnCommitCallbacks

from controlplane.celery import app
from provisioning import tasks
from tenants import requests
from tenants.models import TenantNamespace
from tests.factories import approver, filed

pytestmark = pytest.mark.django_db

NOBODY = "amqp://127.0.0.1:1//"


@pytest.fixture
def broker_away(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A real client of a broker that refuses every connection."""
    monkeypatch.setitem(app.conf, "broker_url", NOBODY)
    monkeypatch.setitem(app.conf, "broker_write_url", NOBODY)
    once = {"max_retries": 0, "interval_start": 0, "interval_step": 0, "interval_max": 0}
    monkeypatch.setitem(app.conf, "broker_transport_options", once)
    app._pool = app.amqp._producer_pool = None
    yield
    app._pool = app.amqp._producer_pool = None


def test_an_approval_holds_and_the_sweep_finds_it_when_the_broker_is_back(
    broker_away: None,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        approved = requests.approve(filed(), by=approver(), plan_hash="a" * 32, decided={})

    namespace = TenantNamespace.objects.get()
    assert approved.state == "approved"
    assert namespace.queued_at is None
    assert TenantNamespace.objects.due(timezone.now()).get() == namespace
    with pytest.raises(OperationalError):
        tasks.sweep()  # the failure is in the log, and the row still waits
    assert TenantNamespace.objects.due(timezone.now()).get() == namespace

    queued: list[int] = []
    monkeypatch.setattr(tasks.reconcile_namespace, "delay", queued.append)
    assert tasks.sweep() == 1
    assert queued == [namespace.pk]
