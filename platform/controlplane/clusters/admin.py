"""The clusters there are, whether they answer, and what an edit of one would touch."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join

from controlplane.rows.confirm import Confirmed
from controlplane.rows.desk import RowAdmin
from controlplane.rows.looks import ago, word

from . import services
from .answering import standing_of
from .desk_acts import SchedulingActs
from .health import from_dicts
from .models import Cluster


@admin.register(Cluster)
class ClusterAdmin(SchedulingActs, Confirmed[Cluster], RowAdmin[Cluster]):
    """Credentials are never shown; where pods go is edited here, and its namespaces follow."""

    list_display = (
        "name",
        "answers",
        "for_how_long",
        "kubernetes_version",
        "live",
        "server",
        "why",
    )
    list_filter = ("reachable", "scheduling", "simulated")
    when_empty = "Add one: argosy cluster add NAME --kubeconfig FILE"
    search_fields = ("name", "server")
    fieldsets = (
        (None, {"fields": ("name", "server", "placement", "simulated")}),
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
    )

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

    def touched(self, row: Cluster) -> QuerySet[Any]:
        return row.namespaces.live()

    def save_model(self, request: HttpRequest, obj: Cluster, form: Any, change: bool) -> None:  # noqa: ARG002
        services.edit(obj)
        self.message_user(request, "Its namespaces follow this edit.")

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False  # a cluster is added by the API or `argosy cluster add`, which check it

    def has_delete_permission(self, request: HttpRequest, obj: Cluster | None = None) -> bool:  # noqa: ARG002
        return False  # its namespaces would be orphans
