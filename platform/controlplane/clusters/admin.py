"""The clusters there are, whether they answer, and what an edit of one would touch."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join

from controlplane.errors import DomainError
from controlplane.rows.confirm import Confirmed
from controlplane.rows.desk import JsonArea, RowAdmin
from controlplane.rows.looks import ago, word

from . import services
from .answering import standing_of
from .desk_acts import SchedulingActs
from .health import from_dicts
from .kubeconfig import LONGEST
from .models import Cluster

NEW = ((None, {"fields": ("name", "kubeconfig", "labels", "placement", "simulated", "rebuilt")}),)


class UnseenArea(JsonArea):
    """A text area for what is entered and never shown again, not even to who typed it."""

    def format_value(self, value: Any) -> str:  # noqa: ARG002 - Django's signature
        return ""


class NewCluster(forms.ModelForm[Cluster]):
    """A cluster to add. One of that name that is there has its credential replaced."""

    kubeconfig = forms.CharField(
        widget=UnseenArea(),
        max_length=LONGEST,
        strip=False,
        help_text="With everything inline; it is kept encrypted and never shown again.",
    )
    rebuilt = forms.BooleanField(
        required=False,
        help_text="The cluster that had this name is gone; make its namespaces anew on this one.",
    )

    class Meta:
        model = Cluster
        fields = ("name", "labels", "placement", "simulated")

    def validate_unique(self) -> None:
        """A name that is there is no mistake here."""


@admin.register(Cluster)
class ClusterAdmin(SchedulingActs, Confirmed[Cluster], RowAdmin[Cluster]):
    """Credentials are never shown; where pods go is edited here, and its namespaces follow."""

    list_display = (
        "name",
        "answers",
        "for_how_long",
        "kubernetes_version",
        "live",
        "labelled",
        "server",
        "why",
    )
    list_filter = ("reachable", "scheduling", "simulated")
    when_empty = "Add one here, or: argosy cluster add NAME --kubeconfig FILE"
    search_fields = ("name", "server")
    fieldsets = (
        (None, {"fields": ("name", "server", "labels", "placement", "simulated", "removing")}),
        ("People", {"fields": ("trusts_provider", "group_prefix")}),
        ("New namespaces", {"fields": ("scheduling", "scheduling_reason", "scheduled_at")}),
        (
            "Seen",
            {
                "fields": (
                    "facts",
                    "base",
                    "kubernetes_version",
                    "uid",
                    "api_endpoints",
                    "reachable",
                    "since",
                    "checked_at",
                    "message",
                    "image_policies",
                )
            },
        ),
    )
    readonly_fields = (
        "name",
        "facts",
        "base",
        "scheduling",
        "scheduling_reason",
        "scheduled_at",
        "server",
        "removing",
        "kubernetes_version",
        "uid",
        "api_endpoints",
        "reachable",
        "since",
        "checked_at",
        "message",
        "image_policies",
    )
    exported = (
        ("name", "name"),
        ("server", "server"),
        ("Kubernetes", "kubernetes_version"),
        ("reachable", "reachable"),
        ("scheduling", "scheduling"),
        ("base", "base_version"),
        ("since", "since"),
        ("checked", "checked_at"),
        ("message", "message"),
        ("simulated", "simulated"),
        ("labels", "labels"),
    )

    def get_fieldsets(self, request: HttpRequest, obj: Cluster | None = None) -> Any:
        return super().get_fieldsets(request, obj) if obj else NEW

    def get_readonly_fields(self, request: HttpRequest, obj: Cluster | None = None) -> Any:
        return super().get_readonly_fields(request, obj) if obj else ()

    def get_form(
        self, request: HttpRequest, obj: Cluster | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if obj is None:
            kwargs["form"] = NewCluster
        return super().get_form(request, obj, change=change, **kwargs)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Nothing is asked of the credential, not even how it begins."""
        return not lookup.startswith("sealed_kubeconfig") and super().lookup_allowed(
            lookup, value, request
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Cluster]:
        """Without the credential: no page of the desk has a use for it."""
        counted = Count("namespaces", filter=Q(namespaces__deleted_at=None))
        return super().get_queryset(request).defer("sealed_kubeconfig").annotate(live=counted)

    @admin.display(description="state", ordering="reachable")
    def answers(self, cluster: Cluster) -> str:
        """A word, since not having asked yet, or lately, is neither yes nor no."""
        answer = standing_of(cluster, timezone.now())
        return word(answer.look, answer.word)

    @admin.display(description="since", ordering="since")
    def for_how_long(self, cluster: Cluster) -> str:
        return ago(standing_of(cluster, timezone.now()).since)

    @admin.display(description="namespaces", ordering="live")
    def live(self, cluster: Cluster) -> int:
        return int(vars(cluster)["live"])

    @admin.display(description="message")
    def why(self, cluster: Cluster) -> str:
        answer = standing_of(cluster, timezone.now())
        return " ".join(filter(None, (answer.why, answer.way_out)))

    @admin.display(description="conditions")
    def facts(self, cluster: Cluster) -> str:
        """Each with its reason, sentence and since when, in full."""
        looks = {True: "ok", False: "bad", None: ""}
        rows = [
            (each.type, word(looks[each.good], each.reason), each.message, ago(each.since))
            for each in from_dicts(cluster.conditions)
        ]
        return format_html(
            '<table class="facts"><tbody>{}</tbody></table>',
            format_html_join("", "<tr><th>{}</th><td>{}</td><td>{}</td><td>{}</td></tr>", rows),
        )

    @admin.display(description="the platform's base")
    def base(self, cluster: Cluster) -> str:
        """Which of it is there, and what of it was put back last."""
        version = cluster.base_version or "not looked at yet"
        if cluster.base_put_back_at is None:
            return version
        return format_html(
            "{}. {} {}", version, cluster.base_put_back, ago(cluster.base_put_back_at)
        )

    @admin.display(description="image policies")
    def image_policies(self, cluster: Cluster) -> str:
        """What its API server was brought of them, and whether it acts by it."""
        brought = getattr(cluster, "image_delivery", None)
        if brought is None or brought.in_force is None:
            return "None were brought yet."
        version = f"version {brought.version}" if brought.version else "none"
        if brought.in_force:
            return f"{version} is in force since {brought.since:%F %H:%M}."
        return f"{version} was in force last; since {brought.since:%F %H:%M}: {brought.message}"

    def touched(self, row: Cluster, edited: Cluster) -> QuerySet[Any]:  # noqa: ARG002 - any edit reaches them
        return row.namespaces.live()

    @admin.display(description="labels")
    def labelled(self, cluster: Cluster) -> str:
        return " ".join(f"{key}={value}" for key, value in cluster.labels.items())

    @admin.display(description="removing it")
    def removing(self, cluster: Cluster) -> str:
        """Whether it can be, and what goes."""
        if count := cluster.namespaces.live().count():
            return f"Not while teams have namespaces there: {count}."
        return "No team has anything there. Its credential would be deleted, and nothing in the cluster."

    def save_model(self, request: HttpRequest, obj: Cluster, form: Any, change: bool) -> None:
        if change:
            services.edit(obj)
            self.message_user(request, "Its namespaces follow this edit.")
            return
        said = form.cleaned_data
        made = services.register(
            name=said["name"],
            kubeconfig_text=said["kubeconfig"],
            labels=said["labels"] or None,
            placement=said["placement"] or None,
            simulated=said["simulated"] or None,
            rebuilt=said["rebuilt"],
        )
        # Django goes on with the row that it made of the form.
        vars(obj).update(vars(made))

    def delete_model(self, request: HttpRequest, obj: Cluster) -> None:  # noqa: ARG002
        services.remove(obj)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except DomainError as exc:  # somebody's namespace came between the look and the answer
            self.message_user(request, exc.sentence, level="error")
            return HttpResponseRedirect(reverse("admin:clusters_cluster_change", args=[object_id]))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:  # noqa: ARG002
        """The row stays for the namespaces that once were there: what goes is said on its page."""
        return [str(cluster) for cluster in objs], {"credential": len(objs)}, set(), []

    def has_delete_permission(self, request: HttpRequest, obj: Cluster | None = None) -> bool:
        """One by one, and never while a team is there: its namespaces would be orphans."""
        if obj is None or not super().has_delete_permission(request, obj):
            return False
        return not obj.namespaces.live().exists()

    def _question_of_new(self, request: HttpRequest) -> Any:  # noqa: ARG002
        """Nobody is touched by a new one, and the preflight asks better than a page could."""
        return None
