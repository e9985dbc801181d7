"""How the access rule of an endpoint is declared: who may, who is told "no", and to whom it is not there.

Every endpoint has one, in `of_the_api.py`, `of_the_console.py` or `of_the_desk.py`. A new one has to say
there who may knock; what it says is then tried by everybody, at everybody's things.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .endpoints import Endpoint
from .roles import OWNERS, PEOPLE, SEE_ALL, TEAM, Answer, Role, Whose
from .world import Side

Filled = Callable[[Side], Mapping[str, Any]]
ALL_SEE = TEAM | SEE_ALL


def nothing(_: Side) -> Mapping[str, Any]:
    """No words."""
    return {}


@dataclass(frozen=True)
class Rule:
    """Who may, and how an otherwise perfect call of it looks.

    `may`: it is done for them. `sees`: they may know of the thing, so their no is a 403. All others who
    are signed in get `closed`, which is the same for what is there and for what is not.
    """

    may: frozenset[Role]
    sees: frozenset[Role] = frozenset()
    closed: Answer = Answer.HIDDEN
    door: Answer = Answer.DOOR  # for who is not signed in
    done: Answer = Answer.DONE  # what comes of it for who may
    frozen: Answer | None = (
        None  # the same, where the platform has paused the team; none: no difference
    )
    of_a_team: bool = True  # whether it matters whose thing it is
    thing: str = ""  # what {pk} is of: an attribute of a side
    values: Filled = nothing  # of the address, where its names do not say it
    query: Filled = nothing
    body: Filled = nothing
    auditor: Answer | None = None

    @property
    def has_a_body(self) -> bool:
        return self.body is not nothing

    def expected(self, endpoint: Endpoint, role: Role, whose: Whose) -> Answer:
        """What somebody is to be answered."""
        if role is Role.ANONYMOUS:
            return self.door
        if role is Role.AUDITOR:
            return self._for_the_auditor(endpoint)
        if self.of_a_team and whose is Whose.FOREIGN and role in TEAM:
            role = Role.STRANGER
        if role in self.may:
            return self.frozen if whose is Whose.FROZEN and self.frozen else self.done
        return Answer.FORBIDDEN if role in self.sees else self.closed

    def _for_the_auditor(self, endpoint: Endpoint) -> Answer:
        """Sees what approvers see, and changes nothing but what is their own."""
        if self.auditor is not None:
            return self.auditor
        if Role.AUDITOR in self.may:
            return self.done
        if not endpoint.writes:
            return self.expected(endpoint, Role.APPROVER, Whose.OWN)
        known = Role.APPROVER in self.may | self.sees
        return Answer.FORBIDDEN if known else self.closed

    def address(self, endpoint: Endpoint, side: Side) -> str:
        """Where it is, of that side."""
        known: dict[str, Any] = {
            "namespace_id": side.namespace.pk,
            "name": side.workflow,
            "verb": "stop",
            "same": side.violation.same,
        }
        if self.thing:
            known["pk"] = getattr(side, self.thing).pk
        return endpoint.filled(known | dict(self.values(side)))


def of_a_team(may: frozenset[Role] = ALL_SEE, **more: Any) -> Rule:
    """A thing of one team: there for its people and the platform's, and for nobody else."""
    return Rule(**{"may": may, "sees": ALL_SEE - may, **more})


def named(may: frozenset[Role], **more: Any) -> Rule:
    """The same, where a team is named by what is sent: another team's is refused like one that is not."""
    return of_a_team(may, closed=Answer.REFUSED, **more)


def everybodys(**more: Any) -> Rule:
    """For all who are signed in; what they see by it is told apart by the matrix."""
    return Rule(**{"may": PEOPLE, "of_a_team": False, **more})


def of_the_platform(may: frozenset[Role], **more: Any) -> Rule:
    """The platform's own, told as such: others are forbidden it, whatever there is."""
    return Rule(**{"may": may, "closed": Answer.FORBIDDEN, "of_a_team": False, **more})


def hidden(may: frozenset[Role], **more: Any) -> Rule:
    """The platform's own, of which others are told nothing."""
    return Rule(**{"may": may, "of_a_team": False, **more})


def public(**more: Any) -> Rule:
    """For everybody on the network."""
    return Rule(**{"may": PEOPLE, "of_a_team": False, "door": Answer.DONE, **more})


def by_its_own_token(**more: Any) -> Rule:
    """For a machine that has its token: people, whoever they are, are told to bring one."""
    return Rule(**{"may": frozenset(), "closed": Answer.DOOR, "of_a_team": False, **more})


def of_its_owner(others: frozenset[Role] = frozenset(), **more: Any) -> Rule:
    """One person's own, which in this world is the team's owner: for all but `others` it is not there."""
    return Rule(**{"may": OWNERS | others, **more})
