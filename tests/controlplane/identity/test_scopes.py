"""A token may a part of what its person may; what nobody thought of takes the whole."""

import pytest

from controlplane.identity.scopes import MEANS, OF_TEAMS, Scope, may, needed, sentence_for


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_looking_takes_the_scope_to_read(method: str) -> None:
    assert needed(method, None) is Scope.READ


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "BREW"])
def test_what_changes_something_and_was_not_thought_of_takes_the_most(method: str) -> None:
    assert needed(method, None) is Scope.ADMIN


def test_what_a_view_declares_is_what_it_takes() -> None:
    assert needed("POST", Scope.SUBMIT) is Scope.SUBMIT


def test_every_scope_lets_one_look_and_none_of_them_more_than_it_says() -> None:
    for scope in Scope:
        assert may([scope], Scope.READ)
        assert [wanted for wanted in Scope if may([scope], wanted)] == [
            wanted for wanted in Scope if wanted in {Scope.READ, scope}
        ]
    assert not may([], Scope.READ)


def test_no_team_decides_or_asks_by_a_token() -> None:
    assert set(OF_TEAMS) == {Scope.READ, Scope.SUBMIT}


def test_who_may_not_is_told_what_the_scope_is_for() -> None:
    assert all(MEANS[scope] in sentence_for(scope) for scope in Scope)
