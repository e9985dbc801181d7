"""Who is asking, and which of them may write what belongs to the platform."""

from django.contrib.auth.models import AnonymousUser
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from controlplane.identity.models import User


def person(request: Request) -> User:
    """The person of an authenticated request, typed."""
    user = request.user
    if not isinstance(user, User):
        raise TypeError("a view that asks for a person must require one")
    return user


class PlatformAdminsWrite(BasePermission):
    """Everybody signed in may read; only the platform's admins may write."""

    message = "Only the platform's admins may change this."

    def has_permission(self, request: Request, view: APIView) -> bool:  # noqa: ARG002 - DRF's
        user = request.user
        if isinstance(user, AnonymousUser):
            return False
        return request.method in SAFE_METHODS or person(request).is_platform_admin
