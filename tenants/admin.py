"""The operator's window: what was seen is read-only, what is done is a service."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from controlplane.identity.models import User

from . import services
from .models import NamespaceQuerySet, Request, RequestEvent, Team, TenantNamespace, Tier


@admin.register(Team)
class TeamAdmin(admin.ModelAdmin[Team]):
    """Teams: who they are and what they may promise together."""

    list_display = ("slug", "name", "owner_group", "namespace_limit", "cpu_budget")
    search_fields = ("slug", "name", "owner_group", "member_group", "viewer_group")

    def get_readonly_fields(self, request: HttpRequest, obj: Team | None = None) -> tuple[str, ...]:  # noqa: ARG002 - Django's signature
        return ("slug",) if obj else ()

    def save_model(self, request: HttpRequest, obj: Team, form: Any, change: bool) -> None:  # noqa: ARG002
        services.save_team(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Team | None = None) -> bool:  # noqa: ARG002
        return False  # what it asked for and had stays on record


@admin.register(Tier)
class TierAdmin(admin.ModelAdmin[Tier]):
    """Sizes. An edit reaches every namespace of the tier by itself."""

    list_display = ("slug", "name", "order", "parallelism", "workflow_deadline_seconds")

    def get_readonly_fields(self, request: HttpRequest, obj: Tier | None = None) -> tuple[str, ...]:  # noqa: ARG002
        return ("slug",) if obj else ()

    def save_model(self, request: HttpRequest, obj: Tier, form: Any, change: bool) -> None:  # noqa: ARG002
        touched = services.save_tier(obj)
        self.message_user(request, f"{touched} namespaces follow this edit.")

    def has_delete_permission(self, request: HttpRequest, obj: Tier | None = None) -> bool:  # noqa: ARG002
        return False  # requests and namespaces name it


class ReadOnly:
    """Rows that people look at here, and services write."""

    def has_add_permission(self, *_: object, **__: object) -> bool:
        return False

    def has_change_permission(self, *_: object, **__: object) -> bool:
        return False

    def has_delete_permission(self, *_: object, **__: object) -> bool:
        return False


@admin.register(TenantNamespace)
class TenantNamespaceAdmin(ReadOnly, admin.ModelAdmin[TenantNamespace]):
    """What teams have, what was seen of it, and the four things an operator does to it."""

    list_display = ("name", "team", "cluster", "tier", "phase", "up_to_date", "paused", "failures")
    list_filter = ("phase", "cluster", "tier", "paused")
    list_select_related = ("team", "cluster", "tier")
    search_fields = ("name", "team__slug")
    actions = ("try_now", "look_thoroughly", "pause", "resume")

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Who may view may not yet act: the rows cannot be changed, so Django's own check never asks."""
        return isinstance(request.user, User) and request.user.is_platform_admin

    @admin.display(boolean=True)
    def up_to_date(self, namespace: TenantNamespace) -> bool:
        """Whether the newest wish was acted on."""
        return namespace.observed_generation == namespace.generation

    @admin.action(description="Try now", permissions=["operate"])
    def try_now(self, request: HttpRequest, chosen: NamespaceQuerySet) -> None:
        self.message_user(request, f"{services.nudge(chosen)} namespaces are due now.")

    @admin.action(description="Look thoroughly now", permissions=["operate"])
    def look_thoroughly(self, request: HttpRequest, chosen: NamespaceQuerySet) -> None:
        count = services.nudge(chosen, thorough=True)
        self.message_user(request, f"{count} namespaces are due now, each for a thorough look.")

    @admin.action(description="Pause: the loop leaves them alone", permissions=["operate"])
    def pause(self, request: HttpRequest, chosen: NamespaceQuerySet) -> None:
        self.message_user(request, f"{services.pause(chosen)} namespaces are paused.")

    @admin.action(description="Resume", permissions=["operate"])
    def resume(self, request: HttpRequest, chosen: NamespaceQuerySet) -> None:
        self.message_user(request, f"{services.resume(chosen)} namespaces are looked after again.")


class EventInline(ReadOnly, admin.TabularInline[RequestEvent, Request]):
    """What happened to a request."""

    model = RequestEvent
    extra = 0
    fields = ("at", "kind", "by", "note", "plan_hash")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("by")


@admin.register(Request)
class RequestAdmin(ReadOnly, admin.ModelAdmin[Request]):
    """What teams asked. Deciding takes reading the plan: that is the API's and `argosy approve`'s."""

    list_display = ("__str__", "state", "requested_by", "created_at", "namespace")
    list_filter = ("state", "kind")
    list_select_related = ("team", "requested_by", "namespace__cluster")
    search_fields = ("team__slug", "requested_by__username")
    inlines = (EventInline,)
