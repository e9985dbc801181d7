"""`argosy policy test`: what it prints and how it ends."""

import json

import pytest
from typer.testing import CliRunner

from controlplane.cli.main import app
from controlplane.policies import cases

SAME, DIFFERS, UNREADABLE = 0, 1, 2
BAD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p", "namespace": "payments"},
    "spec": {"containers": [{"name": "main", "image": "busybox"}]},
}


def policy_test(*words: str):
    return CliRunner().invoke(app, ["policy", "test", *words])


@pytest.fixture
def file(tmp_path):
    def written(**more):
        case = {"id": "bad", "policy": {}, "object": BAD, "operation": "CREATE", "expect": "deny"}
        path = tmp_path / "cases.json"
        path.write_text(json.dumps([{**case, **more}]))
        return str(path)

    return written


def test_without_a_file_the_repositorys_cases_are_judged():
    done = policy_test()

    assert done.exit_code == SAME, done.output
    assert f"library: {len(cases.shipped())} of {len(cases.shipped())} cases as expected" in (
        done.output
    )


def test_a_case_that_differs_is_printed_with_its_reason_and_ends_with_one(file):
    done = policy_test(file(expect="allow"))

    assert done.exit_code == DIFFERS
    assert "DIFFERS bad: expected allow, got deny" in done.output
    assert "docker.io/library/busybox" in done.output
    assert "0 of 1 cases as expected; 1 differs" in done.output


def test_the_same_as_json(file):
    done = policy_test(file(expect="allow"), "--json")

    said = json.loads(done.stdout)
    assert done.exit_code == DIFFERS
    assert said["counts"] == {"same": 0, "asked": 0, "aside": 0, "differs": 1}
    assert said["differs"][0]["id"] == "bad"


def test_a_misspelt_field_is_one_sentence_and_ends_with_two(file):
    done = policy_test(file(expect_report=True))

    assert done.exit_code == UNREADABLE
    assert "case bad" in done.stderr
    assert "expect_report" in done.stderr


def test_a_file_that_is_not_there_is_one_sentence(tmp_path):
    done = policy_test(str(tmp_path / "none.json"))

    assert done.exit_code == UNREADABLE
    assert "No such file" in done.stderr


def test_an_engine_nobody_knows_is_refused():
    assert policy_test("--engine", "guess").exit_code == UNREADABLE


def test_the_help_tells_the_fields_and_the_engines():
    said = policy_test("--help").output

    for word in ("expect_reported", "old_object", "library", "webhook", "vap", "Ends with 1"):
        assert word in said
