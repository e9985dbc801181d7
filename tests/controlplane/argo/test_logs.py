"""Following a log by asking again: every line once, in order, and never stuck."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.argo.logs import Line, Mark, mark_of, new_part
from tests.fakes import FakeCluster

POD = ("payments", "hello", "main")


def cluster(*lines: str) -> FakeCluster:
    fake = FakeCluster()
    fake.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "payments"}})
    meta = {"name": "hello", "namespace": "payments"}
    fake.apply({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"nodeName": "n"}})
    fake.said[POD] = lines
    return fake


def followed(fake: FakeCluster, limit: int, rounds: int = 200) -> tuple[list[Line], bool]:
    lines: list[Line] = []
    mark, left_out = Mark(), False
    for _ in range(rounds):
        part = new_part(
            fake.logs(*POD, since_time=mark.since, limit_bytes=limit), mark, limit=limit
        )
        lines += part.lines
        left_out |= part.left_out
        if part.mark == mark:
            break
        mark = part.mark
    return lines, left_out


def test_lines_come_once_though_the_server_repeats_the_last_second() -> None:
    fake = cluster("2026-01-01T00:00:01.1Z a", "2026-01-01T00:00:01.1Z b")
    first = new_part(fake.logs(*POD, limit_bytes=999), Mark())
    fake.said[POD] += ("2026-01-01T00:00:01.1Z c", "2026-01-01T00:00:01.25Z d")

    second = new_part(fake.logs(*POD, since_time=first.mark.since, limit_bytes=999), first.mark)

    assert [line.text for line in first.lines] == ["a", "b"]
    assert [line.text for line in second.lines] == ["c", "d"]


def test_a_line_that_was_cut_off_comes_whole_the_next_time() -> None:
    fake = cluster("2026-01-01T00:00:01Z first", "2026-01-01T00:00:02Z second and longer")

    lines, left_out = followed(fake, limit=50)

    assert [line.text for line in lines] == ["first", "second and longer"]
    assert not left_out


def test_more_in_a_second_than_an_answer_holds_is_left_out_and_said() -> None:
    flood = [f"2026-01-01T00:00:01.{i:03d}Z line {i}" for i in range(100)]
    fake = cluster(*flood, "2026-01-01T00:00:09Z after")

    lines, left_out = followed(fake, limit=200)

    assert left_out
    assert lines[-1].text == "after"


def test_one_huge_line_is_shown_cut_and_left_behind() -> None:
    fake = cluster(f"2026-01-01T00:00:01Z {'x' * 900}", "2026-01-01T00:00:02Z after")

    lines, _ = followed(fake, limit=100)

    assert lines[0].text.startswith("xxx")
    assert lines[-1].text == "after"


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), max_size=30))
def test_whatever_is_said_is_shown_once_and_in_order(times: list[tuple[int, int]]) -> None:
    said = [f"2026-01-01T00:00:0{s}.{part}Z line {i}" for i, (s, part) in enumerate(sorted(times))]

    lines, _ = followed(cluster(*said), limit=10_000)

    assert [f"{line.at} {line.text}" for line in lines] == said


def test_a_mark_that_is_none_begins_anew() -> None:
    assert mark_of("<script>", "x") == Mark() == mark_of("", "")


SECOND = "2026-01-01T00:00:01"


@pytest.mark.parametrize(
    ("at", "seen"),
    [
        ("9999-12-31T23:59:59Z", "1"),
        ("0001-01-01T00:00:00Z", "1"),
        ("2026-02-31T00:00:00Z", "1"),
        ("2026-01-01T24:00:00Z", "1"),
        ("2026-01-01", "1"),
        ("20260101T000001Z", "1"),
        ("2026-01-01T00:00:01", "1"),
        ("2026-W01-1", "1"),
        (f"{SECOND}Z\n", "1"),
        (f"{SECOND}Z", "9" * 4000),
        (f"{SECOND}Z", "-1"),
        (f"{SECOND}Z", "\u0661"),
    ],
)
def test_a_mark_that_no_log_can_have_made_is_none(at: str, seen: str) -> None:
    assert mark_of(at, seen) == Mark()


@pytest.mark.parametrize("at", [f"{SECOND}Z", f"{SECOND}.123456789Z", f"{SECOND}.5+02:00"])
def test_a_mark_comes_back_as_it_went_and_can_go_on(at: str) -> None:
    mark = mark_of(at, "3")

    assert mark == Mark(at, 3)
    assert new_part(f"{at} a\n" * 3, mark, limit=10).mark == Mark("2026-01-01T00:00:02Z", 0)
