"""Namespaces as the tests of their pages need them: Ready, or Degraded with a reason."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from controlplane.index.models import Workflow
from tenants.models import TenantNamespace
from tests.factories import (
    NamespaceFactory,
)

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


PULL = 'ImagePullBackOff: Back-off pulling image "quay.io/argoproj/workflow-controller"'


def condition(
    kind: str, status: str, reason: str, message: str = "", **more: Any
) -> dict[str, Any]:
    since = (NOW - timedelta(minutes=5)).isoformat()
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "observed_generation": 1,
        "last_transition": since,
        **more,
    }


READY = [
    condition("NamespaceReady", "True", "Present", "payments and payments-argo are there"),
    condition("GuardRailsReady", "True", "Applied", "31 guard rails are as approved"),
    condition("ArgoReady", "True", "Available", "The controller is running"),
    condition("Ready", "True", "AllReady", "Guard rails hold"),
]


DEGRADED = [
    *READY[:2],
    condition("ArgoReady", "False", "ControllerNotAvailable", PULL),
    condition("Ready", "False", "ControllerNotAvailable", PULL),
]


def degraded(**fields: Any) -> TenantNamespace:
    later = timezone.now() + timedelta(minutes=3, seconds=30)
    story = {
        "phase": "Degraded",
        "conditions": DEGRADED,
        "observed_generation": 1,
        "failures": 2,
        "next_reconcile_at": later,
    }
    return NamespaceFactory(**{**story, **fields})


def ready(**fields: Any) -> TenantNamespace:
    now = timezone.now()
    story = {"phase": "Ready", "conditions": READY, "observed_generation": 1}
    story |= {"begun_at": now, "applied_at": now, "ready_at": now + timedelta(seconds=9)}
    return NamespaceFactory(**{**story, **fields})


def workflow(namespace: TenantNamespace, phase: str, **fields: Any) -> Workflow:
    number, now = Workflow.objects.count(), timezone.now()
    story = {"uid": f"uid-{number}", "name": f"flow-{number}", "created_at": now}
    story |= {"finished_at": now, "resource_version": "1"}
    return Workflow.objects.create(namespace=namespace, phase=phase, **{**story, **fields})
