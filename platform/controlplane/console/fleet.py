"""The fleet for the platform's people: every cluster as a tile, the broken one first; and one of them."""

from urllib.parse import urlencode

from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from controlplane.clusters import answering
from controlplane.clusters.models import Cluster
from controlplane.identity.models import User
from controlplane.index.models import Watch
from controlplane.metrics import coverage, ranges, reading
from controlplane.metrics import fleet as fleets
from controlplane.metrics.fleet import Standing, Wanted
from controlplane.metrics.ranges import WORDS, Range, Window
from controlplane.policies.models import Delivery
from provisioning.models import Turn
from tenants import budget
from tenants.models import TenantNamespace

from .asked_for import text
from .elsewhere import curl
from .people import signed_in
from .usage import quota_charts, range_of, used_charts

A_PAGE = 60
MOST_NAMESPACES = 50
MOST_TURNS = 8
URGENT = ("failures", "name")


@signed_in
def page(request: HttpRequest, user: User) -> HttpResponse:
    """All clusters, narrowed as the address says."""
    _for_the_platform(user)
    now = timezone.now()
    wanted = Wanted(_known(text(request, "state")), text(request, "q"), text(request, "argo"))
    every = fleets.glances(now)
    fitting = fleets.narrowed(every, wanted)
    shown = Paginator(fitting, A_PAGE).get_page(request.GET.get("page"))
    counted = fleets.counts(every)
    covered = fleets.coverage_of(every)
    day = ranges.asked(window=Window.A_DAY, now=now)
    idle = answering.idle_since(now)
    context = {
        "page": shown,
        "lines": fleets.lines(list(shown), now),
        "total": len(every),
        "found": len(fitting),
        "wanted": wanted,
        "is_narrowed": wanted != Wanted(),
        "states": [
            (standing.value, fleets.LOOKS[standing], count)
            for standing, count in counted.items()
            if count or standing == wanted.standing
        ],
        "versions": fleets.versions(every),
        "wanted_version": settings.ARGO_VERSION,
        "coverage": coverage.words(covered, now),
        "is_whole": coverage.is_whole(covered),
        "idle": answering.idle_sentence(idle, now) if idle else "",
        "charts": quota_charts(reading.fleet_quota(day), day),
        "behind": [
            ("Terminal", "argosy usage fleet"),
            ("API", curl(f"fleet/{_query(wanted)}")),
        ],
    }
    return render(request, "console/fleet.html", context)


@signed_in
def cluster(request: HttpRequest, user: User, name: str) -> HttpResponse:
    """One cluster: why it is as it is, what is on it, what is used there, what was done lately."""
    _for_the_platform(user)
    now = timezone.now()
    row = Cluster.objects.filter(name=name).values_list("pk", flat=True).first()
    if row is None:
        raise Http404
    [line] = fleets.lines(fleets.glances(now, only=[row]), now)
    namespaces = TenantNamespace.objects.filter(cluster=row)
    asked: Range = range_of(request)
    live = namespaces.live().select_related("team", "tier").order_by("-failures", "name")
    context = {
        "line": line,
        "asked": {"range": asked},
        "range_query": urlencode({"range": asked.window.value if asked.window else "24h"}),
        "windows": [(window.value, WORDS[window]) for window in Window],
        "promised": budget.promised_on(line.cluster),
        "watches": list(Watch.objects.filter(cluster=row).order_by("kind")),
        "delivery": Delivery.objects.filter(cluster=row).first(),
        "namespaces": list(live[:MOST_NAMESPACES]),
        "more": max(0, line.on_it.namespaces - MOST_NAMESPACES),
        "turns": list(
            Turn.objects.filter(namespace__in=namespaces.order_by())
            .select_related("namespace")
            .order_by("-pk")[:MOST_TURNS]
        ),
        "charts": [
            *quota_charts(reading.quota(namespaces, asked), asked),
            *used_charts(reading.used(namespaces, asked), asked),
        ],
        "behind": [
            ("Terminal", "argosy cluster list"),
            ("API", curl(f"fleet/{name}/")),
        ],
    }
    return render(request, "console/fleet_cluster.html", context)


def _for_the_platform(user: User) -> None:
    """To everybody else there is no such page."""
    if not user.sees_all:
        raise Http404


def _known(word: str) -> str:
    return word if word in set(Standing) else ""


def _query(wanted: Wanted) -> str:
    said = {"state": wanted.standing, "q": wanted.text, "argo": wanted.version}
    query = urlencode({key: value for key, value in said.items() if value})
    return f"?{query}" if query else ""
