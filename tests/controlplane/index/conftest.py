"""What the tests of the index share: a namespace that was made, and entries in it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils import timezone

from controlplane.index.entries import QuotaEntry, WorkflowEntry
from tenants.models import TenantNamespace
from tests.factories import NamespaceFactory

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def payments(db: None) -> TenantNamespace:
    """A namespace that we made on its cluster."""
    return NamespaceFactory(name="payments", begun_at=timezone.now())


def seen(name: str = "hello", version: int = 1, **facts: Any) -> WorkflowEntry:
    """A workflow as a watch told of it."""
    return WorkflowEntry(
        **{
            "namespace": "payments",
            "uid": f"uid-{name}",
            "resource_version": version,
            "name": name,
            "created_at": NOW,
            **facts,
        }
    )


def counted(version: int = 1, **facts: Any) -> QuotaEntry:
    """A quota as a watch told of it."""
    return QuotaEntry(
        **{"namespace": "payments", "uid": "uid-quota", "resource_version": version, **facts}
    )
