"""How long asking takes is told from what happened, and not at all from too little."""

from datetime import timedelta

import pytest
from django.utils import timezone

from controlplane.clusters.models import Cluster
from controlplane.console import waits
from controlplane.console.waits import FEWEST, Usual
from tenants import requests
from tenants.models import Request, RequestEvent
from tests.browsing import browser
from tests.factories import (
    ClusterFactory,
    NamespaceFactory,
    TeamFactory,
    approver,
    filed,
    owner_of,
)

pytestmark = pytest.mark.django_db

NEW = "/requests/new/"


def decided(minutes: int, *, kind: str = "rejected") -> Request:
    """One that waited so long for its decision."""
    request = filed()
    requests.reject(request, by=approver(), note="no")
    asked = timezone.now() - timedelta(hours=9)
    Request.objects.filter(pk=request.pk).update(created_at=asked)
    said = RequestEvent.objects.filter(request=request, kind="rejected")
    said.update(at=asked + timedelta(minutes=minutes), kind=kind)
    return request


def came_up(cluster: Cluster, seconds: int) -> None:
    now = timezone.now()
    NamespaceFactory(
        cluster=cluster, begun_at=now, applied_at=now, ready_at=now + timedelta(seconds=seconds)
    )


def test_a_decision_usually_takes_the_median_of_those_there_were() -> None:
    for minutes, kind in ((1, "approved"), (2, "rejected"), (12, "approved"), (90, "approved")):
        decided(minutes, kind=kind)
    assert waits.deciding() is None

    decided(300)
    decided(1, kind="withdrawn")  # nobody decided
    filed()

    assert waits.deciding() == Usual(12 * 60, of=FEWEST)


def test_one_that_came_back_waited_twice_and_is_left_out() -> None:
    for _ in range(FEWEST):
        back = decided(1)
    RequestEvent.objects.create(request=back, kind="reopened")

    assert waits.deciding() is None


def test_making_usually_takes_what_it_took_on_that_cluster() -> None:
    here, there = ClusterFactory(), ClusterFactory()
    for seconds in (7, 8, 9, 60, 600):
        came_up(here, seconds)
    came_up(there, 1)
    NamespaceFactory(cluster=here)  # never came up

    assert waits.making(here) == Usual(9, of=5)
    assert waits.making(there) is None


def test_the_form_says_both_or_neither() -> None:
    team, cluster = TeamFactory(), ClusterFactory(name="eu-1")
    client = browser(owner_of(team))
    assert b"median" not in client.get(NEW, {"cluster": "eu-1"}).content

    for _ in range(FEWEST):
        decided(12)
        came_up(cluster, 9)

    page = client.get(NEW, {"cluster": "eu-1"}).content.decode()
    assert page.count("(median of the last 5)") == 2
    assert "after the yes, on eu-1" in page
    checked = client.post(f"{NEW}check/?field=name", {"name": "night", "cluster": "eu-1"})
    assert checked.content.decode().count("(median of the last 5)") == 2
