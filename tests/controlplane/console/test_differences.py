"""Two documents, line by line: what was added, removed and changed."""

from typing import Any

import pytest

from controlplane.console.differences import ADDED, CHANGED, REMOVED, Line, by_part, difference


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ({"tier": "small"}, {"tier": "small"}, []),
        ({"tier": "small"}, {"tier": "large"}, [Line(CHANGED, "tier", "small", "large")]),
        ({}, {"tier": "large"}, [Line(ADDED, "tier", after="large")]),
        ({"tier": "small"}, {}, [Line(REMOVED, "tier", before="small")]),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, [Line(CHANGED, "a.b", "1", "2")]),
        ({"a": [1]}, {"a": [1, True]}, [Line(ADDED, "a[1]", after="true")]),
        ({"a": {}}, {"a": None}, [Line(CHANGED, "a", "{}", "none")]),
        (
            {"text": "one\ntwo\nthree"},
            {"text": "one\n2\nthree"},
            [Line(REMOVED, "text", before="two"), Line(ADDED, "text", after="2")],
        ),
    ],
)
def test_what_differs_is_a_line(
    before: dict[str, Any], after: dict[str, Any], lines: list[Line]
) -> None:
    assert list(difference(before, after)) == lines


def test_lines_are_in_the_documents_own_order() -> None:
    found = difference({"b": 1, "a": 1}, {"c": 2, "a": 2, "b": 2})

    assert [line.where for line in found] == ["b", "a", "c"]


def test_an_object_on_one_side_only_is_one_line() -> None:
    found = by_part(
        {"Role x": {"rules": [1, 2]}, "Role y": {"rules": [1]}, "Role z": {"rules": []}},
        {"Role y": {"rules": [2]}, "Role z": {"rules": []}, "Role w": {"rules": [1, 2]}},
    )

    assert found == (
        ("Role x", (Line(REMOVED, "the whole object"),)),
        ("Role y", (Line(CHANGED, "rules[0]", "1", "2"),)),
        ("Role w", (Line(ADDED, "the whole object"),)),
    )
