"""The workflows of all of a person's own teams, over all clusters: what the watches saw last.

Being of the platform opens none of them: who has no level in a team sees no workflow of it.
"""

from typing import Any

from django.core.paginator import Page, Paginator
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, serializers, viewsets

from controlplane.index import reading
from controlplane.index.models import Workflow, WorkflowQuerySet
from controlplane.index.reading import NEWEST, ORDERS, OUTCOMES, Asked

from .filtering import LONGEST
from .paging import Pages
from .people import person


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


def _name(of: str) -> serializers.CharField:
    return serializers.CharField(
        max_length=LONGEST, required=False, allow_blank=True, help_text=f"The whole name of {of}."
    )


class QuerySerializer(serializers.Serializer[Asked]):
    """What a list may be asked: the words of `index.reading`, which the pages say too."""

    phase = serializers.CharField(
        max_length=LONGEST,
        required=False,
        allow_blank=True,
        help_text="Argo's word; Pending are those that no controller has seen, too.",
    )
    outcome = serializers.ChoiceField(
        sorted(OUTCOMES), required=False, help_text="How it ended: bad is Failed or Error."
    )
    team = _name("a team: its slug")
    namespace = _name("a namespace")
    cluster = _name("a cluster")
    template = _name("the WorkflowTemplate it was made from")
    text = serializers.CharField(
        max_length=LONGEST, required=False, help_text="Part of the name or of the message."
    )
    since = serializers.DateTimeField(required=False, help_text="Created then or later.")
    until = serializers.DateTimeField(required=False, help_text="Created before then.")
    finished_since = serializers.DateTimeField(required=False, help_text="Ended then or later.")
    order = serializers.ChoiceField(
        sorted(ORDERS),
        default=NEWEST,
        help_text="Ascending, or descending with a minus; what has no such value comes last.",
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
    """The workflows of a person's own teams, newest first unless `order` says otherwise.

    Those that ended are there as long as their clusters keep them: a day where they succeeded, a few days
    where they did not.
    """

    queryset = Workflow.objects.none()
    serializer_class = IndexedWorkflowSerializer
    pagination_class = IndexPages

    def get_queryset(self) -> WorkflowQuerySet:
        said = QuerySerializer(data=self.request.query_params)
        said.is_valid(raise_exception=True)
        asked = dict(said.validated_data)
        order = asked.pop("order")
        seen = Workflow.objects.visible_to(person(self.request))
        return reading.ordered(reading.narrow(seen, Asked(**asked)), order)
