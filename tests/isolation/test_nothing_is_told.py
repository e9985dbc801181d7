"""What is another team's answers as what is not there: by its address, by a filter, by a field of a form."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from .endpoints import WRITES, Endpoint, endpoints, told
from .knocking import Seen, call, knock
from .roles import Answer, Role, Whose
from .rules import Rule
from .tables import RULES
from .world import FOREIGN, Side, World

pytestmark = pytest.mark.django_db
DECLARED = [each for each in endpoints() if each.key in RULES]
OF_TEAMS = [each for each in DECLARED if RULES[each.key].of_a_team]
FILLED = [each for each in DECLARED if RULES[each.key].has_a_body]
LISTS = [
    each
    for each in DECLARED
    if each.method == "GET"
    and not each.parameters
    and not each.at_the_desk
    and RULES[each.key].door is Answer.DOOR  # what is public has nothing of anybody's
]
PATHS = sorted({each.path for each in DECLARED if not each.at_the_desk})
named = {"ids": lambda endpoint: endpoint.key}


def words_of(side: Side) -> Iterator[tuple[str, Any]]:
    """What pages and lists are asked by, naming that side's things."""
    yield "team", side.team.slug
    yield "namespace", side.namespace.name
    yield "namespace", side.namespace.pk
    for word in ("q", "s", "find", "text", "name", "template", "image"):
        yield word, side.word
    yield "like", side.request.pk
    yield "draft", side.draft.pk
    yield "of", side.violation.pk
    yield "chosen", side.request.pk


@pytest.mark.parametrize("endpoint", OF_TEAMS, **named)
def test_a_foreign_address_answers_as_one_that_is_not_there(
    everybody: World, endpoint: Endpoint
) -> None:
    rule, owner = RULES[endpoint.key], everybody.person(Role.OWNER, Whose.OWN)
    answers = []
    for side in (everybody.foreign, everybody.nowhere):
        seen = knock(everybody, owner, endpoint, rule, side)
        answers.append(seen.about(side, rule.address(endpoint, side)))

    assert answers[0] == answers[1]


@pytest.mark.parametrize("endpoint", LISTS, **named)
def test_a_list_asked_for_what_is_foreign_has_none_of_it(
    everybody: World, endpoint: Endpoint
) -> None:
    owner, wrong = everybody.person(Role.OWNER, Whose.OWN), []
    rule = RULES[endpoint.key]
    for (word, foreign), (_, nobodys) in zip(
        words_of(everybody.foreign), words_of(everybody.nowhere), strict=True
    ):
        at_theirs = _asked(everybody, owner, endpoint, rule, {word: foreign})
        at_nothing = _asked(everybody, owner, endpoint, rule, {word: nobodys})
        if at_theirs.about(everybody.foreign, "") != at_nothing.about(everybody.nowhere, ""):
            wrong.append(f"?{word}={foreign} answers otherwise than ?{word}={nobodys}")
        if foreign != FOREIGN and FOREIGN in at_theirs.body.replace(str(foreign), ""):
            wrong.append(f"?{word}={foreign} tells of {FOREIGN}")

    assert not wrong


@pytest.mark.parametrize("endpoint", FILLED, **named)
def test_a_field_that_names_what_is_foreign_is_refused_as_if_it_were_not_there(
    everybody: World, endpoint: Endpoint
) -> None:
    rule, owner = RULES[endpoint.key], everybody.person(Role.OWNER, Whose.OWN)
    own, wrong = everybody.own, []
    url = rule.address(endpoint, own)
    for field, value in rule.body(own).items():
        theirs, nobodys = rule.body(everybody.foreign)[field], rule.body(everybody.nowhere)[field]
        if value == theirs:
            continue  # it names nothing of a team's
        answers = []
        for side, other in ((everybody.foreign, theirs), (everybody.nowhere, nobodys)):
            body = {**rule.body(own), field: other}
            seen = call(everybody, owner, endpoint, url, query=rule.query(own), body=body)
            answers.append(seen.about(side, url))
        if answers[0] != answers[1]:
            wrong.append(
                f"{field}: {theirs!r} {answers[0]} is told apart from {nobodys!r} {answers[1]}"
            )

    assert not wrong


@pytest.mark.parametrize("path", PATHS)
def test_a_method_that_nobody_declared_does_nothing(everybody: World, path: str) -> None:
    known = [each for each in DECLARED if each.path == path]
    rule, admin = RULES[known[0].key], everybody.person(Role.ADMIN, Whose.OWN)
    # That somebody looked may be kept, whichever way they did.
    looking = knock(everybody, admin, Endpoint(path, "GET"), rule, everybody.own).written
    for method in WRITES:
        endpoint = Endpoint(path, method)
        if endpoint in known:
            continue
        seen = knock(everybody, admin, endpoint, rule, everybody.own)
        written = seen.written - looking
        assert not written, f"{endpoint.key} is declared nowhere, and writes to {written}"
        assert seen.answer is not Answer.BROKEN, endpoint.key


def test_the_openapi_document_tells_of_every_operation_that_people_have() -> None:
    there = {each for each in endpoints() if each.of_the_api}
    untold = {each.key for each in there - set(told())}

    assert untold == {"GET /api/v1/schema/", "GET /api/v1/metrics/targets/{name}/"}
    assert not set(told()) - there


def _asked(
    world: World, user: Any, endpoint: Endpoint, rule: Rule, words: Mapping[str, Any]
) -> Seen:
    """The call as it is declared, with other words."""
    query = {**rule.query(world.own), **words}
    return call(world, user, endpoint, endpoint.path, query=query, body={})
