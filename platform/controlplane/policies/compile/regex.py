"""Which images does a list of repositories mean, as patterns? Anchored RE2, each of bounded length.

Only routing needs them: a webhook's match conditions know no variables, so a text is held to the
spellings that the runtime takes for the same repository.
"""

import re
from collections.abc import Iterable, Iterator

from controlplane.policies.references import HUB, LEGACY_HUB

LONGEST = 3000  # of one pattern: the cost of matching grows with it

_EVERY_HOST = r"^(?:[^/]*/)?"


def patterns(names: Iterable[str], *, any_host: bool) -> list[str]:
    """What the texts of these images match. `any_host`: a registry may be spelt in many ways."""
    below: set[str] = set()
    exactly: set[str] = set()
    for name in names:
        spelt = {name.partition("/")[2]} if any_host else set(spellings(name))
        (below if name.endswith("/") else exactly).update(spelt)
    begin = _EVERY_HOST if any_host else "^"
    found = [f"{begin}(?:{part})" for part in _parts(below)]
    return found + [f"{begin}(?:{part})(?:[:@]|$)" for part in _parts(exactly)]


def spellings(name: str) -> Iterator[str]:
    """Every text that a runtime reads as this `registry/repository`, however short."""
    yield name
    registry, _, repository = name.partition("/")
    if registry != HUB:
        return
    yield f"{LEGACY_HUB}/{repository}"
    yield repository
    short = repository.removeprefix("library/")
    if short != repository and short and "/" not in short:
        yield from (f"{HUB}/{short}", f"{LEGACY_HUB}/{short}", short)


def _parts(texts: Iterable[str]) -> Iterator[str]:
    """Alternations of quoted texts, each short enough."""
    part: list[str] = []
    size = len(_EVERY_HOST) + len("(?:)(?:[:@]|$)")
    room = LONGEST - size
    for text in sorted(texts):
        quoted = re.escape(text).replace("/", "/")
        if part and room < len(quoted) + 1:
            yield "|".join(part)
            part, room = [], LONGEST - size
        part.append(quoted)
        room -= len(quoted) + 1
    if part:
        yield "|".join(part)
