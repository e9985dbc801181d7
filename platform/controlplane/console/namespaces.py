"""All namespaces a person may see: paged, sorted and narrowed by the address, which can be kept."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from controlplane.clusters.models import Cluster
from controlplane.identity.models import User
from tenants.conditions import MOVING, Phase
from tenants.models import Team, TenantNamespace, Tier

from . import frame
from .asked_for import a_part, number, text
from .cards import counts_of
from .elsewhere import curl
from .frame import within
from .people import signed_in
from .polling import next_look
from .standing import standing_of

A_PAGE = 25
MOST_TEAMS = 50  # in a list to choose from; whoever has more types the team's name
NARROWED = {"team": "team__slug", "cluster": "cluster__name", "tier": "tier__slug"}
COLUMNS = {
    "name": ("Name", "name"),
    "team": ("Team", "team__slug"),
    "cluster": ("Cluster", "cluster__name"),
    "tier": ("Tier", "tier__order"),
    "phase": ("Phase", "phase"),
    "created": ("Approved", "created_at"),
}


@dataclass(frozen=True)
class Column:
    """A heading that sorts: which way it does now, and what a click makes of it."""

    name: str
    sorted: str
    next: str


@signed_in
def namespaces(request: HttpRequest, user: User) -> HttpResponse:
    """One page of them; `q`, `team`, `cluster`, `tier`, `phase`, `sort` and `page` say which."""
    team = frame.of(request, user).team
    asked = {key: text(request, key) for key in ("q", "phase", *NARROWED)}
    seen = within(TenantNamespace.objects.visible_to(user), team)
    sort = sort_of(text(request, "sort"))
    found = narrowed(seen, asked).select_related("team", "cluster", "tier")
    page = Paginator(found.order_by(*order_of(sort)), A_PAGE).get_page(request.GET.get("page"))
    shown = list(page.object_list)
    counts = counts_of(shown, user)
    context = {
        "team": team,
        "asked": asked,
        "sort": sort,
        "is_narrowed": any(asked.values()),
        "columns": columns_of(sort),
        "page": page,
        "moves": any(n.phase in MOVING for n in shown),
        "poll": next_look(number(request, "looks"), ""),
        "rows": [(n, standing_of(n), counts.get(n.pk)) for n in shown],
        "behind": [
            ("Terminal", "argosy namespace list"),
            ("API", curl("namespaces/" + (f"?team={team.slug}" if team else ""))),
        ],
        **_choices(user, seen, team),
    }
    if a_part(request) and "looks" in request.GET:
        return render(request, "console/_ns_rows.html", context)
    return render(request, "console/namespaces.html", context)


def narrowed(
    seen: QuerySet[TenantNamespace], asked: Mapping[str, str]
) -> QuerySet[TenantNamespace]:
    """Those that fit all that is asked. What is gone is there only where it is asked for."""
    exact = {column: asked[key] for key, column in NARROWED.items() if asked.get(key)}
    found = seen.filter(**exact)
    if query := asked.get("q"):
        of_team = Q(team__slug__icontains=query) | Q(team__name__icontains=query)
        found = found.filter(Q(name__icontains=query) | of_team)
    if phase := asked.get("phase"):
        return found.filter(phase=phase)
    return found.filter(deleted_at=None)


def sort_of(asked: str) -> str:
    """The sort of an address; by name, if it is none of ours."""
    return asked if asked.removeprefix("-") in COLUMNS else "name"


def order_of(sort: str) -> tuple[str, ...]:
    """The columns to order by; the last ones make the order of equals the same on every page."""
    sign = "-" if sort.startswith("-") else ""
    return (f"{sign}{COLUMNS[sort.removeprefix('-')][1]}", "name", "pk")


def columns_of(sort: str) -> list[Column]:
    """The headings, the sorted one telling so and turning round at a click."""
    chosen, way = sort.removeprefix("-"), "descending" if sort.startswith("-") else "ascending"
    return [
        Column(name, way if key == chosen else "", f"-{key}" if sort == key else key)
        for key, (name, _) in COLUMNS.items()
    ]


def _choices(user: User, seen: QuerySet[TenantNamespace], team: Team | None) -> dict[str, object]:
    """What the filters offer: only what somebody may see."""
    teams = [] if team else list(Team.objects.visible_to(user)[: MOST_TEAMS + 1])
    return {
        "phases": [str(phase) for phase in Phase],
        "clusters": list(
            Cluster.objects.filter(pk__in=seen.order_by().values("cluster"))
            .order_by("name")
            .values_list("name", flat=True)
        ),
        "tiers": list(Tier.objects.values_list("slug", flat=True)),
        "teams": [each.slug for each in teams] if len(teams) <= MOST_TEAMS else [],
        "has_many_teams": len(teams) > MOST_TEAMS,
    }
