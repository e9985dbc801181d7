"""Finding one team among many, to see its pages alone."""

from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from controlplane.identity.models import User
from tenants.models import Team

from . import frame
from .asked_for import text
from .elsewhere import curl
from .people import signed_in

A_PAGE = 25


@signed_in
def teams(request: HttpRequest, user: User) -> HttpResponse:
    """The teams a person may choose from whose name or slug holds `?q=`."""
    around, query = frame.of(request, user), text(request, "q")
    live = Count("namespaces", filter=Q(namespaces__deleted_at=None))
    found = fitting(around.teams, query).annotate(live=live).order_by("slug")
    behind = [("Terminal", "argosy team list"), ("API", curl("teams/"))]
    context = {
        "query": query,
        "page": Paginator(found, A_PAGE).get_page(request.GET.get("page")),
        "behind": behind,
    }
    return render(request, "console/teams.html", context)


def fitting(teams: QuerySet[Team], query: str) -> QuerySet[Team]:
    """Those with this in their name or slug; all for nothing."""
    return teams.filter(Q(slug__icontains=query) | Q(name__icontains=query)) if query else teams
