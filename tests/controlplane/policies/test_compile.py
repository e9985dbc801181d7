"""What the compiler makes of documents, without an API server."""

import re
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from controlplane.policies.compile import (
    admission_policies,
    cost,
    grammar,
    probes,
    quick,
    regex,
    routing,
    tables,
)
from controlplane.policies.compile.cluster import held, rule_sets
from controlplane.policies.compile.rule_sets import Flag, rule_set
from controlplane.policies.compile.shapes import SHAPES as WATCHED
from controlplane.policies.compile.tables import TooMuch
from controlplane.policies.composing import documents
from controlplane.policies.document import Digest, Document, Repositories, Scope, Signature, Tags
from controlplane.policies.extraction import group_and_kind
from controlplane.policies.places import KINDS, SHAPES, Each
from controlplane.policies.references import (
    HUB,
    LEGACY_HUB,
    parse,
    taken_by_a_runtime,
)
from controlplane.policies.saying import Place, Said

AWAY = {"url": "https://127.0.0.1:1/"}


def document(team, *allow, **more):
    return Document(name=team, scopes=(Scope((team,), allow),), **more)


def fleet(teams, repositories):
    return {
        f"team-{t}": document(
            f"team-{t}",
            *(Repositories("harbor.acme.test", f"team-{t}/r{n}") for n in range(repositories)),
        )
        for t in range(teams)
    }


def test_five_hundred_teams_with_ten_repositories_fit_with_room():
    table = tables.table(rule_sets(fleet(500, 10), {f"team-{t}": f"team-{t}" for t in range(500)}))

    assert sum(len(str(part)) for part in table.parts) < tables.LARGEST / 2
    assert all(len(v["expression"]) <= 100_000 for v in table.variables())


def test_what_all_teams_share_stands_there_once():
    shared = tuple(Repositories("harbor.acme.test", f"everybody/r{n}") for n in range(200))
    many = {f"team-{t}": document(f"team-{t}", *shared) for t in range(500)}
    table = tables.table(rule_sets(many, {name: name for name in many}))

    assert sum(str(part).count("everybody/r7\\n") for part in table.parts) == 1


def test_rules_that_the_store_would_not_take_are_refused_with_a_way_out():
    rules = rule_sets(fleet(2000, 20), {f"team-{t}": f"team-{t}" for t in range(2000)})

    with pytest.raises(TooMuch, match="Allow prefixes"):
        tables.table(rules)


def test_a_policy_that_costs_more_than_half_of_what_the_api_server_spends_is_refused():
    dear = document("t", *(Repositories("harbor.acme.test", f"p{n}/**") for n in range(200)))

    with pytest.raises(TooMuch, match="half of what it spends"):
        rule_sets({"t": dear}, {"t": "t"})


def test_the_arithmetic_is_that_of_cel_go():
    # By cel-go's own cost model: 120 characters against 142 are 468 units, against 30,000 they are 97,500.
    assert cost.matching(120, 142) == 468
    assert cost.matching(120, 30_000) == 97_500


def test_patterns_are_anchored_bounded_and_read_every_spelling():
    names = [f"harbor.acme.test/team/r{n}" for n in range(500)] + ["docker.io/library/busybox"]
    found = regex.patterns(names, any_host=False)

    assert len(found) > 1
    assert all(len(pattern) <= regex.LONGEST and pattern.startswith("^") for pattern in found)
    matched = [re.compile(pattern).search for pattern in found]
    for text in ("busybox", "busybox:1", "library/busybox@sha256:0", "docker.io/busybox"):
        assert any(search(text) for search in matched), text
    for text in ("harbor.acme.test/team/r1-x", "xharbor.acme.test/team/r1", "evil/busybox"):
        assert not any(search(text) for search in matched), text


def test_a_registry_spelt_otherwise_is_routed_where_that_is_taken():
    (pattern,) = regex.patterns(["harbor.acme.test/team/"], any_host=True)

    assert re.search(pattern, "HARBOR.acme.test:443/team/api")
    assert not re.search(pattern, "harbor.acme.test/x/team/api")


def test_nothing_is_routed_when_nobody_asks():
    found = routing.configuration({"t": document("t")}, AWAY)

    assert not [e for e in found["webhooks"] if ".pods." in e["name"]]
    # A patch is text: only the webhook can read it, whosever it is.
    assert [e["name"] for e in found["webhooks"] if ".workflows." in e["name"]]


def test_every_route_fails_closed_quickly_and_without_side_effects():
    signed = document("t", signature=Signature(keys=("ci",)))

    for entry in routing.configuration({"t": signed}, AWAY)["webhooks"]:
        assert (entry["failurePolicy"], entry["timeoutSeconds"], entry["sideEffects"]) == (
            "Fail", 3, "None",
        )  # fmt: skip


def test_a_cluster_that_stands_down_exempts_nothing():
    signed = document("t", signature=Signature(keys=("ci",)))

    assert Flag.UNASKED in rule_set(signed, ["t"], standing_down=True).flags
    assert held({"t": signed}, {"t": "t"}, client=None).configuration is None


def test_an_entry_that_no_image_can_match_allows_nothing_and_breaks_no_list():
    odd = document("t", Repositories("harbor.acme.test", "a\nb"), Repositories("", "**"))

    assert rule_set(odd, ["t"]).allow <= {"/"}


def test_templates_recur_only_through_steps_and_tasks():
    assert SHAPES["template"]["steps"] == Each(Each("step"))
    assert SHAPES["dag"] == {"tasks": Each("step")}
    assert {name for name, shape in SHAPES.items() if "inline" in shape} == {"step"}


def test_every_kind_that_can_name_an_image_is_watched():
    watched = {
        (group, plural) for shape in WATCHED for group, names in shape.resources for plural in names
    }

    assert {(group, f"{kind.lower()}s") for group, kind in KINDS} <= watched


def test_every_policy_is_seen_to_act():
    probed = [KINDS[group_and_kind(probe)] for probe in probes.probes()]

    assert [shape.name for shape in WATCHED if shape.kind not in probed] == []


@pytest.mark.parametrize(
    "text",
    [
        "busybox", "a/b", "foo_bar.com/evil/x:1", "foo_bar.com", "sha256:" + "a" * 64, "a" * 64, "b" * 63,
        "-x.test/a:1", "a." * 200 + "test/x:1", "[::1]:5000/x", "[::g]/x", "x@sha256:" + "0" * 64, "x:1:2",
        "x@sha256:0", "evil.test/Miner", "https://evil.test/x", "a//b", "/a", "a/", "a b", "a__b/c",
        "a___b/c",
    ],
)  # fmt: skip
def test_the_api_server_and_the_library_agree_on_what_a_runtime_takes(text):
    taken = re.search(grammar.TAKEN, text) and not re.search(grammar.IMAGE_ID, text)

    assert bool(taken) == taken_by_a_runtime(text)


def test_the_first_control_namespace_of_a_cluster_finds_its_rules_there() -> None:
    said = Said(argo_images=("quay.io/argoproj/workflow-controller:v4.1.2",))
    nobody_yet = documents(said, ())

    before = rule_sets(nobody_yet, {})["control"]

    assert before.allow == frozenset({"quay.io/argoproj/workflow-controller"})
    place = Place("payments", "payments", "small")
    after = rule_sets(documents(said, (place,)), {"payments": "payments", place.control: "control"})
    assert after["control"] == before


@pytest.mark.parametrize("name", ["", "main", "m.a-i:n@"])
def test_an_image_with_its_container_is_taken_at_a_glance_where_the_image_is(name: str) -> None:
    pinned = f"harbor.acme.test/team/api:1.2@sha256:{'a' * 64}"

    assert re.search(quick.PINNED_ENTRY, f"{pinned}\t{name}")
    assert not re.search(quick.PINNED_ENTRY, f"{pinned}\t{name}\t")
    assert not re.search(quick.PINNED_ENTRY, pinned)


def test_the_sentence_of_a_denial_is_not_worked_out_for_what_may_run() -> None:
    """The API server would work it out all the same, and that took three times as long as the rules."""
    found = [each["spec"] for each in held(documents(Said(), ()), {}, client=None).policies]
    judging = [each for spec in found for each in spec.get("validations", ())[1:]]

    assert judging
    for each in judging:
        assert each["messageExpression"].startswith(f"{each['expression']} ? '' : ")


def test_a_new_program_is_a_new_revision_too() -> None:
    rules = rule_sets(documents(Said(), ()), {})

    assert admission_policies.revision_of(rules, "a") != admission_policies.revision_of(rules, "b")


@given(st.from_regex(re.compile(grammar.PLAINLY_PINNED.replace("$", r"\Z"), re.ASCII)))
def test_what_is_taken_at_a_glance_is_read_the_same_the_long_way(image: str) -> None:
    assume(len(image) <= quick.SHORT_ENOUGH)
    name = re.match("[^:@]+", image)
    assert name
    assume(name[0].partition("/")[0] not in {HUB, LEGACY_HUB})

    reference = parse(image)

    assert name[0] == f"{reference.registry}/{reference.repository}"
    assert image.startswith(reference.registry)
    assert (reference.digest or "").startswith("sha256:")


@pytest.mark.parametrize(
    ("stricter", "glanced"),
    [
        ({}, True),
        ({"deny": (Repositories("evil.test", "**"),)}, False),
        ({"tags": Tags(with_digest="check")}, False),
        ({"digest": Digest(algorithms=("sha512",))}, False),
    ],
)
def test_a_glance_is_enough_only_where_nothing_else_could_be_broken(
    stricter: dict[str, Any], glanced: bool
) -> None:
    rules = rule_set(document("t", Repositories("a.test", "x"), **stricter), ["t"])

    assert (Flag.GLANCE in rules.flags) is glanced


def test_while_a_cluster_stands_down_what_must_be_vouched_for_is_never_taken_at_a_glance() -> None:
    signed = document("t", Repositories("a.test", "x"), signature=Signature(keys=("release",)))

    assert Flag.GLANCE in rule_set(signed, ["t"]).flags
    assert Flag.GLANCE not in rule_set(signed, ["t"], standing_down=True).flags
