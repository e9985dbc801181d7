"""What may be asked of the engine: questions with names, each put together and narrowed here.

Nobody sends PromQL. A question has typed parameters, which become values in quotes; whose series it is
about comes from the person who asks (`Scope`) and cannot be given at all. Every answer says how many of the
clusters it should be about it is about, and how old it is: what is dead never looks alive.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

import orjson
from django.utils import timezone

from controlplane.errors import DomainError
from controlplane.identity.models import User
from tenants.models import NamespaceQuerySet, Team, TeamQuerySet, TenantNamespace

from . import engine as engines
from .engine import Down, Engine, Series
from .identity import CLUSTER, INTERVAL, NAMESPACE, TEAM
from .recording import SEEN

Freshness = Literal["fresh", "stale", "never"]

# A scrape, a rule and the way here: what is older was missed at least once.
FRESH_WITHIN = timedelta(seconds=3 * INTERVAL)
MOST_POINTS = 600
LONGEST_VALUE = 253
LONGEST_SPAN = timedelta(days=31)
RANGES = {
    "1h": timedelta(hours=1),
    "6h": timedelta(hours=6),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
SELF = "the platform"
SNAPSHOT = "argosy_snapshot_age_seconds"
UNMEASURED = (
    "Nothing is measured here: no controller runs on these clusters, or their pods are simulated."
)
PHASES = ("Pending", "Running", "Succeeded", "Failed", "Error")


class NoSuchQuery(DomainError):
    """There is no question of that name, or it is not for this person."""

    code = "no_such_query"


class BadParameter(DomainError):
    """A parameter that the question does not have, or that is not of its type."""

    code = "bad_parameter"


@dataclass(frozen=True)
class Scope:
    """Whose series a person may see. `teams` is None for the platform's people: all of them."""

    teams: frozenset[str] | None
    clusters: frozenset[str]  # on which they have, or had, namespaces
    expected: frozenset[str]  # whose controllers should be heard now

    @property
    def is_empty(self) -> bool:
        """Nothing is to be seen: nothing is asked."""
        return self.teams is not None and not (self.teams and self.clusters)


@dataclass(frozen=True)
class Span:
    """From when to when, a point every so many seconds."""

    start: datetime
    end: datetime
    step: int

    @classmethod
    def ending(cls, now: datetime, length: timedelta) -> "Span":
        """The last so long, in as many points as a chart can show."""
        step = math.ceil(length.total_seconds() / MOST_POINTS / INTERVAL) * INTERVAL
        return cls(now - length, now, max(step, INTERVAL))

    def checked(self) -> "Span":
        """Itself, if it is one. Raises BadParameter."""
        length = self.end - self.start
        if not timedelta(0) < length <= LONGEST_SPAN:
            raise BadParameter(
                "A range is at most 31 days, and ends after it began.", field="range"
            )
        if self.step < 1 or length.total_seconds() / self.step > MOST_POINTS:
            raise BadParameter(f"A range has at most {MOST_POINTS} points.", field="range")
        return self


@dataclass(frozen=True)
class Coverage:
    """Of how many clusters an answer should be, of how many it is, and how many fell silent."""

    of: int = 0
    seen: int = 0  # heard within the last three intervals
    stale: int = 0  # heard before that
    since: datetime | None = None  # the first of the stale fell silent then

    @property
    def never(self) -> int:
        """Never heard at all, or not for a week."""
        return self.of - self.seen - self.stale


@dataclass(frozen=True)
class Answer:
    """Series with what is to be said beside them; `trouble` is a sentence, '' where all is well."""

    series: tuple[Series, ...] = ()
    coverage: Coverage = field(default_factory=Coverage)
    freshness: Freshness = "never"
    trouble: str = ""


def text(value: str) -> str:
    """Any text, as data."""
    if len(value) > LONGEST_VALUE:
        raise BadParameter(f"A value has at most {LONGEST_VALUE} characters.")
    return value


def phase(value: str) -> str:
    """A workflow's phase."""
    if value not in PHASES:
        raise BadParameter(f"A phase is one of {', '.join(PHASES)}.", field="phase")
    return value


Parameter = Callable[[str], str]
OF_A_TEAM: Mapping[str, Parameter] = {CLUSTER: text, NAMESPACE: text, TEAM: text}
OF_A_CLUSTER: Mapping[str, Parameter] = {CLUSTER: text}


@dataclass(frozen=True)
class Query:
    """A question: what it is called and measured in, and its expression with `$m` for the matchers."""

    name: str
    title: str
    unit: str
    expression: str
    parameters: Mapping[str, Parameter] = field(default_factory=lambda: OF_A_TEAM)
    platform_only: bool = False
    about: Literal["controllers", "platform"] = "controllers"


def _own(name: str, title: str, unit: str, expression: str, *labels: str) -> Query:
    """A question about the platform itself: of its own figures, which no cluster has a part in."""
    parameters: dict[str, Parameter] = dict.fromkeys(labels, text)
    return Query(name, title, unit, expression, parameters, platform_only=True, about="platform")


CATALOGUE: Mapping[str, Query] = {
    query.name: query
    for query in (
        Query(
            "workflows_by_phase", "Workflows by phase", "workflows",
            "sum by (phase) (namespace:workflows:sum{$m})",
            {**OF_A_TEAM, "phase": phase},
        ),
        Query(
            "workflows_by_namespace", "Workflows by namespace", "workflows",
            "sum by (cluster, namespace) (namespace:workflows:sum{$m})",
            {**OF_A_TEAM, "phase": phase},
        ),
        Query(
            "workflows_by_cluster", "Workflows by cluster", "workflows",
            "sum by (cluster) (team:workflows:sum{$m})",
            {CLUSTER: text, TEAM: text, "phase": phase},
        ),
        Query(
            "finished_per_second", "Workflows finished", "1/s",
            "sum by (phase) (namespace:workflows_finished:rate5m{$m})",
            {**OF_A_TEAM, "phase": phase},
        ),
        Query(
            "success_ratio", "Workflows that succeed", "ratio",
            "avg by (cluster, namespace) (namespace:workflow_success:ratio_rate1h{$m})",
        ),
        Query(
            "queue_depth", "Workflows waiting for the controller", "workflows",
            "sum by (cluster, namespace) (namespace:queue_depth:sum{$m})",
        ),
        Query(
            "queue_latency", "Wait for the controller (95 %)", "seconds",
            "max by (cluster, namespace) (namespace:queue_latency_seconds:p95_rate5m{$m})",
        ),
        Query("pods", "Pods", "pods", "sum by (phase) (namespace:pods:sum{$m})"),
        Query(
            "pods_pending", "Pods that wait, by reason (10 min)", "pods",
            "sum by (reason) (namespace:pods_pending:increase10m{$m})",
        ),
        Query(
            "controller_errors", "Errors of the controller", "1/s",
            "sum by (cluster, namespace) (namespace:controller_errors:rate5m{$m})",
        ),
        Query(
            "controller_up", "Whether the controller answers", "yes or no",
            "max by (cluster, namespace) (namespace:controller_up:max{$m})",
        ),
        Query(
            "controller_version", "Version the controller says it is", "",
            "max by (cluster, namespace, version) (namespace:controller_version:max{$m})",
        ),
        # Of the fleet: from what is added up by cluster, so that they cost the same with many teams.
        Query(
            "fleet_workflows", "Workflows by phase", "workflows",
            "sum by (phase) (cluster:workflows:sum{$m})",
            {**OF_A_CLUSTER, "phase": phase}, platform_only=True,
        ),
        Query(
            "fleet_finished", "Workflows finished", "1/s",
            "sum by (phase) (cluster:workflows_finished:rate5m{$m})",
            {**OF_A_CLUSTER, "phase": phase}, platform_only=True,
        ),
        Query(
            "fleet_queue_depth", "Workflows waiting for controllers", "workflows",
            "sum by (cluster) (cluster:queue_depth:sum{$m})", OF_A_CLUSTER, platform_only=True,
        ),
        Query(
            "fleet_controllers", "Controllers that answer", "controllers",
            "sum by (cluster) (cluster:controllers_up:sum{$m})", OF_A_CLUSTER, platform_only=True,
        ),
        Query(
            "fleet_versions", "Versions controllers say they are", "controllers",
            "sum by (version) (cluster:controller_version:count{$m})",
            OF_A_CLUSTER, platform_only=True,
        ),
        Query(
            "fleet_pods", "Pods", "pods", "sum by (phase) (cluster:pods:sum{$m})",
            OF_A_CLUSTER, platform_only=True,
        ),
        Query(
            "fleet_series", "Recorded series", "series",
            "max by (cluster) (cluster:recorded_series:count{$m})",
            OF_A_CLUSTER, platform_only=True,
        ),
        # Of the platform itself: they live on clusters whose pods run nothing, too.
        _own(
            "platform_clusters_up", "Clusters that serve the platform", "yes or no",
            "max by (cluster) (argosy_cluster_up{$m})", CLUSTER,
        ),
        _own(
            "platform_cluster_namespaces", "Namespaces by cluster", "namespaces",
            "max by (cluster) (argosy_cluster_namespaces{$m})", CLUSTER,
        ),
        _own(
            "platform_namespaces", "Namespaces by phase", "namespaces",
            "sum by (phase) (argosy_namespaces{$m})",
        ),
        _own(
            "platform_turns", "Turns of the last 10 minutes", "turns",
            "sum by (outcome) (argosy_turns_recent{$m})",
        ),
        _own(
            "platform_turn_seconds", "How long turns take", "seconds",
            "max by (outcome) (argosy_turn_seconds_mean{$m})",
        ),
        _own(
            "platform_behind", "Namespaces not acted on since asked", "namespaces",
            "max(argosy_wishes_behind{$m})",
        ),
        _own("platform_queue_age", "Age of the queue", "seconds", "max(argosy_queue_age_seconds{$m})"),
        _own(
            "platform_requests", "Requests waiting", "requests", "max(argosy_requests_waiting{$m})"
        ),
        _own(
            "platform_violations", "Violations by rule", "violations",
            "sum by (code) (argosy_violations{$m})",
        ),
        _own(
            "platform_http", "Requests to the platform", "1/s",
            "sum by (status) (rate(argosy_http_requests_total{$m}[5m]))",
        ),
    )
}  # fmt: skip


def platform_scope() -> Scope:
    """Everything."""
    return Scope(None, frozenset(), _expected(TenantNamespace.objects.all()))


def scope_of(user: User) -> Scope:
    """What a person may see: their teams' series; everything for the platform's people."""
    if user.sees_all:
        return platform_scope()
    return _scope(Team.objects.visible_to(user))


def team_scope(team: Team) -> Scope:
    """One team's, for whoever was found to be allowed to see it."""
    return _scope(Team.objects.filter(pk=team.pk))


def run(
    name: str,
    params: Mapping[str, str],
    scope: Scope,
    *,
    span: Span | None = None,
    now: datetime | None = None,
    engine: Engine | None = None,
) -> Answer:
    """The answer to a question of the catalogue, as far as `scope` may know it.

    `params` are the question's own, and `range` (one of RANGES; without it or a `span`: now). Raises
    NoSuchQuery and BadParameter; an engine that is away is no error but `trouble`.
    """
    query = CATALOGUE.get(name)
    if query is None or (query.platform_only and scope.teams is not None):
        raise NoSuchQuery(f"There is no question called {name!r} here.", field="name")
    now = now or timezone.now()
    params = dict(params)
    asked = params.pop("range", "")
    if asked:
        span = Span.ending(now, _range(asked))
    expression = expression_of(query, params, scope)
    _check_narrow(query, params, scope)
    if scope.is_empty:
        return Answer(trouble="There is nothing to see here: no team of yours has a namespace.")
    expected = _expected_of(query, params, scope)
    if not expected:
        return Answer(trouble=UNMEASURED)
    found = engine or engines.current()
    if isinstance(found, Down):
        return _away(found, len(expected))
    if span is None:
        series = found.instant(expression, at=now)
    else:
        span = span.checked()
        series = found.over(expression, start=span.start, end=span.end, step=span.step)
    if isinstance(series, Down):
        return _away(series, len(expected))
    heard = found.instant(_heard(query, params, scope), at=now)
    if isinstance(heard, Down):
        return _away(heard, len(expected))
    coverage = covered(expected, {s.labels.get(CLUSTER, SELF): s.points for s in heard}, now)
    return Answer(series, coverage, freshness_of(coverage))


def expression_of(query: Query, params: Mapping[str, str], scope: Scope) -> str:
    """The question as the engine is asked it. Raises BadParameter."""
    return query.expression.replace("$m", ",".join(_matchers(query, params, scope)))


def _check_narrow(query: Query, params: Mapping[str, str], scope: Scope) -> None:
    """Whoever sees all namespaces says of which: thousands of lines are no chart, and cost seconds."""
    narrow = any(params.get(label) for label in (CLUSTER, TEAM, NAMESPACE))
    if scope.teams is None and not query.platform_only and not narrow:
        raise BadParameter(
            f"{query.name} is about namespaces: name a cluster, a team or a namespace. Of the whole "
            "fleet, ask what begins with fleet_.",
            field=CLUSTER,
        )


def covered(
    expected: frozenset[str],
    heard: Mapping[str, Sequence[tuple[float, float]]],
    now: datetime,
) -> Coverage:
    """How many of the clusters were heard lately, and since when others were not."""
    last = {
        cluster: datetime.fromtimestamp(points[-1][1], UTC)
        for cluster, points in heard.items()
        if cluster in expected and points
    }
    silent = [at for at in last.values() if now - at > FRESH_WITHIN]
    return Coverage(len(expected), len(last) - len(silent), len(silent), min(silent, default=None))


def freshness_of(coverage: Coverage) -> Freshness:
    """One word for all of it: fresh as long as any of it is, and coverage says how much."""
    if coverage.seen:
        return "fresh"
    return "stale" if coverage.stale else "never"


def quoted(value: str) -> str:
    """A value between quotes, whatever it holds: the engine reads JSON's escapes as its own."""
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError as exc:
        raise BadParameter("A value must be text.") from exc


def _matchers(query: Query, params: Mapping[str, str], scope: Scope) -> list[str]:
    unknown = params.keys() - query.parameters.keys()
    if unknown:
        raise BadParameter(
            f"{query.name} has no parameter {', '.join(sorted(unknown))}; it has "
            f"{', '.join(sorted(query.parameters))} and range."
        )
    given = [
        f"{label}={quoted(query.parameters[label](value))}"
        for label, value in sorted(params.items())
        if value
    ]
    return [*_scoped(scope), *given]


def _scoped(scope: Scope) -> list[str]:
    """By team and cluster: a cluster that sends its own series must not speak for a team elsewhere."""
    if scope.teams is None:
        return []
    return [_one_of(TEAM, scope.teams), _one_of(CLUSTER, scope.clusters)]


def _one_of(label: str, values: frozenset[str]) -> str:
    # Slugs and cluster names: letters, digits and hyphens, none of which means anything in a pattern.
    return f"{label}=~{quoted('|'.join(sorted(values)))}"


def _expected_of(query: Query, params: Mapping[str, str], scope: Scope) -> frozenset[str]:
    """Who should be heard for this answer."""
    if query.about == "platform":
        return frozenset({SELF})
    return scope.expected & {params[CLUSTER]} if params.get(CLUSTER) else scope.expected


def _heard(query: Query, params: Mapping[str, str], scope: Scope) -> str:
    """When each cluster was last heard, as far as this question is about it."""
    if query.about == "platform":
        # A snapshot is as old as it says. Of one series alone, so looking far back costs little.
        taken = f"timestamp({SNAPSHOT}) - {SNAPSHOT}"
        return f"max({taken}) or max(max_over_time(({taken})[6h:{INTERVAL}s]))"
    narrowed = [
        f"{label}={quoted(params[label])}"
        for label in (CLUSTER, NAMESPACE, TEAM)
        if params.get(label)
    ]
    matchers = ",".join([*_scoped(scope), *narrowed])
    if query.platform_only:
        return f"max by (cluster) (cluster:controller_seen_seconds:max{{{matchers}}})"
    return f"max by (cluster) ({SEEN}{{{matchers}}})"


def _away(down: Down, of: int) -> Answer:
    return Answer(
        coverage=Coverage(of=of, since=down.since),
        freshness="stale" if down.since else "never",
        trouble=down.why,
    )


def _range(asked: str) -> timedelta:
    if asked not in RANGES:
        raise BadParameter(f"A range is one of {', '.join(RANGES)}.", field="range")
    return RANGES[asked]


def _scope(teams: TeamQuerySet) -> Scope:
    rows = TenantNamespace.objects.filter(team__in=teams)
    clusters = frozenset(rows.order_by().values_list("cluster__name", flat=True).distinct())
    return Scope(frozenset(teams.values_list("slug", flat=True)), clusters, _expected(rows))


def _expected(rows: NamespaceQuerySet) -> frozenset[str]:
    """Clusters where a controller should be heard: where pods run nothing, none is."""
    there = rows.filter(deleted_at=None, applied_at__isnull=False, cluster__simulated=False)
    return frozenset(there.order_by().values_list("cluster__name", flat=True).distinct())
