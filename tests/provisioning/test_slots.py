"""Clusters that hang hold their share of a worker, and the others go on in the rest."""

from dataclasses import dataclass

from provisioning.slots import HEARD_FOR, MOST_WAITING, Slots

EU, US = 1, 2


def taken(slots: Slots, cluster: int, count: int) -> int:
    return sum(slots.take(cluster, row) for row in range(count))


def two() -> Slots:
    """A worker with sixteen threads that has had turns of two clusters."""
    slots = Slots(16)
    for cluster in (EU, US):
        slots.take(cluster, 0)
        slots.leave(cluster)
    return slots


def test_the_only_cluster_may_have_the_whole_worker() -> None:
    assert taken(Slots(16), EU, 20) == 16


def test_beside_another_none_has_more_than_half() -> None:
    slots = two()

    assert (taken(slots, EU, 20), taken(slots, US, 20)) == (8, 8)


def test_a_row_that_found_no_room_is_the_next_of_its_cluster_once() -> None:
    slots = two()
    taken(slots, EU, 8)
    assert not slots.take(EU, 99)
    assert not slots.take(EU, 99)

    assert [slots.leave(EU), slots.leave(EU)] == [(99,), ()]


def test_one_that_fell_silent_has_one_turn_at_a_time_and_nobody_waits_for_it_here() -> None:
    slots = two()
    taken(slots, EU, 12)

    assert [slots.leave(EU, silent=True) for _ in range(8)] == [()] * 8
    assert taken(slots, EU, 5) == 1


def test_one_that_answers_again_has_its_share_again() -> None:
    slots = two()
    taken(slots, EU, 1)
    slots.leave(EU, silent=True)
    taken(slots, EU, 1)
    slots.leave(EU)

    assert taken(slots, EU, 20) == 8


def test_what_waits_is_bounded() -> None:
    slots = Slots(1)
    slots.take(EU, 0)
    for row in range(1, 2 * MOST_WAITING):
        slots.take(EU, row)

    for _ in range(MOST_WAITING):
        (row,) = slots.leave(EU)
        assert slots.take(EU, row)
    assert slots.leave(EU) == ()


def test_a_worker_of_one_thread_still_takes_turns() -> None:
    slots = Slots(1)

    assert taken(slots, EU, 2) == 1
    assert taken(slots, US, 2) == 1


@dataclass
class Clock:
    """Time that passes when it is told to."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def heard_and_then_a_fall(clock: Clock) -> Slots:
    """A worker of sixteen threads that hears from EU, and has a turn for each of a hundred others."""
    slots = Slots(16, clock=clock)
    slots.take(EU, 0)
    slots.take(US, 0)
    slots.leave(EU)
    slots.leave(US, silent=True)
    assert sum(slots.take(cluster, cluster) for cluster in range(100, 200)) == 8
    return slots


def test_however_many_fall_silent_at_once_they_hold_half_and_who_answers_has_the_rest() -> None:
    slots = heard_and_then_a_fall(Clock())

    assert taken(slots, EU, 20) == 8


def test_those_that_wait_go_on_by_turns_as_one_of_them_is_given_up() -> None:
    slots = heard_and_then_a_fall(Clock())
    slots.take(108, 9108)  # a second row of the first in line

    first = slots.leave(100, silent=True)
    assert first == (108,)
    assert slots.take(108, 108)
    assert slots.leave(101, silent=True) == (109,)


def test_room_that_nobody_took_is_named_again() -> None:
    slots = heard_and_then_a_fall(Clock())
    assert slots.leave(100, silent=True) == (108,)

    # Its cluster is known to be away by now: its turn is none.
    assert slots.spare() == (109,)


def test_one_of_them_that_answers_is_heard_and_all_its_rows_go_on() -> None:
    slots = heard_and_then_a_fall(Clock())
    for row in (1, 2, 3):
        slots.take(100, row)

    woken = slots.leave(100)

    assert woken[:3] == (1, 2, 3)
    assert woken[3:] == (108,)
    assert all(slots.take(100, row) for row in (1, 2, 3))


def test_what_was_heard_long_ago_says_nothing_of_now() -> None:
    clock = Clock()
    slots = heard_and_then_a_fall(clock)

    clock.now += HEARD_FOR + 1

    assert taken(slots, EU, 20) == 0


def test_a_turn_that_never_asked_its_cluster_does_not_speak_for_it() -> None:
    slots = heard_and_then_a_fall(Clock())

    slots.leave(100, heard=False)

    assert slots.take(101, 7) is True
    assert slots.take(100, 8) is False


def test_when_all_is_over_nothing_is_held_and_nobody_waits() -> None:
    slots = heard_and_then_a_fall(Clock())
    running = list(range(100, 108))
    while running:
        woken = slots.leave(running.pop(), silent=True)
        running += [row for row in woken if slots.take(row, row)]

    assert [slots.held(cluster) for cluster in range(100, 200)] == [0] * 100
    assert slots.spare() == ()
    assert sum(slots.take(cluster, cluster) for cluster in range(300, 400)) == 8
