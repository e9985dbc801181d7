"""How does a version of Argo stand: forbidden, vulnerable, end-of-life, or well? Values in, values out."""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from .table import Advisory, Line, Range, Table, argo_workflows
from .versions import Version, read


class Flag(StrEnum):
    """What may be wrong with a version; the worst first."""

    FORBIDDEN = "forbidden"
    VULNERABLE = "vulnerable"
    ENDED = "end-of-life"
    ENDING = "ending"
    UNKNOWN = "unknown"


LOOKS = {Flag.FORBIDDEN: "bad", Flag.VULNERABLE: "bad", Flag.ENDED: "bad"}


@dataclass(frozen=True)
class Standing:
    """What is to be said of one version. Nothing is wrong with it where there is no flag."""

    version: str
    flags: tuple[Flag, ...] = ()
    advisories: tuple[Advisory, ...] = ()
    sentences: tuple[str, ...] = ()
    way_out: str = ""

    @property
    def worst(self) -> Flag | None:
        return self.flags[0] if self.flags else None

    @property
    def look(self) -> str:
        """How its word looks: ok, warn, bad; nothing where no version was seen."""
        if not self.version:
            return ""
        return LOOKS.get(self.worst, "warn") if self.worst else "ok"


def standing_of(said: str, table: Table) -> Standing:
    """How this version stands; one that was not seen yet, '', stands in no way."""
    if not said:
        return Standing("")
    version = read(said)
    if version is None:
        return Standing(
            said,
            (Flag.UNKNOWN,),
            sentences=(f"{said} is no version that can be compared, so nothing is known of it.",),
            way_out=f"Run a released version, such as v{table.recommended}.",
        )
    forbidden = [each for each in table.forbidden if read(each.version) == version]
    found = tuple(each for each in table.advisories if affects(each, version))
    line = _line_of(version, table)
    sentences = [f"{said} is never to be installed: {each.why}." for each in forbidden]
    sentences += [f"{each.id}: {each.summary}." for each in found]
    flags = [Flag.FORBIDDEN] * bool(forbidden) + [Flag.VULNERABLE] * bool(found)
    if line is None:
        flags.append(Flag.UNKNOWN)
        sentences.append(f"{version.line} is newer than this table, which is of {table.as_of}.")
    elif line.state != "supported":
        flags.append(Flag.ENDED if line.state == "ended" else Flag.ENDING)
        why = f": {line.why}" if line.why else ""
        ended = "gets no patches any more" if line.state == "ended" else "is at its end"
        sentences.append(f"{version.line} {ended}{why}.")
    return Standing(
        said, tuple(flags), found, tuple(sentences), _way_out(version, flags, found, table)
    )


@lru_cache(maxsize=1024)
def known(said: str) -> Standing:
    """The same by the table that came with this platform."""
    return standing_of(said, argo_workflows())


def refusal(said: str, table: Table) -> str:
    """Why this version is not installed, with the way out; '' where it may be."""
    standing = standing_of(said, table)
    if standing.worst is not Flag.FORBIDDEN:
        return ""
    return f"{standing.sentences[0]} {standing.way_out}"


def affects(advisory: Advisory, version: Version) -> bool:
    """Whether the version is in one of the advisory's ranges."""
    return any(_within(each, version) for each in advisory.ranges)


def _within(each: Range, version: Version) -> bool:
    introduced, fixed = read(each.introduced), read(each.fixed)
    if introduced is not None:
        # A release candidate of the version that brought it has it as well, unless the range begins
        # with one itself.
        seen = version if introduced.before else Version(version.release)
        if seen < introduced:
            return False
    return fixed is None or version < fixed


def _line_of(version: Version, table: Table) -> Line | None:
    """What is known of its minor version; one that is older than all that are known has ended."""
    known = {each.line: each for each in table.lines}
    oldest = min(_numbers(line) for line in known)
    if _numbers(version.line) < oldest:
        return Line(version.line, "ended")
    return known.get(version.line)


def _way_out(version: Version, flags: list[Flag], found: tuple[Advisory, ...], table: Table) -> str:
    if not flags or flags == [Flag.UNKNOWN]:
        return ""
    ends = [
        end
        for advisory in found
        for each in advisory.ranges
        if _within(each, version) and (end := read(each.fixed)) is not None
    ]
    safe = max(ends, default=None)
    recommended = f"v{table.recommended}"
    if safe is None or safe.line != version.line or Flag.FORBIDDEN in flags:
        return f"Bring it to {recommended}."
    return f"Bring it to v{safe} or newer of its line, or to {recommended}."


def _numbers(line: str) -> tuple[int, ...]:
    return tuple(int(part) for part in line.split("."))
