"""A person's tokens and those of the teams they own: which there are, a new one, the end of one."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.identity import tokens
from controlplane.identity.models import ApiToken
from controlplane.identity.scopes import Scope
from tenants import tokens as keeping
from tenants.models import Team

from .filtering import ExactFilters
from .people import person


class TokenSerializer(serializers.ModelSerializer[ApiToken]):
    """A token as it may be told about: never itself."""

    username = serializers.CharField(source="user.username", read_only=True)
    team = serializers.CharField(read_only=True, allow_null=True)
    made_by = serializers.SlugRelatedField[Any]("username", read_only=True)
    scopes = serializers.ListField(child=serializers.ChoiceField([str(s) for s in Scope]))

    class Meta:
        model = ApiToken
        fields: tuple[str, ...] = (
            "id", "name", "hint", "username", "team", "made_by", "scopes", "created_at", "expires_at",
            "last_used_at",
        )  # fmt: skip


@extend_schema_field(serializers.CharField())
class OwnTeamField(serializers.SlugRelatedField[Team]):
    """A team, by slug, among those the caller sees: whether they own it is the service's to ask."""

    def get_queryset(self) -> QuerySet[Team]:
        return Team.objects.visible_to(person(self.context["request"]))


class WantedTokenSerializer(serializers.Serializer[Any]):
    """What a new token is to be. Without scopes it may all that it can."""

    name = serializers.CharField(max_length=100)
    days = serializers.IntegerField(min_value=1, max_value=keeping.LONGEST, default=keeping.DAYS)
    scopes = serializers.ListField(
        child=serializers.ChoiceField([str(s) for s in Scope]), default=list
    )
    team = OwnTeamField("slug", required=False, allow_null=True, default=None)


class MadeTokenSerializer(TokenSerializer):
    """The one time that a token is shown."""

    token = serializers.CharField(read_only=True)

    class Meta(TokenSerializer.Meta):
        fields = (*TokenSerializer.Meta.fields, "token")


class TokenViewSet(mixins.DestroyModelMixin, viewsets.ReadOnlyModelViewSet[ApiToken]):
    """Tokens of one's own and of the teams one owns. POST shows a new one, once; DELETE ends one at once."""

    queryset = ApiToken.objects.none()
    serializer_class = TokenSerializer
    lookup_value_regex = "[0-9]+"
    filter_backends = (ExactFilters,)
    narrowed_by = {"team": "team"}

    def get_queryset(self) -> QuerySet[ApiToken]:
        return keeping.visible_to(person(self.request))

    @extend_schema(request=WantedTokenSerializer, responses={201: MadeTokenSerializer})
    def create(self, request: Request) -> Response:
        """A new token. Asked for with a token, it is no more than that one, and ends with it."""
        said = WantedTokenSerializer(data=request.data, context=self.get_serializer_context())
        said.is_valid(raise_exception=True)
        wish = said.validated_data
        made, plain = keeping.make(
            by=person(request),
            name=wish["name"],
            days=wish["days"],
            scopes=[Scope(word) for word in wish["scopes"]],
            team=wish["team"],
            calling=request.auth if isinstance(request.auth, ApiToken) else None,
            now=timezone.now(),
        )
        found = self.get_queryset().get(pk=made.pk)
        shown = {**TokenSerializer(found).data, "token": plain}
        return Response(shown, status=status.HTTP_201_CREATED)

    def perform_destroy(self, instance: ApiToken) -> None:
        tokens.revoke([instance])
