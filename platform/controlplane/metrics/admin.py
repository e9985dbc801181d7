"""The price table at the desk: edited by the platform's admins, with its history."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from controlplane.rows.desk import RowAdmin

from . import prices
from .models import Price


@admin.register(Price)
class PriceAdmin(RowAdmin[Price]):
    """What usage costs from each month on. A month that is over keeps its price."""

    list_display = ("since", "currency", "cpu_hour", "memory_gib_hour", "workflow", "shared_month")
    fields = (
        "since",
        "currency",
        "cpu_hour",
        "memory_gib_hour",
        "workflow",
        "shared_month",
        "note",
    )
    when_empty = "No price is set: usage is shown without a cost. Add the first one."
    exported = (
        ("since", "since"),
        ("currency", "currency"),
        ("core hour", "cpu_hour"),
        ("GiB hour", "memory_gib_hour"),
        ("workflow", "workflow"),
        ("shared, a month", "shared_month"),
        ("note", "note"),
    )

    def save_model(self, _request: HttpRequest, obj: Price, _form: object, _change: bool) -> None:
        prices.put(obj, today=timezone.now().date())

    def has_delete_permission(self, request: HttpRequest, obj: Price | None = None) -> bool:
        """One by one, and never what was billed by."""
        if obj is None or prices.is_over(obj.since, timezone.now().date()):
            return False
        return super().has_delete_permission(request, obj)

    def delete_model(self, _request: HttpRequest, obj: Price) -> None:
        prices.remove(obj, today=timezone.now().date())
