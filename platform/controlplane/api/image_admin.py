"""What the platform's admins switch, over REST: roll-outs, stand-downs, signing keys."""

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from controlplane.clusters.models import Cluster
from controlplane.policies import keys, services
from controlplane.policies.models import LONGEST_SENTENCE, RollOut, SigningKey, StandDown
from tenants.models import Team

from .filtering import ExactFilters
from .people import PlatformAdminsWrite, names_a_row, person


class ApproversRead(BasePermission):
    """Of the platform's own switches, approvers read and nobody else sees any: to them there is none."""

    message = "Only the platform's approvers read this."

    def has_permission(self, request: Request, view: APIView) -> bool:
        if person(request).sees_all:
            return True
        if names_a_row(view):
            raise Http404
        return False


ADMINS = (IsAuthenticated, ApproversRead, PlatformAdminsWrite)


class RollOutSerializer(serializers.ModelSerializer[RollOut]):
    """Whether a team's policy refuses, or only reports."""

    team = serializers.SlugRelatedField(slug_field="slug", queryset=Team.objects.all())
    mode = serializers.ChoiceField(choices=RollOut.Mode.choices)
    reason = serializers.CharField(max_length=LONGEST_SENTENCE)
    by = serializers.CharField(source="by.username", default=None, allow_null=True, read_only=True)

    class Meta:
        model = RollOut
        fields = ("team", "mode", "since", "by", "reason")
        read_only_fields = ("since",)


class RollOutViewSet(
    mixins.CreateModelMixin, mixins.ListModelMixin, viewsets.GenericViewSet[RollOut]
):
    """Which teams are in audit. Posting sets a team's mode; a team that is not here is enforced."""

    queryset = RollOut.objects.select_related("team", "by")
    serializer_class = RollOutSerializer
    permission_classes = ADMINS
    filter_backends = (ExactFilters,)
    narrowed_by = {"team": "team__slug", "mode": "mode"}

    def perform_create(self, serializer: BaseSerializer[RollOut]) -> None:
        serializer.instance = services.roll_out(
            **serializer.validated_data, by=person(self.request), now=timezone.now()
        )


class StandDownSerializer(serializers.ModelSerializer[StandDown]):
    """A cluster whose webhook is away for a while."""

    cluster = serializers.SlugRelatedField(slug_field="name", queryset=Cluster.objects.all())
    reason = serializers.CharField(max_length=LONGEST_SENTENCE)
    by = serializers.CharField(source="by.username", read_only=True)

    class Meta:
        model = StandDown
        fields = ("id", "cluster", "began_at", "until", "ended_at", "by", "reason")
        read_only_fields = ("began_at", "ended_at")


class StandDownViewSet(mixins.CreateModelMixin, viewsets.ReadOnlyModelViewSet[StandDown]):
    """Stand-downs, the last to end first. Each ends by itself."""

    queryset = StandDown.objects.select_related("cluster", "by").defer("cluster__sealed_kubeconfig")
    serializer_class = StandDownSerializer
    permission_classes = ADMINS
    lookup_value_regex = "[0-9]+"
    filter_backends = (ExactFilters,)
    narrowed_by = {"cluster": "cluster__name"}

    def perform_create(self, serializer: BaseSerializer[StandDown]) -> None:
        serializer.instance = services.stand_down(
            **serializer.validated_data, by=person(self.request), now=timezone.now()
        )

    @extend_schema(request=None, responses=StandDownSerializer)
    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: str) -> Response:  # noqa: ARG002 - DRF's signature
        """The webhook comes back now."""
        row = services.end_stand_down(self.get_object(), by=person(request), now=timezone.now())
        return Response(self.get_serializer(row).data)


class SigningKeySerializer(serializers.ModelSerializer[SigningKey]):
    """A public key. `key_id` is what signatures name it by."""

    class Meta:
        model = SigningKey
        fields = ("id", "name", "pem", "key_id", "created_at", "revoked_at", "revoked_because")
        read_only_fields = ("key_id", "created_at", "revoked_at", "revoked_because")


class WhySerializer(serializers.Serializer[object]):
    """Why."""

    reason = serializers.CharField(max_length=LONGEST_SENTENCE)


class SigningKeyViewSet(mixins.CreateModelMixin, viewsets.ReadOnlyModelViewSet[SigningKey]):
    """Whose signatures count. A key is never taken away: it is revoked."""

    queryset = SigningKey.objects.all()
    serializer_class = SigningKeySerializer
    permission_classes = ADMINS
    lookup_value_regex = "[0-9]+"
    filter_backends = (ExactFilters,)
    narrowed_by = {"name": "name", "key_id": "key_id"}

    def perform_create(self, serializer: BaseSerializer[SigningKey]) -> None:
        serializer.instance = keys.save_key(SigningKey(**serializer.validated_data))

    @extend_schema(request=WhySerializer, responses=SigningKeySerializer)
    @action(detail=True, methods=["post"])
    def revoke(self, request: Request, pk: str) -> Response:  # noqa: ARG002 - DRF's signature
        """Nothing it signed counts from now on."""
        said = WhySerializer(data=request.data)
        said.is_valid(raise_exception=True)
        reason: str = said.validated_data["reason"]
        key = keys.revoke(self.get_object(), by=person(request), reason=reason, now=timezone.now())
        return Response(self.get_serializer(key).data)
