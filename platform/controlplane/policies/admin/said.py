"""What is said about images at the desk, to whom, and whom it would break."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.widgets import UnfoldAdminTextInputWidget

from controlplane.errors import DomainError
from controlplane.policies import backtest, services, trying
from controlplane.policies.document import NotAPolicy
from controlplane.policies.models import (
    ImagePolicy,
    RollOut,
)
from controlplane.rows.desk import RowAdmin
from controlplane.rows.looks import ago, clipped, word
from tenants.models import Team

from .acting import LOOKS, person_of


class TryForm(forms.Form):
    """An image, and whose pod it would be in."""

    team = forms.ModelChoiceField(Team.objects.all(), to_field_name="slug")
    image = forms.CharField(max_length=512, widget=UnfoldAdminTextInputWidget())


@admin.register(ImagePolicy)
class ImagePolicyAdmin(RowAdmin[ImagePolicy]):
    """What is said about images, and to whom. Try an image, or back-test a policy, before it binds."""

    list_display = ("name", "scope", "whom", "in_force", "what")
    list_filter = ("scope", "enabled")
    list_select_related = ("tier", "team")
    search_fields = ("name", "description", "team__slug")
    fields = ("name", "description", "scope", "tier", "team", "enabled", "settings", "ask")
    exported = (
        ("name", "name"),
        ("description", "description"),
        ("scope", "scope"),
        ("tier", "tier__slug"),
        ("team", "team__slug"),
        ("in force", "enabled"),
        ("settings", "settings"),
    )
    readonly_fields = ("ask",)

    def get_urls(self) -> list[URLPattern]:
        asking = [
            path("try/", self.admin_site.admin_view(self.try_image), name="policies_try"),
            path(
                "<int:pk>/back-test/",
                self.admin_site.admin_view(self.back_test),
                name="policies_back_test",
            ),
            path(
                "back-test/",
                self.admin_site.admin_view(self.back_test),
                name="policies_back_test_all",
            ),
        ]
        return [*asking, *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        tools = [
            ("Try an image", reverse("admin:policies_try"), "What would become of a pod with it"),
            (
                "Who would break?",
                reverse("admin:policies_back_test_all"),
                "If every team that is in audit were enforced",
            ),
        ]
        return super().changelist_view(request, {"tools": tools, **(extra_context or {})})

    @admin.display(description="before it binds")
    def ask(self, policy: ImagePolicy) -> str:
        """The way to the back-test, once there is something to test."""
        if policy.pk is None:
            return "Save it as a draft, and ask who would break."
        return format_html(
            '<a href="{}">Who would break?</a>',
            reverse("admin:policies_back_test", args=[policy.pk]),
        )

    @admin.display(description="about")
    def whom(self, policy: ImagePolicy) -> str:
        return str(policy.team or policy.tier or "")

    @admin.display(description="in force", ordering="enabled")
    def in_force(self, policy: ImagePolicy) -> str:
        return word("ok", "yes") if policy.enabled else word("warn", "draft")

    @admin.display(description="description")
    def what(self, policy: ImagePolicy) -> str:
        return clipped(policy.description)

    def save_model(self, request: HttpRequest, obj: ImagePolicy, form: Any, change: bool) -> None:  # noqa: ARG002
        services.save_policy(obj, now=timezone.now())
        self.message_user(request, "Every cluster's bundle follows within seconds.")

    def delete_model(self, request: HttpRequest, obj: ImagePolicy) -> None:  # noqa: ARG002
        services.remove_policy(obj, now=timezone.now())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ImagePolicy]) -> None:  # noqa: ARG002
        for policy in queryset:
            services.remove_policy(policy, now=timezone.now())

    def try_image(self, request: HttpRequest) -> HttpResponse:
        """A box for an image, and the answer of the rules themselves."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        asked = request.GET if "image" in request.GET else None
        form, tried, refused = TryForm(asked), None, ""
        if asked is not None and form.is_valid():
            try:
                tried = trying.try_image(**form.cleaned_data, now=timezone.now())
            except DomainError as exc:
                refused = exc.sentence
        context = {
            **self.admin_site.each_context(request),
            "title": "Try an image",
            "opts": self.opts,
            "form": form,
            "tried": tried,
            "refused": refused,
        }
        return TemplateResponse(request, "desk/try_image.html", context)

    def back_test(self, request: HttpRequest, pk: int | None = None) -> HttpResponse:
        """Who would break. It asks every cluster, so it is done by a POST and not by a link."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        known = ImagePolicy.objects.select_related("team", "tier")
        draft = None if pk is None else known.filter(pk=pk).first()
        if pk is not None and draft is None:
            raise Http404
        result, refused = None, ""
        if request.method == "POST":
            try:
                result = backtest.back_test(draft, now=timezone.now())
            except (DomainError, NotAPolicy) as exc:
                refused = str(exc)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Who would break? {draft}" if draft else "Who would break if all enforced?",
            "opts": self.opts,
            "original": draft,
            "result": result,
            "refused": refused,
        }
        return TemplateResponse(request, "desk/back_test.html", context)


@admin.register(RollOut)
class RollOutAdmin(RowAdmin[RollOut]):
    """Which teams are only watched. A team that is not here is enforced."""

    list_display = ("team", "how", "for_how_long", "by", "why")
    list_filter = ("mode",)
    list_select_related = ("team", "by")
    search_fields = ("team__slug",)
    fields = ("team", "mode", "reason")
    exported = (
        ("team", "team__slug"),
        ("mode", "mode"),
        ("since", "since"),
        ("by", "by__username"),
        ("reason", "reason"),
    )

    def get_readonly_fields(
        self,
        request: HttpRequest,  # noqa: ARG002 - Django's signature
        obj: RollOut | None = None,
    ) -> tuple[str, ...]:
        return ("team",) if obj else ()

    @admin.display(description="mode", ordering="mode")
    def how(self, row: RollOut) -> str:
        return word(LOOKS[row.mode], row.mode)

    @admin.display(description="since", ordering="since")
    def for_how_long(self, row: RollOut) -> str:
        return ago(row.since)

    @admin.display(description="reason")
    def why(self, row: RollOut) -> str:
        return clipped(row.reason)

    def save_model(self, request: HttpRequest, obj: RollOut, form: Any, change: bool) -> None:  # noqa: ARG002
        kept = services.roll_out(
            team=obj.team,
            mode=obj.mode,
            by=person_of(request),
            reason=obj.reason,
            now=timezone.now(),
        )
        obj.pk = kept.pk

    def has_delete_permission(self, request: HttpRequest, obj: RollOut | None = None) -> bool:  # noqa: ARG002
        return False  # set it to enforce: then it says since when, and by whom
