from django.contrib import admin
from django.http import HttpRequest

from .models import Cluster


@admin.register(Cluster)
class ClusterAdmin(admin.ModelAdmin[Cluster]):
    """Which clusters there are and whether they answer. Credentials are never shown."""

    list_display = ("name", "server", "kubernetes_version", "reachable", "since", "message")
    list_filter = ("reachable", "simulated")
    search_fields = ("name", "server")
    fields = (
        "name",
        "server",
        "placement",
        "simulated",
        "kubernetes_version",
        "api_endpoints",
        "reachable",
        "since",
        "checked_at",
        "message",
    )
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False  # a cluster is added by the API or `argosy cluster add`, which check it

    def has_delete_permission(self, request: HttpRequest, obj: Cluster | None = None) -> bool:  # noqa: ARG002
        return False  # its namespaces would be orphans
