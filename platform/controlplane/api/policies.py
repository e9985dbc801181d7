"""Image policies over REST: what is said, what would become of an image, and who would break."""

from dataclasses import asdict
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.errors import NotAllowed
from controlplane.identity.scopes import Scope
from controlplane.policies import backtest, services, store, trying
from controlplane.policies.document import NotAPolicy, plain
from controlplane.policies.errors import BadPolicy
from controlplane.policies.models import LONGEST_IMAGE, ImagePolicy
from tenants.models import Team, Tier

from .filtering import ExactFilters
from .people import PlatformAdminsWrite, person
from .request_forms import VisibleTeamField

NO_TEAM = "There is no team {value} that you may see."


class ImagePolicySerializer(serializers.ModelSerializer[ImagePolicy]):
    """A part of what is said about images. What binds a team is made of all that are about it."""

    tier = serializers.SlugRelatedField(
        slug_field="slug", queryset=Tier.objects.all(), allow_null=True, required=False
    )
    team = serializers.SlugRelatedField(
        slug_field="slug", queryset=Team.objects.all(), allow_null=True, required=False
    )
    settings = serializers.DictField(
        help_text="allow, deny, default, canonical_host, tags, digest, on_unparsable, blank_image, "
        "controllers, update_mode, signature, attestations, argo, mirror_pods."
    )

    class Meta:
        model = ImagePolicy
        fields = ("id", "name", "description", "scope", "tier", "team", "enabled", "settings")

    def create(self, validated_data: dict[str, Any]) -> ImagePolicy:
        return services.save_policy(ImagePolicy(**validated_data), now=timezone.now())

    def update(self, instance: ImagePolicy, validated_data: dict[str, Any]) -> ImagePolicy:
        for field, value in validated_data.items():
            setattr(instance, field, value)
        return services.save_policy(instance, now=timezone.now())


class TrySerializer(serializers.Serializer[object]):
    """An image, and whose pod it would be in."""

    team = VisibleTeamField(slug_field="slug", error_messages={"does_not_exist": NO_TEAM})
    image = serializers.CharField(max_length=LONGEST_IMAGE, allow_blank=True, trim_whitespace=False)
    namespace = serializers.CharField(max_length=63, required=False, allow_blank=True, default="")


class BrokenRuleSerializer(serializers.Serializer[object]):
    """One rule that an image breaks."""

    path = serializers.CharField()
    container = serializers.CharField()
    image = serializers.CharField()
    code = serializers.CharField()
    reason = serializers.CharField()


class TriedSerializer(serializers.Serializer[object]):
    """What would become of it. `reported`: it would be admitted all the same, and noted."""

    allowed = serializers.BooleanField(source="verdict.allowed")
    image = serializers.CharField()
    namespace = serializers.CharField()
    mode = serializers.CharField(source="document.mode")
    sentence = serializers.CharField()
    violations = BrokenRuleSerializer(source="verdict.violations", many=True)
    reported = BrokenRuleSerializer(source="verdict.reported", many=True)
    asks = serializers.SerializerMethodField(
        help_text="Why the API server would ask the webhook: exemption, signature, patch."
    )

    def get_asks(self, tried: trying.Tried) -> list[str]:
        return sorted(tried.verdict.asked)


class BackTestSerializer(serializers.Serializer[object]):
    """Which policy, kept or not; neither: what is in force, were every team enforced."""

    policy = serializers.SlugRelatedField(
        slug_field="name", queryset=ImagePolicy.objects.all(), allow_null=True, default=None
    )
    draft = ImagePolicySerializer(required=False, allow_null=True, default=None)
    team = VisibleTeamField(
        slug_field="slug", error_messages={"does_not_exist": NO_TEAM}, allow_null=True, default=None
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["policy"] is not None and attrs["draft"] is not None:
            raise serializers.ValidationError({"draft": "Name a policy, or send a draft of one."})
        return attrs


class WouldBreakSerializer(serializers.Serializer[object]):
    """An image that would be refused in one namespace, and in how many objects."""

    team = serializers.CharField()
    cluster = serializers.CharField()
    namespace = serializers.CharField()
    kind = serializers.CharField()
    example = serializers.CharField()
    path = serializers.CharField()
    image = serializers.CharField()
    code = serializers.CharField()
    reason = serializers.CharField()
    count = serializers.IntegerField()


class CoverageSerializer(serializers.Serializer[object]):
    """How far a cluster was read."""

    cluster = serializers.CharField()
    whole = serializers.BooleanField()
    objects = serializers.IntegerField()
    why = serializers.CharField()


class BackTestedSerializer(serializers.Serializer[object]):
    """Who would break, and what was looked at to say so."""

    broken = WouldBreakSerializer(many=True)
    more = serializers.IntegerField()
    teams = serializers.DictField(child=serializers.IntegerField())
    coverage = CoverageSerializer(many=True)
    objects = serializers.IntegerField()
    admitted = serializers.IntegerField()


class WhoseSerializer(serializers.Serializer[object]):
    """Which team."""

    team = serializers.CharField(max_length=63)


class EffectiveSerializer(serializers.Serializer[object]):
    """What binds a team: one document, as every place that enforces it holds it."""

    team = serializers.CharField()
    document = serializers.DictField()


class ImagePolicyViewSet(viewsets.ModelViewSet[ImagePolicy]):
    """What is said about images: read by approvers, written by the platform's admins."""

    token_scopes = {"try_": Scope.READ, "back_test": Scope.READ}
    queryset = ImagePolicy.objects.none()
    serializer_class = ImagePolicySerializer
    permission_classes = (IsAuthenticated, PlatformAdminsWrite)
    lookup_value_regex = "[0-9]+"
    filter_backends = (ExactFilters,)
    narrowed_by = {"name": "name", "scope": "scope", "team": "team__slug", "tier": "tier__slug"}

    def get_queryset(self) -> QuerySet[ImagePolicy]:
        rows = ImagePolicy.objects.select_related("team", "tier")
        return rows if person(self.request).sees_all else rows.none()

    def perform_destroy(self, instance: ImagePolicy) -> None:
        services.remove_policy(instance, now=timezone.now())

    @extend_schema(request=TrySerializer, responses=TriedSerializer)
    @action(
        detail=False,
        methods=["post"],
        url_path="try",
        permission_classes=(IsAuthenticated,),
        filter_backends=(),
    )
    def try_(self, request: Request) -> Response:
        """What would become of a pod with this image in a namespace of one's own team."""
        said = TrySerializer(data=request.data, context=self.get_serializer_context())
        said.is_valid(raise_exception=True)
        tried = trying.try_image(**said.validated_data, now=timezone.now())
        return Response(TriedSerializer(tried).data)

    @extend_schema(request=BackTestSerializer, responses=BackTestedSerializer)
    @action(
        detail=False,
        methods=["post"],
        url_path="back-test",
        permission_classes=(IsAuthenticated,),
        filter_backends=(),
    )
    def back_test(self, request: Request) -> Response:
        """Who would break, over what runs now in every cluster. Takes up to half a minute."""
        if not person(request).is_approver:
            raise NotAllowed("A back-test reads every team's namespaces: ask an approver for it.")
        said = BackTestSerializer(data=request.data, context=self.get_serializer_context())
        said.is_valid(raise_exception=True)
        wish = said.validated_data
        draft = wish["policy"] or (wish["draft"] and ImagePolicy(**wish["draft"]))
        now = timezone.now()
        if draft is not None:
            services.check(draft, now=now)
        try:
            result = backtest.back_test(draft, now=now, team=wish["team"])
        except NotAPolicy as error:
            raise BadPolicy(str(error), field="settings") from None
        return Response(BackTestedSerializer(_shown(result)).data)

    @extend_schema(parameters=[WhoseSerializer], responses=EffectiveSerializer)
    @action(
        detail=False,
        url_path="effective",
        permission_classes=(IsAuthenticated,),
        filter_backends=(),
    )
    def effective(self, request: Request) -> Response:
        """What binds a team, composed of all that is about it. For its own people and approvers."""
        asked = WhoseSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        team = get_object_or_404(
            Team.objects.visible_to(person(request)), slug=asked.validated_data["team"]
        )
        found = store.document_of(team.slug, of=store.said(timezone.now()))
        shown = {"team": team.slug, "document": plain(found[0]) if found else {}}
        return Response(EffectiveSerializer(shown).data)


def _shown(result: backtest.Result) -> dict[str, Any]:
    return {
        "broken": [{**asdict(each), "count": count} for each, count in result.broken],
        "more": result.more,
        "teams": result.teams,
        "coverage": result.coverage,
        "objects": result.objects,
        "admitted": result.admitted,
    }
