"""Reading files of cases: what is wrong in one is told by the case's id and the field."""

import json
from datetime import UTC, datetime
from importlib import resources

import pytest

from controlplane.policies import cases
from controlplane.policies.cases import NotACase
from controlplane.policies.engines import Answer
from controlplane.policies.engines.comparing import Outcome, compare
from controlplane.policies.verdict import Asks

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": []}}


def case(**more):
    return {
        "id": "one",
        "policy": {"name": "B"},
        "object": POD,
        "operation": "CREATE",
        "expect": "allow",
        **more,
    }


def read(values):
    return cases.read(values, source="cases.json")


def test_a_file_is_a_list_or_an_object_with_cases():
    assert read([case()]) == read({"cases": [case()]})


def test_a_policy_is_written_there_or_named_from_the_table():
    (named,) = read({"policies": {"B": {"name": "B"}}, "cases": [case(policy="B")]})

    assert named == read([case()])[0]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([case(expected_reported=True)], ("case one", "expected_reported")),
        ([case(policy={"allow_all": True})], ("case one", "policy", "allow_all")),
        ([case(policy={"tags": {"forbids": []}})], ("case one", "forbids", "$.tags")),
        ([case(policy="A")], ("case one", "policy", "'A'")),
        ([case(expect="maybe")], ("case one", "$.expect")),
        ([case(operation="WRITE")], ("case one", "$.operation")),
        ([case(now="today")], ("case one", "$.now")),
        ([case(facts={"a@b": {"signed": True}})], ("case one", "a@b", "signed")),
        ([case(user={"name": "x"})], ("case one", "user")),
        ([{**case(), "policy": None}], ("case one", "policy")),
        ([{k: v for k, v in case().items() if k != "expect"}], ("case one", "expect")),
        ([{k: v for k, v in case().items() if k != "policy"}], ("case one", "policy is missing")),
        ([{k: v for k, v in case().items() if k != "id"}], ("case 1", "id")),
        ([case(), case()], ("case one", "twice")),
        (["text"], ("case 1", "object")),
        ("text", ("list of cases",)),
        ({"cases": [], "polices": {}}, ("polices",)),
        ({"cases": [], "policies": {"B": {"mod": 1}}}, ("policy B", "mod")),
    ],
)
def test_what_is_wrong_is_told_with_its_case_and_field(values, told):
    with pytest.raises(NotACase, match=r".") as refused:
        read(values)

    for part in told:
        assert part in str(refused.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[", "cases.json"),
        ('[{"id": "a", "id": "b"}]', "'id' stands there twice"),
        ("[" * 100_000, "cases.json"),
        ("\xff", "cases.json"),
    ],
)
def test_a_file_that_is_no_json_is_told_so(text, told, tmp_path):
    file = tmp_path / "cases.json"
    file.write_bytes(text.encode("latin-1"))

    with pytest.raises(NotACase, match=r".") as refused:
        cases.read_file(file)

    assert told in str(refused.value)


def test_a_file_that_is_not_there_is_told_so(tmp_path):
    with pytest.raises(NotACase, match="No such file"):
        cases.read_file(tmp_path / "none.json")


def test_what_a_case_leaves_out_is_filled_in():
    now = datetime(2026, 11, 21, tzinfo=UTC)
    (one,) = read([case(user="alice", old_object=POD)])
    (two,) = read([case(object=None, old_object=POD, operation="DELETE")])

    assert one.question(now).user == "alice"
    assert one.question(now).now == now
    assert (two.question(now).group, two.question(now).kind) == ("", "Pod")


def test_the_repositorys_cases_are_part_of_the_package():
    shipped = resources.files("controlplane.policies.cases")

    assert {file.name for file in shipped.iterdir()} >= {"names.json", "argo.json", "pods.json"}
    assert len(cases.shipped()) > 300


def test_the_repositorys_cases_are_files_that_people_read():
    for file in cases.HERE.glob("*.json"):
        text = file.read_text()
        assert text.isascii(), f"{file.name}: letters that only look alike are written as escapes"
        assert json.loads(text)["policies"]["B"]["digest"]["required"]


@pytest.mark.parametrize(
    ("wanted", "answer", "outcome"),
    [
        ({}, Answer(allowed=True), Outcome.SAME),
        ({}, Answer(allowed=False), Outcome.DIFFERS),
        ({"expect": "deny"}, Answer(allowed=True), Outcome.DIFFERS),
        ({"expect": "deny"}, Answer(allowed=False), Outcome.SAME),
        ({"expect_reported": True}, Answer(allowed=True, reported=True), Outcome.SAME),
        ({"expect_reported": True}, Answer(allowed=True, reported=False), Outcome.DIFFERS),
        ({"expect_reported": False}, Answer(allowed=True, reported=True), Outcome.DIFFERS),
        ({"expect_reported": True}, Answer(allowed=True), Outcome.SAME),
        ({}, Answer(allowed=True, reported=True), Outcome.SAME),
        ({"expect": "deny"}, Answer(allowed=True, asks=frozenset({Asks.PATCH})), Outcome.ASKED),
        ({}, Answer(allowed=False, aside="refused as invalid"), Outcome.ASIDE),
    ],
)
def test_an_answer_is_held_against_its_case(wanted, answer, outcome):
    (one,) = read([case(**wanted)])

    assert compare(one, answer).outcome is outcome
