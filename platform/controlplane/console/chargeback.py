"""What a month's usage costs, by team, namespace or template: one's own teams', or everybody's."""

import shlex
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone

from controlplane.identity.models import User
from controlplane.metrics import reading
from controlplane.metrics.chargeback import Bill
from controlplane.metrics.ranges import month_of
from controlplane.metrics.reading import BY, HEADS
from controlplane.rows import export
from tenants.models import Team, TenantNamespace

from .asked_for import text
from .elsewhere import curl
from .people import signed_in

A_PAGE = 50
MONTHS = 13
WORDS = {"team": "Team", "namespace": "Namespace", "template": "Workflow template"}
AMOUNTS = ("workflows", "cpu hours", "memory GiB hours", "cost", "share of shared cost", "currency")


@signed_in
def page(request: HttpRequest, user: User) -> HttpResponse:
    """One month's bill."""
    month, by, team = _asked(request, user)
    bill = _bill(user, month, by, team)
    asked = {"month": f"{month:%Y-%m}", "by": by, **({"team": team.slug} if team else {})}
    context = {
        "bill": bill,
        "page": Paginator(list(bill.lines), A_PAGE).get_page(request.GET.get("page")),
        "heads": [head.capitalize() for head in HEADS[by]],
        "span": len(HEADS[by]),
        "by": by,
        "ways": list(WORDS.items()),
        "month": month,
        "months": _months(timezone.now()),
        "is_running": month == month_of("", timezone.now()),
        "team": team,
        "of_everybody": user.sees_all and team is None,
        "query": urlencode(asked),
        "behind": [
            ("Terminal", shlex.join(["argosy", "usage", "chargeback", *_options(asked)])),
            ("API", curl(f"usage/chargeback/?{urlencode(asked)}")),
        ],
    }
    return render(request, "console/chargeback.html", context)


@signed_in
def as_csv(request: HttpRequest, user: User) -> StreamingHttpResponse:
    """The whole bill for a spreadsheet, with the shared cost as its last line."""
    month, by, team = _asked(request, user)
    bill = _bill(user, month, by, team)
    answer = StreamingHttpResponse(
        export.lines((*HEADS[by], *AMOUNTS), _csv(bill, len(HEADS[by]))),
        content_type="text/csv; charset=utf-8",
    )
    name = f"chargeback-{month:%Y-%m}-by-{by}.csv"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _asked(request: HttpRequest, user: User) -> tuple[datetime, str, Team | None]:
    """Which month, by what, and of which team; one that a person may not see is not there."""
    by = text(request, "by")
    team = None
    if slug := text(request, "team"):
        team = Team.objects.visible_to(user).filter(slug=slug).first()
        if team is None:
            raise Http404
    month = month_of(text(request, "month"), timezone.now())
    return month, by if by in BY else "team", team


def _bill(user: User, month: datetime, by: str, team: Team | None) -> Bill:
    namespaces = TenantNamespace.objects.visible_to(user)
    if team is not None:
        namespaces = namespaces.filter(team=team)
    return reading.bill(namespaces, month=month, by=by, whole=user.sees_all and team is None)


def _csv(bill: Bill, names: int) -> Iterator[Sequence[Any]]:
    money = bill.rates.currency if bill.rates else ""
    for line in bill.lines:
        hours = (f"{line.cpu_hours:.3f}", f"{line.memory_gib_hours:.3f}")
        yield (*line.names, line.workflows, *hours, _money(line.cost), _money(line.share), money)
    if bill.rates:
        rest = [""] * (names - 1)
        yield ("(shared cost of the platform)", *rest, "", "", "", f"{bill.shared}", "", money)


def _money(amount: object) -> str:
    return "" if amount is None else str(amount)


def _months(now: datetime) -> list[date]:
    """This month and those before it, the newest first."""
    this = now.year * 12 + now.month - 1
    return [date(n // 12, n % 12 + 1, 1) for n in range(this, this - MONTHS, -1)]


def _options(asked: dict[str, str]) -> list[str]:
    return [f"--{key}={value}" for key, value in asked.items()]
