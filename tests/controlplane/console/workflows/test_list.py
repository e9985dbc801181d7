"""The list of workflows: found, sorted, counted and renewed by its address."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from controlplane.index.models import Watch
from controlplane.objects import Manifest
from tenants.models import TenantNamespace
from tests.controlplane.console.pages import HTMX, signed_in
from tests.controlplane.console.workflows.stories import NOW, names_in, page_of, row, text_of
from tests.factories import (
    NamespaceFactory,
    PersonFactory,
    member_of,
    owner_of,
    viewer_of,
)

pytestmark = pytest.mark.django_db


def test_the_list_is_found_sorted_and_counted_by_its_address(payments: TenantNamespace) -> None:
    row(payments, "alpha", "Failed", message="out of memory", template="fraud", seconds=90)
    row(payments, "beta", "Succeeded", seconds=20, created_at=NOW - timedelta(days=3))
    row(payments, "gamma", "", created_at=NOW - timedelta(minutes=2))
    client = signed_in(viewer_of(payments.team))

    def found(query: str) -> list[str]:
        return names_in(client.get(f"/workflows/?{query}"))

    assert found("team=") == ["alpha", "gamma", "beta"]
    assert found("sort=-name") == ["gamma", "beta", "alpha"]
    assert found("phase=Failed") == found("q=memory") == found("template=fraud") == ["alpha"]
    assert found("outcome=bad") == ["alpha"]
    assert found("outcome=good") == ["beta"]
    assert found("template=fra") == []
    assert found("phase=Pending") == ["gamma"]
    assert found("since=24h") == ["alpha", "gamma"]
    assert found(f"to={NOW - timedelta(days=2):%Y-%m-%d}") == ["beta"]
    assert found(f"from={NOW + timedelta(days=2):%Y-%m-%d}") == []
    assert found("sort=-took") == ["alpha", "beta", "gamma"]
    assert found("sort=took") == ["beta", "alpha", "gamma"]
    assert found("cluster=west") == found("namespace=x") == found("team=x") == []
    assert found("cluster=east&namespace=payments&team=payments&sort=took") != []


@pytest.mark.parametrize(
    "query",
    [
        "phase=Nope",
        "sort=DROP",
        "page=0",
        "page=-1",
        "page=zz",
        "from=x",
        "since=9y",
        "since=30d",
        "q=%00",
        "outcome=ugly",
        "finished=9y",
    ],
)
def test_an_address_that_means_nothing_asks_for_everything(
    payments: TenantNamespace, query: str
) -> None:
    row(payments, "alpha")

    answer = signed_in(owner_of(payments.team)).get(f"/workflows/?{query}")

    assert names_in(answer) == ["alpha"]


def test_phases_are_counted_for_what_is_asked_for_otherwise(payments: TenantNamespace) -> None:
    for name in ("a-1", "a-2", "b-1"):
        row(payments, name, "Failed")
    row(payments, "a-3", "Succeeded")
    client = signed_in(owner_of(payments.team))

    page = re.sub(r"<[^>]+>", " ", text_of(client.get("/workflows/?q=a-&phase=Succeeded")))
    said = " ".join(page.split())

    assert "All 3" in said
    assert "Failed 2" in said
    assert "Succeeded 1" in said


def test_a_page_has_25_and_the_query_count_stays_the_same(
    payments: TenantNamespace, django_assert_num_queries: Any
) -> None:
    client = signed_in(owner_of(payments.team))
    row(payments, "w-0")
    client.get("/workflows/?team=")
    with django_assert_num_queries(13):
        client.get("/workflows/?team=")
    for number in range(30):
        row(payments, f"w-{number + 1}")
    NamespaceFactory(team=payments.team)

    with django_assert_num_queries(13):
        answer = client.get("/workflows/?team=")

    assert len(names_in(answer)) == 25
    assert "1 to 25 of 31" in text_of(answer)
    assert len(names_in(client.get("/workflows/?page=2"))) == 6
    assert len(names_in(client.get("/workflows/?page=99"))) == 6


def test_the_switchers_team_is_where_the_list_begins(payments: TenantNamespace) -> None:
    client = signed_in(owner_of(payments.team))
    client.get("/?team=payments")

    assert client.get("/workflows/")["Location"] == "/workflows/?team=payments"


def test_the_table_alone_is_renewed_by_itself(payments: TenantNamespace) -> None:
    row(payments, "alpha")

    answer = text_of(signed_in(owner_of(payments.team)).get("/workflows/", headers=HTMX))

    assert "alpha" in answer
    assert "<html" not in answer


def test_how_old_the_index_is_is_said_for_each_cluster(payments: TenantNamespace) -> None:
    client = signed_in(owner_of(payments.team))

    assert "not followed yet" in text_of(client.get("/workflows/"))

    now = timezone.now()
    watch = Watch.objects.create(
        cluster=payments.cluster, kind="Workflow", in_step=True, since=now, heard_at=now
    )
    assert "followed live" in text_of(client.get("/workflows/"))

    watch.heard_at = now - timedelta(minutes=9)  # its process was killed, and said nothing
    watch.save()
    late = text_of(client.get("/workflows/"))
    assert "followed live" not in late
    assert "the process has ended" in late
    assert "Of it, this list is as of" in late

    watch.in_step, watch.message = False, "connection refused"
    watch.save()
    assert "<b>east</b> was lost sight of" in text_of(client.get("/workflows/"))
    # Why names addresses: that is for the platform's people.
    assert "connection refused" not in text_of(client.get("/workflows/"))
    both = PersonFactory(claimed_groups=[payments.team.owner_group, "argosy-approvers"])
    assert "connection refused" in text_of(signed_in(both).get("/workflows/"))


def test_where_pods_are_simulated_every_page_says_so(
    payments: TenantNamespace, hello: Manifest
) -> None:
    payments.cluster.simulated = True
    payments.cluster.save()
    client = signed_in(owner_of(payments.team))

    for page in ("/workflows/", page_of(payments), "/workflows/submit/", "/crons/"):
        assert "Pods on east are simulated" in text_of(client.get(page))


def test_that_nothing_will_run_it_is_said_before_a_workflow_is_submitted(
    payments: TenantNamespace, hello: Manifest
) -> None:
    client = signed_in(member_of(payments.team))
    assert "Nothing will run" not in text_of(client.get("/workflows/submit/"))

    payments.cluster.simulated = True
    payments.cluster.save()

    page = text_of(client.get("/workflows/submit/?from=yaml"))
    assert "Nothing will run a workflow there" in page
    assert page.index("Nothing will run") < page.index("Dry run")


def test_without_anything_the_list_says_what_to_do(payments: TenantNamespace) -> None:
    assert "Submit workflow" in text_of(signed_in(owner_of(payments.team)).get("/workflows/"))
    # Who may not submit has no button that leads to a refusal.
    assert "Submit workflow" not in text_of(signed_in(viewer_of(payments.team)).get("/workflows/"))
    nobody = text_of(signed_in(PersonFactory()).get("/workflows/"))
    assert "Owners of a team ask for it" in nobody
    assert "No workflow is like that" in text_of(
        signed_in(owner_of(payments.team)).get("/workflows/?q=zz")
    )
