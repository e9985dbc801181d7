"""Is this version before that one? As their authors number them: 3.7.18, 4.0.0-rc1, v4.1.2."""

import re
from dataclasses import dataclass
from functools import total_ordering

FORM = re.compile(
    r"\Av?(\d{1,6})\.(\d{1,6})\.(\d{1,6})(?:-([0-9A-Za-z.-]{1,40}))?(?:\+[0-9A-Za-z.-]*)?\Z",
    re.ASCII,
)
PART = re.compile(r"\d+|\D+")


@total_ordering
@dataclass(frozen=True)
class Version:
    """A release, or (`before` is not empty) one of the steps on the way to it."""

    release: tuple[int, int, int]
    before: str = ""

    def __str__(self) -> str:
        return ".".join(map(str, self.release)) + (f"-{self.before}" if self.before else "")

    def __lt__(self, other: "Version") -> bool:
        return self._order() < other._order()

    @property
    def line(self) -> str:
        """`4.1` of 4.1.2."""
        return f"{self.release[0]}.{self.release[1]}"

    def _order(self) -> tuple[tuple[int, int, int], bool, list[tuple[int, str]]]:
        # rc2 is before rc10: numbers are compared as numbers.
        parts = [(int(p), "") if p.isdigit() else (-1, p) for p in PART.findall(self.before)]
        return self.release, not self.before, parts


def read(said: str) -> Version | None:
    """The version that is written so; None where it is none, such as `latest`."""
    found = FORM.match(said)
    if found is None:
        return None
    major, minor, patch, before = found.groups()
    return Version((int(major), int(minor), int(patch)), before or "")
