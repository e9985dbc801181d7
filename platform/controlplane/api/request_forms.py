"""How a request and its plan look in an answer, and what a decision must say."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from tenants import requests
from tenants.models import Request, RequestEvent, Team
from tenants.placed import shown

from .people import person
from .placement import PlacedSerializer


@extend_schema_field(serializers.CharField())
class VisibleTeamField(serializers.SlugRelatedField[Team]):
    """A team, by slug, among those the caller may see: the second door of tenancy."""

    def get_queryset(self) -> QuerySet[Team]:
        return Team.objects.visible_to(person(self.context["request"]))


class EventSerializer(serializers.ModelSerializer[RequestEvent]):
    """One thing that happened to a request. `by` is null where the platform itself did it."""

    by = serializers.CharField(source="by.username", default=None, allow_null=True)

    class Meta:
        model = RequestEvent
        fields = ("at", "kind", "by", "note", "asked", "decided", "plan_hash")


class RequestSerializer(serializers.ModelSerializer[Request]):
    """A request: what is asked in whose name, and where it stands."""

    kind = serializers.CharField(max_length=40)
    team = VisibleTeamField(
        slug_field="slug",
        error_messages={"does_not_exist": "There is no team {value} that you may see."},
    )
    team_id = serializers.IntegerField(read_only=True)
    asked = serializers.DictField(help_text="What a request of this kind asks.")
    requested_by = serializers.CharField(source="requested_by.username", read_only=True)
    sentence = serializers.SerializerMethodField()
    cluster = serializers.CharField(source="cluster_name", read_only=True)
    placed = serializers.SerializerMethodField(
        help_text="Why it goes to that cluster, where labels were asked for; null: it was named."
    )
    namespace_id = serializers.IntegerField(read_only=True, allow_null=True)

    class Meta:
        model = Request
        fields: tuple[str, ...] = (
            "id",
            "kind",
            "team",
            "team_id",
            "asked",
            "reason",
            "state",
            "sentence",
            "cluster",
            "placed",
            "requested_by",
            "created_at",
            "namespace_id",
        )
        read_only_fields = ("state", "created_at")

    def get_sentence(self, request: Request) -> str:
        """What approving would do."""
        return requests.sentence_of(request)

    @extend_schema_field(PlacedSerializer(allow_null=True))
    def get_placed(self, request: Request) -> dict[str, object] | None:
        """The choice; how full clusters are is for the platform's people."""
        placed = request.placement
        if placed is None:
            return None
        return shown(placed, figures=person(self.context["request"]).sees_all)


class RequestDetailSerializer(RequestSerializer):
    """A request with all that happened to it, oldest first."""

    events = EventSerializer(many=True, read_only=True)

    class Meta(RequestSerializer.Meta):
        fields = (*RequestSerializer.Meta.fields, "events")


class ChartSerializer(serializers.Serializer[object]):
    name = serializers.CharField()
    version = serializers.CharField()


class PlannedObjectSerializer(serializers.Serializer[object]):
    """One object, with what the cluster's own API server said of it."""

    api_version = serializers.CharField()
    kind = serializers.CharField()
    namespace = serializers.CharField(allow_blank=True)
    name = serializers.CharField()
    stage = serializers.CharField()
    verdict = serializers.ChoiceField(choices=["ok", "refused"])
    sentence = serializers.CharField(allow_blank=True)
    manifest = serializers.DictField()


class PlanSerializer(serializers.Serializer[object]):
    """The plan as shown. `plan_hash` is what an approval must name."""

    sentence = serializers.CharField()
    plan_hash = serializers.CharField()
    cluster = serializers.CharField()
    checked_at = serializers.DateTimeField(help_text="When the API server answered.")
    charts = ChartSerializer(many=True)
    objects = PlannedObjectSerializer(many=True)
    problems = serializers.ListField(child=serializers.CharField())


class ApprovalSerializer(serializers.Serializer[object]):
    """Yes, to the plan of this hash and no other."""

    plan_hash = serializers.RegexField(r"\A[0-9a-f]{32,64}\Z", max_length=64)
    note = serializers.CharField(max_length=1000, default="", allow_blank=True)


class AmendmentSerializer(serializers.Serializer[object]):
    """What is to be asked instead, whole, and why."""

    asked = serializers.DictField(help_text="What a request of this kind asks.")
    note = serializers.CharField(max_length=1000, default="", allow_blank=True)


class NoteSerializer(serializers.Serializer[object]):
    """Why."""

    note = serializers.CharField(max_length=1000, default="", allow_blank=True)
