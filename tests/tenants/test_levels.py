"""What each level may do, and who has which."""

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
