"""A cluster that hangs holds its share of a worker, and the others go on in the rest."""

from provisioning.slots import MOST_WAITING, Slots

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

    assert [slots.leave(EU), slots.leave(EU)] == [99, None]


def test_one_that_fell_silent_has_one_turn_at_a_time_and_nobody_waits_for_it_here() -> None:
    slots = two()
    taken(slots, EU, 12)

    assert [slots.leave(EU, silent=True) for _ in range(8)] == [None] * 8
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
        row = slots.leave(EU)
        assert row is not None
        assert slots.take(EU, row)
    assert slots.leave(EU) is None


def test_a_worker_of_one_thread_still_takes_turns() -> None:
    slots = Slots(1)

    assert taken(slots, EU, 2) == 1
    assert taken(slots, US, 2) == 1
