"""The first page: what a person's teams have, how it is, and what waits."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from controlplane.identity.models import User
from tenants.models import Team, TenantNamespace

from .frame import CHOSEN, chosen_team, within
from .people import signed_in


@signed_in
def home(request: HttpRequest, user: User) -> HttpResponse:
    """The chosen team's namespaces as cards, or those of all teams; `?team=` chooses."""
    if "team" in request.GET:
        slug = request.GET["team"]
        known = Team.objects.visible_to(user).filter(slug=slug).exists()
        request.session[CHOSEN] = slug if known else ""
        return redirect("console:home")
    team = chosen_team(request, user)
    namespaces = within(TenantNamespace.objects.visible_to(user).live(), team)
    context = {"team": team, "namespaces": namespaces.select_related("team", "cluster", "tier")}
    return render(request, "console/home.html", context)
