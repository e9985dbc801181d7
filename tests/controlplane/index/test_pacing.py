"""When a changed namespace has its turn: at once, and never at the cost of others."""

from controlplane.index.pacing import (
    CLUSTER_EVERY,
    CLUSTER_ROOM,
    NAMESPACE_EVERY,
    NAMESPACE_ROOM,
    SPACING,
    Key,
    Pace,
)
from controlplane.index.places import BASE

A, B = (1, "a"), (1, "b")


def given(pace: Pace, key: Key, *, seconds: float, every: float = 0.05) -> int:
    """How many turns somebody gets who changes something all the time."""
    turns = 0
    for moment in range(int(seconds / every)):
        pace.add(key)
        turns += len(pace.take(moment * every))
    return turns


def test_the_first_change_has_its_turn_at_once() -> None:
    pace = Pace()
    pace.add(A)

    assert pace.take(0.0) == [A]
    assert pace.take(0.0) == []


def test_what_comes_right_after_waits_a_moment_and_is_one_turn() -> None:
    pace = Pace()
    pace.add(A)
    pace.take(0.0)
    pace.add(A)
    pace.add(A)

    assert pace.take(SPACING / 2) == []
    assert pace.take(SPACING) == [A]
    assert pace.take(2 * SPACING) == []


def test_a_loop_of_changes_has_few_turns() -> None:
    minutes = 10.0

    turns = given(Pace(), A, seconds=minutes * 60)

    assert NAMESPACE_ROOM <= turns <= NAMESPACE_ROOM + minutes * 60 / NAMESPACE_EVERY


def test_who_changes_things_in_a_loop_holds_up_nobody_else() -> None:
    pace = Pace()
    given(pace, A, seconds=61)
    pace.add(A)
    pace.add(B)

    assert pace.take(61.0) == [B]


def test_a_cluster_with_everything_changed_comes_in_portions() -> None:
    pace = Pace()
    keys = [(1, f"n-{number}") for number in range(1000)]
    for key in keys:
        pace.add(key)
    pace.add((2, "elsewhere"))

    assert pace.take(0.0) == [*keys[:CLUSTER_ROOM], (2, "elsewhere")]
    second = pace.take(1.0)
    assert abs(len(second) - 1 / CLUSTER_EVERY) <= 1
    assert second[0] == keys[CLUSTER_ROOM]


def test_who_was_quiet_is_forgotten() -> None:
    pace = Pace()
    for number in range(100):
        pace.add((number, "a"))
    pace.take(0.0)

    pace.take(1000.0)

    assert len(pace._last) == len(pace._namespaces) == 0


def test_what_holds_on_a_whole_cluster_waits_for_no_namespace() -> None:
    pace = Pace()
    for number in range(1000):
        pace.add((1, f"n-{number}"))
    pace.take(0.0)
    pace.add((1, BASE))

    assert (1, BASE) in pace.take(0.01)


def test_who_deletes_a_policy_in_a_loop_has_as_few_looks_and_costs_no_namespace_its_turn() -> None:
    pace = Pace()

    looks = given(pace, (1, BASE), seconds=600)

    assert NAMESPACE_ROOM <= looks <= NAMESPACE_ROOM + 600 / NAMESPACE_EVERY
    keys = [(1, f"n-{number}") for number in range(CLUSTER_ROOM)]
    for key in keys:
        pace.add(key)
    assert pace.take(600.0) == keys
