"""Images at the desk: what is said, whom it would break, and what was seen."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.forms import ActionForm
from unfold.widgets import UnfoldAdminTextInputWidget

from controlplane.clusters.models import Cluster
from controlplane.errors import DomainError
from controlplane.identity.models import User
from controlplane.rows.desk import ReadOnly, RowAdmin
from controlplane.rows.looks import ago, clipped, due, word
from tenants.models import Team

from . import agents, backtest, bundles, delivering, exemptions, keys, services, trying
from .document import NotAPolicy
from .models import (
    AgentToken,
    Artifact,
    Delivery,
    ExemptionState,
    ImageExemption,
    ImagePolicy,
    RollOut,
    Scan,
    SigningKey,
    StandDown,
    Violation,
)

LOOKS = {
    "pending": "warn",
    "approved": "ok",
    "rejected": "bad",
    "refused": "warn",
    "admitted": "bad",
    "running": "bad",
    "gone": "",
    "audit": "warn",
    "enforce": "ok",
}


def person_of(request: HttpRequest) -> User:
    """Who is at the desk, typed."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


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


class NoteForm(ActionForm):  # type: ignore[misc]  # unfold ships no types
    """What to do with the chosen rows, and why."""

    note = forms.CharField(
        label="",
        required=False,
        max_length=1000,
        widget=UnfoldAdminTextInputWidget(
            {"placeholder": "Note (kept; needed to reject or revoke)", "aria-label": "Note"}
        ),
    )


def note_of(request: HttpRequest) -> str:
    """The form of the actions is on the page once for each bar of them, all with the same name."""
    return next(filter(None, request.POST.getlist("note")), "")[:1000]


class Decides(RowAdmin[Any]):
    """A list whose actions are services, each row with its own answer."""

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Who may view may not yet act: services ask again, row by row."""
        return isinstance(request.user, User) and request.user.is_approver

    def has_admin_permission(self, request: HttpRequest) -> bool:
        return isinstance(request.user, User) and request.user.is_platform_admin

    def each(self, request: HttpRequest, chosen: QuerySet[Any], act: Any, done: str) -> None:
        """Do it to each; a refusal is said and does not stop the others."""
        for row in chosen:
            try:
                act(row)
            except DomainError as exc:
                self.message_user(request, f"{row}: {exc.sentence}", messages.ERROR)
            else:
                self.message_user(request, f"{row}: {done}")


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


@admin.register(SigningKey)
class SigningKeyAdmin(Decides):
    """Whose signatures count. A key is never deleted: revoking it tells every cluster."""

    list_display = ("name", "begins_with", "trusted", "created_at", "why")
    search_fields = ("name", "key_id")
    action_form = NoteForm
    actions = ("revoke",)
    fields = ("name", "pem", "key_id", "created_at", "revoked_at", "revoked_by", "revoked_because")
    readonly_fields = ("key_id", "created_at", "revoked_at", "revoked_by", "revoked_because")
    exported = (
        ("name", "name"),
        ("id", "key_id"),
        ("added", "created_at"),
        ("revoked", "revoked_at"),
        ("because", "revoked_because"),
    )

    @admin.display(description="id", ordering="key_id")
    def begins_with(self, key: SigningKey) -> str:
        return f"{key.key_id[:12]}…"

    @admin.display(description="trusted", ordering="revoked_at")
    def trusted(self, key: SigningKey) -> str:
        return word("bad", "revoked") if key.revoked_at else word("ok", "trusted")

    @admin.display(description="because")
    def why(self, key: SigningKey) -> str:
        return clipped(key.revoked_because)

    def save_model(self, request: HttpRequest, obj: SigningKey, form: Any, change: bool) -> None:  # noqa: ARG002
        keys.save_key(obj)

    @admin.action(description="Revoke (say why)", permissions=["admin"])
    def revoke(self, request: HttpRequest, chosen: QuerySet[SigningKey]) -> None:
        by, note, now = person_of(request), note_of(request), timezone.now()
        self.each(
            request, chosen, lambda row: keys.revoke(row, by=by, now=now, reason=note), "revoked."
        )

    def has_delete_permission(self, request: HttpRequest, obj: SigningKey | None = None) -> bool:  # noqa: ARG002
        return False


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


@admin.register(Artifact)
class ArtifactAdmin(ReadOnly, RowAdmin[Artifact]):
    """What the CI said of the images it pushed, as it was verified."""

    list_display = ("repository", "begins_with", "team", "signers", "epoch", "pushed")
    list_select_related = ("team",)
    search_fields = ("repository", "digest", "team__slug")
    exported = (
        ("repository", "repository"),
        ("pinned as", "digest"),
        ("team", "team__slug"),
        ("keys", "key_ids"),
        ("attestations", "attestations"),
        ("epoch", "epoch"),
        ("at", "at"),
    )

    @admin.display(description="digest", ordering="digest")
    def begins_with(self, row: Artifact) -> str:
        return clipped(row.digest)

    @admin.display(description="signed by")
    def signers(self, row: Artifact) -> str:
        return ", ".join(key[:12] for key in row.key_ids)

    @admin.display(description="pushed", ordering="at")
    def pushed(self, row: Artifact) -> str:
        return ago(row.at)


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
