"""It is noon, nothing renders charts, and every namespace is on one cluster in memory."""

import pytest
from django.utils import timezone

from controlplane.argo import access
from controlplane.console import network, revisions
from controlplane.kube.door import Connection
from controlplane.kube.errors import HelmFailed
from controlplane.objects import Manifest
from tests.controlplane.console.namespaces.stories import NOW
from tests.fakes import FakeCluster, FakeHelm


@pytest.fixture(autouse=True)
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is noon for as long as a test takes, however busy the machine: `5 min ago` stays true."""
    monkeypatch.setattr(timezone, "now", lambda: NOW)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    """The cluster that every namespace is on."""
    fake = FakeCluster()
    helm = FakeHelm(fake, lambda _: ())
    for asked_by in (revisions, access):
        monkeypatch.setattr(asked_by, "connect", lambda _: Connection(kube=fake, helm=helm))
    return fake


@pytest.fixture(autouse=True)
def no_helm(monkeypatch: pytest.MonkeyPatch) -> None:
    """These pages are not about what a chart renders: test_network_rules.py is."""

    def refuse(*_: object) -> tuple[Manifest, ...]:
        raise HelmFailed("there is no helm in this story")

    monkeypatch.setattr(network, "rendered", refuse)
