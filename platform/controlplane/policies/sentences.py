"""What does a person read when an image is denied? At most 4 KiB, the first violations in full."""

from collections.abc import Sequence
from itertools import islice

from .verdict import Verdict, Violation

LONGEST = 4096
_LONGEST_IMAGE = 300
_LONGEST_REASON = 1000
# Argo retries a pod for ever whose refusal speaks of quota in these words.
_RETRIED = "exceeded quota"
ASK = "Ask for an exemption: "


def denial(verdict: Verdict, link: str = "") -> str:
    """Container, image, rule and the way out, line by line; the count of what did not fit."""
    way_out = f"{ASK}{link}" if link else ""
    return _within(verdict.violations, "The image policy denies this.", way_out)


def report(verdict: Verdict) -> str:
    """What is only told: it was admitted all the same."""
    return _within(verdict.reported, "The image policy admits this, and notes:", "")


def violation_line(violation: Violation) -> str:
    """One violation: where, what, why."""
    where = violation.path or "the object"
    who = f" ({_short(violation.container, 80)})" if violation.container else ""
    image = printable(violation.image[: _LONGEST_IMAGE + 1])
    if len(image) > _LONGEST_IMAGE:
        image = f"{image[:_LONGEST_IMAGE]}…"
    named = f' image "{image}":' if violation.image else ""
    reason = _short(violation.reason, _LONGEST_REASON)
    return f"{_short(where, 400)}{who}:{named} {reason} [{violation.code}]"


def printable(text: str) -> str:
    """The text with everything invisible written out, so that it cannot pass for another."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def first_lines(violations: Sequence[Violation], most: int) -> list[str]:
    """The lines of the first so many different violations; the others are not even formatted."""
    different = dict.fromkeys(violations)
    return list(dict.fromkeys(violation_line(v) for v in islice(different, most)))


def _short(text: str, most: int) -> str:
    # Cut before and after: what is thrown away must cost nothing, and writing out makes longer.
    return printable(text[:most])[:most]


def _within(violations: Sequence[Violation], head: str, tail: str) -> str:
    different = dict.fromkeys(violations)
    # The longest count and the tail are paid for before the first line.
    room = LONGEST - _size(head) - _size(tail) - _size(_rest(len(different))) - 3
    kept: dict[str, None] = {}
    left = len(different)
    for violation in different:
        line = violation_line(violation)
        if line not in kept:
            room -= _size(line) + 1
            if room < 0:
                break
            kept[line] = None
        left -= 1
    said = [head, *kept, *([_rest(left)] if left else []), *([tail] if tail else [])]
    return _never_retried("\n".join(said))


def _never_retried(text: str) -> str:
    start = text.casefold().find(_RETRIED)
    while start >= 0:
        text = f"{text[:start]}quota exceeded{text[start + len(_RETRIED) :]}"
        start = text.casefold().find(_RETRIED)
    return text


def _rest(count: int) -> str:
    return f"… and {count} more."


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
