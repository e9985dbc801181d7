"""Hearing what `tenants` announces."""

from typing import Any

from django.dispatch import receiver

from controlplane.celery import POLICIES_EVERY
from tenants.models import TenantNamespace
from tenants.signals import intent_changed

from .tasks import bring_policies


@receiver(intent_changed)
def rules_first(pk: int, **_: Any) -> None:
    """A namespace is new, or another's: its rules go out now. Lost on the way, the clock finds it."""
    cluster = TenantNamespace.objects.filter(pk=pk).values_list("cluster", flat=True).first()
    if cluster is not None:
        bring_policies.apply_async((cluster,), expires=POLICIES_EVERY)
