"""How much each cluster may promise: said here by the platform's people, beside what its nodes have."""

from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from controlplane.rows.desk import RowAdmin
from controlplane.rows.looks import ago

from . import services
from .models import Room


@admin.register(Room)
class RoomAdmin(RowAdmin[Room]):
    """What all quotas on a cluster may add up to: beyond it, nothing more is placed or approved there."""

    list_display = ("cluster", "may_promise", "nodes_have", "counted")
    list_select_related = ("cluster",)
    search_fields = ("cluster__name",)
    fields = ("cluster", "cpu", "memory_gib", "nodes_have", "counted")
    when_empty = "A cluster is here once its nodes were counted, five minutes after it was added."
    exported = (
        ("cluster", "cluster__name"),
        ("cores", "cpu"),
        ("memory (GiB)", "memory_gib"),
        ("cores of the nodes", "seen_cpu"),
        ("memory of the nodes (GiB)", "seen_memory_gib"),
        ("counted", "seen_at"),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Room | None = None) -> tuple[str, ...]:  # noqa: ARG002 - Django's signature
        seen = ("nodes_have", "counted")
        return ("cluster", *seen) if obj else seen

    @admin.display(description="may promise", ordering="cpu")
    def may_promise(self, room: Room) -> str:
        return _amounts(room.cpu, room.memory_gib) or "whatever is asked"

    @admin.display(description="its nodes have", ordering="seen_cpu")
    def nodes_have(self, room: Room) -> str:
        return _amounts(room.seen_cpu, room.seen_memory_gib) or "not counted yet"

    @admin.display(description="counted", ordering="seen_at")
    def counted(self, room: Room) -> str:
        return ago(room.seen_at) if room.seen_at else "never"

    def save_model(self, request: HttpRequest, obj: Room, form: Any, change: bool) -> None:  # noqa: ARG002
        kept = services.save_room(obj.cluster, cpu=obj.cpu, memory_gib=obj.memory_gib)
        obj.pk = kept.pk

    def has_delete_permission(self, request: HttpRequest, obj: Room | None = None) -> bool:  # noqa: ARG002
        return False  # it goes with its cluster; emptied, it limits nothing


def _amounts(cpu: Decimal | None, memory_gib: Decimal | None) -> str:
    if cpu is None or memory_gib is None:
        return ""
    return f"{cpu.normalize():f} cores, {memory_gib.normalize():f} GiB"
