"""Every endpoint, every role, at everybody's things: all of it generated from the URL table."""

import pytest

from .endpoints import Endpoint, endpoints
from .knocking import Seen, knock
from .roles import SEE_ALL, Answer, Role, Whose
from .rules import Rule
from .tables import RULES
from .telling import forgotten, inside
from .world import FOREIGN, World, roles

pytestmark = pytest.mark.django_db
DECLARED = [endpoint for endpoint in endpoints() if endpoint.key in RULES]
NO = {Answer.FORBIDDEN, Answer.HIDDEN, Answer.DOOR}


def test_every_endpoint_has_declared_who_may_use_it() -> None:
    undeclared = [endpoint.key for endpoint in endpoints() if endpoint.key not in RULES]

    assert not undeclared, (
        "These endpoints have no access rule. Say in tests/isolation/of_the_api.py, of_the_console.py "
        f"or of_the_desk.py who may use each, and the matrix tries it: {undeclared}"
    )


def test_no_rule_is_about_an_endpoint_that_is_gone() -> None:
    there = {endpoint.key for endpoint in endpoints()}

    assert not [key for key in RULES if key not in there]


@pytest.mark.parametrize("endpoint", DECLARED, ids=lambda endpoint: endpoint.key)
def test_each_gets_what_the_rule_says_and_no_more(everybody: World, endpoint: Endpoint) -> None:
    rule = RULES[endpoint.key]
    wrong = [
        sentence
        for role in roles()
        for whose in (Whose if rule.of_a_team else [Whose.OWN])
        for sentence in _wrong(everybody, endpoint, rule, role, whose)
    ]

    assert not wrong, "\n".join(wrong)


def _wrong(world: World, endpoint: Endpoint, rule: Rule, role: Role, whose: Whose) -> list[str]:
    """What is not as the rule says, a sentence each."""
    seen = knock(world, world.person(role, whose), endpoint, rule, world.sides[whose])
    wanted = rule.expected(endpoint, role, whose)
    who = f"{role} at {endpoint.key} {whose}"
    found = []
    if seen.answer is not wanted:
        found.append(
            f"{who}: {wanted} was declared, and it is {seen.answer}, {seen.status}: {seen.body[:300]!r}"
        )
    if seen.answer in NO and seen.written:
        found.append(f"{who}: it is refused, and yet written to {sorted(seen.written)}")
    if seen.answer in NO and (asked := _asked_for_nothing(seen)):
        found.append(f"{who}: it is refused, and yet the cluster was asked: {asked}")
    found += [f"{who}: {each}" for each in forgotten(seen.headers)]
    if role in {Role.OWNER, Role.ADMIN} and (held := _inside(seen)):
        found.append(f"{who}: the page has programs or styles in it: {held}")
    if role not in SEE_ALL and whose is not Whose.FOREIGN and _leaks(seen):
        found.append(f"{who}: the answer tells of the team {FOREIGN}: {_around(seen)}")
    return found


def _asked_for_nothing(seen: Seen) -> list[str]:
    """What a cluster was asked for somebody who gets nothing; a refusal may be told beside what one sees."""
    reads = ("get ", "list ") if seen.answer is Answer.FORBIDDEN else ()
    return [each for each in seen.asked if not each.startswith(reads)]


def _inside(seen: Seen) -> list[str]:
    page = seen.headers.get("Content-Type", "").startswith("text/html")
    return inside(seen.body) if page else []


def _leaks(seen: Seen) -> bool:
    return FOREIGN in seen.body.lower()


def _around(seen: Seen) -> str:
    at = seen.body.lower().index(FOREIGN)
    return repr(seen.body[max(0, at - 60) : at + 60])
