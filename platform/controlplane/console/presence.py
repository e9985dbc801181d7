"""The middleware that asks, of everybody a provider let in, whether it still vouches for them."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from controlplane.identity import grants, vouching
from controlplane.identity.models import User
from controlplane.identity.trust import Trust

from .people import SAFE

API = "/api/"
# What who may only look may send all the same: out of here, and how it is to look.
HARMLESS = frozenset({"sign-out", "theme"})


class Vouched:
    """No session outlives what the provider says, and without its word nothing is changed."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_: Any) -> HttpResponse | None:
        """Here and no sooner: which page it is decides what may be sent to it."""
        if not isinstance(user := request.user, User) or user.is_local:
            return None
        standing = vouching.of_session(user, request.session.get(grants.IN_SESSION))
        if standing.trust is Trust.OUT:
            _out(request, standing)
        elif standing.trust is Trust.READ_ONLY and not _harmless(request):
            return _refused(request, standing.sentence)
        return None


def _out(request: HttpRequest, standing: vouching.Standing) -> None:
    """Nobody, for this page. Where the provider is silent the session stays: its next yes opens it."""
    if standing.over:
        logout(request)
    request.user = AnonymousUser()
    if not request.path.startswith(API):
        messages.warning(request, standing.sentence)


def _harmless(request: HttpRequest) -> bool:
    found = request.resolver_match
    return request.method in SAFE or (found is not None and found.url_name in HARMLESS)


def _refused(request: HttpRequest, sentence: str) -> HttpResponse:
    if request.path.startswith(API):
        error = {"code": "read_only", "sentence": sentence, "fields": {}}
        return JsonResponse({"error": error}, status=403)
    return render(request, "console/read_only.html", {"sentence": sentence}, status=403)
