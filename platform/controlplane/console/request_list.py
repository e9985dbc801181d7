"""What was asked, by whom, and where it stands: narrowed, sorted and paged by the address."""

from collections.abc import Mapping
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from controlplane.identity.models import User
from tenants import changes, requests
from tenants.models import Draft, Request, RequestQuerySet, RequestState, Team

from . import elsewhere, frame
from .asked_for import text
from .people import signed_in

PAGE = 25
SORTS = {
    "newest": ("-created_at", "-pk"),
    "oldest": ("created_at", "pk"),
    "team": ("team__slug", "-created_at", "-pk"),
    "state": ("state", "-created_at", "-pk"),
}


@signed_in
def page(request: HttpRequest, user: User) -> HttpResponse:
    """A person's drafts, then the requests they may see."""
    teams = list(Team.objects.visible_to(user))
    asked = _asked(request, user)
    found = _narrowed(Request.objects.visible_to(user), asked, user)
    rows = found.select_related("team", "requested_by").order_by(*SORTS[asked["sort"]])
    shown = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    context = {
        "asked": asked,
        "narrowed": any(value for key, value in asked.items() if key != "sort"),
        "page": shown,
        "rows": [(row, requests.sentence_of(row)) for row in shown],
        "drafts": Draft.objects.visible_to(user).select_related("team"),
        "teams": teams,
        "may_ask": frame.of(request, user).may_ask,
        "states": [state.value for state in RequestState],
        "kinds": sorted(changes.kinds()),
        "sorts": SORTS,
        "behind": elsewhere.listing(
            root=request.build_absolute_uri("/"),
            query="&".join(f"{k}={asked[k]}" for k in ("state", "team", "kind") if asked[k]),
        ),
    }
    return render(request, "console/requests.html", context)


def _asked(request: HttpRequest, user: User) -> dict[str, str]:
    """The filters of the address. The switcher's team counts where the address names none."""
    said = {key: text(request, key) for key in ("state", "kind", "q", "mine")}
    if "team" in request.GET:
        said["team"] = text(request, "team")
    else:
        team = frame.chosen_team(request, user)
        said["team"] = team.slug if team is not None else ""
    sort = text(request, "sort")
    return {**said, "sort": sort if sort in SORTS else "newest"}


def _narrowed(found: RequestQuerySet, asked: Mapping[str, str], user: User) -> RequestQuerySet:
    exact: dict[str, Any] = {"state": "state", "team": "team__slug", "kind": "kind"}
    found = found.filter(**{column: asked[key] for key, column in exact.items() if asked[key]})
    if asked["mine"]:
        found = found.filter(requested_by=user)
    if query := asked["q"]:
        number = query.removeprefix("#")
        told = (
            Q(asked__name__icontains=query)
            | Q(reason__icontains=query)
            | Q(requested_by__username__icontains=query)
        )
        if number.isascii() and number.isdigit() and len(number) < 19:  # noqa: PLR2004 - a bigint
            told |= Q(pk=number)
        found = found.filter(told)
    return found
