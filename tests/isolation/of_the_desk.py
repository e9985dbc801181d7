"""The access rule of every page of the desk, made from one line a model.

Nobody but the platform's people comes in: all others are sent to the door, whatever they knock at.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from .endpoints import METHODS
from .roles import ADMINS, SEE_ALL, Answer, Role
from .rules import Rule, hidden, of_the_platform
from .world import Side

NOBODY: frozenset[Role] = frozenset()
# Whose keys there are, and who was refused, is not for those who only decide.
KEEPERS = ADMINS | {Role.AUDITOR}


@dataclass(frozen=True)
class Rows:
    """One model at the desk: who does what to its rows, and which of the world is one."""

    thing: str
    reads: frozenset[Role] = SEE_ALL
    adds: frozenset[Role] = NOBODY
    changes: frozenset[Role] = NOBODY
    deletes: frozenset[Role] = NOBODY


ROWS: dict[str, Rows] = {
    "identity/user": Rows("user", adds=ADMINS, changes=ADMINS),
    "identity/apitoken": Rows("api_token", reads=KEEPERS, deletes=ADMINS),
    "axes/accessattempt": Rows("attempt", reads=KEEPERS),
    # None of these goes while something is left of it, as here: not for admins either.
    "clusters/cluster": Rows("cluster", adds=ADMINS, changes=ADMINS),
    "tenants/team": Rows("team", adds=ADMINS, changes=ADMINS),
    "tenants/request": Rows("request"),
    "tenants/tenantnamespace": Rows("namespace"),
    "tenants/tier": Rows("tier", adds=ADMINS, changes=ADMINS),
    "provisioning/turn": Rows("turn"),
    "placement/room": Rows("room", adds=ADMINS, changes=ADMINS),
    "policies/standdown": Rows("stand_down", adds=ADMINS),
    "policies/delivery": Rows("delivery", changes=ADMINS),
    "policies/agenttoken": Rows("agent_token", reads=KEEPERS, adds=ADMINS, deletes=ADMINS),
    "policies/imageexemption": Rows("exemption"),
    "policies/imagepolicy": Rows("policy", adds=ADMINS, changes=ADMINS, deletes=ADMINS),
    "policies/rollout": Rows("roll_out", adds=ADMINS, changes=ADMINS),
    "policies/violation": Rows("violation"),
    "policies/scan": Rows("scan"),
    "policies/signingkey": Rows("signing_key", adds=ADMINS, changes=ADMINS),
    "policies/artifact": Rows("artifact"),
    "metrics/price": Rows("price", adds=ADMINS, changes=ADMINS, deletes=ADMINS),
}


def at_the_desk(may: frozenset[Role] = SEE_ALL, thing: str = "", **more: Any) -> Rule:
    """For these of the platform's people; its others are forbidden it."""
    words = {"sees": SEE_ALL - may, "closed": Answer.DOOR, **more}
    return hidden(may, values=lambda side: _keys(thing, side), **words)


def _keys(thing: str, side: Side) -> dict[str, object]:
    """What an address of the desk calls a row."""
    key = getattr(side, thing).pk if thing else "x"
    row = {"object_id": key, "id": key, "pk": key}
    return row | {"app_label": "tenants", "content_type_id": 1, "url": "nowhere/"}


def _of_rows(model: str, rows: Rows) -> Iterator[tuple[str, Rule]]:
    root = f"/admin/{model}/"
    row = f"{root}{{object_id}}/"
    for method in ("GET", "POST"):
        changes = rows.changes if method == "POST" else rows.reads
        yield f"{method} {root}", at_the_desk(rows.reads)
        yield f"{method} {root}add/", at_the_desk(rows.adds)
        yield f"{method} {root}export/", at_the_desk(rows.reads)
        yield f"{method} {row}history/", at_the_desk(rows.reads, rows.thing)
        yield f"{method} {row}delete/", at_the_desk(rows.deletes, rows.thing)
        yield f"{method} {row}change/", at_the_desk(changes, rows.thing)
    for method in METHODS:  # an address of old, that leads to the row's page
        yield f"{method} {row}", at_the_desk(thing=rows.thing)


def _of_both(path: str, rule: Rule) -> dict[str, Rule]:
    """The same for looking and for sending."""
    return {f"{method} {path}": rule for method in ("GET", "POST")}


NO_SUCH_METHOD = at_the_desk(done=Answer.WRONG_METHOD)
NO_SUCH_PAGE = at_the_desk(done=Answer.HIDDEN)
OTHERS: dict[str, Rule] = {
    **_of_both("/admin/", at_the_desk()),
    **_of_both("/admin/search/", at_the_desk(query=lambda _: {"s": "prod"})),
    **_of_both("/admin/login/", of_the_platform(NOBODY)),  # who is in already does not come by here
    # Who is not at the desk is led to it, and there to the door.
    "GET /admin/logout/": replace(NO_SUCH_METHOD, closed=Answer.DONE, door=Answer.DONE),
    "POST /admin/logout/": at_the_desk(done=Answer.DOOR, closed=Answer.DONE, door=Answer.DONE),
    **_of_both("/admin/password_change/", at_the_desk()),
    "GET /admin/password_change/done/": at_the_desk(),
    "POST /admin/password_change/done/": NO_SUCH_METHOD,
    "GET /admin/autocomplete/": at_the_desk(NOBODY),
    "POST /admin/autocomplete/": NO_SUCH_METHOD,
    "GET /admin/jsi18n/": at_the_desk(),
    "POST /admin/jsi18n/": NO_SUCH_METHOD,
    **_of_both("/admin/r/{content_type_id}/{object_id}/", NO_SUCH_PAGE),
    **_of_both("/admin/{app_label}/", at_the_desk()),
    **_of_both("/admin/{url}", NO_SUCH_PAGE),
    **_of_both("/admin/identity/user/{id}/password/", at_the_desk(ADMINS, "user")),
    **_of_both("/admin/policies/imagepolicy/try/", at_the_desk()),
    **_of_both("/admin/policies/imagepolicy/back-test/", at_the_desk(ADMINS)),
    **_of_both("/admin/policies/imagepolicy/{pk}/back-test/", at_the_desk(ADMINS, "policy")),
}
RULES: dict[str, Rule] = {
    **{key: rule for model, rows in ROWS.items() for key, rule in _of_rows(model, rows)},
    **OTHERS,
}
