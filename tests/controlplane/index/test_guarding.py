"""From news of objects to the namespaces that want a turn."""

from controlplane.index.entries import OwnedEntry
from controlplane.index.guarding import Guard, Watchfulness
from controlplane.index.kinds import GUARD_RAILS, GUARDED
from controlplane.index.watching import Changed, Heard, Listed, Standing

IN_STEP = Standing(in_step=True)
AWAY = Standing(in_step=False, message="the API server cannot be reached")


def quota(namespace: str, *, ours: int = 1, applied: int = 1, theirs: int = 0) -> OwnedEntry:
    return OwnedEntry(namespace, f"uid-{namespace}", 1, ours, applied, theirs)


def guard(*entries: OwnedEntry) -> Guard:
    found = Guard()
    found.take(Listed(entries, 1, went_back=False))
    return found


def test_what_is_as_we_left_it_wants_nothing() -> None:
    assert Guard().take(Listed((quota("a"), quota("b")), 1, went_back=False)) == set()


def test_what_was_changed_before_anybody_watched_is_noticed_at_once() -> None:
    listed = Listed((quota("a"), quota("b", theirs=7)), 1, went_back=False)

    assert Guard().take(listed) == {"b"}


def test_a_change_and_a_removal_are_noticed() -> None:
    watched = guard(quota("a"), quota("b"))

    assert watched.take(Changed(quota("a", theirs=7), gone=False)) == {"a"}
    assert watched.take(Changed(quota("b"), gone=True)) == {"b"}


def test_what_we_made_or_made_again_wants_nothing() -> None:
    watched = guard(quota("a"))

    assert watched.take(Changed(quota("b"), gone=False)) == set()
    assert watched.take(Changed(quota("a", ours=2, applied=2), gone=False)) == set()


def test_a_list_after_a_gap_notices_what_is_missing_and_what_is_other() -> None:
    watched = guard(quota("a"), quota("b"), quota("c"))

    listed = Listed((quota("a"), quota("b", ours=2)), 9, went_back=False)

    assert watched.take(listed) == {"b", "c"}
    assert watched.take(listed) == set()


def test_all_kinds_are_in_step_when_the_last_of_them_is() -> None:
    whole = Watchfulness(GUARD_RAILS, GUARDED)
    *first, last = GUARDED

    assert [whole.take(kind, IN_STEP) for kind in first] == [None] * len(first)
    assert whole.take(last, IN_STEP) == IN_STEP
    assert whole.take(last, IN_STEP) is None


def test_one_kind_that_is_not_followed_is_said_until_it_is() -> None:
    whole = Watchfulness(GUARD_RAILS, GUARDED)
    for kind in GUARDED:
        whole.take(kind, IN_STEP)

    assert whole.take(GUARDED[3], AWAY) == AWAY
    assert whole.take(GUARDED[4], IN_STEP) is None
    assert whole.take(GUARDED[4], Heard()) is None
    assert whole.take(GUARDED[3], IN_STEP) == IN_STEP
    assert whole.take(GUARDED[4], Heard()) == Heard()
