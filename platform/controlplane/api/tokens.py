"""Signing in from a terminal: a name and a password for a token, and its end."""

from collections.abc import Sequence
from datetime import timedelta

from axes.handlers.proxy import AxesProxyHandler
from django.contrib.auth import authenticate
from django.http import HttpRequest
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, Throttled, ValidationError
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle, SimpleRateThrottle
from rest_framework.views import APIView

from controlplane.identity import tokens
from controlplane.identity.guessing import SENTENCE
from controlplane.identity.models import ApiToken, User
from controlplane.identity.scopes import Scope

DAYS = 30


class SignInThrottle(SimpleRateThrottle):
    """So many tries a minute from one address, whatever header it sends along."""

    scope = "login"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:  # noqa: ARG002 - DRF's
        return self.cache_format % {"scope": self.scope, "ident": request.META.get("REMOTE_ADDR")}


class SignInSerializer(serializers.Serializer[object]):
    """Who, and how long the token should last."""

    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=500, trim_whitespace=False, write_only=True)
    name = serializers.CharField(max_length=100, default="sign-in")
    days = serializers.IntegerField(min_value=1, max_value=366, default=DAYS)


class NewTokenSerializer(serializers.Serializer[object]):
    """The one time that a token is shown."""

    token = serializers.CharField()
    name = serializers.CharField()
    username = serializers.CharField()
    expires_at = serializers.DateTimeField()


class TokenView(APIView):
    """POST a name and a password for a token, shown once; DELETE ends the token that is used."""

    token_scopes = {"delete": Scope.READ}

    def get_authenticators(self) -> list[BaseAuthentication]:
        """An old token that comes along must not keep anybody from getting a new one."""
        return [] if _is_sign_in(self.request) else super().get_authenticators()

    def get_permissions(self) -> Sequence[BasePermission]:
        return [AllowAny() if _is_sign_in(self.request) else IsAuthenticated()]

    def get_throttles(self) -> list[BaseThrottle]:
        return [SignInThrottle()] if _is_sign_in(self.request) else []

    def get_authenticate_header(self, request: Request) -> str:  # noqa: ARG002 - DRF's
        """A wrong password is a 401, which needs this header."""
        return "Bearer"

    @extend_schema(request=SignInSerializer, responses={201: NewTokenSerializer})
    def post(self, request: Request) -> Response:
        """A token for a name and a password, shown once."""
        asked = SignInSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        wish = asked.validated_data
        attempt = {"username": wish["username"], "password": wish["password"]}
        if not AxesProxyHandler.is_allowed(request, attempt):
            raise Throttled(detail=SENTENCE)
        user = authenticate(request, **attempt)
        if not isinstance(user, User):
            raise AuthenticationFailed("That name and password do not fit.")
        expires_at = timezone.now() + timedelta(days=wish["days"])
        token, plain = tokens.issue(user=user, name=wish["name"], expires_at=expires_at)
        shown = {
            "token": plain,
            "name": token.name,
            "username": user.username,
            "expires_at": expires_at,
        }
        return Response(NewTokenSerializer(shown).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request) -> Response:
        """The end of the token that this call came with."""
        if not isinstance(request.auth, ApiToken):
            raise ValidationError("This call came without a token: there is none to end.")
        tokens.revoke([request.auth])
        return Response(status=status.HTTP_204_NO_CONTENT)


def _is_sign_in(request: Request | HttpRequest | None) -> bool:
    return request is not None and request.method == "POST"
