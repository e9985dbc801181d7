"""Where a namespace would go, told before anything is asked; and how much each cluster may promise."""

from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from controlplane.clusters.models import Cluster
from controlplane.errors import DomainError
from controlplane.placement import services
from controlplane.placement.models import Room
from tenants import placing
from tenants.models import Team, Tier
from tenants.placed import check_labels, shown
from tenants.placing import Wish

from .filtering import ExactFilters
from .people import PlatformAdminsWrite, person


class KeptOutSerializer(serializers.Serializer[object]):
    """A cluster that could not be it, and why."""

    cluster = serializers.CharField()
    code = serializers.CharField()
    sentence = serializers.CharField()
    figures = serializers.CharField(required=False, help_text="For the platform's people.")


class PlacedSerializer(serializers.Serializer[object]):
    """The cluster that was chosen, and why this one and none of the others."""

    cluster = serializers.CharField()
    why = serializers.ListField(child=serializers.CharField())
    kept_out = KeptOutSerializer(many=True, required=False)
    others = serializers.CharField(required=False)
    figures = serializers.CharField(required=False, help_text="For the platform's people.")


class PlacementView(APIView):
    """Trying out where a namespace would go: nothing is asked by it."""

    @extend_schema(
        parameters=[
            OpenApiParameter("team", str, required=True),
            OpenApiParameter("tier", str, required=True),
            OpenApiParameter("name", str),
            OpenApiParameter("label", str, many=True, description="key=value; none: anywhere"),
        ],
        responses=PlacedSerializer,
    )
    def get(self, request: Request) -> Response:
        """The cluster that a request for these labels would be placed on now, and why."""
        said, user = request.query_params, person(request)
        team = Team.objects.visible_to(user).filter(slug=said.get("team", "")).first()
        if team is None:
            raise Http404
        tier = Tier.objects.filter(slug=said.get("tier", "")).first()
        if tier is None:
            raise DomainError("Say which tier it is to be.", code="no_tier", field="tier")
        labels = dict(_pair(each) for each in said.getlist("label"))
        check_labels(labels)
        placed = placing.chooser().choose(Wish(team, tier, said.get("name", "")), labels)
        return Response(shown(placed, figures=user.sees_all))


class RoomSerializer(serializers.ModelSerializer[Room]):
    """How much all quotas on a cluster may promise (null: no limit), and what its nodes have."""

    cluster = serializers.SlugRelatedField(slug_field="name", queryset=Cluster.objects.all())
    cpu = serializers.DecimalField(12, 3, min_value=0, allow_null=True)
    memory_gib = serializers.DecimalField(12, 3, min_value=0, allow_null=True)

    class Meta:
        model = Room
        fields = ("cluster", "cpu", "memory_gib", "seen_cpu", "seen_memory_gib", "seen_at")
        read_only_fields = ("seen_cpu", "seen_memory_gib", "seen_at")
        validators: tuple[object, ...] = ()  # one that is there is written anew, not refused

    def create(self, validated_data: dict[str, Any]) -> Room:
        return services.save_room(
            validated_data["cluster"],
            cpu=validated_data["cpu"],
            memory_gib=validated_data["memory_gib"],
        )


class RoomViewSet(mixins.CreateModelMixin, mixins.ListModelMixin, viewsets.GenericViewSet[Room]):
    """For the platform's people: approvers read, admins write. To others there is none."""

    queryset = Room.objects.none()
    serializer_class = RoomSerializer
    permission_classes = (IsAuthenticated, PlatformAdminsWrite)
    filter_backends = (ExactFilters,)
    narrowed_by = {"cluster": "cluster__name"}

    def get_queryset(self) -> QuerySet[Room]:
        rooms = Room.objects.select_related("cluster").order_by("cluster__name")
        return rooms if person(self.request).sees_all else rooms.none()


def _pair(label: str) -> tuple[str, str]:
    key, equals, value = label.partition("=")
    if not equals:
        raise DomainError(
            f"{label!r} is no label: write key=value, as region=eu.",
            code="bad_labels",
            field="labels",
        )
    return key.strip(), value.strip()
