"""The operator's window: what was seen is read-only, what is done is a service."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html, format_html_join
from unfold.forms import ActionForm
from unfold.widgets import UnfoldAdminTextInputWidget

from controlplane.advisories.lookup import Flag, known
from controlplane.errors import DomainError
from controlplane.identity.models import User
from controlplane.rows.confirm import Confirmed
from controlplane.rows.desk import ReadOnly, RowAdmin, Rows
from controlplane.rows.looks import ago, at, clipped, due, word

from . import doubts, operate, services
from .conditions import Condition, Status, from_dicts
from .models import (
    NamespaceAct,
    NamespaceQuerySet,
    Request,
    RequestEvent,
    Team,
    TenantNamespace,
    Tier,
)
from .operate import Outcome

LOOKS = {
    "Ready": "ok",
    "Provisioning": "run",
    "Terminating": "run",
    "Pending": "warn",
    "Degraded": "bad",
    "approved": "ok",
    "pending": "warn",
    "rejected": "bad",
}
SHOWN = 500  # outcomes on the page that reports them; the others are counted there


@admin.register(Team)
class TeamAdmin(Confirmed[Team], RowAdmin[Team]):
    """Teams: who they are and what they may promise together.

    An edit that is odd is asked about, and one of groups that its namespaces follow.
    """

    asks_always = False

    list_display = ("slug", "name", "owner_group", "live", "namespace_limit", "cpu", "memory")
    search_fields = ("slug", "name", "owner_group", "member_group", "viewer_group")
    fieldsets = (
        (None, {"fields": ("slug", "name")}),
        ("People", {"fields": ("owner_group", "member_group", "viewer_group")}),
        ("Budget", {"fields": ("namespace_limit", "cpu_budget", "memory_budget_gib")}),
    )
    exported = (
        ("slug", "slug"),
        ("name", "name"),
        ("owners", "owner_group"),
        ("members", "member_group"),
        ("viewers", "viewer_group"),
        ("namespaces at most", "namespace_limit"),
        ("CPU budget (cores)", "cpu_budget"),
        ("memory budget (GiB)", "memory_budget_gib"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Team]:
        live = Count("namespaces", filter=Q(namespaces__deleted_at=None))
        return super().get_queryset(request).annotate(live=live)

    def get_readonly_fields(self, request: HttpRequest, obj: Team | None = None) -> tuple[str, ...]:  # noqa: ARG002 - Django's signature
        return ("slug",) if obj else ()

    @admin.display(description="namespaces", ordering="live")
    def live(self, team: Team) -> int:
        return int(vars(team)["live"])

    @admin.display(description="CPU budget", ordering="cpu_budget")
    def cpu(self, team: Team) -> str:
        return f"{team.cpu_budget.normalize():f} cores"

    @admin.display(description="memory budget", ordering="memory_budget_gib")
    def memory(self, team: Team) -> str:
        return f"{team.memory_budget_gib.normalize():f} GiB"

    def touched(self, row: Team, edited: Team) -> NamespaceQuerySet | None:
        return services.followers(row, edited)

    def doubts(self, edited: Team) -> Sequence[str]:
        return doubts.about(edited)

    def save_model(self, request: HttpRequest, obj: Team, form: Any, change: bool) -> None:  # noqa: ARG002
        services.save_team(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Team | None = None) -> bool:  # noqa: ARG002
        return False  # what it asked for and had stays on record


class TierAdmin(Confirmed[Tier], RowAdmin[Tier]):
    """Sizes. An edit reaches every namespace of the tier by itself, and says so before it does.

    Registered by `provisioning.admin`, which asks the clusters whether they would take it.
    """

    list_display = ("slug", "name", "live", "parallelism", "workflow_deadline_seconds", "order")
    search_fields = ("slug", "name", "description")
    fieldsets = (
        (None, {"fields": ("slug", "name", "description", "order")}),
        ("Room", {"fields": ("quota", "limits")}),
        ("Where", {"fields": ("cluster_labels",)}),
        (
            "Controller",
            {"fields": ("controller_resources", "parallelism", "workflow_deadline_seconds")},
        ),
    )
    exported = (
        ("slug", "slug"),
        ("name", "name"),
        ("description", "description"),
        ("quota", "quota"),
        ("limits", "limits"),
        ("controller", "controller_resources"),
        ("parallelism", "parallelism"),
        ("deadline (s)", "workflow_deadline_seconds"),
        ("labels of its clusters", "cluster_labels"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tier]:
        live = Count("namespaces", filter=Q(namespaces__deleted_at=None))
        return super().get_queryset(request).annotate(live=live)

    def get_readonly_fields(self, request: HttpRequest, obj: Tier | None = None) -> tuple[str, ...]:  # noqa: ARG002
        return ("slug",) if obj else ()

    @admin.display(description="namespaces", ordering="live")
    def live(self, tier: Tier) -> int:
        return int(vars(tier)["live"])

    def touched(self, row: Tier, edited: Tier) -> NamespaceQuerySet:  # noqa: ARG002 - any edit reaches them
        return TenantNamespace.objects.live().filter(tier=row)

    def save_model(self, request: HttpRequest, obj: Tier, form: Any, change: bool) -> None:  # noqa: ARG002
        touched = services.save_tier(obj)
        self.message_user(request, f"{touched} namespaces follow this edit.")

    def has_delete_permission(self, request: HttpRequest, obj: Tier | None = None) -> bool:  # noqa: ARG002
        return False  # requests and namespaces name it


class Standing(admin.SimpleListFilter):
    """Which namespaces a list is about; without a choice, those that are or are to be there."""

    title = "standing"
    parameter_name = "standing"
    words = (
        ("failing", "failing"),
        ("behind", "behind their wish"),
        ("gone", "gone"),
        ("all", "all"),
    )

    def lookups(
        self,
        request: HttpRequest,  # noqa: ARG002 - Django's signature
        model_admin: Any,  # noqa: ARG002
    ) -> Sequence[tuple[str, str]]:
        return self.words

    def choices(self, changelist: Any) -> Any:
        """Django's word for no choice is "All", which is not what it means here."""
        first, *others = super().choices(changelist)
        yield {**first, "display": "live"}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        if chosen == "all" or (chosen is None and request.GET.get("phase__exact") == "Terminated"):
            return queryset
        if chosen == "gone":
            return queryset.exclude(deleted_at=None)
        live = queryset.filter(deleted_at=None)
        if chosen == "failing":
            return live.filter(failures__gt=0)
        return live.behind() if chosen == "behind" and isinstance(live, NamespaceQuerySet) else live


class ArgoStanding(admin.SimpleListFilter):
    """Which Argo runs there, by what is known to be wrong with it."""

    title = "Argo"
    parameter_name = "argo"

    def lookups(
        self,
        request: HttpRequest,  # noqa: ARG002 - Django's signature
        model_admin: Any,  # noqa: ARG002
    ) -> Sequence[tuple[str, str]]:
        return [(flag.value, flag.value) for flag in Flag]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:  # noqa: ARG002
        flag = self.value()
        if flag not in set(Flag) or not isinstance(queryset, NamespaceQuerySet):
            return queryset
        return queryset.running(Flag(flag))


class OperatorForm(ActionForm):  # type: ignore[misc]  # unfold ships no types
    """What to do with the chosen rows, and why."""

    reason = forms.CharField(
        label="",
        required=False,
        max_length=500,
        widget=UnfoldAdminTextInputWidget(
            {"placeholder": "Reason (kept; needed to pause)", "aria-label": "Reason"}
        ),
    )


def _when(field: str, words: str) -> Callable[[Any, TenantNamespace], str]:
    """A field of the namespace's page: one of its times, in words, and how long ago it was."""

    @admin.display(description=words)
    def shown(_: Any, namespace: TenantNamespace) -> str:
        moment = getattr(namespace, field)
        return at(moment) if moment else "-"

    return shown


class ActInline(Rows[NamespaceAct, TenantNamespace]):
    """Who paused and resumed it, when and why."""

    model = NamespaceAct
    verbose_name_plural = "Paused and resumed"
    when_empty = "It was never paused."
    fields = ("at", "kind", "by", "reason")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("by")


class TenantNamespaceAdmin(ReadOnly, RowAdmin[TenantNamespace]):
    """What teams have, what was seen of it, and the four things an operator does to it.

    Registered by `provisioning.admin`, which adds what the loop did to each.
    """

    list_display = (
        "name",
        "team",
        "cluster",
        "tier",
        "how",
        "why",
        "failures",
        "next_try",
        "argo",
    )
    list_filter = (Standing, ArgoStanding, "phase", "paused", "cluster", "tier")
    list_select_related = ("team", "cluster", "tier")
    search_fields = ("name", "team__slug", "team__name", "cluster__name")
    action_form = OperatorForm
    when_empty = "A team asks for one in the console; it is here as soon as that is approved."
    actions = ("try_now", "look_thoroughly", "pause", "resume")
    inlines: ClassVar[tuple[type[Rows[Any, TenantNamespace]], ...]] = (ActInline,)
    fieldsets = (
        (None, {"fields": ("name", "team", "cluster", "tier", "how", "facts")}),
        ("What is asked for", {"fields": ("asked_at", "wish", "approved", "to_go")}),
        (
            "What was done",
            {
                "fields": (
                    "carried_out",
                    "failures",
                    "next_try",
                    "under_way",
                    "looked_over",
                    "begun",
                    "applied",
                    "served",
                    "gone",
                    "runs",
                )
            },
        ),
    )
    exported = (
        ("name", "name"),
        ("team", "team__slug"),
        ("cluster", "cluster__name"),
        ("tier", "tier__slug"),
        ("phase", "phase"),
        ("paused", "paused"),
        ("failures", "failures"),
        ("next turn", "next_reconcile_at"),
        ("generation", "generation"),
        ("observed generation", "observed_generation"),
        ("Argo", "argo_version"),
        ("created", "created_at"),
        ("ready", "ready_at"),
        ("gone", "deleted_at"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[TenantNamespace]:
        """With its cluster, but not with that cluster's credential."""
        return super().get_queryset(request).defer("cluster__sealed_kubeconfig")

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Who may view may not yet act: the rows cannot be changed, so Django's own check never asks."""
        return isinstance(request.user, User) and request.user.is_platform_admin

    @admin.display(description="phase", ordering="phase")
    def how(self, namespace: TenantNamespace) -> str:
        phase = word(LOOKS.get(namespace.phase, ""), namespace.phase)
        return phase + format_html(" {}", word("warn", "paused")) if namespace.paused else phase

    @admin.display(description="Argo", ordering="argo_version")
    def argo(self, namespace: TenantNamespace) -> str:
        standing = known(namespace.argo_version)
        flags = format_html_join(
            "", " {}", ((word(standing.look, flag),) for flag in standing.flags)
        )
        return format_html("{}{}", namespace.argo_version, flags)

    @admin.display(description="why")
    def why(self, namespace: TenantNamespace) -> str:
        """The sentence of the condition over all, unless there is nothing to explain."""
        ready = namespace.ready
        return clipped(ready.message) if ready and ready.status is not Status.TRUE else ""

    @admin.display(description="next turn", ordering="next_reconcile_at")
    def next_try(self, namespace: TenantNamespace) -> str:
        idle = namespace.paused or namespace.deleted_at is not None
        if not idle and namespace.cluster.reachable is False:
            return "waits for its cluster"
        return "" if idle else due(namespace.next_reconcile_at)

    asked_at = _when("created_at", "made")
    to_go = _when("deletion_requested_at", "removal asked for")
    under_way = _when("claimed_until", "a turn has it until")
    looked_over = _when("thorough_at", "last thorough look")
    begun = _when("begun_at", "first turn began")
    applied = _when("applied_at", "all of the plan carried out")
    served = _when("ready_at", "first ready")
    gone = _when("deleted_at", "gone")

    @admin.display(description="wish")
    def wish(self, namespace: TenantNamespace) -> str:
        return f"number {namespace.generation}"

    @admin.display(description="carried out")
    def carried_out(self, namespace: TenantNamespace) -> str:
        """Which wish the loop has seen through: behind the newest one, it still works on it."""
        seen = namespace.observed_generation
        said = "this wish" if seen == namespace.generation else f"wish number {seen}"
        return said if seen else "nothing yet"

    @admin.display(description="approved plan")
    def approved(self, namespace: TenantNamespace) -> str:
        return namespace.approved_plan or "none: it was made without one"

    @admin.display(description="Argo Workflows running")
    def runs(self, namespace: TenantNamespace) -> str:
        standing = known(namespace.argo_version)
        seen = namespace.argo_version or "not seen to be available yet"
        return " ".join((seen, *standing.sentences, standing.way_out)).strip()

    @admin.display(description="conditions")
    def facts(self, namespace: TenantNamespace) -> str:
        """Every condition with its reason and sentence, in full."""
        rows = [_cells(c) for c in from_dicts(namespace.conditions).values()]
        return format_html(
            '<table class="facts"><tbody>{}</tbody></table>',
            format_html_join(
                "", "<tr><th>{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>", rows
            ),
        )

    @admin.action(description="Try now", permissions=["operate"])
    def try_now(self, request: HttpRequest, chosen: NamespaceQuerySet) -> HttpResponse | None:
        return self._report(request, "Try now", lambda: operate.try_now(chosen))

    @admin.action(description="Look thoroughly now", permissions=["operate"])
    def look_thoroughly(
        self, request: HttpRequest, chosen: NamespaceQuerySet
    ) -> HttpResponse | None:
        return self._report(
            request, "Look thoroughly now", lambda: operate.try_now(chosen, thorough=True)
        )

    @admin.action(description="Pause: the loop leaves them alone", permissions=["operate"])
    def pause(self, request: HttpRequest, chosen: NamespaceQuerySet) -> HttpResponse | None:
        by, reason = _who_and_why(request)
        return self._report(
            request, "Pause", lambda: operate.pause(chosen, by=by, reason=reason), reason
        )

    @admin.action(description="Resume", permissions=["operate"])
    def resume(self, request: HttpRequest, chosen: NamespaceQuerySet) -> HttpResponse | None:
        by, reason = _who_and_why(request)
        return self._report(
            request, "Resume", lambda: operate.resume(chosen, by=by, reason=reason), reason
        )

    def _report(
        self,
        request: HttpRequest,
        act: str,
        outcomes_of: Callable[[], list[Outcome]],
        reason: str = "",
    ) -> HttpResponse | None:
        """What became of each row, on a page; a refusal of the whole act is said above the list."""
        try:
            outcomes = outcomes_of()
        except DomainError as exc:
            self.message_user(request, exc.sentence, messages.ERROR)
            return None
        refused = [each for each in outcomes if not each.done]
        context = {
            **self.admin_site.each_context(request),
            "title": act,
            "opts": self.opts,
            "reason": reason,
            "done": len(outcomes) - len(refused),
            "refused": len(refused),
            "outcomes": [*refused, *(each for each in outcomes if each.done)][:SHOWN],
            "more": max(len(outcomes) - SHOWN, 0),
        }
        return TemplateResponse(request, "desk/outcomes.html", context)


def _who_and_why(request: HttpRequest) -> tuple[User, str]:
    if not isinstance(request.user, User):
        raise PermissionDenied
    # The form of the actions is on the page once for each bar of them, all with the same index.
    return request.user, next(filter(None, request.POST.getlist("reason")), "")[:500]


def _cells(condition: Condition) -> tuple[str, ...]:
    looks = {Status.TRUE: "ok", Status.FALSE: "bad", Status.UNKNOWN: "run"}
    return (
        condition.type,
        word(looks[condition.status], str(condition.status)),
        condition.reason,
        condition.message,
        ago(parse_datetime(condition.last_transition)),
    )


class EventInline(Rows[RequestEvent, Request]):
    """What happened to a request."""

    model = RequestEvent
    verbose_name_plural = "What happened"
    fields = ("at", "kind", "by", "note", "plan_hash")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("by")


@admin.register(Request)
class RequestAdmin(ReadOnly, RowAdmin[Request]):
    """What teams asked. Deciding takes reading the plan: that is the console's, the API's and `argosy`'s."""

    list_display = (
        "number",
        "team",
        "kind",
        "how",
        "requested_by",
        "filed",
        "namespace",
        "reason_given",
    )
    list_filter = ("state", "kind")
    when_empty = "Teams file them in the console, by the API or with argosy."
    list_select_related = ("team", "requested_by", "namespace__cluster")
    search_fields = ("team__slug", "team__name", "requested_by__username", "reason")
    inlines = (EventInline,)
    fields = ("team", "kind", "how", "requested_by", "created_at", "reason", "asked", "namespace")
    exported = (
        ("number", "pk"),
        ("team", "team__slug"),
        ("kind", "kind"),
        ("state", "state"),
        ("asked by", "requested_by__username"),
        ("filed", "created_at"),
        ("reason", "reason"),
        ("asked", "asked"),
        ("namespace", "namespace__name"),
    )

    @admin.display(description="request", ordering="pk")
    def number(self, request: Request) -> str:
        return f"#{request.pk}"

    @admin.display(description="state", ordering="state")
    def how(self, request: Request) -> str:
        return word(LOOKS.get(request.state, ""), request.state)

    @admin.display(description="filed", ordering="created_at")
    def filed(self, request: Request) -> str:
        return ago(request.created_at)

    @admin.display(description="reason")
    def reason_given(self, request: Request) -> str:
        return clipped(request.reason)
