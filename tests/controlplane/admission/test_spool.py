"""The spool: bounded, never in the way of an answer, and nothing taken twice or half."""

import threading

import pytest

from controlplane.admission import spool as spools
from controlplane.admission.spool import Spool, taken


def test_what_is_said_is_taken_once(tmp_path):
    spool = Spool(tmp_path)
    spool.say([{"image": "a"}, {"image": "b"}])
    spool.write()

    with taken(tmp_path) as sightings:
        assert [s["image"] for s in sightings] == ["a", "b"]
    with taken(tmp_path) as sightings:
        assert sightings == []


def test_what_could_not_be_posted_is_there_again_before_anything_newer(tmp_path):
    spool = Spool(tmp_path)
    spool.say([{"image": "a"}])
    spool.write()
    with pytest.raises(ConnectionError), taken(tmp_path):
        raise ConnectionError
    spool.say([{"image": "b"}])
    spool.write()

    seen = []
    for _ in range(2):
        with taken(tmp_path) as sightings:
            seen.append([s["image"] for s in sightings])

    assert seen == [["a"], ["b"]]


def test_a_full_file_drops_and_counts_and_has_room_again_when_it_was_taken(tmp_path):
    spool = Spool(tmp_path, largest=100)
    spool.say([{"n": i} for i in range(5)])
    spool.write()
    spool.say([{"n": i} for i in range(20)])
    spool.write()
    assert spool.dropped == 13
    assert spool.file.stat().st_size <= 100

    with taken(tmp_path):
        pass
    spool.say([{"n": 1}])
    spool.write()

    assert spool.dropped == 13
    assert spool.file.read_bytes() == b'{"n":1}\n'


def test_without_a_folder_nothing_is_raised_and_memory_is_bounded(tmp_path):
    spool = Spool(tmp_path / "gone", most=10)
    for n in range(15):
        spool.say([{"n": n}])
    assert spool.dropped == 5

    spool.write()

    assert spool.dropped == 15


def test_a_full_disk_leaves_no_half_line(tmp_path):
    spool = Spool(tmp_path)
    spool.say([{"image": "a"}])
    spool.write()
    # A device that is always full, where the file is.
    spool.file.rename(tmp_path / "kept")
    spool.file.symlink_to("/dev/full")
    spool.say([{"image": "b"}])
    spool.write()

    assert spool.dropped == 1


def test_one_object_cannot_fill_it(tmp_path):
    spool = Spool(tmp_path)
    spool.say([{"n": n} for n in range(1000)])
    spool.write()

    assert len(spool.file.read_bytes().splitlines()) == spools.MOST_OF_ONE
    assert spool.dropped == 1000 - spools.MOST_OF_ONE


def test_a_line_the_machine_went_down_in_is_left_out(tmp_path):
    (tmp_path / spools.FILE).write_bytes(b'{"image":"a"}\n{"image":"b')

    with taken(tmp_path) as sightings:
        assert sightings == [{"image": "a"}]


def test_two_writers_and_an_agent_lose_nothing(tmp_path):
    count, seen, done = 300, [], threading.Event()

    def writing(who):
        spool = Spool(tmp_path)
        for n in range(count):
            spool.say([{"who": who, "n": n}])
            spool.write()
        assert spool.dropped == 0

    def taking():
        while True:
            last = done.is_set()
            with taken(tmp_path) as sightings:
                seen.extend((s["who"], s["n"]) for s in sightings)
            if last and not sightings:
                return

    writers = [threading.Thread(target=writing, args=(w,)) for w in "ab"]
    agent = threading.Thread(target=taking)
    for thread in [*writers, agent]:
        thread.start()
    for writer in writers:
        writer.join()
    done.set()
    agent.join()

    assert sorted(seen) == sorted((w, n) for w in "ab" for n in range(count))


def test_a_line_nobody_can_write_costs_no_other(tmp_path):
    spool = Spool(tmp_path)
    spool.say([{"image": "a"}, {"image": "\ud800"}, {"image": "b"}])
    spool.write()

    with taken(tmp_path) as sightings:
        assert [s["image"] for s in sightings] == ["a", "b"]
    assert spool.dropped == 1


def test_a_namespace_that_floods_leaves_the_others_their_room(tmp_path):
    spool = Spool(tmp_path, largest=10_000, most_bytes=10_000)
    for n in range(100):
        spool.say([{"namespace": "loud", "image": "x" * 200, "n": n}])
    spool.say([{"namespace": "blue", "image": "y"}])
    spool.write()
    for n in range(100):
        spool.say([{"namespace": "loud", "image": "x" * 200, "n": n}])
    spool.say([{"namespace": "blue", "image": "z"}])
    spool.write()

    with taken(tmp_path) as sightings:
        told = [s["image"] for s in sightings if s["namespace"] == "blue"]
    assert told == ["y", "z"]


def test_memory_is_bounded_in_bytes_as_well(tmp_path):
    spool = Spool(tmp_path, most_bytes=1000)
    spool.say([{"image": "x" * 600}, {"image": "x" * 600}])

    assert spool.dropped == 1
