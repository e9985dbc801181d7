"""What is in a namespace now: its pods by whose they are, and its events, read from its cluster."""

from typing import Any

import pytest

from controlplane.console.inside import MOST_EVENTS, MOST_PODS, happenings_of, workloads_of
from controlplane.kube.errors import refused
from controlplane.objects import Manifest, ref_of
from tenants.models import TenantNamespace
from tests.controlplane.console.namespaces.stories import ready
from tests.controlplane.console.pages import read, signed_in
from tests.factories import TeamFactory, owner_of, platform_admin, viewer_of
from tests.fakes import FakeCluster

pytestmark = pytest.mark.django_db


@pytest.fixture
def payments(cluster: FakeCluster) -> TenantNamespace:
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "payments"}})
    return ready(name="payments", cluster__name="east")


def pod(name: str, owner: tuple[str, str] | None = None, **status: Any) -> Manifest:
    metadata: Manifest = {"namespace": "payments", "name": name}
    if owner:
        metadata["ownerReferences"] = [{"kind": owner[0], "name": owner[1], "controller": True}]
    phase = {"phase": "Running", **status}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": phase}


def event(name: str, at: str, **said: Any) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"namespace": "payments", "name": name},
        "involvedObject": {"kind": "Pod", "name": "api"},
        "lastTimestamp": at,
        **said,
    }


def put(cluster: FakeCluster, *manifests: Manifest) -> None:
    """As an API server has them: a status is what its controllers wrote, not who made the object."""
    for manifest in manifests:
        cluster.create(manifest)
        if "status" in manifest:
            cluster.objects[ref_of(manifest)].manifest["status"] = manifest["status"]


def at(namespace: TenantNamespace, rest: str = "inside/") -> str:
    return f"/namespaces/{namespace.pk}/{rest}"


def test_a_viewer_reads_what_runs_and_what_happened(
    cluster: FakeCluster, payments: TenantNamespace
) -> None:
    put(
        cluster,
        pod("hello-1", ("Workflow", "hello")),
        pod("hello-2", ("Workflow", "hello"), phase="Succeeded"),
        event("a", "2026-01-05T11:55:00Z", reason="BackOff", message="Again.", count=7),
    )

    page = read(signed_in(viewer_of(payments.team)), at(payments))

    assert "hello Workflow Running 1 Succeeded 1" in page
    assert "BackOff Again. Pod api, 7 times 5 min ago" in page


def test_a_workflow_of_the_list_leads_to_its_page(
    cluster: FakeCluster, payments: TenantNamespace
) -> None:
    put(cluster, pod("hello-1", ("Workflow", "hello")))

    answer = signed_in(owner_of(payments.team)).get(at(payments))

    assert f'href="/namespaces/{payments.pk}/workflows/hello/"' in answer.content.decode()


def test_it_is_read_as_the_account_of_the_persons_level(
    cluster: FakeCluster, payments: TenantNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    users: list[str] = []
    become = FakeCluster.acting_as
    monkeypatch.setattr(
        FakeCluster, "acting_as", lambda self, user: users.append(user) or become(self, user)
    )

    read(signed_in(viewer_of(payments.team)), at(payments))

    assert users == ["system:serviceaccount:payments:argo-viewer"]


def test_another_team_finds_nothing_and_a_stranger_signs_in(
    cluster: FakeCluster, payments: TenantNamespace, client: Any
) -> None:
    other = signed_in(owner_of(TeamFactory()))

    assert other.get(at(payments)).status_code == 404
    assert client.get(at(payments)).status_code == 302
    assert not [call for call in cluster.calls if call.startswith("list")]


def test_the_platforms_people_are_not_shown_what_a_team_runs(
    cluster: FakeCluster, payments: TenantNamespace
) -> None:
    put(cluster, pod("secret-project"))
    admin = signed_in(platform_admin())

    page, part = read(admin, at(payments, "")), read(admin, at(payments))

    assert "In it now" not in page
    assert "secret-project" not in part
    assert "its workflows are its own business" in part


def test_it_is_there_without_javascript_too(
    cluster: FakeCluster, payments: TenantNamespace
) -> None:
    put(cluster, pod("debug"))
    owner = signed_in(owner_of(payments.team))

    assert "Read it from east" in read(owner, at(payments, ""))
    assert "debug Pod Running 1" in read(owner, at(payments, ""), inside="1")


def test_where_nothing_is_the_page_says_so(cluster: FakeCluster, payments: TenantNamespace) -> None:
    page = read(signed_in(owner_of(payments.team)), at(payments))

    assert "No pod is there now." in page
    assert "The cluster says nothing of it" in page


@pytest.mark.parametrize("how", ["away", "refuses"])
def test_a_cluster_that_does_not_tell_is_a_sentence_on_a_page_that_stays(
    cluster: FakeCluster, payments: TenantNamespace, how: str
) -> None:
    cluster.unreachable = how == "away"
    cluster.refusals["list", "Event"] = refused(403, {"message": "events is forbidden"})

    page = read(signed_in(owner_of(payments.team)), at(payments, ""), inside="1")

    assert "What is in it cannot be read from east now." in page
    assert "Conditions" in page


def test_no_more_is_read_than_a_page_needs(cluster: FakeCluster, payments: TenantNamespace) -> None:
    put(cluster, *(pod(f"p-{n:03}") for n in range(MOST_PODS + 1)))
    put(cluster, *(event(f"e-{n:03}", "2026-01-05T11:55:00Z") for n in range(MOST_EVENTS + 1)))

    page = read(signed_in(owner_of(payments.team)), at(payments))

    assert "and 240 more; those in trouble are listed first." in page
    assert "There are more pods than are read here" in page
    assert "the newest of the first 500" in page


# What is made of what was read.


def test_what_is_in_trouble_comes_first_and_what_ended_last() -> None:
    waits = {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "restartCount": 4}
    found = workloads_of(
        [
            pod("a-done", phase="Succeeded"),
            pod("b-runs"),
            pod("c-stuck", phase="Pending", containerStatuses=[waits]),
        ]
    )

    assert [each.name for each in found] == ["c-stuck", "b-runs", "a-done"]
    assert (found[0].why, found[0].restarts) == ("CrashLoopBackOff", 4)


def test_a_container_that_is_being_made_is_no_trouble() -> None:
    waits = {"state": {"waiting": {"reason": "ContainerCreating"}}}
    (found,) = workloads_of([pod("new", phase="Pending", containerStatuses=[waits])])

    assert not found.troubled


def test_pods_of_a_replica_set_are_their_deployments() -> None:
    made = pod("api-7d9f-x", ("ReplicaSet", "api-7d9f"))
    made["metadata"]["labels"] = {"pod-template-hash": "7d9f"}

    (found,) = workloads_of([made])

    assert (found.kind, found.name) == ("Deployment", "api")


def test_events_are_told_newest_first_whichever_of_their_times_they_have() -> None:
    found = happenings_of(
        [
            event("a", "2026-01-05T11:00:00Z", reason="Old"),
            event("b", "", reason="Series", series={"lastObservedTime": "2026-01-05T11:59:00.000001Z"}),
            event("c", "", reason="Single", eventTime="2026-01-05T11:30:00.000000Z"),
            event("d", "", reason="Never"),
        ]
    )  # fmt: skip

    assert [each.reason for each in found] == ["Series", "Single", "Old", "Never"]
