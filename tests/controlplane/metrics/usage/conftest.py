"""What the tests of usage share: namespaces that are watched, workflows that end there."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from controlplane.clusters.models import Cluster
from controlplane.index import services as index
from controlplane.index.entries import WorkflowEntry
from controlplane.index.kinds import KINDS, WORKFLOW
from controlplane.index.models import Watch
from tenants.models import TenantNamespace
from tests.factories import NamespaceFactory, TeamFactory

NOW = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is half past noon for as long as a test takes."""
    monkeypatch.setattr(timezone, "now", lambda: NOW)


@pytest.fixture
def payments(db: None) -> TenantNamespace:
    """A namespace on a cluster whose watches live."""
    namespace = NamespaceFactory(
        name="payments", team=TeamFactory(slug="payments"), begun_at=NOW - timedelta(days=9)
    )
    watched(namespace.cluster)
    return namespace


def watched(cluster: Cluster, **facts: Any) -> None:
    """Its watches are in step, unless the facts say otherwise."""
    for kind in KINDS:
        given = {"in_step": True, "since": NOW, "heard_at": NOW, **facts}
        Watch.objects.create(cluster=cluster, kind=kind.name, **given)


def ended(name: str = "hello", **facts: Any) -> WorkflowEntry:
    """A workflow that ended a quarter of an hour ago, after an hour of two cores."""
    return WorkflowEntry(
        **{
            "namespace": "payments",
            "uid": f"uid-{name}",
            "resource_version": 1,
            "name": name,
            "phase": "Succeeded",
            "template": "settle",
            "created_at": NOW - timedelta(hours=2),
            "finished_at": NOW - timedelta(minutes=15),
            "cpu_seconds": 7200,
            "memory_mib_seconds": 1024 * 3600,
            **facts,
        }
    )


def told(namespace: TenantNamespace, *entries: WorkflowEntry) -> None:
    """A watch tells of these."""
    index.put(namespace.cluster, WORKFLOW, entries, now=NOW)
