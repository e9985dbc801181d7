"""Who is asking, and which of them may write what belongs to the platform."""

from django.contrib.auth.models import AnonymousUser
from rest_framework.generics import GenericAPIView
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
    """Everybody signed in may read; only the platform's admins may write.

    What a person may not see is not there for them: a 403 would tell that it is.
    """

    message = "Only the platform's admins may change this."

    def has_permission(self, request: Request, view: APIView) -> bool:
        user = request.user
        if isinstance(user, AnonymousUser):
            return False
        if request.method in SAFE_METHODS or person(request).is_platform_admin:
            return True
        if isinstance(view, GenericAPIView) and names_a_row(view):
            view.get_object()
        return False


def names_a_row(view: APIView) -> bool:
    """Whether the address is one row's."""
    return (
        str(getattr(view, "lookup_url_kwarg", None) or getattr(view, "lookup_field", ""))
        in view.kwargs
    )
