"""Every cluster as a line: how it is, how old that is, what is on it, whether its image rules act.

All of them are judged at once, in a fixed number of queries: the one that is broken among 400 is to come
first, and no order of a database's knows which that is. Of thousands of rows each column costs, so all are
only glanced at (`glances`), and those that are shown are read (`lines`).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from django.db.models import BooleanField, Count, ExpressionWrapper, Max, Min, Q, QuerySet

from controlplane.clusters import answering, health
from controlplane.clusters.health import State
from controlplane.clusters.models import Cluster
from controlplane.index.models import SILENCE, Watch
from controlplane.policies.models import AgentToken, Delivery
from tenants.conditions import Phase
from tenants.models import TenantNamespace

from .queries import Coverage

AGENT_SILENCE = timedelta(minutes=5)  # it asks for news every few seconds
JUST_BACK = timedelta(minutes=2)  # by then each of its watches has tried again
# No times: to read one takes as long as all the rest of a row.
GLANCED_AT = ("pk", "name", "scheduling", "reachable", "conditions", "is_stale")
SHOWN = (
    "name",
    "labels",
    "simulated",
    "scheduling",
    "scheduled_at",
    "scheduling_reason",
    "server",
    "kubernetes_version",
    "reachable",
    "trouble",
    "message",
    "since",
    "checked_at",
    "conditions",
)


class Standing(StrEnum):
    """A cluster as its tile says it, the worst first. One word a cluster: what most needs eyes."""

    BROKEN = "broken"  # it does not serve us
    STALE = "stale"  # nobody looks at it, or its watches are behind
    WARNING = "warning"  # something on it is not as it should be
    CLOSED = "cordoned"
    FINE = "fine"
    NEW = "not asked yet"


# What nothing else that is known of a cluster outweighs.
WORDS = {
    State.UNREACHABLE: (Standing.BROKEN, ""),
    State.NOT_LOOKED_AT: (
        Standing.STALE,
        "Nobody looks at it: the worker has ended, or its queue is full.",
    ),
    State.NOT_ASKED: (Standing.NEW, ""),
}
LOOKS = {
    Standing.BROKEN: "bad",
    Standing.STALE: "warn",
    Standing.WARNING: "warn",
    Standing.CLOSED: "",
    Standing.FINE: "ok",
    Standing.NEW: "",
}


class OnIt(NamedTuple):
    """The live namespaces of a cluster: how many, how many Degraded, and their Argos."""

    namespaces: int = 0
    degraded: int = 0
    versions: tuple[str, ...] = ()


class Followed(NamedTuple):
    """The watches of a cluster as one: how many, how many were heard and are late, since when."""

    watches: int = 0
    heard: int = 0
    late: int = 0
    since: datetime | None = None


class Rules(NamedTuple):
    """How its image rules were delivered, in a word and a sentence."""

    word: str
    look: str = ""
    why: str = ""


class Agent(NamedTuple):
    """The cluster's agent, which scans what runs there and carries the bundle of its webhook."""

    heard_at: datetime | None = None  # none: there never was one
    is_silent: bool = False

    @property
    def why(self) -> str:
        """What its silence means, and the way out."""
        if not self.is_silent or self.heard_at is None:
            return ""
        return (
            f"Its agent was not heard since {self.heard_at:%d %b %H:%M} UTC: nobody scans what runs there, "
            "and its webhook goes on with the rules that it has. See that it runs and reaches the platform."
        )


class Glance(NamedTuple):
    """One cluster among all: what it is counted, found and put in order by."""

    pk: int
    name: str
    reachable: bool | None
    standing: Standing
    why: str  # where the cluster's own answer does not say it
    on_it: OnIt
    followed: Followed
    rules: Rules
    agent: Agent


@dataclass(frozen=True)
class ClusterLine:
    """One cluster, as it is shown."""

    cluster: Cluster
    standing: Standing
    word: str
    since: datetime | None
    why: str
    way_out: str
    on_it: OnIt
    followed: Followed
    heard_at: datetime | None  # of its watches, the one heard last
    rules: Rules
    agent: Agent

    @property
    def look(self) -> str:
        return LOOKS[self.standing]

    @property
    def is_away(self) -> bool:
        """It does not serve us: it takes nothing new, and what is told of it is as it was last seen."""
        return self.cluster.reachable is False

    @property
    def labels(self) -> list[tuple[str, str]]:
        """Where it is, in the order people say it."""
        return sorted(self.cluster.labels.items())


@dataclass(frozen=True)
class Wanted:
    """What is asked for: a word, a text of the name or a label, an Argo's version."""

    standing: str = ""
    text: str = ""
    version: str = ""

    def fits(self, glance: Glance) -> bool:
        return (not self.standing or glance.standing == self.standing) and (
            not self.version or self.version in glance.on_it.versions
        )

    def names(self, name: str, labels: Mapping[str, str]) -> bool:
        said = " ".join([name, *(f"{key}={value}" for key, value in labels.items())]).lower()
        return all(word in said for word in self.text.lower().split())


def glances(now: datetime, only: Sequence[int] | None = None) -> list[Glance]:
    """All clusters, or these, the worst first: five queries."""
    found = Cluster.objects.order_by("name")
    places = TenantNamespace.objects.live().order_by()
    watches = Watch.objects.order_by()
    deliveries = Delivery.objects.order_by()
    tokens = AgentToken.objects.order_by()
    if only is not None:
        found = found.filter(pk__in=only)
        places = places.filter(cluster__in=only)
        watches = watches.filter(cluster__in=only)
        deliveries = deliveries.filter(cluster__in=only)
        tokens = tokens.filter(cluster__in=only)
    late = Q(checked_at__lt=now - health.LOOKED_AT_WITHIN)
    stale = ExpressionWrapper(late, output_field=BooleanField())
    on_it, followed, agents = _on_it(places), _followed(watches, now), _agents(tokens, now)
    rules = {
        row[0]: _rules(*row[1:]) for row in deliveries.values_list("cluster", "in_force", "message")
    }
    made = [
        _glance(
            row,
            on_it.get(row.pk, OnIt()),
            followed.get(row.pk, Followed()),
            rules.get(row.pk, Rules("not looked at")),
            agents.get(row.pk, Agent()),
        )
        for row in found.annotate(is_stale=stale).values_list(*GLANCED_AT, named=True)
    ]
    order = {standing: place for place, standing in enumerate(Standing)}
    return sorted(made, key=lambda each: order[each.standing])


def narrowed(found: Sequence[Glance], wanted: Wanted) -> list[Glance]:
    """Those that are asked for, in the same order: one query where a text is asked for."""
    fitting = [each for each in found if wanted.fits(each)]
    if not wanted.text:
        return fitting
    rows = Cluster.objects.order_by().values_list("pk", "name", "labels")
    named = {pk for pk, name, labels in rows if wanted.names(name, labels)}
    return [each for each in fitting if each.pk in named]


def lines(seen: Sequence[Glance], now: datetime) -> list[ClusterLine]:
    """Those clusters as they are shown, in this order: two queries."""
    rows = Cluster.objects.only(*SHOWN).in_bulk([each.pk for each in seen])
    watches = Watch.objects.order_by().filter(cluster__in=rows).values_list("cluster")
    heard = dict(watches.annotate(Max("heard_at")))
    # Somebody may have removed one since it was seen.
    return [_line(rows[e.pk], e, heard.get(e.pk), now) for e in seen if e.pk in rows]


def counts(found: Sequence[Glance]) -> dict[Standing, int]:
    """How many there are of each."""
    return {s: sum(each.standing is s for each in found) for s in Standing}


def coverage_of(found: Sequence[Glance]) -> Coverage:
    """Of how many clusters what is shown is, by their watches."""
    stale = [each for each in found if each.followed.heard and _is_lost(each)]
    fresh = [each for each in found if each.followed.watches and not _is_lost(each)]
    since = min((each.followed.since for each in stale if each.followed.since), default=None)
    return Coverage(len(found), len(fresh), len(stale), since)


def versions(found: Sequence[Glance]) -> list[tuple[str, int]]:
    """Every Argo that runs somewhere, and on how many clusters."""
    many: dict[str, int] = defaultdict(int)
    for each in found:
        for version in each.on_it.versions:
            many[version] += 1
    return sorted(many.items(), reverse=True)


def _is_lost(glance: Glance) -> bool:
    return bool(glance.followed.late) or glance.reachable is False


def _glance(row: Any, on_it: OnIt, followed: Followed, rules: Rules, agent: Agent) -> Glance:
    state = health.state_of(
        reachable=row.reachable,
        is_stale=bool(row.is_stale),
        scheduling=row.scheduling,
        is_amiss=health.is_amiss(row.conditions),
    )
    standing, why = next(_words(state, on_it, followed, rules, agent))
    return Glance(
        pk=row.pk,
        name=row.name,
        reachable=row.reachable,
        standing=standing,
        why=why,
        on_it=on_it,
        followed=followed,
        rules=rules,
        agent=agent,
    )


def _line(
    cluster: Cluster, glance: Glance, heard_at: datetime | None, now: datetime
) -> ClusterLine:
    answer = answering.standing_of(cluster, now)
    return ClusterLine(
        cluster=cluster,
        standing=glance.standing,
        word=answer.word,
        since=answer.since,
        why=" ".join(filter(None, (glance.why or answer.why, _catching_up(cluster, glance, now)))),
        way_out=answer.way_out,
        on_it=glance.on_it,
        followed=glance.followed,
        heard_at=heard_at,
        rules=glance.rules,
        agent=glance.agent,
    )


def _catching_up(cluster: Cluster, glance: Glance, now: datetime) -> str:
    """That watches which are behind mend themselves: their cluster has only just come (back)."""
    since = cluster.since
    if not (glance.followed.late and glance.standing is Standing.STALE and cluster.reachable):
        return ""
    if since is None or now - since >= JUST_BACK:
        return ""
    clock = answering.clock(since, now)
    return f"It answers since {clock}: its watches catch up by themselves within two minutes."


def _words(
    state: State, on_it: OnIt, followed: Followed, rules: Rules, agent: Agent
) -> Iterator[tuple[Standing, str]]:
    """What holds of it, the most urgent first, and why where the cluster's own answer does not say it."""
    if state in WORDS:
        yield WORDS[state]
    if followed.late:
        behind = f"{followed.late} of its {followed.watches} watches are behind"
        yield Standing.STALE, f"{behind}: what is shown is old."
    if state is State.DEGRADED:
        yield Standing.WARNING, ""
    if rules.look == "bad":
        yield Standing.WARNING, rules.why
    if agent.is_silent:
        yield Standing.WARNING, agent.why
    if on_it.degraded:
        are = "is" if on_it.degraded == 1 else "are"
        yield Standing.WARNING, f"{on_it.degraded} of its namespaces {are} Degraded."
    if state in {State.CORDONED, State.DRAINING}:
        yield Standing.CLOSED, ""
    yield Standing.FINE, ""


def _on_it(places: QuerySet[TenantNamespace]) -> dict[int, OnIt]:
    rows = places.values_list("cluster", "argo_version").annotate(
        count=Count("pk"), bad=Count("pk", filter=Q(phase=Phase.DEGRADED))
    )
    found: dict[int, OnIt] = defaultdict(OnIt)
    for cluster, version, count, bad in rows:
        was = found[cluster]
        named = (*was.versions, version) if version else was.versions
        found[cluster] = OnIt(was.namespaces + count, was.degraded + bad, tuple(sorted(named)))
    return found


def _followed(watches: QuerySet[Watch], now: datetime) -> dict[int, Followed]:
    # As `Watch.late` has it, and not by asking that for each row.
    late = Q(in_step=False) | Q(heard_at=None) | Q(heard_at__lt=now - SILENCE)
    rows = watches.values_list("cluster").annotate(
        all=Count("pk"),
        heard=Count("heard_at"),
        late=Count("pk", filter=late),
        since=Min("heard_at", filter=late),
    )
    return {row[0]: Followed(*row[1:]) for row in rows}


def _agents(tokens: QuerySet[AgentToken], now: datetime) -> dict[int, Agent]:
    """By cluster, of those that were heard once: the newest of its tokens' last uses."""
    rows = tokens.exclude(last_used_at=None).values_list("cluster").annotate(Max("last_used_at"))
    return {cluster: Agent(at, is_silent=at < now - AGENT_SILENCE) for cluster, at in rows}


def _rules(in_force: bool | None, message: str) -> Rules:
    if in_force:
        return Rules("act", "ok")
    if message:
        return Rules("not in force", "bad", message)
    return Rules("on their way", "run")
