"""A workflow's status, read whatever somebody wrote into it."""

import base64
import gzip
from typing import Any

import orjson
import pytest

from controlplane.argo import panel
from controlplane.argo.nodes import LARGEST_STATUS, fnv32a, moment, pod_of, read

POD = {"type": "Pod", "name": "hello.a", "displayName": "a", "phase": "Succeeded"}


def workflow(status: Any = None, **more: Any) -> dict[str, Any]:
    return {"metadata": {"name": "hello", "namespace": "payments", **more}, "status": status}


def packed(nodes: object) -> str:
    return base64.b64encode(gzip.compress(orjson.dumps(nodes), mtime=0)).decode()


@pytest.mark.parametrize(
    "status",
    [
        None,
        "Running",
        {},
        {"nodes": None},
        {"nodes": ["a"]},
        {"nodes": {"a": None, "b": 1}},
        {"phase": 7, "startedAt": "yesterday", "nodes": {}},
    ],
)
def test_a_status_that_says_nothing_is_a_workflow_without_steps(status: Any) -> None:
    run = read(workflow(status))

    assert (run.phase, dict(run.nodes), run.started) == ("", {}, None)


def test_a_step_may_leave_everything_out_or_write_nonsense() -> None:
    nonsense = {"children": "abc", "phase": {}, "inputs": [], "startedAt": 5, "name": None}
    run = read(workflow({"nodes": {"a": {}, "b": nonsense, "c": {"children": [1, "a"]}}}))

    assert [(n.label, n.phase, n.children) for n in run.nodes.values()] == [
        ("a", "Pending", ()),
        ("b", "Pending", ()),
        ("c", "Pending", ("a",)),
    ]
    assert not any(panel.ends_of(run.nodes["b"]))


def test_compressed_steps_are_read_like_others() -> None:
    run = read(workflow({"compressedNodes": packed({"a": POD})}))

    assert run.nodes["a"].label == "a"
    assert not run.problem


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("not base64!", "damaged"),
        (base64.b64encode(b"\x1f\x8bnot gzip").decode(), "damaged"),
        (base64.b64encode(gzip.compress(b"{not json", mtime=0)).decode(), "damaged"),
        (base64.b64encode(b"\x28\xb5\x2f\xfd zstd").decode(), "does not know"),
        (base64.b64encode(gzip.compress(b" " * (LARGEST_STATUS + 1), mtime=0)).decode(), "10 MiB"),
    ],
)
def test_compressed_steps_that_cannot_be_read_say_why(text: str, why: str) -> None:
    run = read(workflow({"compressedNodes": text}))

    assert why in run.problem
    assert not run.nodes


def test_offloaded_steps_are_said_to_be_elsewhere() -> None:
    assert "database" in read(workflow({"offloadNodeStatusVersion": "fnv:1"})).problem


@pytest.mark.parametrize(
    ("text", "hash_of_it"),
    [
        ("hello", 1335831723),
        ("world", 933488787),
        ("You cannot alter your fate. However, you can rise to meet it.", 827171719),
    ],
)
def test_the_hash_is_the_one_that_argo_names_pods_by(text: str, hash_of_it: int) -> None:
    assert fnv32a(text) == hash_of_it


def test_a_pod_is_named_by_workflow_template_and_hash() -> None:
    run = read(workflow({"nodes": {"hello-1": POD | {"templateName": "say"}}}))

    assert pod_of(run, run.nodes["hello-1"]) == f"hello-say-{fnv32a('hello.a')}"


def test_a_pod_named_the_old_way_has_its_steps_id() -> None:
    old = {"annotations": {"workflows.argoproj.io/pod-name-format": "v1"}}
    run = read(workflow({"nodes": {"hello-1": POD}}, **old))

    assert pod_of(run, run.nodes["hello-1"]) == "hello-1"


def test_a_workflow_of_one_pod_gives_it_its_own_name() -> None:
    run = read(workflow({"nodes": {"hello": POD | {"name": "hello"}}}))

    assert pod_of(run, run.nodes["hello"]) == "hello"


def test_one_of_several_containers_is_in_the_pod_above_it() -> None:
    nodes = {
        "set": POD | {"children": ["one"]},
        "one": {"type": "Container", "displayName": "one"},
        "dag": {"type": "DAG"},
    }
    run = read(workflow({"nodes": nodes}))

    assert pod_of(run, run.nodes["one"]) == pod_of(run, run.nodes["set"])
    assert not pod_of(run, run.nodes["dag"])


def test_a_pods_name_is_never_longer_than_names_may_be() -> None:
    run = read(workflow({"nodes": {"a": POD | {"templateName": "t" * 300}}}))

    assert len(pod_of(run, run.nodes["a"])) <= 253


@pytest.mark.parametrize("text", [None, 5, "", "soon", "2026-01-01T00:00:00"])
def test_what_is_no_time_with_a_zone_is_none(text: object) -> None:
    assert moment(text) is None


def test_what_went_in_and_came_out_is_shown_and_shortened() -> None:
    node = POD | {
        "inputs": {"parameters": [{"name": "day", "value": "x" * 9000}, "junk"]},
        "outputs": {
            "result": "42",
            "exitCode": "0",
            "artifacts": [{"name": "model", "s3": {"key": "m.bin"}}, {"path": "/tmp/x"}],
        },
        "resourcesDuration": {"cpu": 12, "memory": 3, "gpu": "?"},
    }
    inputs, outputs = panel.ends_of(read(workflow({"nodes": {"a": node}})).nodes["a"])

    assert inputs.parameters[0].value.endswith("… (9,000 characters)")
    assert (outputs.result, outputs.exit_code) == ("42", "0")
    assert [(a.name, a.value) for a in outputs.artifacts] == [
        ("model", "s3: m.bin"),
        ("?", "/tmp/x"),
    ]
    assert panel.used_by(read(workflow({"nodes": {"a": node}})).nodes["a"]) == "12 CPU·s, 300 MiB·s"


@pytest.mark.parametrize(
    "name", ["x/log?follow=true&z=", "../../beta-argo/pods/ctl", "..", "A B", ""]
)
def test_a_step_whose_id_cannot_name_a_pod_has_none(name: str) -> None:
    old = {
        "metadata": {"name": "w", "annotations": {"workflows.argoproj.io/pod-name-format": "v1"}}
    }
    run = read(old | {"status": {"nodes": {name: {"type": "Pod", "name": "w.a"}}}})

    assert [pod_of(run, node) for node in run.nodes.values()] == [""]


@pytest.mark.parametrize("year", ["0001", "9999"])
def test_a_time_that_no_clock_says_is_none(year: str) -> None:
    assert moment(f"{year}-01-01T00:00:00+14:00") is None


def test_a_value_nested_too_deep_to_be_written_down_says_so() -> None:
    value: Any = 1
    for _ in range(5000):
        value = {"a": value}
    node = {"outputs": {"parameters": [{"name": "deep", "value": value}]}}

    _, outputs = panel.ends_of(read(workflow({"nodes": {"a": node}})).nodes["a"])

    assert outputs.parameters[0].value == "(nested too deep to show)"
