"""Which of the groups that a person brings mean something here.

Somebody may be in hundreds of a company's groups. Only those that some team or the platform is named by are
kept: what is not kept costs nothing, is told to nobody, and cannot be seen by who reads the database.
"""

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet

from django.conf import settings

# Gives those of some groups that it knows.
Meaning = Callable[[AbstractSet[str]], Iterable[str]]
_MEANINGS: list[Meaning] = []


def gives_meaning(meaning: Meaning) -> None:
    """Whatever lets people do things by their groups says so here, once."""
    if meaning not in _MEANINGS:
        _MEANINGS.append(meaning)


def relevant(claimed: Iterable[object]) -> list[str]:
    """Those that mean something here, each once, in a settled order: the same groups are the same list."""
    words = frozenset(group for group in claimed if isinstance(group, str) and group.strip())
    platform = words & {settings.ADMIN_GROUP, settings.APPROVER_GROUP, settings.AUDITOR_GROUP}
    return sorted(platform.union(*(meaning(words) for meaning in _MEANINGS)))
