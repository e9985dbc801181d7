"""Who knocks, at whose things, and what they may be answered."""

from enum import StrEnum


class Role(StrEnum):
    """What somebody is: to one team, or to the platform."""

    ANONYMOUS = "somebody not signed in"
    STRANGER = "somebody of no team"
    VIEWER = "a viewer"
    MEMBER = "a member"
    OWNER = "an owner"
    AUDITOR = "the platform's auditor"
    APPROVER = "an approver"
    ADMIN = "an admin"


TEAM = frozenset({Role.VIEWER, Role.MEMBER, Role.OWNER})
SUBMITTERS = frozenset({Role.MEMBER, Role.OWNER})
OWNERS = frozenset({Role.OWNER})
DECIDERS = frozenset({Role.APPROVER, Role.ADMIN})
ADMINS = frozenset({Role.ADMIN})
SEE_ALL = DECIDERS | {Role.AUDITOR}
PEOPLE = frozenset(Role) - {Role.ANONYMOUS}


class Whose(StrEnum):
    """Whose thing it is that somebody knocks at."""

    OWN = "of the own team"
    FOREIGN = "of another team"
    FROZEN = "of the own team, which the platform has paused"


class Answer(StrEnum):
    """What an answer comes to."""

    DONE = "done"
    REFUSED = "refused as things are (400, 409)"
    FORBIDDEN = "forbidden (403)"
    HIDDEN = "not there (404)"
    DOOR = "sent to the door (401, or a redirect to the sign-in page)"
    WRONG_METHOD = "no such method (405)"
    LIMITED = "not so fast (429)"
    BROKEN = "broken (5xx)"


DOORS = ("/sign-in/", "/admin/login/")
BY_STATUS = {
    400: Answer.REFUSED,
    401: Answer.DOOR,
    403: Answer.FORBIDDEN,
    404: Answer.HIDDEN,
    405: Answer.WRONG_METHOD,
    409: Answer.REFUSED,
    415: Answer.REFUSED,
    429: Answer.LIMITED,
}


def meaning(status: int, location: str = "") -> Answer:
    """What a status means; a redirect to a sign-in page is the door, another one is something done."""
    if location.startswith(DOORS):
        return Answer.DOOR
    if status >= 500:
        return Answer.BROKEN
    return BY_STATUS.get(status, Answer.DONE)
