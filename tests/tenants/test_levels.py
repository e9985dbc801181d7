"""What each level may do, and who has which."""

import pytest

from tenants.levels import MAY, Act, Level, account_of, strongest


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
