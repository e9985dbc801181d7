"""Where the boxes of a workflow stand, and how the arrows run: layers from left to right.

Layers by the longest way from a start, order within them by the middle of the neighbours (Sugiyama's
method), heights by the least squares that keep the order. Arrows over several layers get a lane in each.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from .folding import Box, Folded

WIDTH, HEIGHT, DOT = 176, 44, 12
GAP_X, GAP_Y, LANE = 48, 14, 16
MARGIN = 12
SWEEPS = 4
MOST_BOXES = 800
MOST_EDGES = 4_000
MOST_LANES = 600  # short arrows first: what is beyond runs straight
BEND = 0.5

Edges = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Placed:
    """A box and the upper left corner of it."""

    box: Box
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Picture:
    """All there is to draw. With `problem` there is nothing, and why."""

    width: int
    height: int
    boxes: tuple[Placed, ...] = ()
    paths: tuple[str, ...] = ()
    problem: str = ""


def picture(folded: Folded) -> Picture:
    """The picture of these boxes."""
    if len(folded.boxes) > MOST_BOXES or len(folded.edges) > MOST_EDGES:
        sentence = f"{len(folded.boxes):,} boxes are too many for a picture: look at the list."
        return Picture(0, 0, problem=sentence)
    forward = _forward(list(folded.boxes), sorted(folded.edges))
    layer = _layers(list(folded.boxes), forward)
    rows, links, chains = _lanes(layer, forward)
    _order(rows, links)
    heights = {key: _height(folded.boxes.get(key)) for row in rows for key in row}
    middle = _heights(rows, links, heights)
    return _drawn(folded.boxes, rows, chains, heights, middle)


def _forward(keys: list[str], edges: Edges) -> list[tuple[str, str]]:
    """The arrows without those that would close a circle: found depth first, without recursion."""
    after: defaultdict[str, list[str]] = defaultdict(list)
    for a, b in edges:
        after[a].append(b)
    kept: list[tuple[str, str]] = []
    state: dict[str, int] = {}  # 1: being walked, 2: done
    for start in keys:
        if start in state:
            continue
        state[start] = 1
        stack = [(start, iter(after[start]))]
        while stack:
            at, rest = stack[-1]
            for to in rest:
                if state.get(to) == 1:
                    continue
                kept.append((at, to))
                if to not in state:
                    state[to] = 1
                    stack.append((to, iter(after[to])))
                    break
            else:
                state[at] = 2
                stack.pop()
    return kept


def _layers(keys: list[str], edges: Edges) -> dict[str, int]:
    """The longest way to each box."""
    after: defaultdict[str, list[str]] = defaultdict(list)
    missing = dict.fromkeys(keys, 0)
    for a, b in edges:
        after[a].append(b)
        missing[b] += 1
    layer = dict.fromkeys(keys, 0)
    ready = [key for key in keys if not missing[key]]
    for key in ready:  # grows while it is walked
        for to in after[key]:
            layer[to] = max(layer[to], layer[key] + 1)
            missing[to] -= 1
            if not missing[to]:
                ready.append(to)
    return layer


def _lanes(
    layer: Mapping[str, int], edges: Edges
) -> tuple[list[list[str]], list[tuple[str, str]], list[list[str]]]:
    """Rows of keys by layer, arrows from layer to layer, and each arrow's way through the lanes."""
    rows: list[list[str]] = [[] for _ in range(max(layer.values(), default=-1) + 1)]
    for key, at in layer.items():
        rows[at].append(key)
    links: list[tuple[str, str]] = []
    chains: list[list[str]] = []
    lanes = 0
    for a, b in sorted(edges, key=lambda edge: layer[edge[1]] - layer[edge[0]]):
        chain = [a]
        long = layer[b] - layer[a] - 1
        if lanes + long <= MOST_LANES:
            for step in range(long):
                lane = f"\0{a}\0{b}\0{step}"
                rows[layer[a] + 1 + step].append(lane)
                chain.append(lane)
            lanes += long
        chain.append(b)
        chains.append(chain)
        links += pairwise(chain)
    return rows, links, chains


def _order(rows: list[list[str]], links: Edges) -> None:
    """Each row by the middle of its neighbours, forth and back."""
    before, after = _neighbours(links)
    for sweep in range(SWEEPS):
        forth = sweep % 2 == 0
        near = before if forth else after
        ordered = rows if forth else rows[::-1]
        place = {key: float(at) for at, key in enumerate(ordered[0])} if ordered else {}
        for row in ordered[1:]:
            own = {key: at for at, key in enumerate(row)}
            weight = {
                key: sum(place[n] for n in seen) / len(seen)
                if (seen := [n for n in near[key] if n in place])
                else float(own[key])
                for key in row
            }
            row.sort(key=lambda key: (weight[key], own[key]))
            place |= {key: float(at) for at, key in enumerate(row)}


def _neighbours(links: Edges) -> tuple[Mapping[str, list[str]], Mapping[str, list[str]]]:
    before: defaultdict[str, list[str]] = defaultdict(list)
    after: defaultdict[str, list[str]] = defaultdict(list)
    for a, b in links:
        after[a].append(b)
        before[b].append(a)
    return before, after


def _height(box: Box | None) -> float:
    if box is None:
        return LANE - GAP_Y
    return HEIGHT if box.label else DOT


def _heights(rows: list[list[str]], links: Edges, heights: Mapping[str, float]) -> dict[str, float]:
    """The middle of each key, near its neighbours' and clear of the row's others."""
    before, after = _neighbours(links)
    middle: dict[str, float] = {}
    for row in rows:
        middle.update(zip(row, _spread([0.0] * len(row), row, heights), strict=True))
    for sweep in range(SWEEPS):
        near = after if sweep % 2 == 0 else before
        for row in rows[::-1] if sweep % 2 == 0 else rows:
            wanted = [
                sum(middle[n] for n in near[key]) / len(near[key]) if near[key] else middle[key]
                for key in row
            ]
            middle.update(zip(row, _spread(wanted, row, heights), strict=True))
    top = min((middle[key] - heights[key] / 2 for key in middle), default=0.0)
    return {key: at - top for key, at in middle.items()}


def _spread(wanted: list[float], row: list[str], heights: Mapping[str, float]) -> list[float]:
    """The middles nearest to the wanted ones that keep order and distance: least squares.

    Without its distances a row must only not fall: neighbours that would are pooled at their mean.
    """
    offsets, down = [], 0.0
    for at, key in enumerate(row):
        if at:
            down += heights[row[at - 1]] / 2 + GAP_Y + heights[key] / 2
        offsets.append(down)
    pools: list[tuple[float, int]] = []
    for want, offset in zip(wanted, offsets, strict=True):
        total, count = want - offset, 1
        while pools and pools[-1][0] / pools[-1][1] > total / count:
            earlier, many = pools.pop()
            total, count = total + earlier, count + many
        pools.append((total, count))
    flat = [total / count for total, count in pools for _ in range(count)]
    return [each + offset for each, offset in zip(flat, offsets, strict=True)]


def _drawn(
    boxes: Mapping[str, Box],
    rows: list[list[str]],
    chains: list[list[str]],
    heights: Mapping[str, float],
    middle: Mapping[str, float],
) -> Picture:
    left: dict[str, float] = {}
    width: dict[str, float] = {}
    for at, row in enumerate(rows):
        for key in row:
            box = boxes.get(key)
            bare = box is not None and not box.label
            width[key] = DOT if bare else WIDTH
            left[key] = MARGIN + at * (WIDTH + GAP_X) + (WIDTH - DOT) / 2 * bare
    placed = tuple(
        Placed(boxes[key], _r(left[key]), _r(MARGIN + middle[key] - heights[key] / 2))
        for row in rows
        for key in row
        if key in boxes
    )
    paths = tuple(_path(chain, boxes, left, width, middle) for chain in chains)
    bottom = max((middle[key] + heights[key] / 2 for key in middle), default=0.0)
    right = len(rows) * (WIDTH + GAP_X) - GAP_X
    return Picture(int(right + 2 * MARGIN), int(bottom + 2 * MARGIN + 1), placed, paths)


def _path(
    chain: list[str],
    boxes: Mapping[str, Box],
    left: Mapping[str, float],
    width: Mapping[str, float],
    middle: Mapping[str, float],
) -> str:
    """From the right side of a box to the left side of another, level through the lanes between."""
    first = chain[0]
    x, y = left[first] + width[first], MARGIN + middle[first]
    said = [f"M{_r(x)} {_r(y)}"]
    for key in chain[1:]:
        to_x, to_y = left[key], MARGIN + middle[key]
        bend = (to_x - x) * BEND
        said.append(f"C{_r(x + bend)} {_r(y)} {_r(to_x - bend)} {_r(to_y)} {_r(to_x)} {_r(to_y)}")
        x, y = to_x, to_y
        if key not in boxes:
            x += width[key]
            said.append(f"H{_r(x)}")
    return "".join(said)


def _r(value: float) -> float:
    return round(value, 1)
