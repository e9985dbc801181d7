"""What each level of a team may do. One definition; faces and charts follow it."""

from collections.abc import Iterable
from enum import StrEnum


class Level(StrEnum):
    """A person's standing in a team, strongest first."""

    OWNER = "owner"
    MEMBER = "member"
    VIEWER = "viewer"


class Act(StrEnum):
    """Something a person may want to do with a team's things."""

    SEE = "see"
    SUBMIT_WORKFLOWS = "submit-workflows"
    FILE_REQUESTS = "file-requests"
    KEEP_TOKENS = "keep-tokens"
    KEEP_SECRETS = "keep-secrets"  # write, try and remove them: reading back is nobody's


MAY: dict[Level, frozenset[Act]] = {
    Level.OWNER: frozenset(Act),
    Level.MEMBER: frozenset({Act.SEE, Act.SUBMIT_WORKFLOWS}),
    Level.VIEWER: frozenset({Act.SEE}),
}


# What a team's own tokens act as. Never as owner: a request stands for a person, who may not decide on it.
SERVICE = Level.MEMBER


def strongest(levels: Iterable[Level]) -> Level | None:
    """The one level that counts for somebody who has several; None for a stranger."""
    held = set(levels)
    return next((level for level in Level if level in held), None)


def account_of(level: Level, namespace: str) -> str:
    """The user name of the account that stands for `level` in a workload namespace."""
    return f"system:serviceaccount:{namespace}:argo-{level}"
