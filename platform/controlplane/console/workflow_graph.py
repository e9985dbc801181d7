"""A workflow's picture as the page draws it: links, looks and words for each box."""

from dataclasses import dataclass
from datetime import datetime

from django.http import QueryDict

from controlplane.argo.folding import Box, Folded, fold
from controlplane.argo.graph import HEIGHT, WIDTH, Picture, Placed, picture
from controlplane.argo.nodes import NODE_ENDED, Run

from .templatetags.console import duration

LOOKS = {
    "Succeeded": "ok",
    "Running": "run",
    "Failed": "bad",
    "Error": "bad",
}
WORDS = {
    "Succeeded": "done",
    "Running": "running",
    "Failed": "failed",
    "Error": "error",
    "Pending": "not started",
    "Skipped": "skipped",
    "Omitted": "omitted",
}
LABEL, NOTE = 20, 25
OF_A_POLL = ("polls", "acts", "logged")
# What an address of the page may carry. It is written into the link of each of hundreds of boxes, so what
# is not the page's own, or is more than somebody opened by hand, is left behind.
OF_A_PAGE = ("node", "container", "view", "page", "open", *OF_A_POLL)
LONGEST = 600  # a step's id: a name and the hash of it
MOST_OPEN = 30
NAMED_KINDS = {"DAG": "DAG", "Steps": "steps", "HTTP": "HTTP", "Plugin": "plugin"}


@dataclass(frozen=True, slots=True)
class Drawn:
    """One box of the picture. Without a label it is a knot: a dot that nothing is to be said of."""

    x: float
    y: float
    label: str
    note: str
    title: str
    look: str
    dom_id: str
    href: str
    opens: str
    current: bool


@dataclass(frozen=True, slots=True)
class Graph:
    """All that the template needs."""

    picture: Picture
    boxes: tuple[Drawn, ...]
    opened: tuple[tuple[str, str], ...]  # what is open: its name, and the address that folds it
    box_of: dict[str, str]
    # Of one box; what stands at its right edge is in the middle of it.
    width: int = WIDTH
    height: int = HEIGHT
    middle: int = HEIGHT // 2


def query_of(said: QueryDict) -> QueryDict:
    """What of an address is this page's own, each as often and as long as it can mean something."""
    kept = QueryDict(mutable=True)
    for key in OF_A_PAGE:
        values = [value for value in said.getlist(key) if len(value) <= LONGEST]
        if values:
            kept.setlist(
                key, list(dict.fromkeys(values))[:MOST_OPEN] if key == "open" else values[-1:]
            )
    return kept


def graph_of(run: Run, query: QueryDict, now: datetime) -> Graph:
    """The picture for one address of the page."""
    folded = fold(run, set(query.getlist("open")), now)
    drawn = picture(folded)
    chosen = query.get("node", "")
    current = folded.box_of.get(chosen, chosen)
    boxes = tuple(
        _drawn(placed, query, dom_id=f"box-{at}", current=current)
        for at, placed in enumerate(drawn.boxes)
    )
    return Graph(drawn, boxes, _opened(folded, query), dict(folded.box_of))


def address(query: QueryDict, **changes: str) -> str:
    """This page with other values; '' takes a key away, and what a poll adds is no part of it."""
    changed = query.copy()
    for key in (*OF_A_POLL, *changes):
        changed.pop(key, None)
    for key, value in changes.items():
        if value:
            changed[key] = value
    return f"?{changed.urlencode()}"


def _drawn(placed: Placed, query: QueryDict, *, dom_id: str, current: str) -> Drawn:
    box = placed.box
    note = note_of(box)
    return Drawn(
        x=placed.x,
        y=placed.y,
        label=shortened(box.label, LABEL),
        note=shortened(note, NOTE),
        title=f"{box.label}: {note}",
        look=LOOKS.get(box.phase, "idle"),
        dom_id=dom_id,
        href=address(query, node=box.id, container="", view=""),
        opens=_with_open(query, box.id) if box.opens else "",
        current=box.id == current,
    )


def note_of(box: Box) -> str:
    """`done, 42 s`; what a crowd is made of; what a special step waits for."""
    word = WORDS.get(box.phase, box.phase.lower())
    if box.kind == "Suspend" and box.phase not in NODE_ENDED:
        word = "waits"
    kind = NAMED_KINDS.get(box.kind, "")
    said = [kind, box.note or word, duration(box.seconds)]
    if box.kind == "Retry" and box.note:
        said = [word, box.note, duration(box.seconds)]
    return " · ".join(part for part in said if part)


def shortened(text: str, most: int) -> str:
    """The beginning and the end of a long name: siblings often differ there."""
    if len(text) <= most:
        return text
    tail = (most - 1) // 3
    return f"{text[: most - 1 - tail]}…{text[-tail:]}"


def _with_open(query: QueryDict, key: str) -> str:
    return _opening(query, [*query.getlist("open"), key])


def _opened(folded: Folded, query: QueryDict) -> tuple[tuple[str, str], ...]:
    now = query.getlist("open")
    return tuple(
        (label, _opening(query, [each for each in now if each != key]))
        for key, label in folded.opened
    )


def _opening(query: QueryDict, keys: list[str]) -> str:
    """This page with these crowds open."""
    changed = query.copy()
    for key in OF_A_POLL:
        changed.pop(key, None)
    changed.setlist("open", keys)
    return f"?{changed.urlencode()}"
