"""Which boxes a workflow's steps become: knots left out, fan-outs and finished detail folded into one.

Every step has at most one holder: the fan-out it is one of, the Retry it is a try of, or the composite step
it is inside of. A step is drawn as its outermost folded holder, and as itself where none is folded.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from .nodes import BAD, COMPOSITE, Node, Run

FAN = 6  # so many equal siblings are one box
ROOMY = 60  # up to so many steps, composite ones are open from the start
MOST_ARROWS = 50_000  # beyond them no knot is untied: it is too much for a picture either way
ROUNDS = 8  # of untying knots from each other: what people write needs two
TIMES = "\N{MULTIPLICATION SIGN}"
KNOTS = frozenset({"StepGroup", "TaskGroup"})


@dataclass(frozen=True, slots=True)
class Box:
    """What is drawn: a step, a folded crowd of them (`holds` > 0), or a bare knot (no label)."""

    id: str
    label: str
    phase: str
    kind: str
    note: str
    seconds: float | None
    holds: int = 0
    opens: bool = False  # it can be opened


@dataclass(frozen=True, slots=True)
class Fan:
    """Siblings made from one step by items or parameters."""

    id: str
    label: str
    holder: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Folded:
    """Boxes and arrows (in no order), and the crowds that are open and may be folded again."""

    boxes: Mapping[str, Box]
    edges: tuple[tuple[str, str], ...]
    opened: tuple[tuple[str, str], ...]
    box_of: Mapping[str, str]


def fold(run: Run, opened: AbstractSet[str], now: datetime) -> Folded:
    """The boxes of a workflow with these crowds open."""
    fans = _fans(run)
    holders = _holders(run, fans)
    roomy = len(run.nodes) <= ROOMY
    closed = {
        key for key in set(holders.values()) if key not in opened and not _open(run, key, roomy)
    }
    above: dict[str, str] = {}
    box_of = {key: _outermost(key, holders, closed, above) or key for key in run.nodes}
    held: defaultdict[str, list[Node]] = defaultdict(list)
    for key, box in box_of.items():
        held[box].append(run.nodes[key])
    by_id = {fan.id: fan for fan in fans}
    boxes = {
        key: _box(key, inside, run, by_id, now, opens=key in closed) for key, inside in held.items()
    }
    edges = {
        (box_of[node.id], box_of[child])
        for node in run.nodes.values()
        for child in node.children
        if child in box_of
    }
    boxes = _without_root(boxes, run)
    edges = {(a, b) for a, b in edges if a != b and a in boxes and b in boxes}
    if len(edges) <= MOST_ARROWS:
        boxes, edges = _without_knots(boxes, edges)
    names = {fan.id: fan.label for fan in fans} | {k: n.label for k, n in run.nodes.items()}
    open_now = tuple((key, names[key]) for key in sorted(opened) if key in names)
    return Folded(boxes, tuple(edges), open_now, box_of)


def base_of(label: str) -> str:
    """`extract(3:eu)` is one of `extract`; '' for what is one of nothing."""
    base, bracket, _ = label.partition("(")
    return base if bracket and label.endswith(")") else ""


def _fans(run: Run) -> list[Fan]:
    """Crowds of siblings: below a TaskGroup (a DAG's), or below a StepGroup by their common name."""
    found: list[Fan] = []
    for knot in run.nodes.values():
        if knot.kind not in KNOTS:
            continue
        crowds: defaultdict[str, list[str]] = defaultdict(list)
        for child in knot.children:
            node = run.nodes.get(child)
            if node and node.boundary == knot.boundary and (base := base_of(node.label)):
                crowds[base].append(child)
        for base, members in crowds.items():
            if len(members) >= FAN:
                of_dag = knot.kind == "TaskGroup" and base == knot.label
                key = knot.id if of_dag else f"{knot.id}:{base}"
                found.append(Fan(key, base, knot.boundary, tuple(members)))
    return found


def _holders(run: Run, fans: Iterable[Fan]) -> dict[str, str]:
    holders = {node.id: node.boundary for node in run.nodes.values() if _is_inside(run, node)}
    for node in run.nodes.values():
        if node.kind == "Retry":
            tries = (run.nodes[c] for c in node.children if c in run.nodes)
            holders |= {t.id: node.id for t in tries if _is_try(t, node)}
    for fan in fans:
        holders |= dict.fromkeys(fan.members, fan.id)
        outer = run.nodes.get(fan.holder)
        if outer is not None and not _is_root(run, outer):
            holders[fan.id] = fan.holder
    return holders


def _is_inside(run: Run, node: Node) -> bool:
    outer = run.nodes.get(node.boundary)
    return outer is not None and outer.id != node.id and not _is_root(run, outer)


def _is_try(node: Node, retry: Node) -> bool:
    return node.retried or base_of(node.label) == retry.label


def _is_root(run: Run, node: Node) -> bool:
    return node.name == run.name


def _open(run: Run, key: str, roomy: bool) -> bool:
    node = run.nodes.get(key)
    return roomy and node is not None and node.kind in COMPOSITE


def _outermost(
    key: str, holders: Mapping[str, str], closed: AbstractSet[str], above: dict[str, str]
) -> str:
    """The outermost folded holder of a step, or ''; circles end where they began.

    `above` keeps what was found, so that a long chain of holders is walked once.
    """
    chain: dict[str, None] = {}
    at = key
    while at and at not in above and at not in chain:
        chain[at] = None
        at = holders.get(at, "")
    found = above.get(at, "") or (at if at in closed and at in above else "")
    for each in reversed(chain):
        above[each] = found
        found = found or (each if each in closed else "")
    return above[key]


def _box(
    key: str,
    inside: list[Node],
    run: Run,
    fans: Mapping[str, Fan],
    now: datetime,
    *,
    opens: bool,
) -> Box:
    fan, own = fans.get(key), run.nodes.get(key)
    if fan is not None and opens:
        members = [run.nodes[m] for m in fan.members]
        seconds = _span(members, now)
        label = f"{fan.label} {TIMES}{len(members)}"
        note, phase = _counts(members), _worst(members)
        return Box(key, label, phase, "Fan-out", note, seconds, len(members), opens=True)
    if own is None:  # a crowd's id that is no step's: it is closed, or it would hold nothing
        own = inside[0]
    held = [n for n in inside if n.id != key]
    note = ""
    if opens and own.kind == "Retry":
        children = set(own.children)
        tries = [n for n in held if n.id in children and n.kind not in KNOTS]
        note = f"{len(tries)} tries" if len(tries) > 1 else ""
    elif opens:
        note = _counts([n for n in held if n.kind not in KNOTS])
    return Box(key, own.label, own.phase, own.kind, note, own.seconds(now), len(held), opens=opens)


def _counts(nodes: list[Node]) -> str:
    """`10 done, 2 failed`."""
    words = {"Succeeded": "done", "Failed": "failed", "Error": "failed", "Running": "running"}
    counted = Counter(words.get(n.phase, n.phase.lower() or "waiting") for n in nodes)
    order = ("done", "failed", "running")
    rest = sorted(counted.keys() - set(order))
    return ", ".join(f"{counted[word]:,} {word}" for word in (*order, *rest) if counted[word])


def _worst(nodes: list[Node]) -> str:
    """The phase of a crowd: bad if one is, ended when all are."""
    phases = {n.phase for n in nodes}
    for phase in (*sorted(BAD, reverse=True), "Running", "Pending"):
        if phase in phases:
            return phase
    return "Succeeded" if "Succeeded" in phases else next(iter(sorted(phases)), "Pending")


def _span(nodes: list[Node], now: datetime) -> float | None:
    starts = [n.started for n in nodes if n.started]
    if not starts:
        return None
    going = any(not n.ended for n in nodes)
    end = now if going else max((n.finished for n in nodes if n.finished), default=now)
    return max(0.0, (end - min(starts)).total_seconds())


def _without_root(boxes: dict[str, Box], run: Run) -> dict[str, Box]:
    """The box that stands for the whole workflow says nothing beside its steps."""
    roots = {n.id for n in run.nodes.values() if _is_root(run, n) and n.kind in COMPOSITE}
    rest = {key: box for key, box in boxes.items() if key not in roots}
    return rest or boxes


def _without_knots(
    boxes: Mapping[str, Box], edges: AbstractSet[tuple[str, str]]
) -> tuple[dict[str, Box], set[tuple[str, str]]]:
    """Knots that tie one arrow to others go; those that tie many to many stay, as a dot.

    A knot that goes becomes part of its one neighbour, which adds no arrow: a status of thousands of
    knots in a chain is as cheap as any other. What is left to untie after some rounds stays a dot.
    """
    knots = {key for key, box in boxes.items() if box.kind in KNOTS and not box.opens}
    left = set(edges)
    for _ in range(ROUNDS):
        loose = _loose(knots, left)
        knots -= loose
        left = {(a, b) for a, b in left if a not in loose and b not in loose}
        into = _ties(knots, left)
        if not into:
            break
        knots -= into.keys()
        merged = {(into.get(a, a), into.get(b, b)) for a, b in left}
        left = {(a, b) for a, b in merged if a != b}
    kept = {
        key: Box(key, "", box.phase, box.kind, "", None) if key in knots else box
        for key, box in boxes.items()
        if key in knots or box.kind not in KNOTS or box.opens
    }
    return kept, left


def _loose(knots: AbstractSet[str], edges: AbstractSet[tuple[str, str]]) -> set[str]:
    """Knots that nothing leads to or from, and those that are so once these are gone."""
    before, after = _neighbours(edges)
    found: set[str] = set()
    waiting = [key for key in knots if not before[key] or not after[key]]
    while waiting:
        key = waiting.pop()
        if key in found:
            continue
        found.add(key)
        for near, back in ((before, after), (after, before)):
            for other in near[key]:
                back[other].discard(key)
                if other in knots and not back[other]:
                    waiting.append(other)
    return found


def _ties(knots: AbstractSet[str], edges: AbstractSet[tuple[str, str]]) -> dict[str, str]:
    """Each knot that has one neighbour on a side, and what it becomes a part of."""
    before, after = _neighbours(edges)
    tied: dict[str, str] = {}
    for key in sorted(knots):
        one = next((near[key] for near in (before, after) if len(near[key]) == 1), None)
        if one is not None:
            tied[key] = next(iter(one))
    ends: dict[str, str] = {}
    for key in tied:
        chain: dict[str, None] = {}
        at = key
        while at in tied and at not in ends and at not in chain:
            chain[at] = None
            at = tied[at]
        end = ends.get(at, at)  # where knots are tied in a circle, one of them stays
        ends |= dict.fromkeys(chain, end)
    return {key: end for key, end in ends.items() if key != end}


def _neighbours(
    edges: Iterable[tuple[str, str]],
) -> tuple[defaultdict[str, set[str]], defaultdict[str, set[str]]]:
    """What leads to each, and what each leads to."""
    before: defaultdict[str, set[str]] = defaultdict(set)
    after: defaultdict[str, set[str]] = defaultdict(set)
    for a, b in edges:
        after[a].add(b)
        before[b].add(a)
    return before, after
