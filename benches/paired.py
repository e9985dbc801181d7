"""What pairs say: the middle of their differences, and how far it may be off."""

import statistics
from collections.abc import Sequence
from math import comb
from typing import Any

SURE = 0.95


def spread(values: Sequence[float]) -> dict[str, float]:
    """The median, with the least and the most beside it."""
    return {
        "median": round(statistics.median(values), 2),
        "from": round(min(values), 2),
        "to": round(max(values), 2),
    }


def interval(differences: Sequence[float]) -> dict[str, Any]:
    """The median, and where it lies with 95 % confidence, whatever the differences are spread like.

    By their order alone: too few of them (five and fewer) reach that between the least and the most
    only nearly, and then those are given.
    """
    ordered = sorted(differences)
    outside = _left_out(len(ordered))
    return {
        "median": round(statistics.median(ordered), 2),
        "from": round(ordered[outside], 2),
        "to": round(ordered[-1 - outside], 2),
        "pairs": len(ordered),
    }


def _left_out(count: int) -> int:
    """How many at each end may be left out, so that the median lies among the rest."""
    out, missed = 0, 2 * comb(count, 0) / 2**count
    while missed + 2 * comb(count, out + 1) / 2**count <= 1 - SURE:
        out += 1
        missed += 2 * comb(count, out) / 2**count
    return out
