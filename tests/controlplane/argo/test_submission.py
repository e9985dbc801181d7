"""A template's form, and a manifest as somebody typed it."""

import time
from contextlib import suppress
from typing import Any

import pytest

from controlplane.argo.submission import from_template, parameters_of
from controlplane.argo.text import BadText, line_of, parsed, problems
from controlplane.errors import DomainError
from controlplane.kube.errors import refused

TEMPLATE = {
    "metadata": {"name": "hello"},
    "spec": {
        "arguments": {
            "parameters": [
                {"name": "day", "description": "Which day."},
                {"name": "region", "enum": ["eu", "us"], "value": "eu"},
                {"name": "count", "value": 3},
                {"name": "dry", "default": False},
                {"name": "model", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k"}}},
                {"no": "name"},
                "junk",
            ]
        }
    },
}


def test_a_form_is_made_of_the_parameters_a_template_declares() -> None:
    fields = parameters_of(TEMPLATE)

    assert [(f.name, f.value, f.choices, f.required) for f in fields] == [
        ("day", "", (), True),
        ("region", "eu", ("eu", "us"), False),
        ("count", "3", (), False),
        ("dry", "false", (), False),
        ("model", "", (), False),
    ]
    assert fields[4].given == "ConfigMap m, key k"


@pytest.mark.parametrize("template", [{}, {"spec": None}, {"spec": {"arguments": {}}}])
def test_a_template_without_parameters_has_an_empty_form(template: dict[str, Any]) -> None:
    assert parameters_of(template) == ()


def test_what_was_left_as_it_is_stays_the_templates() -> None:
    made = from_template(TEMPLATE, {"day": "2026-01-01", "region": "eu", "count": "3", "model": ""})

    assert made["spec"]["workflowTemplateRef"] == {"name": "hello"}
    assert made["spec"]["arguments"]["parameters"] == [
        {"name": "day", "value": "2026-01-01"},
        {"name": "dry", "value": ""},
    ]


@pytest.mark.parametrize(
    ("typed", "field", "says"),
    [
        ({}, "p.day", "needs a value"),
        ({"day": "1", "region": "mars"}, "p.region", "none of eu, us"),
    ],
)
def test_a_form_that_is_not_right_says_which_field(
    typed: dict[str, str], field: str, says: str
) -> None:
    with pytest.raises(DomainError, match=says) as refusal:
        from_template(TEMPLATE, typed)

    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("a: 1\nb: [\n\n", 2, "not YAML"),
        ("a: 1\nb: ]", 2, "not YAML"),
        ("a: 1\na: 2", 2, "twice"),
        ("a: 1\n---\nb: 2", 2, "One manifest"),
        ("a:\n  1: x", 2, "key is a text"),
        ("- a", 1, "mapping"),
        ("", 1, "nothing"),
        ("a: !!python/object:os.system x", 1, "not YAML"),
        ("a: &x [*x]", 1, "itself"),
        ("\tx: 1", 1, "not YAML"),
        ("a: 1\nb: !!int x", 2, "no int looks so"),
        ("a: 1\nb: !!bool maybe", 2, "no bool looks so"),
        ("a: 1\nb: !!binary aGk=", 2, "!!binary"),
        ("a: 1\nb: !!set {x, y}", 2, "!!set"),
        ("a: 1\nb: !!omap [x: y]", 2, "!!omap"),
        ("a: 1\nb: !!timestamp 2026-01-01", 2, "!!timestamp"),
        ("a: 1\nb: !mine x", 2, "`!mine`"),
        ("a: 1\nb: .nan", 2, "in quotes"),
        ("a: 1\nb: 1.0e+999", 2, "in quotes"),
        ("a: 1\nb: 9223372036854775808", 2, "in quotes"),
        (f"a: 1\nb: {'9' * 5000}", 2, "in quotes"),
        (f"a: 1\nb: !!int {'1:' * 5000}1", 2, "in quotes"),
        ("a: 1\nb: \x01", 2, "character"),
        ("a: é\nb: \ud800", 2, "character"),
        ("a: 1\nb: {c: [1\n", 2, "not YAML"),
        ("a: 1\nb: 'x\n\n", 2, "not YAML"),
        ("# mine\n%TAG !e! tag:example.org,2026:\n---\na: 1", 2, "%TAG"),
        ("a: 1\nb: " + "[" * 101, 2, "100 levels"),
        ("a: 1\n" + "".join(f"{' ' * i}b:\n" for i in range(330)), 102, "100 levels"),
        ("a: {<<: 5}", 1, "not YAML"),
    ],
)
def test_what_cannot_be_taken_is_said_with_its_line(text: str, line: int, says: str) -> None:
    with pytest.raises(BadText, match=says) as refusal:
        parsed(text)

    assert refusal.value.line == line


def test_a_few_lines_that_stand_for_gigabytes_are_refused_before_they_are_written_out() -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]

    with pytest.raises(BadText, match="50,000 values"):
        parsed("\n".join(rows))


def test_a_long_text_that_aliases_repeat_is_refused_before_it_is_written_out() -> None:
    with pytest.raises(BadText, match="1024 KiB") as refusal:
        parsed(f"a: &a {'x' * 300_000}\nb: [*a, *a, *a]\nc: [*a, *a]")

    assert refusal.value.line in {1, 2}


# Seconds of the processor, with room for a busy machine: without bounds the worst of these took 5.8.
TOO_LONG = 3.0
HALF_A_MEGABYTE = 512 * 1024
ODD = {
    "deep flow": "[" * HALF_A_MEGABYTE,
    "deep blocks": "".join(f"{' ' * i}a:\n" for i in range(1000)),
    "deep lists": "- " * (HALF_A_MEGABYTE // 2),
    "items": f"a: [{'1,' * (HALF_A_MEGABYTE // 2 - 4)}]",
    "anchors": "\n".join(f"- &a{i} 1" for i in range(40_000)),
    "aliases": "- &a 1\n" + "- *a\n" * 90_000,
    "empty maps": f"a: [{'{},' * (HALF_A_MEGABYTE // 3 - 4)}]",
    "keys": "\n".join(f"k{i}: 1" for i in range(49_000)),
    "one key": "a: 1\n" * 90_000,
    "merges": "a: &a {x: y}\nb: {" + "<<: *a," * 60_000 + "}",
    "digits": f"a: {'1' * (HALF_A_MEGABYTE - 10)}",
    "underscores": f"a: {'1_' * (HALF_A_MEGABYTE // 2 - 10)}x",
    "sixties": f"a: !!int {'1:' * (HALF_A_MEGABYTE // 2 - 10)}1",
    "tags": "".join(f"%TAG !a{i}! tag:x,2026:\n" for i in range(18_000)) + "--- {}",
    "comments": "#\n" * (HALF_A_MEGABYTE // 2 - 10) + "a: 1",
    "quotes": f'a: "{"a " * (HALF_A_MEGABYTE // 2 - 10)}"',
    "newlines": f'a: "{chr(10) * (HALF_A_MEGABYTE - 10)}"',
    "documents": "---\n" * (HALF_A_MEGABYTE // 4),
    "questions": "? " * (HALF_A_MEGABYTE // 2),
}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD.keys())
def test_half_a_megabyte_of_anything_is_taken_or_refused_soon(text: str) -> None:
    begun = time.process_time()
    with suppress(BadText):
        parsed(text)

    assert time.process_time() - begun < TOO_LONG


def test_many_complaints_of_the_api_server_are_looked_up_in_one_reading() -> None:
    text = MANIFEST + "\n".join(f"k{i}: 1" for i in range(40_000))
    causes = [{"field": f"spec.f{i}", "message": "no"} for i in range(500)]
    begun = time.process_time()

    found = problems(refused(422, {"details": {"causes": causes}}), text)

    assert time.process_time() - begun < TOO_LONG
    assert {p.line for p in found} == {2}


def test_a_time_of_day_is_text_and_numbers_are_numbers() -> None:
    assert parsed("a: 12:30\nb: 9223372036854775807\nc: 1.5\nd: =\ne: 0x10") == {
        "a": "12:30",
        "b": 2**63 - 1,
        "c": 1.5,
        "d": "=",
        "e": 16,
    }


@pytest.mark.parametrize("text", ["a" * 600_000, "[" * 5_000, "a: \0"])
def test_what_no_manifest_is_like_is_refused(text: str) -> None:
    with pytest.raises(BadText):
        parsed(text)


def test_times_stay_text_and_merges_are_merged() -> None:
    assert parsed("a: 2026-01-01\nb: &b {x: y}\nc: {<<: *b, z: w}") == {
        "a": "2026-01-01",
        "b": {"x": "y"},
        "c": {"x": "y", "z": "w"},
    }


MANIFEST = "kind: Workflow\nspec:\n  templates:\n    - name: a\n    - name: b\n      comand: [x]\n"


@pytest.mark.parametrize(
    ("field", "line"),
    [
        ("spec.templates[1].comand", 6),
        ("spec.templates[1]", 5),
        ("spec.templates[7].name", 3),
        ("spec.nothing", 2),
        ("nothing", 0),
    ],
)
def test_a_field_is_found_in_the_text(field: str, line: int) -> None:
    assert line_of(field, MANIFEST) == line


def test_unknown_fields_are_said_with_their_lines() -> None:
    said = 'strict decoding error: unknown field "spec.templates[1].comand", unknown field "kin"'

    found = problems(refused(400, {"message": said}), MANIFEST)

    assert [(p.line, p.sentence) for p in found] == [
        (6, "There is no field spec.templates[1].comand."),
        (0, "There is no field kin."),
    ]


def test_causes_of_the_api_server_are_said_with_their_lines() -> None:
    causes = [{"field": "spec.templates", "message": "Too many"}]
    refusal = refused(422, {"message": "invalid", "details": {"causes": causes}})

    assert [(p.line, p.sentence) for p in problems(refusal, MANIFEST)] == [
        (3, "spec.templates: Too many")
    ]
