"""Who is looking at a page."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect
from django.urls import reverse

from controlplane.identity.models import User

from .asked_for import a_part

P = ParamSpec("P")
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
ENDED = "ended"  # in the sign-in page's address: how somebody came to be signed out


def signed_in(
    view: Callable[Concatenate[HttpRequest, User, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """A page for people who are signed in; the view is given the person, typed."""

    @wraps(view)
    def page(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        user = request.user
        if isinstance(user, User) and user.is_authenticated:
            return view(request, user, *args, **kwargs)
        door = to_sign_in(request, sent=request.method not in SAFE)
        if a_part(request):
            # Followed by htmx, a redirect would put the sign-in page into the middle of this one.
            return HttpResponse(status=204, headers={"HX-Redirect": door})
        return redirect(door)

    return page


def anew() -> HttpResponse:
    """Has htmx load the whole page again."""
    return HttpResponse(status=204, headers={"HX-Refresh": "true"})


def to_sign_in(request: HttpRequest, *, sent: bool) -> str:
    """The sign-in page, and from there back to the page that is open.

    Told that a session ended where there was one; and if something was `sent`, that it was not taken.
    """
    query = QueryDict(mutable=True)
    query["next"] = _open_page(request)
    if settings.SESSION_COOKIE_NAME in request.COOKIES:
        query[ENDED] = "sent" if sent else "yes"
    return f"{reverse(settings.LOGIN_URL)}?{query.urlencode(safe='/')}"


def _open_page(request: HttpRequest) -> str:
    """The page that somebody is on: for a form, and for a part of a page, the one that holds it."""
    if a_part(request):
        holder = request.headers.get("HX-Current-URL", "")
    elif request.method not in SAFE:
        holder = request.headers.get("Referer", "")
    else:
        return request.get_full_path()
    here = urlsplit(holder)
    if here.netloc != request.get_host():
        return request.get_full_path()
    return urlunsplit(("", "", here.path or "/", here.query, ""))
