"""What differs, field by field, as people read it."""

from decimal import Decimal

import pytest

from controlplane.rows.history import Difference, differences


def test_a_quantity_in_a_mapping_is_one_line() -> None:
    before = {"quota": {"pods": "5", "requests.cpu": "4"}}
    after = {"quota": {"pods": "9", "requests.cpu": "4"}}

    assert differences(before, after) == (Difference("quota > pods", "5", "9"),)


def test_what_came_and_what_went_are_both_there() -> None:
    found = differences({"limits": {"a": "1"}}, {"limits": {"b": "2"}})

    assert found == (Difference("limits > b", "", "2"), Difference("limits > a", "1", ""))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Decimal("48.000"), "48"),
        (Decimal("0.500"), "0.5"),
        (Decimal(100), "100"),
        (["a", "b"], "a, b"),
        ([{"key": "x"}], '{"key":"x"}'),
        (True, "True"),
        (0, "0"),
    ],
)
def test_values_are_written_as_people_write_them(value: object, shown: str) -> None:
    assert differences({}, {"x": value}) == (Difference("x", "", shown),)


def test_the_same_is_no_difference() -> None:
    assert differences({"x": Decimal("5.0"), "y": None}, {"x": Decimal(5), "y": ""}) == ()
