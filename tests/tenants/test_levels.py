"""What each level may do, and who has which."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tenants.levels import MAY, RULES, Act, Level, Rule, account_of, roles_of, rules_of, strongest


@pytest.mark.parametrize(
    ("level", "acts"),
    [
        (Level.OWNER, set(Act)),
        (Level.MEMBER, {Act.SEE, Act.SUBMIT_WORKFLOWS}),
        (Level.VIEWER, {Act.SEE}),
    ],
)
def test_each_level_may_do_this_and_no_more(level: Level, acts: set[Act]) -> None:
    assert MAY[level] == acts


def test_no_level_is_left_out() -> None:
    assert MAY.keys() == set(Level)


@pytest.mark.parametrize(
    ("held", "counts"),
    [
        ([], None),
        ([Level.VIEWER], Level.VIEWER),
        ([Level.VIEWER, Level.MEMBER], Level.MEMBER),
        ([Level.VIEWER, Level.OWNER, Level.MEMBER], Level.OWNER),
    ],
)
def test_of_several_levels_the_strongest_counts(held: list[Level], counts: Level | None) -> None:
    assert strongest(held) is counts


def test_a_stronger_level_may_all_that_a_weaker_one_may() -> None:
    weaker: set[Act] = set()
    for level in reversed(Level):
        assert weaker <= MAY[level]
        weaker = set(MAY[level])


def test_a_level_has_an_account_in_its_own_namespace() -> None:
    assert account_of(Level.VIEWER, "payments") == "system:serviceaccount:payments:argo-viewer"


def test_a_stronger_level_has_the_roles_of_the_weaker_ones() -> None:
    assert roles_of(Level.OWNER) == (Level.OWNER, Level.MEMBER, Level.VIEWER)
    assert roles_of(Level.MEMBER) == (Level.MEMBER, Level.VIEWER)
    assert roles_of(Level.VIEWER) == (Level.VIEWER,)


@pytest.mark.parametrize("level", Level)
def test_all_that_a_level_may_do_is_in_the_roles_it_has_and_nothing_else(level: Level) -> None:
    held = {rule for other in roles_of(level) for rule in rules_of(other)}

    assert held == {rule for act in MAY[level] for rule in RULES.get(act, ())}


@pytest.mark.parametrize("rule", [rule for rules in RULES.values() for rule in rules])
def test_no_level_reads_a_secret_enters_a_pod_or_gives_rights(rule: Rule) -> None:
    never = {"secrets", "serviceaccounts", "roles", "rolebindings", "pods/exec", "pods/attach", "*"}

    assert not never & {*rule.resources, *rule.verbs}


ROOT = Path(__file__).parents[2]
GUARD_RAILS = ROOT / "charts" / "team-guardrails"
ACCOUNTS = ROOT / "platform" / "controlplane" / "clusters" / "base" / "52-account-tokens.yaml"


def named_by_hand() -> Iterator[tuple[str, list[str]]]:
    """Each place that names the levels and can import none, and the names there."""
    for file in ("accounts/serviceaccount.yaml", "accounts/token.yaml"):
        text = (GUARD_RAILS / "templates" / file).read_text()
        for each in re.findall(r"\$level := list (.*?) }}", text):
            yield file, re.findall(r'"(.*?)"', each)
    server = (GUARD_RAILS / "templates" / "server" / "role.yaml").read_text()
    yield "server/role.yaml", re.findall(r"- argo-(\w+)\.service-account-token", server)
    schema = json.loads((GUARD_RAILS / "values.schema.json").read_text())
    for key in ("accounts", "groups"):
        yield f"the schema's {key}", list(schema["properties"][key]["properties"])
    yield "the schema's level", schema["definitions"]["level"]["enum"]
    for number, each in enumerate(re.findall(r"\[('argo-.*?)\]", ACCOUNTS.read_text())):
        yield f"{ACCOUNTS.name}, list {number}", re.findall(r"'argo-(\w+)'", each)


def test_every_place_that_names_the_levels_by_hand_names_all_of_them_and_no_other() -> None:
    places = list(named_by_hand())

    assert len(places) == 9, places  # three of them in the base
    for place, names in places:
        assert sorted(names) == sorted(Level), place
