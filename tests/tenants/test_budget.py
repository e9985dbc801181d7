"""What a team's namespaces promise together stays within what the team may have."""

import pytest
from django.utils import timezone

from tenants import budget
from tenants.errors import OverBudget
from tenants.models import Team
from tests.factories import NamespaceFactory, TeamFactory, tier

pytestmark = pytest.mark.django_db


def test_what_fits_exactly_fits() -> None:
    team = TeamFactory(namespace_limit=2, cpu_budget=8, memory_budget_gib=16)
    NamespaceFactory(team=team)

    budget.check(team, adding=tier())


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"namespace_limit": 1}, "already has 1 of 1 namespaces"),
        ({"cpu_budget": 7}, "4 of 7 cores; tier small needs 4 more"),
        ({"memory_budget_gib": 15}, "8 of 15 GiB of memory; tier small needs 8 more"),
    ],
)
def test_what_does_not_fit_is_told_what_is_short(limits: dict[str, int], said: str) -> None:
    team = Team.objects.get(pk=TeamFactory(**limits).pk)
    NamespaceFactory(team=team)

    with pytest.raises(OverBudget, match=said):
        budget.check(team, adding=tier())


def test_what_is_gone_counts_no_more_and_another_teams_never_did() -> None:
    team = TeamFactory(namespace_limit=1)
    NamespaceFactory(team=team, deleted_at=timezone.now())
    NamespaceFactory()

    budget.check(team, adding=tier())

    assert budget.used_by(team) == budget.Promise(0, 0, 0)  # type: ignore[arg-type]


def test_a_budget_may_have_fractions() -> None:
    team = Team.objects.get(pk=TeamFactory(cpu_budget="4.5").pk)
    NamespaceFactory(team=team)

    with pytest.raises(OverBudget, match=r"4 of 4\.5 cores"):
        budget.check(team, adding=tier())
