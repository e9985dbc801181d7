"""Who would break if this were enforced? Over what runs now in every cluster, and was let in lately."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from controlplane.clusters.connections import connect
from controlplane.clusters.models import Cluster
from controlplane.kube.door import Kube
from controlplane.objects import Manifest
from tenants.models import Team

from . import checking, composing, reading, saying, store
from .asking import asks_of
from .decide import decide
from .document import Document
from .extraction import images_in
from .facts import NO_FACTS, Facts
from .knowledge import facts_about
from .models import AdmittedImage, ImagePolicy
from .reading import Page, Read
from .saying import Place, Said
from .verdict import Question, Violation

SECONDS = 30.0
MOST_SHOWN = 500
ADMITTED = "admitted lately"
GROUPS = {kind: api.partition("/")[0] if "/" in api else "" for api, kind in reading.KINDS}


@dataclass(frozen=True)
class Broken:
    """An image that would be refused, in one namespace; how often, and where for example."""

    team: str
    cluster: str
    namespace: str
    kind: str
    image: str
    code: str
    reason: str
    example: str = ""
    path: str = ""


@dataclass(frozen=True)
class Result:
    """Who would break, and what was looked at to say so."""

    broken: tuple[tuple[Broken, int], ...]
    more: int
    teams: dict[str, int]  # objects that would be refused, by team
    coverage: tuple[Read, ...]
    objects: int
    admitted: int


@dataclass
class _Found:
    """What has been found so far."""

    count: Counter[tuple[str, ...]] = field(default_factory=Counter)
    first: dict[tuple[str, ...], Broken] = field(default_factory=dict)
    teams: Counter[str] = field(default_factory=Counter)

    def add(self, team: str, broken: Iterable[Broken]) -> None:
        seen = list(broken)
        self.teams[team] += bool(seen)
        for each in seen:
            key = (each.team, each.cluster, each.namespace, each.kind, each.image, each.code)
            self.count[key] += 1
            self.first.setdefault(key, each)


@dataclass(frozen=True)
class _Judge:
    """The documents of one cluster: as they would be, and as they are."""

    cluster: str
    teams: Mapping[str, str]  # namespace to team, the control namespaces too
    then: Mapping[str, Document]
    now: Mapping[str, Document]
    moment: datetime

    def broken(self, question: Question, name: str, facts: Facts) -> list[Broken]:
        """What would be refused of this object that is not refused today."""
        after = decide(question, self.then[question.namespace], facts)
        if after.allowed:
            return []
        before = decide(question, self.now[question.namespace], facts)
        if not before.allowed:
            return []
        return [self._line(question, name, violation) for violation in after.violations]

    def _line(self, question: Question, name: str, violation: Violation) -> Broken:
        return Broken(
            team=self.teams[question.namespace],
            cluster=self.cluster,
            namespace=question.namespace,
            kind=question.kind,
            image=violation.image,
            code=violation.code,
            reason=violation.reason,
            example=name,
            path=violation.path,
        )


def back_test(
    draft: ImagePolicy | None,
    *,
    now: datetime,
    team: Team | None = None,
    seconds: float = SECONDS,
) -> Result:
    """Who would break if this policy were in force, and every team it is about enforced.

    Without a draft: if what is in force already were enforced, for one team or for all. What is
    refused today is no news, and left out. Raises what saving the draft would raise.
    """
    said = store.said(now)
    value = None if draft is None else store.policy_of(draft)
    drafted = said if value is None else said.with_policy(value)
    judges: dict[str, _Judge] = {}
    opened: dict[str, tuple[reading.Opened, frozenset[str]]] = {}
    unread: list[Read] = []
    for cluster, places in _places(value, team).items():
        judge = _judge(cluster.name, said.on(cluster.pk), drafted.on(cluster.pk), places, now)
        judges[cluster.name] = judge
        if cluster.reachable is False:
            unread.append(Read(cluster.name, whole=False, objects=0, why="It does not answer."))
        else:
            opened[cluster.name] = (partial(_kube, cluster), frozenset(judge.teams))
    found, coverage = _Found(), [*unread]
    for page in reading.everything(opened, seconds=seconds):
        if isinstance(page, Read):
            coverage.append(page)
        else:
            _look(page, judges[page.cluster], found)
    admitted = _look_back(judges, found)
    return _result(found, coverage, admitted)


def _look(page: Page, judge: _Judge, found: _Found) -> None:
    facts = _facts(judge, _images(page.kind, page.objects))
    for manifest in page.objects:
        meta = manifest["metadata"]
        question = Question(
            group=GROUPS[page.kind],
            kind=page.kind,
            operation="CREATE",
            object=manifest,
            namespace=meta["namespace"],
            now=judge.moment,
        )
        found.add(judge.teams[question.namespace], judge.broken(question, meta["name"], facts))


def _look_back(judges: Mapping[str, _Judge], found: _Found) -> int:
    """What agents saw let in, as pods of one image each; how many there were."""
    rows = AdmittedImage.objects.filter(cluster__name__in=judges).order_by("pk")
    count = 0
    for cluster, namespace, image in rows.values_list(
        "cluster__name", "namespace", "image"
    ).iterator():
        judge = judges[cluster]
        if namespace not in judge.teams:
            continue
        count += 1
        question = checking.question_of(image, namespace, now=judge.moment)
        broken = judge.broken(question, ADMITTED, _facts(judge, [image]))
        # What runs there as well was counted there.
        found.add(judge.teams[namespace], [b for b in broken if not _known(found, b)])
    return count


def _known(found: _Found, broken: Broken) -> bool:
    key = (
        broken.team,
        broken.cluster,
        broken.namespace,
        broken.kind,
        broken.image,
        broken.code,
    )
    return key in found.first


def _facts(judge: _Judge, images: Iterable[str]) -> Facts:
    """What was verified of these; asked only where a policy asks for it."""
    asks = any(asks_of(document).proof for document in judge.then.values())
    return facts_about(images) if asks else NO_FACTS


def _images(kind: str, objects: Iterable[Manifest]) -> set[str]:
    return {
        found.image for manifest in objects for found in images_in(GROUPS[kind], kind, manifest)
    }


def _judge(
    cluster: str, said: Said, drafted: Said, places: tuple[Place, ...], now: datetime
) -> _Judge:
    teams = {p.namespace: p.team for p in places} | {p.control: p.team for p in places}
    return _Judge(
        cluster=cluster,
        teams=teams,
        then=_by_namespace(drafted.enforced(), places),
        now=_by_namespace(said, places),
        moment=now,
    )


def _by_namespace(said: Said, places: tuple[Place, ...]) -> dict[str, Document]:
    documents = composing.documents(said, places)
    return {
        **{p.namespace: documents[p.team] for p in places},
        **{p.control: documents[saying.CONTROL] for p in places},
    }


def _places(value: saying.Policy | None, team: Team | None) -> dict[Cluster, tuple[Place, ...]]:
    """The namespaces that it is about, by cluster."""
    there = store.by_cluster()
    clusters = Cluster.objects.in_bulk(there.keys())
    found: dict[Cluster, tuple[Place, ...]] = {}
    for pk, places in there.items():
        tiers = composing.tiers_of_teams(places)
        about = tuple(
            place
            for place in places
            if (team is None or place.team == team.slug) and _is_about(value, place, tiers)
        )
        if about:
            found[clusters[pk]] = about
    return found


def _is_about(
    value: saying.Policy | None, place: Place, tiers: Mapping[str, frozenset[str]]
) -> bool:
    if value is None or value.scope == saying.CONTROL:
        return True
    return value.about(place.team, tiers[place.team])


def _kube(cluster: Cluster) -> Kube:
    return connect(cluster).kube


def _result(found: _Found, coverage: list[Read], admitted: int) -> Result:
    worst = sorted(found.first, key=lambda key: (-found.count[key], key))
    return Result(
        broken=tuple((found.first[key], found.count[key]) for key in worst[:MOST_SHOWN]),
        more=max(len(worst) - MOST_SHOWN, 0),
        teams={team: count for team, count in sorted(found.teams.items()) if count},
        coverage=tuple(sorted(coverage, key=lambda read: read.cluster)),
        objects=sum(read.objects for read in coverage),
        admitted=admitted,
    )
