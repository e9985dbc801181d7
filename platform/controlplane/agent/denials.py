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
MISSING = "rules-missing"  # the API server has none for this team

POLICY = re.compile(r"ValidatingAdmissionPolicy '(argosy-images[^']*)'")
HOOK = r'"(?:[a-z0-9-]+\.)*images\.argosy\.dev"'
WEBHOOK = re.compile(rf"admission webhook {HOOK} denied the request")
AWAY = re.compile(rf"failed calling webhook {HOOK}")
OBJECT = re.compile(r'\b[a-z]+(?:\.[a-z0-9.]+)? "([^"\n]{1,253})" is (?:forbidden|invalid)')
OURS = re.compile(r"denied (?:the )?request: ?")
NO_RULES = re.compile(r"The rules of \S+ are not on this cluster yet")
HEAD = re.compile(r"^The image policy denies this\.")
BETWEEN = re.compile(r"\n| \| ")  # lines; the API server's own policies can only say one
LINK = re.compile(r"https?://[^\s<>\"']{1,500}")
CODE = re.compile(r"\[([a-z]+(?:-[a-z]+){0,4})\]")
NAMED = re.compile(r'image "([^"\n]{0,512})"')
WHERE = r"(?P<path>[^\s()][^()\n]*?)(?: \((?P<container>[^()\n]{0,80})\))?:"
WHY = r" (?P<reason>[^\n]*) \[(?P<code>[a-z]+(?:-[a-z]+){0,4})\](?: \(rules [0-9a-f]+\))?$"
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
    lines = [line.strip() for line in BETWEEN.split(HEAD.sub("", words.strip()))]
    whole = [_said(match) for line in lines if (match := _line(line))]
    return whole or [_what_is_left(words)]


def _line(line: str) -> re.Match[str] | None:
    return next((match for pattern in LINES if (match := pattern.match(line))), None)


def _said(match: re.Match[str]) -> Said:
    path, container = match["path"], match["container"] or ""
    if path == "the object":
        path = ""
    elif "." not in path and not container:
        path, container = "", path  # CEL knows the container, not its place
    return Said(
        path=path,
        container=container,
        image=match["image"] or "",
        code=match["code"],
        reason=match["reason"],
    )


def _what_is_left(words: str) -> Said:
    image, code = NAMED.search(words), CODE.search(words)
    return Said(
        image=image[1] if image else "",
        code=code[1] if code else MISSING if NO_RULES.search(words) else CUT_OFF,
        reason=" ".join(words.split())[:500],
    )
