"""The picture of a workflow: what is folded, where boxes stand, and that nothing can break it."""

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.argo.folding import Folded, fold
from controlplane.argo.graph import HEIGHT, picture
from controlplane.argo.nodes import read
from tests.player import Player

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
BUDGET = 0.05


def player() -> Player:
    return Player("hello", lambda _: None, clock=NOW).begin()


def folded(status: Any, *opened: str) -> Folded:
    return fold(read({"metadata": {"name": "hello"}, "status": status}), set(opened), NOW)


def drawn(status: Any, *opened: str) -> dict[str, str]:
    return {box.label: box.note for box in folded(status, *opened).boxes.values()}


def test_steps_stand_from_left_to_right_in_the_order_they_run() -> None:
    story = player().start("a").start("b", "c", after=("a",)).start("d", after=("b", "c"))

    at = {p.box.label: p for p in picture(folded(story.status())).boxes}

    assert at["a"].x < at["b"].x == at["c"].x < at["d"].x
    assert abs(at["b"].y - at["c"].y) >= HEIGHT


def test_the_box_of_the_whole_workflow_is_left_out_unless_it_is_all_there_is() -> None:
    assert list(drawn(player().status())) == ["hello"]
    assert list(drawn(player().start("a").status())) == ["a"]


def test_a_fan_out_is_one_box_that_says_how_its_members_are() -> None:
    story = player().fan_out("extract", 12)
    members = [f"extract({i}:item-{i})" for i in range(12)]
    story.end(*members[2:]).end(*members[:2], phase="Failed").start("after", after=members)

    boxes = folded(story.status())

    assert {b.label: (b.note, b.phase) for b in boxes.boxes.values()} == {
        "extract ×12": ("10 done, 2 failed", "Failed"),
        "after": ("", "Running"),
    }
    assert len(boxes.edges) == 1


def test_a_fan_out_opens_by_its_id_and_can_be_folded_again() -> None:
    story = player().fan_out("extract", 12)
    crowd = story.id_of("extract")

    open_now = folded(story.status(), crowd)

    assert len(open_now.boxes) == 12
    assert open_now.opened == ((crowd, "extract"),)


def test_steps_of_a_step_group_with_one_name_are_a_fan_out_too() -> None:
    story = player().start("[0]", kind="StepGroup")
    for i in range(8):
        story.start(f"send({i})", after=("[0]",))

    assert list(drawn(story.status())) == ["send ×8"]


def test_a_few_siblings_are_drawn_one_by_one() -> None:
    assert len(drawn(player().fan_out("extract", 3).status())) == 3


def test_tries_are_folded_into_the_step_they_are_tries_of() -> None:
    story = player().start("pay", kind="Retry").start("pay(0)", "pay(1)", after=("pay",))
    story.start("after", after=("pay(1)",))

    assert drawn(story.status()) == {"pay": "2 tries", "after": ""}
    assert "pay(0)" in drawn(story.status(), story.id_of("pay"))


def test_a_composite_step_is_folded_where_there_is_much_to_draw() -> None:
    story = player().start("inner", kind="DAG")
    for i in range(80):
        story.start(f"in-{i}", after=("inner",), boundaryID=story.id_of("inner"))

    assert drawn(story.status()) == {"inner": "80 running"}
    assert len(drawn(story.status(), story.id_of("inner"))) == 81


def test_the_outermost_folded_box_holds_what_is_inside_of_inside() -> None:
    story = player().start("outer", kind="DAG")
    for i in range(70):
        story.start(f"o-{i}", after=("outer",), boundaryID=story.id_of("outer"))
    story.start("inner", kind="DAG", after=("o-1",), boundaryID=story.id_of("outer"))
    story.start("deep", after=("inner",), boundaryID=story.id_of("inner"))

    found = folded(story.status())

    assert found.box_of[story.id_of("deep")] == story.id_of("outer")


def test_a_knot_of_many_to_many_is_a_dot_and_others_are_left_out() -> None:
    story = player().start("a", "b").start("[1]", kind="StepGroup", after=("a", "b"))
    story.start("c", "d", after=("[1]",))

    labels = [box.label for box in folded(story.status()).boxes.values()]

    assert sorted(labels) == ["", "a", "b", "c", "d"]


def node(*children: str, **more: Any) -> dict[str, Any]:
    return {"type": "Pod", "phase": "Running", "children": list(children), **more}


@pytest.mark.parametrize(
    "nodes",
    [
        {"a": node("b"), "b": node("a")},
        {"a": node("a")},
        {"a": node("b"), "b": node("c"), "c": node("a", "b")},
        {"a": node("gone")},
        {"a": node(boundaryID="b"), "b": node(boundaryID="a")},
        {"a": node(boundaryID="a", type="DAG")},
        {"a": node("a", type="Retry")},
        {"a": node("a", "a", type="TaskGroup")},
    ],
)
def test_circles_end_where_they_began(nodes: dict[str, Any]) -> None:
    made = picture(folded({"nodes": nodes}))

    assert not made.problem
    assert len(made.boxes) <= len(nodes)


def test_ten_thousand_steps_of_one_fan_out_are_one_box_and_others_a_sentence() -> None:
    crowd = {f"c{i}": node(displayName=f"e({i})") for i in range(10_000)}
    fan = {"k": node(*crowd, type="TaskGroup", displayName="e")}

    assert [b.label for b in folded({"nodes": fan | crowd}).boxes.values()] == ["e ×10000"]
    assert "10,000 boxes" in picture(folded({"nodes": {k: node() for k in crowd}})).problem


def test_a_chain_of_thousands_needs_no_recursion() -> None:
    chain = {f"c{i}": node(f"c{i + 1}") for i in range(700)}

    assert len(picture(folded({"nodes": chain})).boxes) == 700


def knot(*children: str) -> dict[str, Any]:
    return node(*children, type="StepGroup")


MANY = 10_000
EMPTY_CHAIN = {f"g{i}": knot(f"g{i + 1}") for i in range(2 * MANY)}
FANNING_OUT = {f"g{i}": knot(f"g{i + 1}", f"p{i}") for i in reversed(range(MANY))}
FANNING_IN = {f"g{i}": knot(f"g{i + 1}") for i in range(MANY)}
TRIES = {"r": node(*(f"p{i}" for i in range(MANY)), type="Retry", displayName="r")}
DENSE = {f"g{i}": knot(*(f"g{j}" for j in range(i + 1, i + 21))) for i in range(2 * MANY)}


@pytest.mark.parametrize(
    "nodes",
    [
        EMPTY_CHAIN,
        FANNING_OUT | {f"p{i}": node() for i in range(MANY)},
        FANNING_IN | {f"p{i}": node(f"g{i}") for i in range(MANY)},
        TRIES | {f"p{i}": node(displayName=f"r({i})") for i in range(MANY)},
        DENSE,
    ],
    ids=["a chain", "fanning out", "fanning in", "tries", "dense"],
)
def test_as_many_knots_as_there_may_be_take_no_longer_than_other_steps(
    nodes: dict[str, Any],
) -> None:
    run = read({"metadata": {"name": "hello"}, "status": {"nodes": nodes}})
    begun = time.process_time()

    picture(fold(run, set(), NOW))

    assert time.process_time() - begun < 2.5  # twenty-three seconds, where each knew all others


def test_a_chain_of_knots_is_one_arrow() -> None:
    nodes = {"a": node("g0"), **{f"g{i}": knot(f"g{i + 1}") for i in range(50)}, "g50": node()}

    found = folded({"nodes": nodes})

    assert found.edges == (("a", "g50"),)


def test_knots_in_a_circle_are_one_dot_between_what_leads_there_and_on() -> None:
    nodes = {"a": node("g"), "b": node("g"), "g": knot("h"), "h": knot("g", "c", "d")}

    found = folded({"nodes": nodes | {"c": node(), "d": node()}})

    dots = [key for key, box in found.boxes.items() if not box.label]
    assert len(dots) == 1
    assert sorted(found.edges) == sorted(
        [("a", dots[0]), ("b", dots[0]), (dots[0], "c"), (dots[0], "d")]
    )


names = st.sampled_from([f"n{i}" for i in range(12)])
kinds = st.sampled_from(["Pod", "DAG", "Steps", "StepGroup", "TaskGroup", "Retry", "Suspend", "x"])
any_node = st.fixed_dictionaries(
    {
        "type": kinds,
        "children": st.lists(names, max_size=9),
        "boundaryID": names,
        "displayName": st.sampled_from(["a", "a(1)", "a(2)", "b", "", "<script>"]),
        "phase": st.sampled_from(["Running", "Failed", "Succeeded", "", "?"]),
    }
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(names, any_node, max_size=12), st.sets(names, max_size=3))
def test_any_status_at_all_has_a_picture_without_overlaps(
    nodes: dict[str, Any], opened: set[str]
) -> None:
    found = folded({"nodes": nodes}, *opened)
    made = picture(found)

    assert set(found.box_of) == set(nodes)
    boxed = [p for p in made.boxes if p.box.label]
    for one in boxed:
        for other in boxed:
            if one is not other and one.x == other.x:
                assert abs(one.y - other.y) >= HEIGHT


def test_three_hundred_steps_are_laid_out_in_time() -> None:
    nodes = {
        f"s{i}": node(*(f"s{j}" for j in (i + 20, i + 23) if j < 300), displayName=f"step-{i}")
        for i in range(300)
    }
    taken = []
    for _ in range(5):
        begun = time.process_time()
        made = picture(folded({"nodes": nodes}))
        taken.append(time.process_time() - begun)

    assert len(made.boxes) == 300
    assert min(taken) < BUDGET
