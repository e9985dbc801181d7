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
        '"=1',
        "\tx",
        "\rx",
        "\nx",
        "  =1",
        "＝1",
        "＋1",
        "－1",
        "＠x",
    ],
)
def test_text_that_would_be_a_formula_is_text(text: str) -> None:
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a;=1", "a;'=1"),
        ("a; +1;-2", "a;' +1;'-2"),
        ('a;"=1"', 'a;\'"=1"'),
        ("a\n@SUM(A1)", "a\n'@SUM(A1)"),
        ("a\r\n=1", "a\r'\n'=1"),
        ("a\t=1", "a\t'=1"),
        ("\t=1", "'\t'=1"),
        ("=1;=2", "'=1;'=2"),
        ("a;＝1", "a;'＝1"),
    ],
)
def test_what_another_locale_takes_for_a_cell_is_text_too(text: str, written: str) -> None:
    assert harmless(text) == written


def cells(file: str, separator: str) -> list[str]:
    """As a spreadsheet of a locale reads the file: quotes count only where a cell begins with one."""
    return [
        cell
        for row in csv.reader(file.splitlines(keepends=True), delimiter=separator)
        for cell in row
    ]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_no_cell_of_a_file_is_a_formula_whatever_separates_cells(separator: str) -> None:
    odd = ["=1", "x;=1", 'x";=1', 'x";"=1"', "x\n=1", "x\t=1", 'x;""=1', "x, y;-1", 'a"\n@b']

    file = "".join(lines(["one", "two"], [["x", text] for text in odd]))

    begun = [cell.lstrip(' "') for cell in cells(file, separator)]
    assert not [cell for cell in begun if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


@pytest.mark.parametrize(
    "value", ["payments", "a, -b", "a-b; c=d", "a=b", "", 5, -5, 1.5, True, None]
)
def test_what_is_harmless_stays_as_it_is(value: object) -> None:
    assert harmless(value) == value


def test_a_time_has_its_zone_and_json_is_one_cell() -> None:
    assert harmless(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) == "2026-01-02T03:04:05+00:00"
    assert harmless({"pods": "9"}) == '{"pods":"9"}'


def test_what_comes_out_reads_back_as_what_went_in() -> None:
    rows = [["a,b", 'say "x"'], ["two\nlines", None]]

    read = list(csv.reader("".join(lines(["one", "two"], rows)).splitlines(keepends=True)))

    assert read == [["one", "two"], ["a,b", 'say "x"'], ["two\nlines", ""]]
