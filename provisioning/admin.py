"""What the loop did, for operators to read."""

from django.contrib import admin
from django.http import HttpRequest

from .models import Turn


@admin.register(Turn)
class TurnAdmin(admin.ModelAdmin[Turn]):
    """Turns that had steps. Nobody writes them but the loop."""

    list_display = ("__str__", "namespace", "generation", "started_at", "seconds", "outcome")
    list_filter = ("outcome",)
    list_select_related = ("namespace__cluster",)
    search_fields = ("namespace__name", "namespace__team__slug")

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 - Django's signature
        return False

    def has_change_permission(self, request: HttpRequest, obj: Turn | None = None) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Turn | None = None) -> bool:  # noqa: ARG002
        return False
