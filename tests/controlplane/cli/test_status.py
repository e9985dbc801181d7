"""`argosy status` against a platform that answers over HTTP."""

import json
from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from controlplane.clusters.models import Cluster
from controlplane.index.models import Watch
from tenants.conditions import Phase
from tenants.models import TenantNamespace
from tests.controlplane.cli import runner
from tests.factories import ClusterFactory, NamespaceFactory, TeamFactory, approver, owner_of

pytestmark = [
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
    pytest.mark.usefixtures("home"),
]

run = partial(runner.run, COLUMNS="200")
AWAY = "the API server cannot be reached"
NOT_READY = {
    "type": "Ready", "status": "False", "reason": "NameTaken", "message": "Somebody else has it.",
    "observed_generation": 1, "last_transition": "2026-01-01T00:00:00Z",
}  # fmt: skip


def degraded(**of: object) -> TenantNamespace:
    return NamespaceFactory(phase=Phase.DEGRADED, conditions=[NOT_READY], **of)


def away(name: str) -> Cluster:
    now = timezone.now()
    return ClusterFactory(name=name, reachable=False, message=AWAY, checked_at=now, since=now)


def test_where_nothing_is_wrong_it_says_what_there_is_and_ends_with_0() -> None:
    team = TeamFactory(slug="payments")
    NamespaceFactory(name="payments", team=team, phase=Phase.READY)

    said = run("status", user=owner_of(team))

    assert said.exit_code == 0, said.output
    assert "Namespaces you may see: 1, 0 of them Degraded, 0 under way." in said.output


def test_the_broken_cluster_is_named_with_its_reason_and_it_ends_with_1() -> None:
    away("eu")

    said = run("status", user=approver())

    assert said.exit_code == 1
    assert "Clusters: 1 broken." in said.output
    assert f"eu: unreachable. Away: {AWAY}" in said.output


@pytest.mark.parametrize(("seconds", "told"), [(30, True), (300, False)])
def test_watches_of_a_cluster_that_answers_again_are_said_to_catch_up_by_themselves(
    seconds: int, *, told: bool
) -> None:
    now = timezone.now()
    cluster = ClusterFactory(
        name="us", reachable=True, checked_at=now, since=now - timedelta(seconds=seconds)
    )
    Watch.objects.create(cluster=cluster, kind="Workflow", since=now, heard_at=now)

    said = run("status", user=approver())

    assert said.exit_code == 1
    assert "1 of its 1 watches are behind: what is shown is old." in said.output
    assert ("its watches catch up by themselves within two minutes." in said.output) is told


def test_a_namespace_that_is_not_as_it_should_be_says_why_and_which_command_tells_more() -> None:
    namespace = degraded(name="payments")

    said = run("status", user=owner_of(namespace.team))

    assert said.exit_code == 1
    assert "Somebody else has it. (argosy namespace show payments)" in said.output


def test_of_very_many_ten_are_named_and_the_others_counted() -> None:
    team = TeamFactory(slug="payments")
    for number in range(13):
        degraded(name=f"payments-{number}", team=team)

    said = run("status", user=owner_of(team))

    assert said.output.count("Somebody else has it.") == 10
    assert "And 3 namespaces more: argosy namespace list" in said.output


def test_a_team_sees_its_own_alone_and_no_fleet() -> None:
    degraded(name="payments", team=TeamFactory(slug="payments"))
    away("eu")

    said = run("status", user=owner_of(TeamFactory(slug="reports")))

    assert said.exit_code == 0, said.output
    assert "Namespaces you may see: 0" in said.output
    assert "eu" not in said.output.split()
    assert "Clusters" not in said.output


def test_a_program_reads_the_same_as_json_and_its_exit_code() -> None:
    away("eu")

    said = run("status", "--json", user=approver())

    assert said.exit_code == 1
    assert json.loads(said.stdout)["fleet"]["standings"]["broken"] == 1
