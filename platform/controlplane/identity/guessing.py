"""How many wrong passwords are left, and what is told to who has none, at either door."""

from axes.handlers.proxy import AxesProxyHandler
from django.conf import settings
from django.http import HttpRequest

SENTENCE = "Too many wrong passwords for that name from your address. Wait 15 minutes."


def tries_left(request: HttpRequest, username: str) -> int:
    """How many wrong passwords for this name may still come from this address."""
    failures = AxesProxyHandler.get_failures(request, {"username": username})
    return max(int(settings.AXES_FAILURE_LIMIT) - int(failures), 0)
