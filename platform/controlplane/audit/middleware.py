"""Every request is an act: who, from where, with a number of its own; and what was denied is written."""

import logging
from collections.abc import Callable

from django.db import Error
from django.http import HttpRequest, HttpResponseBase

from . import acting, recording
from .acting import Act
from .outcome import Outcome

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
DENIED = frozenset({401, 403, 404})
REFUSED_WRITE = "write.refused"
API, DESK = "/api/", "/admin/"

logger = logging.getLogger(__name__)


class Acting:
    """Outermost but for the counting: what any other part answers is an answer to this act."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._answer = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        act = Act(
            who=lambda: who_is(request),
            through=lambda: door_of(request),
            address=str(request.META.get("REMOTE_ADDR", "")),
        )
        with acting.under(act):
            response = self._answer(request)
            response.headers["X-Request-ID"] = act.request_id
            _write_denied(request, response, act)
        return response


def who_is(request: HttpRequest) -> str:
    """The person's name; '' for nobody, and for what is no person: an agent, a scraper."""
    user = getattr(request, "user", None)
    return user.get_username() if user is not None and user.is_authenticated else ""


def door_of(request: HttpRequest) -> str:
    """By which door they came, and with which token: its beginning is enough to find it."""
    if request.path.startswith(API):
        hint = getattr(getattr(request, "auth", None), "hint", "")
        return f"API, token {hint}…" if hint else "API"
    return "desk" if request.path.startswith(DESK) else "console"


def _write_denied(request: HttpRequest, response: HttpResponseBase, act: Act) -> None:
    """What services said was denied; else, that a person's write was, by whoever denied it.

    Nobody's writes are not kept: whoever scans the internet would fill the table. Wrong passwords are, by
    who hears of them.
    """
    try:
        if act.held:
            recording.write_held(act)
        elif request.method not in SAFE and response.status_code in DENIED and who_is(request):
            recording.record(
                REFUSED_WRITE,
                target=f"{request.method} {request.path}",
                outcome=Outcome.DENIED,
                after={"status": response.status_code},
            )
            recording.write_held(act)
    except Error:
        # It was denied, and stays so: an error in its place would tell more, and mend nothing.
        logger.exception("a denied attempt could not be recorded")
