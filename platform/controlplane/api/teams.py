"""Teams over REST: who they are, what they may promise, and what they have promised."""

from typing import Any

from django.db.models import Prefetch, QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import mixins, serializers, viewsets
from rest_framework.permissions import IsAuthenticated

from tenants import budget, doubts, services
from tenants.levels import Level
from tenants.models import Team, TenantNamespace

from .filtering import ExactFilters
from .people import PlatformAdminsWrite, person


class UsedSerializer(serializers.Serializer[budget.Promise]):
    """What the tiers of a team's live namespaces promise together."""

    namespaces = serializers.IntegerField()
    cpu = serializers.DecimalField(max_digits=None, decimal_places=3, normalize_output=True)
    memory_gib = serializers.DecimalField(max_digits=None, decimal_places=3, normalize_output=True)


class TeamSerializer(serializers.ModelSerializer[Team]):
    """A team, with the level of the person who asks (null: none)."""

    level = serializers.SerializerMethodField()
    used = serializers.SerializerMethodField()
    confirm = serializers.BooleanField(
        write_only=True,
        default=False,
        help_text="Keep it though it is odd: a budget below what is promised, another team's group.",
    )

    class Meta:
        model = Team
        fields = (
            "id",
            "slug",
            "name",
            "owner_group",
            "member_group",
            "viewer_group",
            "namespace_limit",
            "cpu_budget",
            "memory_budget_gib",
            "level",
            "used",
            "confirm",
        )
        extra_kwargs = {
            "cpu_budget": {"normalize_output": True},
            "memory_budget_gib": {"normalize_output": True},
        }

    @extend_schema_field(serializers.ChoiceField([str(lvl) for lvl in Level], allow_null=True))
    def get_level(self, team: Team) -> str | None:
        level = team.level_of(person(self.context["request"]))
        return None if level is None else str(level)

    @extend_schema_field(UsedSerializer)
    def get_used(self, team: Team) -> dict[str, Any]:
        fetched: list[TenantNamespace] | None = getattr(team, "live_namespaces", None)
        used = (
            budget.promised(n.tier for n in fetched)
            if fetched is not None
            else budget.used_by(team)
        )
        return dict(UsedSerializer(used).data)

    def create(self, validated_data: dict[str, Any]) -> Team:
        confirmed = validated_data.pop("confirm", False)
        return _kept(Team(**validated_data), confirmed=confirmed)

    def update(self, instance: Team, validated_data: dict[str, Any]) -> Team:
        confirmed = validated_data.pop("confirm", False)
        for field, value in validated_data.items():
            setattr(instance, field, value)
        return _kept(instance, confirmed=confirmed)


def _kept(team: Team, *, confirmed: bool) -> Team:
    if not confirmed:
        doubts.check(team)
    return services.save_team(team)


class TeamViewSet(
    mixins.CreateModelMixin, mixins.UpdateModelMixin, viewsets.ReadOnlyModelViewSet[Team]
):
    """A person's own teams; all of them for the platform's people, whose admins write them."""

    queryset = Team.objects.none()
    serializer_class = TeamSerializer
    permission_classes = (IsAuthenticated, PlatformAdminsWrite)
    lookup_value_regex = "[0-9]+"
    filter_backends = (ExactFilters,)
    narrowed_by = {"slug": "slug"}

    def get_queryset(self) -> QuerySet[Team]:
        live = TenantNamespace.objects.live().select_related("tier")
        seen = Team.objects.visible_to(person(self.request))
        return seen.prefetch_related(Prefetch("namespaces", live, to_attr="live_namespaces"))
