"""Following a container's log by asking again: where to go on, and which lines are new.

The API server gives lines since a second, the first so many bytes of them. Lines of that second were seen
already, and a cut-off line comes again whole: a mark remembers the last line's time and how many had it.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

TAIL_LINES = 500
LIMIT_BYTES = 256 * 1024
SECOND = len("2026-01-01T00:00:00")
# A time as kubelet writes it, and as the calendar has it with room on both ends.
TIME = re.compile(
    r"(19[7-9]|[2-8]\d\d)\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII
)
MOST_SEEN = 6  # digits: a part of a log has no more lines of one time


@dataclass(frozen=True)
class Mark:
    """Up to where a log was read. Empty: not at all yet."""

    at: str = ""
    seen: int = 0

    @property
    def since(self) -> str:
        """The second to ask from: the API server knows no smaller part of time here."""
        return f"{self.at[:SECOND]}Z" if self.at else ""


@dataclass(frozen=True)
class Line:
    at: str
    text: str


@dataclass(frozen=True)
class Part:
    """What is new, where to go on, and whether something had to be left out."""

    lines: tuple[Line, ...]
    mark: Mark
    left_out: bool = False
    more: bool = False  # the answer was full: there is more to ask for at once


def mark_of(at: str, seen: str) -> Mark:
    """A mark as an address carries it; an empty one for what is none."""
    counts = seen.isascii() and seen.isdigit() and len(seen) <= MOST_SEEN
    if not counts or not TIME.fullmatch(at):
        return Mark()
    try:
        datetime.fromisoformat(at[:SECOND])
    except ValueError:  # the 31st of February
        return Mark()
    return Mark(at, int(seen))


def new_part(answer: str, mark: Mark, *, limit: int = LIMIT_BYTES) -> Part:
    """The lines of an answer that were not seen yet."""
    full = len(answer.encode()) >= limit
    lines = [_line(text) for text in _whole_lines(answer, full=full)]
    new = _unseen(lines, mark)
    if full and not new:
        # Nothing but what was seen: that second can only be left behind, with what else it may hold.
        beyond = answer.rpartition("\n")[2][:SECOND] > mark.at[:SECOND]
        return Part((), _next_second(mark), left_out=not beyond, more=True)
    if not new:
        return Part((), mark)
    last = new[-1].at
    seen = sum(line.at == last for line in new) + (mark.seen if last == mark.at else 0)
    return Part(tuple(new), Mark(last, seen), more=full)


def _whole_lines(answer: str, *, full: bool) -> list[str]:
    """Without the cut-off last line of a full answer, unless that is all there is of a huge line."""
    lines = answer.split("\n")
    tail = lines.pop()
    return lines if not tail or (full and lines) else [*lines, tail]


def _line(text: str) -> Line:
    at, _, said = text.partition(" ")
    return Line(at, said.rstrip("\r"))


def _unseen(lines: list[Line], mark: Mark) -> list[Line]:
    if not mark.at:
        return lines
    new, same = [], 0
    for line in lines:
        order = _order(line.at, mark.at)
        same += order == 0
        if order > 0 or (order == 0 and same > mark.seen):
            new.append(line)
    return new


def _order(one: str, other: str) -> int:
    """Times as text, with as many decimals as they have: without the Z they sort as they should."""
    a, b = one.removesuffix("Z"), other.removesuffix("Z")
    if "." in a or "." in b:
        width = max(len(a), len(b), SECOND + 1)
        a = (a if "." in a else f"{a}.").ljust(width, "0")
        b = (b if "." in b else f"{b}.").ljust(width, "0")
    return (a > b) - (a < b)


def _next_second(mark: Mark) -> Mark:
    if not mark.at:
        return mark
    after = datetime.fromisoformat(f"{mark.at[:SECOND]}+00:00") + timedelta(seconds=1)
    return Mark(f"{after:%Y-%m-%dT%H:%M:%S}Z", 0)
