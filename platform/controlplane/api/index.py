"""The workflows of all of a person's own teams, over all clusters: what the watches saw last.

Being of the platform opens none of them: who has no level in a team sees no workflow of it.
"""

from datetime import datetime
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import F
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets

from controlplane.index.models import Workflow, WorkflowQuerySet

from .filtering import LONGEST, ExactFilters
from .paging import Pages
from .people import person

ORDERS = {
    "created": "created_at",
    "started": "started_at",
    "finished": "finished_at",
    "name": "name",
}
NEWEST = "-created"
MAY_BE_NULL = {"started", "finished"}


class IndexedWorkflowSerializer(serializers.ModelSerializer[Workflow]):
    """A workflow as its cluster last said it was. `phase` is empty until its controller has seen it."""

    namespace = serializers.CharField(source="namespace.name")
    team = serializers.CharField(source="namespace.team.slug")
    cluster = serializers.CharField(source="namespace.cluster.name")
    simulated = serializers.BooleanField(source="namespace.cluster.simulated")
    progress = serializers.SerializerMethodField()

    class Meta:
        model = Workflow
        fields = (
            "uid",
            "name",
            "namespace",
            "namespace_id",
            "team",
            "cluster",
            "simulated",
            "phase",
            "suspended",
            "progress",
            "message",
            "template",
            "cron",
            "created_at",
            "started_at",
            "finished_at",
            "cpu_seconds",
            "memory_mib_seconds",
            "labels",
        )
        read_only_fields = fields

    def get_progress(self, workflow: Workflow) -> str:
        """Steps done of steps known, as Argo writes it; empty before there are any."""
        total = workflow.steps_total
        return f"{workflow.steps_done}/{total}" if total else ""


class QuerySerializer(serializers.Serializer[object]):
    """What a list may be asked beside exact values."""

    text = serializers.CharField(max_length=LONGEST, required=False, help_text="Part of the name.")
    since = serializers.DateTimeField(required=False, help_text="Created then or later.")
    until = serializers.DateTimeField(required=False, help_text="Created before then.")
    order = serializers.ChoiceField(
        sorted([*ORDERS, *(f"-{name}" for name in ORDERS)]),
        default=NEWEST,
        help_text="Ascending, or descending with a minus; what has no such time comes last.",
    )


class Stretches(Paginator[Any]):
    """Pages of which the last costs little more than the first."""

    def page(self, number: int | str) -> Page[Any]:
        """The page of this number."""
        valid = self.validate_number(number)
        first = (valid - 1) * self.per_page
        rows: Any = self.object_list
        return Page(rows.stretch(first, first + self.per_page), valid, self)


class IndexPages(Pages):
    """Pages of the index, of which there may be thousands."""

    django_paginator_class = Stretches


@extend_schema_view(list=extend_schema(parameters=[QuerySerializer]))
class IndexedWorkflowViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Workflow]):
    """The workflows of a person's own teams, newest first unless `order` says otherwise."""

    queryset = Workflow.objects.none()
    serializer_class = IndexedWorkflowSerializer
    filter_backends = (ExactFilters,)
    pagination_class = IndexPages
    narrowed_by = {
        "phase": "phase",
        "namespace": "namespace__name",
        "team": "namespace__team__slug",
        "cluster": "namespace__cluster__name",
        "template": "template",
    }

    def get_queryset(self) -> WorkflowQuerySet:
        asked = QuerySerializer(data=self.request.query_params)
        asked.is_valid(raise_exception=True)
        seen = Workflow.objects.visible_to(person(self.request))
        return _ordered(_narrowed(seen, asked.validated_data), asked.validated_data["order"])


def _narrowed(seen: WorkflowQuerySet, asked: dict[str, Any]) -> WorkflowQuerySet:
    text: str | None = asked.get("text")
    since: datetime | None = asked.get("since")
    until: datetime | None = asked.get("until")
    if text:
        seen = seen.filter(name__contains=text.lower())
    if since:
        seen = seen.filter(created_at__gte=since)
    if until:
        seen = seen.filter(created_at__lt=until)
    return seen


def _ordered(seen: WorkflowQuerySet, order: str) -> WorkflowQuerySet:
    """In this order, and to the last row the same at each call, or pages would overlap."""
    name = order.removeprefix("-")
    column, falling = F(ORDERS[name]), order != name
    # Said only where there can be nulls: PostgreSQL's indexes know no other place for them.
    nulls_last = True if name in MAY_BE_NULL else None
    if falling:
        return seen.order_by(column.desc(nulls_last=nulls_last), "-pk")
    return seen.order_by(column.asc(nulls_last=nulls_last), "pk")
