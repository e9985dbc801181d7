"""Clusters and their policies, at the desk: what each acts by, its agent, and when it stands down."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from controlplane.clusters.models import Cluster
from controlplane.policies import (
    agents,
    bundles,
    delivering,
    services,
)
from controlplane.policies.models import (
    AgentToken,
    Delivery,
    StandDown,
)
from controlplane.rows.desk import RowAdmin
from controlplane.rows.looks import ago, clipped, due, word

from .acting import Decides, person_of


@admin.register(StandDown)
class StandDownAdmin(Decides):
    """Clusters whose webhook is away for a while. Each ends by itself."""

    list_display = ("cluster", "how", "when", "by", "why")
    list_select_related = ("cluster", "by")
    search_fields = ("cluster__name", "reason")
    actions = ("end",)
    fields = ("cluster", "until", "reason")
    exported = (
        ("cluster", "cluster__name"),
        ("from", "began_at"),
        ("until", "until"),
        ("ended", "ended_at"),
        ("by", "by__username"),
        ("reason", "reason"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[StandDown]:
        return super().get_queryset(request).defer("cluster__sealed_kubeconfig")

    @admin.display(description="state")
    def how(self, row: StandDown) -> str:
        active = row.ended_at is None and row.until > timezone.now()
        return word("bad", "stands down") if active else word("", "over")

    @admin.display(description="until", ordering="until")
    def when(self, row: StandDown) -> str:
        return due(row.until) if row.ended_at is None else ago(row.ended_at)

    @admin.display(description="reason")
    def why(self, row: StandDown) -> str:
        return clipped(row.reason)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {
            **super().get_changeform_initial_data(request),
            "until": timezone.now() + timedelta(hours=1),
        }

    def save_model(self, request: HttpRequest, obj: StandDown, form: Any, change: bool) -> None:  # noqa: ARG002
        kept = services.stand_down(
            cluster=obj.cluster,
            until=obj.until,
            by=person_of(request),
            reason=obj.reason,
            now=timezone.now(),
        )
        obj.pk = kept.pk

    @admin.action(description="End now", permissions=["admin"])
    def end(self, request: HttpRequest, chosen: QuerySet[StandDown]) -> None:
        by, now = person_of(request), timezone.now()
        self.each(
            request, chosen, lambda row: services.end_stand_down(row, by=by, now=now), "ended."
        )

    def has_change_permission(self, request: HttpRequest, obj: StandDown | None = None) -> bool:  # noqa: ARG002
        return False  # it is ended, and begun again

    def has_delete_permission(self, request: HttpRequest, obj: StandDown | None = None) -> bool:  # noqa: ARG002
        return False


@admin.register(Delivery)
class DeliveryAdmin(RowAdmin[Delivery]):
    """Which policies each cluster's API server acts by. Where its webhook is, is said here."""

    list_display = ("cluster", "state", "version", "for_how_long", "looked", "why")
    list_select_related = ("cluster",)
    list_filter = ("in_force",)
    when_empty = "A row comes with the first look at a cluster."
    fields = ("cluster", "webhook", "in_force", "version", "since", "checked_at", "message")
    readonly_fields = ("cluster", "in_force", "version", "since", "checked_at", "message")
    exported = (
        ("cluster", "cluster__name"),
        ("in force", "in_force"),
        ("version", "version"),
        ("since", "since"),
        ("checked", "checked_at"),
        ("message", "message"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        return super().get_queryset(request).defer("cluster__sealed_kubeconfig")

    @admin.display(description="state", ordering="in_force")
    def state(self, row: Delivery) -> str:
        words = {True: ("ok", "in force"), False: ("bad", "not in force"), None: ("", "not yet")}
        return word(*words[row.in_force])

    @admin.display(description="since", ordering="since")
    def for_how_long(self, row: Delivery) -> str:
        return ago(row.since)

    @admin.display(description="looked at", ordering="checked_at")
    def looked(self, row: Delivery) -> str:
        return ago(row.checked_at)

    @admin.display(description="message")
    def why(self, row: Delivery) -> str:
        return clipped(row.message)

    def save_model(self, request: HttpRequest, obj: Delivery, form: Any, change: bool) -> None:  # noqa: ARG002
        delivering.webhook_at(obj.cluster, obj.webhook)

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Delivery | None = None) -> bool:  # noqa: ARG002
        return False


@admin.register(AgentToken)
class AgentTokenAdmin(RowAdmin[AgentToken]):
    """The agents' keys. A new one is shown once; the older one ends soon after it is used."""

    list_display = ("cluster", "hint", "created_at", "heard", "ends", "bundle_version")
    list_select_related = ("cluster",)
    search_fields = ("cluster__name", "hint")
    fields = ("cluster",)
    exported = (
        ("cluster", "cluster__name"),
        ("begins with", "hint"),
        ("made", "created_at"),
        ("last used", "last_used_at"),
        ("ends", "ends_at"),
        ("bundle", "bundle_version"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[AgentToken]:
        return super().get_queryset(request).defer("cluster__sealed_kubeconfig")

    @admin.display(description="last heard", ordering="last_used_at")
    def heard(self, token: AgentToken) -> str:
        return ago(token.last_used_at)

    @admin.display(description="ends", ordering="ends_at")
    def ends(self, token: AgentToken) -> str:
        over = token.ends_at is not None and token.ends_at <= timezone.now()
        return word("", "over") if over else due(token.ends_at)

    def save_model(self, request: HttpRequest, obj: AgentToken, form: Any, change: bool) -> None:  # noqa: ARG002
        cluster = Cluster.objects.get(pk=obj.cluster_id)
        token, plain = agents.issue(cluster)
        obj.pk = token.pk
        vars(request)["token"] = plain

    def response_add(
        self,
        request: HttpRequest,
        obj: AgentToken,
        post_url_continue: str | None = None,  # noqa: ARG002 - Django's signature
    ) -> HttpResponse:
        """The one time that it is shown: on this answer, not in a message that is kept in a session."""
        context = {
            **self.admin_site.each_context(request),
            "title": f"The agent's token of {obj.cluster}",
            "opts": self.opts,
            "token": vars(request)["token"],
            "public_key": bundles.public_key(),
        }
        answer = TemplateResponse(request, "desk/agent_token.html", context)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    def response_change(self, request: HttpRequest, obj: AgentToken) -> HttpResponse:  # noqa: ARG002
        return HttpResponseRedirect(reverse("admin:policies_agenttoken_changelist"))

    def has_change_permission(self, request: HttpRequest, obj: AgentToken | None = None) -> bool:  # noqa: ARG002
        return False
