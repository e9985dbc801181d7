"""Who did what: a list that is narrowed by the address, and the same list whole, for a spreadsheet."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone

from controlplane.audit import Outcome, asking, record
from controlplane.audit.models import Event, Events
from controlplane.errors import DomainError
from controlplane.identity.models import User
from controlplane.rows import export
from controlplane.rows.history import Difference, differences
from controlplane.rows.pages import BoundedPaginator
from tenants.audited import events_for, sees_all

from . import frame
from .asked_for import text
from .elsewhere import curl
from .people import signed_in

A_PAGE = 50
COLUMNS = (
    ("number", "pk"),
    ("time", "at"),
    ("who", "actor"),
    ("on behalf of", "on_behalf_of"),
    ("through", "through"),
    ("what", "action"),
    ("to what", "target"),
    ("team", "team"),
    ("outcome", "outcome"),
    ("before", "before"),
    ("after", "after"),
    ("request", "request_id"),
    ("address", "address"),
)
LOOKS = {Outcome.DONE: "ok", Outcome.DENIED: "bad", Outcome.FAILED: "warn"}
PERIODS = (("1", "today"), ("7", "7 days"), ("30", "30 days"))


@dataclass(frozen=True)
class Row:
    """One act as the list shows it."""

    event: Event
    look: str
    changed: Sequence[Difference]


@signed_in
def page(request: HttpRequest, user: User) -> HttpResponse:
    """One page of them, newest first."""
    said = _said(request, user)
    found, wrong = _found(user, said)
    shown = BoundedPaginator(found, A_PAGE).get_page(request.GET.get("page"))
    query = urlencode({name: value for name, value in said.items() if value})
    context = {
        "team": frame.of(request, user).team,
        "sees_all": sees_all(user),
        "asked": said,
        "wrong": wrong,
        "is_narrowed": any(value for name, value in said.items() if name != "team"),
        "page": shown,
        "query": query,
        "rows": [_row(event) for event in shown],
        "outcomes": Outcome.values,
        "periods": _periods(),
        "behind": [
            ("Terminal", f"argosy audit list{_options(said)}"),
            ("API", curl(f"audit/?{query}" if query else "audit/")),
            ("Is it whole? On the platform's machine", "argosy audit verify"),
        ],
    }
    return render(request, "console/audit.html", context)


@signed_in
def as_csv(request: HttpRequest, user: User) -> HttpResponseBase:
    """All that the list would show, on however many pages. That somebody took it is an act itself."""
    said = _said(request, user)
    found, wrong = _found(user, said)
    if wrong is not None:
        return HttpResponse(wrong.sentence, status=400, content_type="text/plain; charset=utf-8")
    asked = {name: value for name, value in said.items() if value}
    record("audit.exported", target="audit", after=asked, team=said["team"])
    answer = StreamingHttpResponse(_lines(found), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="audit-{timezone.now():%F}.csv"'
    answer["Cache-Control"] = "no-store"
    return answer


def _said(request: HttpRequest, user: User) -> dict[str, str]:
    """The filters of the address; the team is the one that the switcher is set to."""
    team = frame.of(request, user).team
    said = {name: text(request, name) for name in asking.NAMES}
    return said | {"team": team.slug if team else ""}


def _found(user: User, said: Mapping[str, str]) -> tuple[Events, DomainError | None]:
    """What fits; and where the filters cannot be read, nothing, and why."""
    events = events_for(user)
    try:
        return asking.narrowed(events, asking.read(said)), None
    except DomainError as wrong:
        return events.none(), wrong


def _lines(found: Events) -> Iterator[str]:
    return export.stream(found, COLUMNS)


def _row(event: Event) -> Row:
    changed = differences(_fields(event.before), _fields(event.after))
    return Row(event, LOOKS[Outcome(event.outcome)], changed)


def _fields(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    return value if isinstance(value, dict) else {"value": value}


def _periods() -> list[tuple[str, str]]:
    """The first day of each, and its name."""
    today = timezone.now().date()
    return [(f"{today - timedelta(days=int(days) - 1)}", name) for days, name in PERIODS]


def _options(said: Mapping[str, str]) -> str:
    kept = {name: value for name, value in said.items() if value and name != "request_id"}
    return "".join(f" {word}" for name, value in kept.items() for word in _option(name, value))


def _option(name: str, value: str) -> tuple[str, ...]:
    return (f"--{name}", shlex.quote(value))
