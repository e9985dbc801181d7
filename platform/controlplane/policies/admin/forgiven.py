"""What teams asked to be let off, at the desk, and who said yes."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from controlplane.policies import exemptions
from controlplane.policies.models import (
    ExemptionState,
    ImageExemption,
)
from controlplane.rows.desk import ReadOnly
from controlplane.rows.looks import ago, clipped, word

from .acting import LOOKS, Decides, NoteForm, note_of, person_of


@admin.register(ImageExemption)
class ImageExemptionAdmin(ReadOnly, Decides):
    """What teams asked to be let off, and who said yes. Never the one who asked."""

    list_display = ("image", "team", "namespace", "how", "requested_by", "until", "why")
    list_filter = ("state",)
    list_select_related = ("team", "namespace__cluster", "requested_by", "approved_by")
    search_fields = ("image", "team__slug", "reason", "requested_by__username")
    action_form = NoteForm
    actions = ("approve", "reject", "end")
    fields = (
        "team",
        "namespace",
        "image",
        "image_digest",
        "reason",
        "requested_by",
        "requested_at",
        "not_before",
        "not_after",
        "how",
        "approved_by",
        "decided_by",
        "decided_at",
        "note",
    )
    exported = (
        ("image", "image"),
        ("team", "team__slug"),
        ("namespace", "namespace__name"),
        ("state", "state"),
        ("reason", "reason"),
        ("asked by", "requested_by__username"),
        ("approved by", "approved_by__username"),
        ("from", "not_before"),
        ("until", "not_after"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[ImageExemption]:
        return super().get_queryset(request).defer("namespace__cluster__sealed_kubeconfig")

    @admin.display(description="state", ordering="state")
    def how(self, exemption: ImageExemption) -> str:
        over = exemption.state == ExemptionState.APPROVED and exemption.not_after <= timezone.now()
        if not over and exemption.approver_lost_the_right:
            # It holds on: what runs by it must not stop because somebody changed their job.
            return word("bad", "approved, look again: its approver is none any more")
        return word("", "over") if over else word(LOOKS.get(exemption.state, ""), exemption.state)

    @admin.display(description="until", ordering="not_after")
    def until(self, exemption: ImageExemption) -> str:
        return ago(exemption.not_after)

    @admin.display(description="reason")
    def why(self, exemption: ImageExemption) -> str:
        return clipped(exemption.reason)

    @admin.action(description="Approve", permissions=["decide"])
    def approve(self, request: HttpRequest, chosen: QuerySet[ImageExemption]) -> None:
        by, note, now = person_of(request), note_of(request), timezone.now()
        self.each(
            request,
            chosen,
            lambda row: exemptions.approve(row, by=by, now=now, note=note),
            "approved.",
        )

    @admin.action(description="Reject (say why)", permissions=["decide"])
    def reject(self, request: HttpRequest, chosen: QuerySet[ImageExemption]) -> None:
        by, note, now = person_of(request), note_of(request), timezone.now()
        self.each(
            request,
            chosen,
            lambda row: exemptions.reject(row, by=by, now=now, note=note),
            "rejected.",
        )

    @admin.action(description="End now", permissions=["decide"])
    def end(self, request: HttpRequest, chosen: QuerySet[ImageExemption]) -> None:
        by, note, now = person_of(request), note_of(request), timezone.now()
        self.each(
            request, chosen, lambda row: exemptions.end(row, by=by, now=now, note=note), "ended."
        )
