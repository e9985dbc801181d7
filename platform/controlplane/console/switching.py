"""The switcher: to another team, or to another namespace, where one is; a page of its own without JavaScript.

A team that is chosen stays chosen; a namespace is an address, and neither it nor what was typed is kept.
"""

import re
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode

from controlplane.identity.models import User
from tenants.models import NamespaceQuerySet, Team, TenantNamespace

from . import choosing, frame
from .asked_for import a_part, text
from .elsewhere import curl
from .people import signed_in
from .teams import fitting

FEW_NAMESPACES = 8
# The pages that every namespace has, and the lists that one namespace narrows.
OF_A_NAMESPACE = re.compile(r"^/namespaces/[0-9]+/(progress/|turns/|images/)?\Z")
LISTS = ("/workflows/", "/violations/")


@dataclass(frozen=True)
class Place:
    """A namespace to switch to, and where that leads from the page that is open."""

    namespace: TenantNamespace
    href: str


@signed_in
def switch(request: HttpRequest, user: User) -> HttpResponse:
    """The teams and namespaces that hold `?q=`, each leading to what is open (`?at=`), of that one."""
    around, query, here = frame.of(request, user), text(request, "q"), text(request, "at")
    teams = list(fitting(around.teams, query)[: frame.FEW + 1])
    namespaces = _namespaces(user, around.team, query)
    context = {
        "query": query,
        "here": here,
        "teams": teams[: frame.FEW],
        "more_teams": len(teams) > frame.FEW,
        "places": [Place(n, where(here, n)) for n in namespaces[:FEW_NAMESPACES]],
        "more_namespaces": len(namespaces) > FEW_NAMESPACES,
        "behind": [
            ("Terminal", "argosy team list\nargosy namespace list"),
            ("API", f"{curl('teams/')}\n{curl('namespaces/')}"),
        ],
    }
    page = "console/_switch_found.html" if a_part(request) else "console/switch.html"
    return render(request, page, context)


def where(here: str, namespace: TenantNamespace) -> str:
    """The page that is open, of another namespace; its first page, where the open one is of none."""
    if here in LISTS:
        asked = {"namespace": namespace.name, "cluster": namespace.cluster.name}
        return f"{here}?{urlencode(asked)}"
    kind = OF_A_NAMESPACE.match(here)
    return f"/namespaces/{namespace.pk}/{(kind and kind[1]) or ''}"


def _namespaces(user: User, team: Team | None, query: str) -> list[TenantNamespace]:
    """What fits, of all one may see; before anything is typed, the first of the team that is chosen."""
    mine: NamespaceQuerySet = TenantNamespace.objects.visible_to(user).live()
    if not query and team is not None:
        mine = mine.filter(team=team)
    return choosing.suggestions(mine, query)
