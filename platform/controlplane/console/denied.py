"""What does a denial of our image policy say to who submits? Its own sentences, and our link."""

import re
from dataclasses import dataclass

from controlplane.agent import denials
from controlplane.kube.errors import Refused
from controlplane.policies.sentences import ASK

# Of what stands before the denial's own words, which quote what was submitted.
OURS = re.compile(rf"{denials.POLICY.pattern}|admission webhook {denials.HOOK}")
STAMP = re.compile(r" ?\(rules [0-9a-f]+\)\s*$")
HEAD = re.compile(r"^(The image policy denies this\.) ")
PAGE = re.compile(r"/v/(?:[0-9a-f]{32}/?|\?namespace=\S*)")


@dataclass(frozen=True)
class Denial:
    """`link`: the path of the page to ask on, or nothing."""

    sentences: tuple[str, ...]
    link: str
    raw: str


def denial_in(refusal: Refused, *, root: str) -> Denial | None:
    """None: it is not our image policy that says no. `root` is this platform's own address."""
    raw = str(refusal.status.get("message") or refusal.sentence)[: denials.LONGEST]
    before, *words = denials.OURS.split(raw, maxsplit=1)
    if not words or not OURS.search(before):
        return None
    said = HEAD.sub(r"\1\n", STAMP.sub("", words[0].strip()))
    lines = [line.strip() for line in denials.BETWEEN.split(said) if line.strip()]
    link = _page(lines[-1], root) if lines else ""
    return Denial(tuple(lines[:-1] if link else lines), link, raw)


def _page(line: str, root: str) -> str:
    """Our own page and no other: what was submitted stands in this text, too, whatever it says."""
    ours = f"{ASK}{root.rstrip('/')}"
    path = line.removeprefix(ours)
    return path if path != line and PAGE.fullmatch(path) else ""
