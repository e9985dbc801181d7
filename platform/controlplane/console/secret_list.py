"""A team's secrets: what there is, until when it is good, and where it has come to."""

from django.core.paginator import Paginator
from django.db.models import Count, F, Prefetch, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from controlplane.identity.models import User
from controlplane.secrets import standing
from controlplane.secrets.models import DeliveryState, Secret, Version
from tenants.levels import Act
from tenants.models import Team

from . import frame
from .elsewhere import curl
from .frame import within
from .people import signed_in

A_PAGE = 25


@signed_in
def page(request: HttpRequest, user: User) -> HttpResponse:
    """One page of them, by name; removed ones while some namespace still has them."""
    team, today = frame.of(request, user).team, timezone.now().date()
    there = Q(removed_at=None) | Q(deliveries__isnull=False)
    rows = (
        within(Secret.objects.visible_to(user), team)
        .filter(there)
        .annotate(
            places=Count("deliveries", distinct=True),
            delivered=Count(
                "deliveries",
                Q(deliveries__state=DeliveryState.DELIVERED, deliveries__version=F("version")),
                distinct=True,
            ),
        )
        .select_related("team", "namespace")
        .prefetch_related(Prefetch("versions", Version.objects.defer("sealed")))
        .order_by("team__slug", "name", "pk")
    )
    shown = Paginator(rows, A_PAGE).get_page(request.GET.get("page"))
    context = {
        "team": team,
        "page": shown,
        "rows": [
            (row, newest, standing.of(newest.expires_on if newest else None, today))
            for row in shown
            for newest in [next(iter(row.versions.all()), None)]
        ],
        "may_add": Team.objects.allowing(user, Act.KEEP_SECRETS).exists(),
        "behind": [("API", curl(f"secrets/?team={team.slug}" if team else "secrets/"))],
    }
    return render(request, "console/secrets.html", context)
