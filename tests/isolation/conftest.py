"""The world is made once a worker, in a transaction of its own, and every call in it is undone."""

from collections.abc import Iterator

import pytest
from django.db import transaction
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from controlplane.access import following
from controlplane.access import services as issuing
from controlplane.api import clusters
from controlplane.argo import access
from controlplane.clusters import services
from controlplane.kube.door import Connection
from controlplane.plans import agreement
from tests.fakes import FakeCluster, FakeHelm
from tests.plans import Plans

from . import world
from .world import World


@pytest.fixture(scope="module")
def everybody(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    """All teams and people."""
    fake, plans, started = FakeCluster(), Plans(), timezone.now()
    connection = Connection(kube=fake, helm=FakeHelm(fake, lambda _: ()))
    with pytest.MonkeyPatch.context() as patched, django_db_blocker.unblock():
        # Two answers that are compared are of one moment: `59 s ago` and `1 min ago` are no difference.
        patched.setattr(timezone, "now", lambda: started)
        patched.setattr(access, "connect", lambda _: connection)
        patched.setattr(following, "connect", lambda _: connection)
        patched.setattr(issuing, "connect", lambda _: connection)
        patched.setattr(issuing, "endpoint_of", lambda cluster: {"server": cluster.server})
        patched.setattr(clusters, "connect", lambda _: connection)
        patched.setattr(services, "judge", lambda _: ())  # what a cluster is like is not asked here
        patched.setattr(agreement, "preview", plans.preview)
        with transaction.atomic():
            yield world.built(fake)
            plans.finish()
            transaction.set_rollback(True)
