"""Which of these clusters takes a namespace, and what is to be said of the choice? Values in, values out.

What keeps a cluster out is asked first, in the order in which people would name it: it has not the labels,
takes nothing new, does not answer, does not carry the tier, has the name already, has no room. Of those that
are left, the one where the team has least in the same zone, then the one with most room, then the emptiest.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from tenants.placed import KeptOut, NoPlace, Placed, written

OPEN = "open"
MOST_NAMED = 10  # clusters whose refusal is told by name; the others are counted
MOST_VALUES = 12  # of a label, where people are told what there is
LABELS = "labels"


@dataclass(frozen=True)
class Amount:
    """What quotas promise, or what a cluster may promise."""

    cpu: Decimal = Decimal()
    memory_gib: Decimal = Decimal()


@dataclass(frozen=True)
class Candidate:
    """What is known of one cluster.

    `room` is what quotas may add up to there: a limit where somebody said so. What its nodes have is weighed
    and shown, and limits nothing: to promise more than is used at once is usual, and nodes may be added.
    """

    name: str
    labels: Mapping[str, str]
    scheduling: str = OPEN
    why_closed: str = ""  # in the words of who cordoned it
    reachable: bool | None = True
    room: Amount | None = None  # not known
    limited: bool = True
    promised: Amount = Amount()
    namespaces: int = 0  # of all teams
    has_name: bool = False  # a namespace of the wish's name is there

    @property
    def zone(self) -> tuple[str, str]:
        """Where it would fall together with others. Zones of two regions may have one name."""
        return self.labels.get("region", ""), self.labels.get("zone", "")


@dataclass(frozen=True)
class Ask:
    """What is to be placed. `zones`: how many namespaces the team has in each zone already."""

    name: str
    team: str
    tier: str
    adds: Amount
    labels: Mapping[str, str] | None  # None: the cluster was named by a person
    tier_labels: Mapping[str, str]
    zones: Mapping[tuple[str, str], int]


def choose(ask: Ask, candidates: Sequence[Candidate]) -> Placed:
    """The cluster that takes it, and why. Raises NoPlace that says why none does."""
    verdicts = [(each, keeps_out(ask, each)) for each in candidates]
    fitting = [each for each, refusal in verdicts if refusal is None]
    refused = [refusal for _, refusal in verdicts if refusal is not None]
    named = [each for each in refused if each.code != LABELS]
    others = _others(ask, len(refused) - len(named), len(named) - MOST_NAMED)
    if not fitting:
        raise _nowhere(ask, candidates, named, others)
    chosen = min(fitting, key=lambda each: _rank(ask, each))
    return Placed(
        cluster=chosen.name,
        why=tuple(_why(ask, chosen, fitting)),
        kept_out=tuple(named[:MOST_NAMED]),
        others=others,
        figures=figures(ask, chosen),
    )


def keeps_out(ask: Ask, cluster: Candidate) -> KeptOut | None:
    """Why this cluster cannot take it, by the first of its reasons; None if it can."""
    return next(_reasons(ask, cluster), None)


def _reasons(ask: Ask, cluster: Candidate) -> Iterator[KeptOut]:
    name, state = cluster.name, cluster.scheduling
    if missing := _missing(ask.labels or {}, cluster):
        yield KeptOut(name, LABELS, f"{name} does not have {missing}.")
    if state != OPEN:
        why = f" ({cluster.why_closed.rstrip('.')})" if cluster.why_closed else ""
        yield KeptOut(name, state, f"{name} is {state}{why}: no new namespaces come to it.")
    # Who named it knows: such a wish may be filed, and waits until the cluster is back.
    if ask.labels is not None and cluster.reachable is not True:
        how = "was not asked yet" if cluster.reachable is None else "does not answer"
        yield KeptOut(name, "unreachable", f"{name} {how}.")
    if missing := _missing(ask.tier_labels, cluster):
        yield KeptOut(
            name, "tier", f"{name} does not carry tier {ask.tier}, which wants {missing}."
        )
    if cluster.has_name:
        yield KeptOut(name, "name_taken", f"{name} already has a namespace {ask.name}.")
    if cluster.room and cluster.limited and not _has_room(cluster.room, _after(ask, cluster)):
        said = f"{name} has no room left for tier {ask.tier}."
        yield KeptOut(name, "no_room", said, figures(ask, cluster))


def figures(ask: Ask, cluster: Candidate) -> str:
    """How full it would be: for the platform's people, since it tells of all teams."""
    after = _after(ask, cluster)
    if cluster.room is None:
        return (
            f"With this, {_plain(after.cpu)} cores and {_plain(after.memory_gib)} GiB are promised on "
            f"{cluster.name}; how much it may promise is not known."
        )
    may = "it may promise" if cluster.limited else "its nodes have"
    return (
        f"With this, {_plain(after.cpu)} of the {_plain(cluster.room.cpu)} cores and "
        f"{_plain(after.memory_gib)} of the {_plain(cluster.room.memory_gib)} GiB that {may} are "
        f"promised on {cluster.name}."
    )


def offered(candidates: Sequence[Candidate]) -> dict[str, list[str]]:
    """Every label that some cluster has, with its values: what can be asked for."""
    found: dict[str, set[str]] = {}
    for each in candidates:
        for key, value in each.labels.items():
            found.setdefault(key, set()).add(value)
    return {key: sorted(values) for key, values in sorted(found.items())}


def _rank(ask: Ask, cluster: Candidate) -> tuple[int, bool, Decimal, int, str]:
    """The least is chosen. A cluster whose room nobody knows comes after those that have some."""
    free = _free_share(ask, cluster)
    return (
        ask.zones.get(cluster.zone, 0),
        free is None,
        -(free or Decimal()),
        cluster.namespaces,
        cluster.name,
    )


def _why(ask: Ask, chosen: Candidate, fitting: Sequence[Candidate]) -> Iterator[str]:
    yield (
        f"{chosen.name} has {written(ask.labels)}, as asked."
        if ask.labels
        else f"Any cluster would do, and {chosen.name} takes it."
    )
    if ask.tier_labels:
        yield f"It carries tier {ask.tier} ({written(ask.tier_labels)})."
    if len(fitting) == 1:
        yield "It is the only one that can take it now."
        return
    least = ask.zones.get(chosen.zone, 0)
    level = [each for each in fitting if ask.zones.get(each.zone, 0) == least]
    if len(level) < len(fitting):
        has = "nothing" if least == 0 else f"only {least}"
        yield (
            f"{ask.team} has {has} in {_zone(chosen)} yet, and more where the "
            "others that could take it are."
        )
    if len(level) > 1:
        there = "" if len(level) == len(fitting) else " where the team has as little"
        yield from _most_room(ask, chosen, level, there)
    if chosen.room is None:
        yield "How much it may promise is not known, so its room was not weighed."


def _most_room(
    ask: Ask, chosen: Candidate, level: Sequence[Candidate], there: str
) -> Iterator[str]:
    free = _free_share(ask, chosen)
    shares = [_free_share(ask, each) for each in level if each is not chosen]
    if free is not None and all(share is None or share < free for share in shares):
        yield f"It has the most room left of the {len(level)} that could take it{there}."
    elif all(each.namespaces > chosen.namespaces for each in level if each is not chosen):
        yield f"It has the fewest namespaces of the {len(level)} that could take it{there}."
    else:
        yield f"None of the {len(level)} that could take it{there} is better; the first by name is taken."


def _nowhere(
    ask: Ask, candidates: Sequence[Candidate], named: Sequence[KeptOut], others: str
) -> NoPlace:
    if named:
        whys = " ".join(each.sentence for each in named[:MOST_NAMED])
        return NoPlace(
            f"No cluster can take this now. {whys} {others}".rstrip()
            + " Ask for other labels or another tier, or tell the platform team.",
            kept_out=tuple(named[:MOST_NAMED]),
        )
    if not candidates:
        return NoPlace("There is no cluster yet: the platform team registers them.")
    there = "; ".join(
        f"{key}={', '.join(values[:MOST_VALUES])}" for key, values in offered(candidates).items()
    )
    return NoPlace(
        f"No cluster has {written(ask.labels or {})}. "
        + (f"There is: {there}." if there else "None has any label: name a cluster."),
        code="no_such_labels",
        field="labels",
    )


def _others(ask: Ask, without_labels: int, unnamed: int) -> str:
    """How many more were out of the question."""
    said = []
    if unnamed > 0:
        said.append(f"{unnamed} more cannot take it.")
    if without_labels > 0:
        others = (
            "1 other cluster does" if without_labels == 1 else f"{without_labels} other clusters do"
        )
        said.append(f"{others} not have {written(ask.labels or {})}.")
    return " ".join(said)


def _missing(labels: Mapping[str, str], cluster: Candidate) -> str:
    lacking = {key: value for key, value in labels.items() if cluster.labels.get(key) != value}
    return written(lacking) if lacking else ""


def _after(ask: Ask, cluster: Candidate) -> Amount:
    return Amount(
        cluster.promised.cpu + ask.adds.cpu, cluster.promised.memory_gib + ask.adds.memory_gib
    )


def _has_room(room: Amount, after: Amount) -> bool:
    return after.cpu <= room.cpu and after.memory_gib <= room.memory_gib


def _free_share(ask: Ask, cluster: Candidate) -> Decimal | None:
    """What would be left of whatever is scarcer there, as a share; None where it is not known."""
    if cluster.room is None:
        return None
    after = _after(ask, cluster)
    pairs = ((cluster.room.cpu, after.cpu), (cluster.room.memory_gib, after.memory_gib))
    return min((room - used) / room if room else Decimal(-1) for room, used in pairs)


def _zone(cluster: Candidate) -> str:
    region, zone = cluster.zone
    if not zone:
        return f"region {region}" if region else "a place like that of this cluster"
    return f"zone {zone}"


def _plain(number: Decimal) -> str:
    return f"{round(number, 2).normalize():f}"
