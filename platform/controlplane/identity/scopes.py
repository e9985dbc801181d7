"""How much of what its person may a token may: never more than they, and seldom all of it. Pure."""

from collections.abc import Iterable
from enum import StrEnum

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Scope(StrEnum):
    """A part of what the API does; `read` comes with each of the others."""

    READ = "read"
    SUBMIT = "submit"
    REQUEST = "request"
    DECIDE = "decide"
    ADMIN = "admin"


MEANS: dict[Scope, str] = {
    Scope.READ: "look at everything that its person sees",
    Scope.SUBMIT: "submit, stop and resubmit workflows",
    Scope.REQUEST: "file and withdraw requests",
    Scope.DECIDE: "decide on requests",
    Scope.ADMIN: "all else: clusters, policies, teams, other tokens",
}
# A request stands for a person, who may not decide on it as well: no team's token files one.
OF_TEAMS = (Scope.READ, Scope.SUBMIT)


def needed(method: str, declared: Scope | None) -> Scope:
    """What a call needs. A call that changes something and that nobody thought of needs the most."""
    if declared is not None:
        return declared
    return Scope.READ if method in SAFE else Scope.ADMIN


def may(scopes: Iterable[str], wanted: Scope) -> bool:
    """Whether a token with these scopes may do what needs `wanted`."""
    held = set(scopes)
    return bool(held) if wanted is Scope.READ else wanted in held


def sentence_for(wanted: Scope) -> str:
    """What is told to who brings a token that may not."""
    return (
        f"This token does not have the scope {wanted}, which is to {MEANS[wanted]}: "
        "make one that has it, with `argosy tokens make` or in the console under Tokens."
    )
