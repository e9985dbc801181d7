"""Who the caller is here, and in which teams."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tenants.levels import Level
from tenants.models import Team

from .people import person


class MembershipSerializer(serializers.Serializer[object]):
    """A team, and what the person is in it."""

    id = serializers.IntegerField()
    slug = serializers.CharField()
    level = serializers.ChoiceField(choices=[str(level) for level in Level])


class MeSerializer(serializers.Serializer[object]):
    """The person that the token or session stands for."""

    id = serializers.IntegerField()
    username = serializers.CharField()
    groups = serializers.ListField(child=serializers.CharField())
    is_platform_admin = serializers.BooleanField()
    is_approver = serializers.BooleanField()
    is_auditor = serializers.BooleanField()
    teams = MembershipSerializer(many=True)


class MeView(APIView):
    """The person who asks."""

    @extend_schema(responses=MeSerializer)
    def get(self, request: Request) -> Response:
        """Name, groups, what they are to the platform, and their own teams with the level in each."""
        user = person(request)
        levels = ((team, team.level_of(user)) for team in Team.objects.visible_to(user))
        teams = [
            {"id": team.pk, "slug": team.slug, "level": str(level)}
            for team, level in levels
            if level is not None
        ]
        shown = {
            "id": user.pk,
            "username": user.username,
            "groups": user.claimed_groups,
            "is_platform_admin": user.is_platform_admin,
            "is_approver": user.is_approver,
            "is_auditor": user.is_auditor,
            "teams": teams,
        }
        return Response(MeSerializer(shown).data)
