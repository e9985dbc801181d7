"""Finding one team among many: the switcher's filter, which is a page of its own without JavaScript."""

from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from controlplane.identity.models import User
from tenants.models import Team

from . import frame
from .asked_for import a_part, text
from .elsewhere import curl
from .people import signed_in

A_PAGE = 25


@signed_in
def teams(request: HttpRequest, user: User) -> HttpResponse:
    """The teams a person may choose from whose name or slug holds `?q=`."""
    around, query = frame.of(request, user), text(request, "q")
    found = around.teams
    if query:
        found = found.filter(Q(slug__icontains=query) | Q(name__icontains=query))
    if a_part(request):
        listed = list(found[: frame.FEW + 1])
        return render(request, "console/_switch_teams.html", _few(listed, query))
    live = Count("namespaces", filter=Q(namespaces__deleted_at=None))
    pages = Paginator(found.annotate(live=live).order_by("slug"), A_PAGE)
    behind = [("Terminal", "argosy team list"), ("API", curl("teams/"))]
    context = {"query": query, "page": pages.get_page(request.GET.get("page")), "behind": behind}
    return render(request, "console/teams.html", context)


def _few(listed: list[Team], query: str) -> dict[str, object]:
    return {"teams": listed[: frame.FEW], "more": len(listed) > frame.FEW, "query": query}
