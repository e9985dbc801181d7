"""What one team uses: its quotas as the clusters count them, and beside that what its workflows used.

Two kinds of numbers, never in one chart: what a quota object says is reserved now; what a workflow that
ended had requested over its time is usage.
"""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from controlplane.identity.models import User
from controlplane.metrics import coverage, ranges, reading
from controlplane.metrics.chargeback import hours
from controlplane.metrics.ranges import WORDS, Range, Window
from controlplane.metrics.reading import Namespaces, QuotaPoint, UsagePoint
from controlplane.rows import export
from tenants.models import Team, TenantNamespace

from . import frame
from .asked_for import text
from .charts import Chart, Line, Number, row
from .elsewhere import curl
from .followed import clusters_of, simulated
from .people import signed_in

MIB_IN_GIB = 1024
MILLI = 1000
FEW = 50  # in a list to choose from; of more, one types
QUOTA_COLUMNS = ("promised", "hard", "used")
KINDS = (("cpu", "CPU", "cores", MILLI), ("memory", "Memory", "GiB", MIB_IN_GIB))
HELD_CSV = (
    "at",
    "namespaces",
    "namespaces seen",
    *(f"{title} {word}, {unit}" for _, title, unit, _ in KINDS for word in QUOTA_COLUMNS),
)
USED_CSV = ("at", "workflows", "failed", "end not seen", "cpu hours", "memory GiB hours")


@dataclass(frozen=True)
class Asked:
    """Whose usage, where, and when."""

    team: Team
    namespace: str
    cluster: str
    range: Range

    @property
    def query(self) -> str:
        """The page's address, with a window that moves on."""
        return urlencode(self._place() | self._time())

    @property
    def shared(self) -> str:
        """The same with its days, so that who is given it sees these."""
        first, last = self.range.days
        return urlencode(self._place() | {"from": f"{first}", "to": f"{last}"})

    @property
    def is_narrowed(self) -> bool:
        return bool(self.namespace or self.cluster)

    def namespaces(self, user: User) -> Namespaces:
        """The namespaces that are asked for, those that are gone among them: what they used was used."""
        found = TenantNamespace.objects.visible_to(user).filter(team=self.team)
        if self.namespace:
            found = found.filter(name=self.namespace)
        if self.cluster:
            found = found.filter(cluster__name=self.cluster)
        return found

    def _place(self) -> dict[str, str]:
        said = {"team": self.team.slug, "namespace": self.namespace, "cluster": self.cluster}
        return {key: value for key, value in said.items() if value}

    def _time(self) -> dict[str, str]:
        if self.range.window is not None:
            return {"range": self.range.window.value}
        first, last = self.range.days
        return {"from": f"{first}", "to": f"{last}"}


@signed_in
def page(request: HttpRequest, user: User) -> HttpResponse:
    """The usage of one team: the one that is asked for, the switcher's, or the first."""
    if "team" not in request.GET:
        team = frame.chosen_team(request, user) or Team.objects.visible_to(user).first()
        if team is None:
            return render(request, "console/usage_none.html", {})
        query = request.GET.copy()
        query["team"] = team.slug
        return redirect(f"{request.path}?{query.urlencode()}")
    asked, now = asked_of(request, user), timezone.now()
    namespaces = asked.namespaces(user)
    covered = reading.covered(namespaces.live())
    clusters = clusters_of(TenantNamespace.objects.filter(team=asked.team))
    context = {
        "asked": asked,
        "windows": [(window.value, WORDS[window]) for window in Window],
        "first": asked.range.days[0],
        "last": asked.range.days[1],
        "today": now.date(),
        "oldest": now.date() - ranges.DAYS_REACH,
        "coverage": coverage.words(covered, now),
        "is_whole": coverage.is_whole(covered),
        "quota": quota_charts(reading.quota(namespaces, asked.range), asked.range),
        "used": used_charts(reading.used(namespaces, asked.range), asked.range),
        "templates": reading.templates(namespaces, asked.range),
        "missed": reading.missed(namespaces, asked.range),
        "simulated": simulated(clusters),
        "clusters": [cluster.name for cluster in clusters],
        "namespaces": _names(asked.team),
        "link": f"{settings.BASE_URL}{request.path}?{asked.shared}",
        "behind": _behind(asked),
    }
    return render(request, "console/usage.html", context)


@signed_in
def as_csv(request: HttpRequest, user: User) -> StreamingHttpResponse:
    """The numbers of the charts, for a spreadsheet: `?what=quota` or `used`."""
    asked = asked_of(request, user)
    what = "used" if text(request, "what") == "used" else "quota"
    lines = list(_csv(what, asked.namespaces(user), asked.range))
    answer = StreamingHttpResponse(
        export.lines(USED_CSV if what == "used" else HELD_CSV, lines),
        content_type="text/csv; charset=utf-8",
    )
    first, last = asked.range.days
    name = f"{what}-{asked.team.slug}-{first}-{last}.csv"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def asked_of(request: HttpRequest, user: User) -> Asked:
    """What the address asks for; a team that one may not see is not there."""
    team = Team.objects.visible_to(user).filter(slug=text(request, "team")).first()
    if team is None:
        raise Http404
    return Asked(team, text(request, "namespace"), text(request, "cluster"), range_of(request))


def range_of(request: HttpRequest) -> Range:
    """The stretch of time that an address asks for."""
    return ranges.asked(
        window=text(request, "range"),
        first=ranges.day_of(text(request, "from")),
        last=ranges.day_of(text(request, "to")),
        now=timezone.now(),
    )


def quota_charts(points: Sequence[QuotaPoint], over: Range) -> list[Chart]:
    """What the quota objects say, cores and memory apart."""
    lines = (
        Line("Promised", "muted", dashed=True),
        Line("Quota's limit", "text"),
        Line("Reserved", "accent"),
    )
    return [
        Chart(
            key=f"quota-{what}",
            title=f"{title} reserved, of the quota",
            unit=unit,
            lines=lines,
            rows=tuple(
                row(p.at, _held(p, what, per), "" if p.seen == p.of else f"{p.seen} of {p.of}")
                for p in points
            ),
            by_hour=over.by_hour,
        )
        for what, title, unit, per in KINDS
    ]


def used_charts(points: Sequence[UsagePoint], over: Range) -> list[Chart]:
    """What workflows that ended had requested, and how many they were."""
    step = "hour" if over.by_hour else "day"
    unseen = sum(point.unseen for point in points)
    note = f"{unseen} were gone before their end was seen." if unseen else ""
    return [
        Chart(
            key="used-cpu",
            title="CPU used by workflows",
            unit=f"core hours a {step}",
            lines=(Line("CPU"),),
            rows=tuple(row(p.at, (hours(p.cpu_seconds),)) for p in points),
            by_hour=over.by_hour,
            bars=True,
        ),
        Chart(
            key="used-memory",
            title="Memory used by workflows",
            unit=f"GiB hours a {step}",
            lines=(Line("Memory", "run"),),
            rows=tuple(row(p.at, (_gib_hours(p),)) for p in points),
            by_hour=over.by_hour,
            bars=True,
        ),
        Chart(
            key="used-workflows",
            title="Workflows that ended",
            unit=f"a {step}",
            lines=(Line("All", "ok"), Line("Failed", "bad")),
            rows=tuple(row(p.at, (p.workflows, p.failed)) for p in points),
            by_hour=over.by_hour,
            note=note,
        ),
    ]


def _held(point: QuotaPoint, what: str, per: int) -> list[Number]:
    found = (point.amounts[f"{what}_{word}"] for word in QUOTA_COLUMNS)
    return [None if number is None else number / per for number in found]


def _gib_hours(point: UsagePoint) -> Number:
    return hours(point.memory_mib_seconds) / MIB_IN_GIB


def _csv(what: str, namespaces: Namespaces, over: Range) -> Iterator[tuple[object, ...]]:
    if what == "used":
        for used in reading.used(namespaces, over):
            counts = (used.workflows, used.failed, used.unseen)
            yield (used.at, *counts, f"{hours(used.cpu_seconds):.3f}", f"{_gib_hours(used):.3f}")
        return
    for held in reading.quota(namespaces, over):
        cores, memory = _held(held, "cpu", MILLI), _held(held, "memory", MIB_IN_GIB)
        yield (held.at, held.of, held.seen, *("" if n is None else n for n in (*cores, *memory)))


def _names(team: Team) -> list[str]:
    """The names of a team's namespaces, once each; none if they are too many to choose from."""
    named = team.namespaces.order_by("name").values_list("name", flat=True).distinct()
    found = list(named[: FEW + 1])
    return found if len(found) <= FEW else []


def _behind(asked: Asked) -> list[tuple[str, str]]:
    words = ["argosy", "usage", "show", asked.team.slug]
    for option in ("namespace", "cluster"):
        if value := getattr(asked, option):
            words += [f"--{option}", value]
    if asked.range.window is not None:
        words += ["--range", asked.range.window.value]
    else:
        words += [
            f"--{key}={day}" for key, day in zip(("from", "to"), asked.range.days, strict=True)
        ]
    return [("Terminal", shlex.join(words)), ("API", curl(f"usage/?{asked.query}"))]
