"""What Argo's controllers say, from the metrics engine: a part of the usage and cluster pages.

Fetched by the page after it is there, for an engine may be slow or away, and the rows are neither. Where
pods run nothing no controller measures anything, and the part says so instead of drawing a zero.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from controlplane.advisories.lookup import Standing
from controlplane.clusters.models import Cluster
from controlplane.identity.models import User
from controlplane.metrics import coverage, queries, versions
from controlplane.metrics.queries import CATALOGUE, Answer, Scope, Span
from controlplane.metrics.ranges import Range
from controlplane.metrics.reading import Namespaces
from controlplane.metrics.versions import Told
from tenants.models import TenantNamespace

from . import usage
from .asked_for import a_part, text
from .charts import Chart, Line, Row, row
from .people import signed_in

OF_A_TEAM = ("workflows_by_phase", "queue_depth", "pods_pending", "controller_errors")
OF_THE_FLEET = ("fleet_workflows", "fleet_queue_depth", "fleet_controllers")
POINTS = 48
MOST_TOLD = 50  # namespaces, or versions, in a table
LOOKS = ("accent", "ok", "warn", "bad", "run", "muted")  # so many lines a chart can tell apart
BY_PHASE = {"Pending": "warn", "Running": "run", "Succeeded": "ok", "Failed": "bad", "Error": "bad"}


@dataclass(frozen=True)
class Said:
    """All of the part: charts, or the sentence why there is none."""

    charts: tuple[Chart, ...] = ()
    coverage: str = ""
    trouble: str = ""
    told: tuple[
        Told, ...
    ] = ()  # each namespace's release and controller, where it is about one cluster
    counted: tuple[tuple[Standing, int], ...] = ()  # how many controllers say what, where of all
    more: int = 0  # such lines that are not shown


@signed_in
def of_team(request: HttpRequest, user: User) -> HttpResponse:
    """The controllers of one team's namespaces."""
    asked = usage.asked_of(request, user)
    places = asked.namespaces(user).live()
    params = {"cluster": asked.cluster, "namespace": asked.namespace}
    said = said_of(
        OF_A_TEAM, params, queries.team_scope(asked.team), asked.range, _clusters(places)
    )
    back = f"/usage/?{asked.query}"
    return _answer(request, said, title=f"Controllers of {asked.team.name}", back=back)


@signed_in
def of_fleet(request: HttpRequest, user: User) -> HttpResponse:
    """The controllers of all clusters, or of one, for the platform's people."""
    if not user.sees_all:
        raise Http404
    name = text(request, "cluster")
    found = Cluster.objects.filter(name=name) if name else Cluster.objects.all()
    if name and not found.exists():
        raise Http404
    clusters = list(found.only("name", "simulated"))
    scope = queries.platform_scope()
    said = said_of(OF_THE_FLEET, {"cluster": name}, scope, usage.range_of(request), clusters)
    if not said.trouble:
        said = _with_versions(said, name, scope)
    return _answer(
        request,
        said,
        title=f"Controllers on {name}" if name else "Controllers of all clusters",
        back=f"/fleet/{name}/" if name else "/fleet/",
    )


def said_of(
    names: Sequence[str],
    params: Mapping[str, str],
    scope: Scope,
    over: Range,
    clusters: Sequence[Cluster],
) -> Said:
    """Ask each of these questions, until the engine turns out to be away."""
    now = timezone.now()
    if clusters and all(cluster.simulated for cluster in clusters):
        return Said(
            trouble="Simulated: nothing measured. Pods of these clusters run nothing, so there is no "
            "controller that could say anything. What is above is counted by the platform itself."
        )
    span, charts, covered = _span(over, now), [], ""
    for name in names:
        answer = queries.run(name, params, scope, span=span, now=now)
        if answer.trouble:
            return Said(trouble=answer.trouble)
        covered = coverage.words(answer.coverage, now)
        charts.append(chart_of(name, answer, now))
    return Said(tuple(charts), covered)


def chart_of(name: str, answer: Answer, now: datetime) -> Chart:
    """One answer as a chart: as many of its series as can be told apart, those with most first."""
    query = CATALOGUE[name]
    most = sorted(answer.series, key=lambda s: -max((v for _, v in s.points), default=0))
    shown = most[: len(LOOKS)]
    times = sorted({at for series in shown for at, _ in series.points})
    values = [dict(series.points) for series in shown]
    return Chart(
        key=name,
        title=query.title,
        unit=query.unit,
        lines=tuple(_lines([series.labels for series in shown])),
        rows=tuple(_row(at, values) for at in times),
        by_hour=True,
        note=" ".join(_notes(answer, len(most) - len(shown), now)),
    )


def _lines(labels: Sequence[Mapping[str, str]]) -> Iterator[Line]:
    for number, each in enumerate(labels):
        words = "/".join(each.values()) or "all"
        yield Line(words, BY_PHASE.get(each.get("phase", ""), LOOKS[number]))


def _row(at: float, values: Sequence[Mapping[float, float]]) -> Row:
    return row(datetime.fromtimestamp(at, UTC), [series.get(at) for series in values])


def _notes(answer: Answer, left_out: int, now: datetime) -> Iterator[str]:
    if answer.freshness != "fresh":
        yield f"Nothing fresh: {coverage.words(answer.coverage, now)}."
    if left_out:
        yield f"{left_out} more lines, all below these, are not drawn."


def _span(over: Range, now: datetime) -> Span:
    """The range as the engine is asked for it: to now, and no further back than it may be asked."""
    end = min(over.end, now)
    start = max(over.first, end - queries.LONGEST_SPAN)
    step = max(15, int((end - start) / POINTS / timedelta(seconds=1)))
    return Span(start, end, step)


def _with_versions(said: Said, cluster: str, scope: Scope) -> Said:
    """The same with what controllers say they are: of one cluster by namespace, of all as numbers."""
    if not cluster:
        counted = versions.counted(queries.run("fleet_versions", {}, scope))
        return replace(said, counted=tuple(counted[:MOST_TOLD]), more=_beyond(counted))
    live = TenantNamespace.objects.live().filter(cluster__name=cluster, applied_at__isnull=False)
    places = live.select_related("team").only("name", "argo_version", "team__slug")
    answer = queries.run("controller_version", {"cluster": cluster}, scope)
    told = versions.on_cluster(cluster, places, answer)
    return replace(said, told=tuple(told[:MOST_TOLD]), more=_beyond(told))


def _beyond(lines: Sequence[object]) -> int:
    return max(0, len(lines) - MOST_TOLD)


def _clusters(places: Namespaces) -> list[Cluster]:
    on = TenantNamespace.objects.filter(pk__in=places.order_by().values("pk")).values("cluster")
    return list(Cluster.objects.filter(pk__in=on).only("name", "simulated"))


def _answer(request: HttpRequest, said: Said, *, title: str, back: str) -> HttpResponse:
    if a_part(request):
        return render(request, "console/_controllers.html", {"said": said})
    context = {"said": said, "title": title, "back": back}
    return render(request, "console/controllers.html", context)
