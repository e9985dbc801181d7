"""When a page that moves looks again: often at first, seldom later, never once nothing can move."""

from dataclasses import dataclass

# Every 2 s for a minute, every 10 s for ten, every 30 s after that: a decision may take days.
PACE = ((30, 2), (90, 10))
SLOWEST = 30


@dataclass(frozen=True)
class Poll:
    """The next look: in how many seconds, how many there were, and what the page shows already."""

    seconds: int
    looks: int
    shown: str


def next_look(looks: int, shown: str) -> Poll:
    """The look after so many."""
    seconds = next((pace for below, pace in PACE if looks < below), SLOWEST)
    return Poll(seconds, looks + 1, shown)
