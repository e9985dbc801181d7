"""A cell of a CSV can do nothing to who opens it."""

import csv
from datetime import UTC, datetime

import pytest

from controlplane.rows.export import harmless, lines


@pytest.mark.parametrize(
    "text",
    [
        "=cmd|'/c calc'!A1",
        "+1+1",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "  =1",
        "＝1",
        "＋1",
        "－1",
        "＠x",
    ],
)
def test_text_that_would_be_a_formula_is_text(text: str) -> None:
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("value", ["payments", "a=b", "", 5, -5, 1.5, True, None])
def test_what_is_harmless_stays_as_it_is(value: object) -> None:
    assert harmless(value) == value


def test_a_time_has_its_zone_and_json_is_one_cell() -> None:
    assert harmless(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) == "2026-01-02T03:04:05+00:00"
    assert harmless({"pods": "9"}) == '{"pods":"9"}'


def test_what_comes_out_reads_back_as_what_went_in() -> None:
    rows = [["a,b", 'say "x"'], ["two\nlines", None]]

    read = list(csv.reader("".join(lines(["one", "two"], rows)).splitlines(keepends=True)))

    assert read == [["one", "two"], ["a,b", 'say "x"'], ["two\nlines", ""]]
