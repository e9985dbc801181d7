"""The clusters there are, whether they answer, and what an edit of one would touch."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from controlplane.rows.confirm import Confirmed
from controlplane.rows.desk import RowAdmin
from controlplane.rows.looks import ago, word

from . import services
from .answering import answer_of
from .models import Cluster


@admin.register(Cluster)
class ClusterAdmin(Confirmed[Cluster], RowAdmin[Cluster]):
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
    list_filter = ("reachable", "simulated")
    when_empty = "Add one: argosy cluster add NAME --kubeconfig FILE"
    search_fields = ("name", "server")
    fieldsets = (
        (None, {"fields": ("name", "server", "placement", "simulated")}),
        (
            "Seen",
            {
                "fields": (
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

    @admin.display(description="answers", ordering="reachable")
    def answers(self, cluster: Cluster) -> str:
        """A word, since not having asked yet, or lately, is neither yes nor no."""
        answer = answer_of(cluster, timezone.now())
        return word(answer.look, answer.word)

    @admin.display(description="since", ordering="since")
    def for_how_long(self, cluster: Cluster) -> str:
        return ago(cluster.since)

    @admin.display(description="namespaces", ordering="live")
    def live(self, cluster: Cluster) -> int:
        return int(vars(cluster)["live"])

    @admin.display(description="message")
    def why(self, cluster: Cluster) -> str:
        return " ".join(filter(None, (cluster.message, cluster.way_out)))

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
