"""What the loop did, for operators to read: in a list, and below each namespace."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join

from controlplane.rows.desk import ReadOnly, RowAdmin, Rows
from controlplane.rows.looks import ago, clipped, word
from tenants.admin import TenantNamespaceAdmin, TierAdmin
from tenants.models import TenantNamespace, Tier

from . import trial
from .models import Turn
from .trial import Answer

LOOKS = {"done": "ok", "failed": "bad"}


def steps_of(turn: Turn) -> str:
    """Each step with its state and seconds, and what went wrong in full."""
    rows = [
        (
            word(LOOKS.get(step["state"], ""), step["state"]),
            step["step"],
            f"{step['seconds']} s" if "seconds" in step else "",
            step.get("error", ""),
        )
        for step in turn.steps
    ]
    return format_html(
        '<table class="facts"><tbody>{}</tbody></table>',
        format_html_join("", "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>", rows),
    )


def seconds_of(turn: Turn) -> str:
    """How long it took; one that runs says so."""
    return f"{turn.seconds:.1f} s" if turn.ended_at else "under way"


class TurnInline(Rows[Turn, TenantNamespace]):
    """The last turns of a namespace that had something to do, errors in full."""

    model = Turn
    verbose_name_plural = "Turns"
    when_empty = "The loop has had nothing to do for it yet."
    fields = ("when", "generation", "took", "outcome", "message", "steps_done")
    readonly_fields = fields
    per_page = 10

    @admin.display(description="began")
    def when(self, turn: Turn) -> str:
        return ago(turn.started_at)

    @admin.display(description="took")
    def took(self, turn: Turn) -> str:
        return seconds_of(turn)

    @admin.display(description="steps")
    def steps_done(self, turn: Turn) -> str:
        return steps_of(turn)


@admin.register(TenantNamespace)
class NamespaceWithTurns(TenantNamespaceAdmin):
    """A namespace, and what the loop did to it."""

    inlines = (TurnInline, *TenantNamespaceAdmin.inlines)


@admin.register(Tier)
class TriedTierAdmin(TierAdmin):
    """Sizes, of which an edit is tried on the clusters before it is kept."""

    def verdicts(self, edited: Tier) -> Sequence[Answer]:
        return trial.of_tier(edited, self.touched(edited, edited))


@admin.register(Turn)
class TurnAdmin(ReadOnly, RowAdmin[Turn]):
    """Turns that had steps. Nobody writes them but the loop."""

    list_display = ("number", "namespace", "generation", "began", "took", "outcome", "said")
    list_filter = ("outcome",)
    when_empty = "The loop writes one for each round of work on a namespace."
    list_select_related = ("namespace__cluster",)
    search_fields = ("namespace__name", "namespace__team__slug", "outcome", "message")
    fields = (
        "namespace",
        "generation",
        "started_at",
        "ended_at",
        "took",
        "outcome",
        "message",
        "done",
    )
    readonly_fields = ("took", "done")
    exported = (
        ("number", "pk"),
        ("namespace", "namespace__name"),
        ("cluster", "namespace__cluster__name"),
        ("generation", "generation"),
        ("began", "started_at"),
        ("ended", "ended_at"),
        ("seconds", "seconds"),
        ("outcome", "outcome"),
        ("message", "message"),
    )

    @admin.display(description="turn", ordering="pk")
    def number(self, turn: Turn) -> str:
        return f"#{turn.pk}"

    @admin.display(description="began", ordering="started_at")
    def began(self, turn: Turn) -> str:
        return ago(turn.started_at)

    @admin.display(description="took", ordering="seconds")
    def took(self, turn: Turn) -> str:
        return seconds_of(turn)

    @admin.display(description="message")
    def said(self, turn: Turn) -> str:
        return clipped(turn.message)

    @admin.display(description="steps")
    def done(self, turn: Turn) -> str:
        return steps_of(turn)

    def get_queryset(self, request: HttpRequest) -> Any:
        """The steps are many; only a turn's own page shows them."""
        rows = super().get_queryset(request)
        match = request.resolver_match
        is_list = match is not None and (match.url_name or "").endswith("_changelist")
        return rows.defer("steps") if is_list else rows
