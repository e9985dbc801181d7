"""Tenant namespaces over REST: what is wanted, what was seen, and what the loop did about it."""

from django.db.models import QuerySet
from drf_spectacular.utils import (
    OpenApiParameter,
    extend_schema,
    extend_schema_field,
    extend_schema_view,
)
from rest_framework import serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.access import explaining
from controlplane.advisories.lookup import Flag, known
from controlplane.identity.scopes import Scope
from provisioning.models import Turn
from tenants.hurry import hurry
from tenants.levels import Act, Level
from tenants.models import TenantNamespace
from tenants.names import control_namespace

from .filtering import ExactFilters
from .paging import Pages
from .people import person


class ConditionSerializer(serializers.Serializer[object]):
    """One observed fact, as in Kubernetes."""

    type = serializers.CharField()
    status = serializers.ChoiceField(choices=["True", "False", "Unknown"])
    reason = serializers.CharField()
    message = serializers.CharField(allow_blank=True)
    observed_generation = serializers.IntegerField()
    last_transition = serializers.DateTimeField()


class ArgoSerializer(serializers.Serializer[object]):
    """Which Argo was last seen to be available, and what is known to be wrong with that version."""

    version = serializers.CharField(allow_blank=True)
    flags = serializers.ListField(child=serializers.ChoiceField([flag.value for flag in Flag]))
    advisories = serializers.ListField(child=serializers.CharField())
    sentences = serializers.ListField(child=serializers.CharField())
    way_out = serializers.CharField(allow_blank=True)


class NamespaceSerializer(serializers.ModelSerializer[TenantNamespace]):
    """A tenant namespace. `phase` is a summary of `conditions`, which say why."""

    control_namespace = serializers.SerializerMethodField()
    team = serializers.CharField(source="team.slug")
    cluster = serializers.CharField(source="cluster.name")
    simulated = serializers.BooleanField(source="cluster.simulated")
    tier = serializers.CharField(source="tier.slug")
    level = serializers.SerializerMethodField()
    conditions = ConditionSerializer(many=True)
    argo = serializers.SerializerMethodField()

    class Meta:
        model = TenantNamespace
        fields = (
            "id",
            "name",
            "control_namespace",
            "team",
            "team_id",
            "cluster",
            "cluster_id",
            "simulated",
            "tier",
            "tier_id",
            "level",
            "phase",
            "conditions",
            "argo",
            "generation",
            "observed_generation",
            "paused",
            "failures",
            "next_reconcile_at",
            "created_at",
            "applied_at",
            "ready_at",
            "deletion_requested_at",
            "deleted_at",
        )
        read_only_fields = fields

    def get_control_namespace(self, namespace: TenantNamespace) -> str:
        return control_namespace(namespace.name)

    @extend_schema_field(ArgoSerializer())
    def get_argo(self, namespace: TenantNamespace) -> dict[str, object]:
        standing = known(namespace.argo_version)
        return {
            "version": standing.version,
            "flags": [flag.value for flag in standing.flags],
            "advisories": [each.id for each in standing.advisories],
            "sentences": list(standing.sentences),
            "way_out": standing.way_out,
        }

    @extend_schema_field(serializers.ChoiceField([str(lvl) for lvl in Level], allow_null=True))
    def get_level(self, namespace: TenantNamespace) -> str | None:
        """What the caller is in its team; null: none."""
        level = namespace.team.level_of(person(self.context["request"]))
        return None if level is None else str(level)


class StepSerializer(serializers.Serializer[object]):
    """One step of a turn."""

    step = serializers.CharField()
    stage = serializers.CharField()
    state = serializers.CharField(help_text="waiting, done or failed")
    seconds = serializers.FloatField(required=False)
    error = serializers.CharField(required=False)


class LinkSerializer(serializers.Serializer[object]):
    """One link of the chain from a person to a rule."""

    link = serializers.ChoiceField([link.value for link in explaining.Link])
    sentence = serializers.CharField()
    holds = serializers.BooleanField()


class ExplanationSerializer(serializers.Serializer[object]):
    """Whether somebody may do something here, and why: the steps end at the first that does not hold."""

    username = serializers.CharField()
    act = serializers.ChoiceField([act.value for act in Act])
    allowed = serializers.BooleanField()
    sentence = serializers.CharField()
    steps = LinkSerializer(many=True)


class QuestionSerializer(serializers.Serializer[object]):
    """Who, and what they would do."""

    person = serializers.CharField(max_length=150, required=False, default="")
    act = serializers.ChoiceField(
        [act.value for act in Act], required=False, default=Act.SUBMIT_WORKFLOWS.value
    )


class TurnSerializer(serializers.ModelSerializer[Turn]):
    """One turn of the loop that had something to do. `ended_at` is null while it runs."""

    steps = StepSerializer(many=True)

    class Meta:
        model = Turn
        fields = (
            "id",
            "generation",
            "started_at",
            "ended_at",
            "seconds",
            "outcome",
            "message",
            "steps",
        )
        read_only_fields = fields


@extend_schema_view(
    list=extend_schema(
        parameters=[OpenApiParameter("argo", str, enum=[flag.value for flag in Flag])]
    )
)
class NamespaceViewSet(viewsets.ReadOnlyModelViewSet[TenantNamespace]):
    """A person's own teams' namespaces. A list leaves out what is gone, unless `phase` asks for it."""

    token_scopes = {"try_now": Scope.REQUEST}
    queryset = TenantNamespace.objects.none()
    serializer_class = NamespaceSerializer
    lookup_value_regex = "[0-9]+"
    filter_backends = (ExactFilters,)
    narrowed_by = {
        "name": "name",
        "team": "team__slug",
        "cluster": "cluster__name",
        "phase": "phase",
    }

    def get_queryset(self) -> QuerySet[TenantNamespace]:
        seen = TenantNamespace.objects.visible_to(person(self.request))
        if self.action == "list" and "phase" not in self.request.query_params:
            seen = seen.live()
        if self.action == "list" and (flag := self.request.query_params.get("argo")):
            seen = seen.running(_flag(flag))
        return seen.select_related("team", "cluster", "tier").order_by("name", "pk")

    @extend_schema(responses=TurnSerializer(many=True), filters=False)
    @action(detail=True, filter_backends=())
    def turns(self, request: Request, pk: str) -> Response:  # noqa: ARG002 - DRF's signature
        """What the loop did here, newest first."""
        turns = Turn.objects.filter(namespace=self.get_object())
        pages = Pages()
        page = pages.paginate_queryset(turns, request, view=self)
        return pages.get_paginated_response(TurnSerializer(page, many=True).data)

    @extend_schema(parameters=[QuestionSerializer], responses=ExplanationSerializer, filters=False)
    @action(detail=True, filter_backends=())
    def access(self, request: Request, pk: str) -> Response:  # noqa: ARG002 - DRF's signature
        """Why you (or `person`, if you own the team) may do something here, or why not."""
        asked = QuestionSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        said = asked.validated_data
        found = explaining.explain_to(
            person(request), self.get_object(), Act(said["act"]), about=said["person"]
        )
        return Response(ExplanationSerializer(found).data)

    @extend_schema(request=None, responses={202: NamespaceSerializer})
    @action(detail=True, methods=["post"], url_path="try-now")
    def try_now(self, request: Request, pk: str) -> Response:  # noqa: ARG002 - DRF's signature
        """Make its next turn due at once. For owners of its team and the platform's admins."""
        namespace = self.get_object()
        said = hurry(namespace, by=person(request))
        shown = self.get_serializer(self.get_object()).data
        return Response({**shown, "said": said}, status=status.HTTP_202_ACCEPTED)


def _flag(said: str) -> Flag:
    try:
        return Flag(said)
    except ValueError:
        offered = ", ".join(Flag)
        raise serializers.ValidationError({"argo": f"There is: {offered}."}) from None
