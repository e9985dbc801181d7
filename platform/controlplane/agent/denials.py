"""Is this text a denial of ours, and what does it say? Text in, values out.

Others wrap our words: the API server puts its own before them, an Event cuts them off at 1,024
characters, Argo puts them into a node's message. What is whole is read line by line, as
`policies.sentences` wrote it; of what was cut off, as much as stands there.
"""

import re
from dataclasses import dataclass
from enum import Enum

LONGEST = 16 * 1024  # ours have 4 KiB, with what the API server puts before them
CUT_OFF = "cut-off"  # the code of a denial whose rule cannot be read any more
NO_ANSWER = "webhook-away"

POLICY = re.compile(r"ValidatingAdmissionPolicy '(argosy-images[^']*)'")
WEBHOOK = re.compile(r'admission webhook "images[a-z0-9.-]*\.argosy\.dev" denied the request')
AWAY = re.compile(r'failed calling webhook "images[a-z0-9.-]*\.argosy\.dev"')
OBJECT = re.compile(r'\b[a-z]+(?:\.[a-z0-9.]+)? "([^"\n]{1,253})" is (?:forbidden|invalid)')
OURS = re.compile(r"denied (?:the )?request: ?")
LINK = re.compile(r"https?://[^\s<>\"']{1,500}")
CODE = re.compile(r"\[([a-z]+(?:-[a-z]+){0,4})\]")
NAMED = re.compile(r'image "([^"\n]{0,512})"')
WHERE = r"(?P<path>[^\s()][^()\n]*?)(?: \((?P<container>[^()\n]{0,80})\))?:"
WHY = r" (?P<reason>[^\n]*) \[(?P<code>[a-z]+(?:-[a-z]+){0,4})\]$"
LINES = (
    # First with its image: a path may hold a colon of its own.
    re.compile(rf'{WHERE} image "(?P<image>[^"\n]*)":{WHY}'),
    re.compile(rf"{WHERE}(?P<image>){WHY}"),
)


class By(Enum):
    """Who said no."""

    POLICY = "the API server's own policy"
    WEBHOOK = "the webhook"
    NOBODY = "the webhook had to be asked, and did not answer"


@dataclass(frozen=True, slots=True)
class Said:
    """One violation, as the denial names it."""

    path: str = ""
    container: str = ""
    image: str = ""
    code: str = CUT_OFF
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Denial:
    """A denial of ours."""

    by: By
    violations: tuple[Said, ...]
    link: str = ""
    name: str = ""  # of the object, where the API server named it


def denial_in(text: str) -> Denial | None:
    """The denial in this text; none if nobody of ours said it."""
    text = text[:LONGEST]
    by = _by(text)
    if by is None:
        return None
    named = OBJECT.search(text)
    name = named[1] if named else ""
    if by is By.NOBODY:
        return Denial(by, (Said(code=NO_ANSWER, reason=f"{by.value}; try again"),), name=name)
    words = OURS.split(text, maxsplit=1)[-1]
    link = LINK.search(words)
    return Denial(by, tuple(_violations(words)), link[0] if link else "", name)


def _by(text: str) -> By | None:
    for by, pattern in ((By.POLICY, POLICY), (By.WEBHOOK, WEBHOOK), (By.NOBODY, AWAY)):
        if pattern.search(text):
            return by
    return None


def _violations(words: str) -> list[Said]:
    """Each line that is a violation; of a text without such a line, what it names."""
    lines = [line.strip() for line in words.splitlines()]
    whole = [_said(match) for line in lines if (match := _line(line))]
    return whole or [_what_is_left(words)]


def _line(line: str) -> re.Match[str] | None:
    return next((match for pattern in LINES if (match := pattern.match(line))), None)


def _said(match: re.Match[str]) -> Said:
    path = match["path"]
    return Said(
        path="" if path == "the object" else path,
        container=match["container"] or "",
        image=match["image"] or "",
        code=match["code"],
        reason=match["reason"],
    )


def _what_is_left(words: str) -> Said:
    image, code = NAMED.search(words), CODE.search(words)
    return Said(
        image=image[1] if image else "",
        code=code[1] if code else CUT_OFF,
        reason=" ".join(words.split())[:500],
    )
