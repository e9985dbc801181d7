"""What a team's namespaces promise together stays within what the team may have."""

from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from tenants import budget, requests
from tenants.errors import OverBudget
from tenants.models import Request, Team
from tests.factories import (
    ClusterFactory,
    NamespaceFactory,
    TeamFactory,
    approver,
    filed,
    tier,
)

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


def test_an_outlook_says_what_is_there_what_is_added_and_what_is_over() -> None:
    team = Team.objects.get(pk=TeamFactory(cpu_budget=6, namespace_limit=3).pk)
    NamespaceFactory(team=team)

    cores, memory, namespaces = budget.outlook(
        team, promised=budget.used_by(team), adds=budget.promised([tier()])
    )

    assert (cores.promised, cores.adds, cores.after, cores.limit, cores.over) == (4, 4, 8, 6, 2)
    assert (memory.over, namespaces.after, namespaces.over) == (0, 2, 0)


def test_all_that_is_short_is_named_at_once_and_the_team_by_its_name() -> None:
    limits = {"namespace_limit": 1, "cpu_budget": 7, "memory_budget_gib": 15}
    team = Team.objects.get(pk=TeamFactory(name="The Payments", **limits).pk)
    NamespaceFactory(team=team)

    with pytest.raises(OverBudget) as refused:
        budget.check(team, adding=tier())

    said = refused.value.sentence
    assert said.startswith("The Payments ")
    assert "1 of 1 namespaces" in said
    assert "4 of 7 cores" in said
    assert "8 of 15 GiB" in said


def test_an_outlook_counts_what_else_waits_for_the_team_and_nobody_elses() -> None:
    team = Team.objects.get(pk=TeamFactory(cpu_budget=6).pk)
    one, other = filed(team), filed(team, name="another")
    filed()

    found = budget.outlooks([one, other])

    for cores, _, namespaces in (found[one.pk], found[other.pk]):
        assert (cores.over, cores.others, cores.over_with_others) == (0, 4, 2)
        assert namespaces.others == 1


def test_together_is_the_sum_of_what_is_chosen_a_team_at_a_time() -> None:
    team = Team.objects.get(pk=TeamFactory(cpu_budget=6).pk)
    asked = [filed(team), filed(team, name="another"), filed()]

    (first, cores), (second, _) = budget.together(asked)

    assert (first, second) == (team, asked[2].team)
    assert (cores[0].adds, cores[0].over) == (8, 2)


def test_many_outlooks_cost_as_much_as_one(django_assert_num_queries: Any) -> None:
    asked = [filed() for _ in range(3)]
    NamespaceFactory(team=asked[0].team)
    gone = filed()
    gone.asked = {**gone.asked, "tier": "gone"}

    with django_assert_num_queries(3):
        found = budget.outlooks([*asked, gone])

    assert [found[r.pk][0].promised for r in asked] == [4, 0, 0]
    assert gone.pk not in found


def test_what_came_back_to_its_approver_is_counted_once() -> None:
    request = requests.approve(filed(), by=approver(), plan_hash="a" * 32, decided={})
    assert request.namespace is not None
    requests.reopen(request.namespace, note="changed")

    (found,) = budget.outlooks([Request.objects.get()]).values()

    assert (found[0].promised, found[0].adds) == (4, 0)


def test_a_cluster_has_promised_what_all_teams_have_there() -> None:
    first = NamespaceFactory()
    NamespaceFactory(cluster=first.cluster, tier=tier("medium"))
    NamespaceFactory(cluster=first.cluster, deleted_at=timezone.now())
    NamespaceFactory()

    assert budget.promised_on(first.cluster) == budget.Promise(2, Decimal(20), Decimal(40))


def test_a_budget_is_that_of_all_clusters_together() -> None:
    team = Team.objects.get(pk=TeamFactory(cpu_budget=8).pk)
    for region in ("eu", "us"):
        NamespaceFactory(team=team, cluster=ClusterFactory(labels={"region": region}))

    with pytest.raises(OverBudget, match="8 of 8 cores"):
        filed(team, cluster=ClusterFactory(name="third").name)
