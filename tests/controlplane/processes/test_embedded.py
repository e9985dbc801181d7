"""One platform a home: two on one database would each think they are alone."""

import fcntl
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from controlplane.celery import app
from controlplane.processes import embedded
from tenants import services
from tenants.models import TenantNamespace
from tests.factories import NamespaceFactory


def test_a_second_platform_of_the_same_home_does_not_start() -> None:
    with (settings.HOME / "platform.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)

        with pytest.raises(embedded.AlreadyRunning, match="ARGOSY_HOME"):
            embedded.serve(host="127.0.0.1", port=0)


@pytest.mark.django_db
def test_rows_that_a_killed_platform_held_are_free_when_the_next_one_starts() -> None:
    now = timezone.now()
    row = NamespaceFactory()
    until = now + timedelta(seconds=90)
    assert TenantNamespace.objects.claim(row.pk, now=now, until=until) is not None
    assert not TenantNamespace.objects.due(now).exists()

    assert services.release_claims() == 1

    assert TenantNamespace.objects.due(now).get() == row


def test_what_is_due_is_looked_for_when_it_begins_and_not_only_when_the_clock_says_so() -> None:
    embedded._look_at_once()

    with app.connection_for_read() as broker, broker.SimpleQueue("celery") as queue:
        sent = {queue.get(block=False).headers["task"] for _ in range(queue.qsize())}
    assert {"provisioning.tasks.sweep", "provisioning.tasks.probe_clusters"} <= sent
