"""What agents saw, at the desk: what broke a rule, and when all was looked at."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from controlplane.policies.models import (
    Scan,
    Violation,
)
from controlplane.rows.desk import ReadOnly, RowAdmin
from controlplane.rows.looks import ago, clipped, word

from .acting import LOOKS


@admin.register(Violation)
class ViolationAdmin(ReadOnly, RowAdmin[Violation]):
    """What broke a rule, where, and how often. Written by what the agents see."""

    list_display = ("image", "team", "namespace", "cluster", "code", "how", "count", "last", "why")
    list_filter = ("state", "source", "code", "cluster")
    list_select_related = ("team", "cluster")
    search_fields = ("image", "namespace", "name", "team__slug")
    exported = (
        ("image", "image"),
        ("team", "team__slug"),
        ("cluster", "cluster__name"),
        ("namespace", "namespace"),
        ("kind", "kind"),
        ("name", "name"),
        ("path", "path"),
        ("container", "container"),
        ("rule", "code"),
        ("reason", "reason"),
        ("state", "state"),
        ("seen by", "source"),
        ("times", "count"),
        ("first", "first_seen"),
        ("last", "last_seen"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Violation]:
        return super().get_queryset(request).defer("cluster__sealed_kubeconfig")

    @admin.display(description="state", ordering="state")
    def how(self, row: Violation) -> str:
        return word(LOOKS.get(row.state, ""), row.state)

    @admin.display(description="last", ordering="last_seen")
    def last(self, row: Violation) -> str:
        return ago(row.last_seen)

    @admin.display(description="reason")
    def why(self, row: Violation) -> str:
        return clipped(row.reason)


@admin.register(Scan)
class ScanAdmin(ReadOnly, RowAdmin[Scan]):
    """When each namespace was last looked at, and when nothing was wrong there."""

    list_display = ("namespace", "team", "cluster", "last", "clean", "images")
    list_filter = ("cluster",)
    list_select_related = ("team", "cluster")
    search_fields = ("namespace", "team__slug")
    exported = (
        ("namespace", "namespace"),
        ("team", "team__slug"),
        ("cluster", "cluster__name"),
        ("scanned", "scanned_at"),
        ("clean as of", "clean_as_of"),
        ("images", "images"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Scan]:
        return super().get_queryset(request).defer("cluster__sealed_kubeconfig")

    @admin.display(description="scanned", ordering="scanned_at")
    def last(self, row: Scan) -> str:
        return ago(row.scanned_at)

    @admin.display(description="clean as of", ordering="clean_as_of")
    def clean(self, row: Scan) -> str:
        return ago(row.clean_as_of) or word("bad", "never")
