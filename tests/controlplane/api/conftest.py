"""What the tests of the API share: clients of people, and plans without a cluster."""

from collections.abc import Callable

import pytest
from django.core.cache import cache
from rest_framework.test import APIClient

from controlplane.argo import access
from controlplane.identity.models import User
from controlplane.kube.door import Connection
from controlplane.objects import Ref
from controlplane.plans import agreement
from provisioning.preview import PlannedObject, Preview
from tests.fakes import FakeCluster, FakeHelm

HASH = "a" * 32
NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "payments"}}

Planned = Callable[..., None]


def client_of(user: User | None = None) -> APIClient:
    """The API as this person, or as nobody."""
    client = APIClient(raise_request_exception=False)
    if user is not None:
        client.force_authenticate(user)
    return client


@pytest.fixture(autouse=True)
def _forgotten_tries() -> None:
    """No test is throttled for what another one tried."""
    cache.clear()


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> Planned:
    """Say what the plan is from here on."""

    def say(plan_hash: str = HASH, *, problem: str = "") -> None:
        ref = Ref("v1", "Namespace", "", "payments")
        verdict = "refused" if problem else "ok"
        seen = Preview(
            hash=plan_hash,
            objects=(PlannedObject(ref, NAMESPACE, "namespaces", verdict, problem),),
            charts=(("team-guardrails", "0.1.0"), ("team-argo", "0.1.0")),
            problems=(problem,) if problem else (),
        )
        monkeypatch.setattr(agreement, "preview", lambda _spec, _cluster: seen)

    say()
    return say


class WatchedCluster(FakeCluster):
    """A fake cluster that remembers in whose name it was spoken to."""

    acted_as: tuple[str, ...] = ()

    def acting_as(self, user: str) -> "WatchedCluster":
        self.acted_as = (*self.acted_as, user)
        return self


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> WatchedCluster:
    """The cluster that every namespace's workflows are in."""
    cluster = WatchedCluster()
    connection = Connection(kube=cluster, helm=FakeHelm(cluster, lambda _: ()))
    monkeypatch.setattr(access, "connect", lambda _: connection)
    return cluster
