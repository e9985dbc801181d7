"""Which images may run for a while: a team's exemptions, narrowed and paged by the address."""

from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from controlplane.identity.models import User
from controlplane.policies.models import ImageExemption
from tenants.levels import Act
from tenants.models import Team

from . import exemption_states, frame
from .asked_for import text
from .elsewhere import curl
from .frame import within
from .people import signed_in

A_PAGE = 25


@signed_in
def page(request: HttpRequest, user: User) -> HttpResponse:
    """One page of them, newest first."""
    team, now = frame.of(request, user).team, timezone.now()
    asked = {"q": text(request, "q"), "state": text(request, "state")}
    found = within(ImageExemption.objects.visible_to(user), team)
    if asked["state"] in exemption_states.MEANS:
        found = found.filter(exemption_states.those(asked["state"], now))
    if query := asked["q"]:
        person = Q(requested_by__username__icontains=query)
        found = found.filter(Q(image__icontains=query) | Q(reason__icontains=query) | person)
    rows = found.select_related("team", "namespace", "requested_by", "approved_by")
    shown = Paginator(rows, A_PAGE).get_page(request.GET.get("page"))
    context = {
        "team": team,
        "asked": asked,
        "is_narrowed": any(asked.values()),
        "page": shown,
        "rows": [
            (
                row,
                state := exemption_states.state_of(row, now),
                LOOKS[state],
                exemption_states.to_be_looked_at_again(row, now),
            )
            for row in shown
        ],
        "states": exemption_states.MEANS,
        "may_ask": Team.objects.allowing(user, Act.SUBMIT_WORKFLOWS).exists(),
        "behind": [
            ("Terminal", "argosy exemption list"),
            ("API", curl(f"exemptions/?team={team.slug}" if team else "exemptions/")),
        ],
    }
    return render(request, "console/exemptions.html", context)


LOOKS = exemption_states.LOOKS
