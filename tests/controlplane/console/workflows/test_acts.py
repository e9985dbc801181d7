"""What is done with a workflow: by whom, when, and what the cluster says to it."""

import re

import pytest

from controlplane.kube.errors import refused
from controlplane.objects import Manifest
from tenants.models import TenantNamespace
from tests.controlplane.console.pages import signed_in
from tests.controlplane.console.workflows.stories import (
    names_in,
    page_of,
    row,
    stored,
    text_of,
)
from tests.factories import (
    TeamFactory,
    approver,
    member_of,
    owner_of,
    viewer_of,
)
from tests.fakes import FakeCluster

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("verb", "spec"),
    [
        ("stop", {"shutdown": "Stop"}),
        ("terminate", {"shutdown": "Terminate"}),
        ("suspend", {"suspend": True}),
    ],
)
def test_a_member_steers_a_workflow_by_a_patch_of_its_spec(
    payments: TenantNamespace, hello: Manifest, fake: FakeCluster, verb: str, spec: Manifest
) -> None:
    answer = signed_in(member_of(payments.team)).post(
        page_of(payments, rest=f"{verb}/"), follow=True
    )

    assert stored(fake)["spec"] == {"entrypoint": "main", **spec}
    assert "note ok" in text_of(answer)


def test_a_suspended_workflow_is_resumed(
    payments: TenantNamespace, hello: Manifest, fake: FakeCluster
) -> None:
    client = signed_in(member_of(payments.team))
    client.post(page_of(payments, rest="suspend/"))
    assert "resume/" in text_of(client.get(page_of(payments)))

    client.post(page_of(payments, rest="resume/"))

    assert stored(fake)["spec"] == {"entrypoint": "main"}


def test_resubmitting_goes_to_the_new_workflow(
    payments: TenantNamespace, hello: Manifest, fake: FakeCluster
) -> None:
    answer = signed_in(member_of(payments.team)).post(page_of(payments, rest="resubmit/"))

    (name,) = re.findall(r"workflows/(hello-\d+)/", answer["Location"])
    assert stored(fake, name)["spec"]["serviceAccountName"] == "workflow-runner"


def test_what_cannot_be_done_now_is_a_409_with_its_reason(
    payments: TenantNamespace, hello: Manifest, fake: FakeCluster
) -> None:
    stored(fake)["status"] = {"phase": "Succeeded"}

    answer = signed_in(member_of(payments.team)).post(page_of(payments, rest="stop/"))

    assert answer.status_code == 409
    assert "has ended" in text_of(answer)


def test_what_the_clusters_rbac_refuses_is_shown_in_its_words(
    payments: TenantNamespace, hello: Manifest, fake: FakeCluster
) -> None:
    fake.refusals["patch", "Workflow"] = refused(403, {"message": "members cannot patch"})

    answer = signed_in(member_of(payments.team)).post(page_of(payments, rest="stop/"))

    assert answer.status_code == 403
    assert "members cannot patch" in text_of(answer)


def test_a_member_deletes_a_workflow_and_it_is_in_no_list(
    payments: TenantNamespace, hello: Manifest, fake: FakeCluster
) -> None:
    row(payments, "hello", uid=hello["metadata"]["uid"])
    client = signed_in(member_of(payments.team))
    assert "That cannot be undone" in text_of(client.get(page_of(payments)))

    answer = client.post(page_of(payments, rest="delete/"), follow=True)

    assert not [ref for ref in fake.objects if ref.kind == "Workflow"]
    assert "hello is deleted" in text_of(answer)
    assert names_in(answer) == []


def test_nobody_else_deletes_a_workflow(
    payments: TenantNamespace, hello: Manifest, fake: FakeCluster
) -> None:
    where = page_of(payments, rest="delete/")

    assert signed_in(viewer_of(payments.team)).post(where).status_code == 403
    assert signed_in(owner_of(TeamFactory())).post(where).status_code == 404
    assert signed_in(approver()).post(where).status_code == 403
    assert "Delete" not in text_of(signed_in(viewer_of(payments.team)).get(page_of(payments)))
    assert stored(fake)


def test_an_act_takes_a_post(payments: TenantNamespace, hello: Manifest) -> None:
    client = signed_in(member_of(payments.team))

    assert client.get(page_of(payments, rest="stop/")).status_code == 405
    assert client.get(f"/crons/{payments.pk}/c/suspend/").status_code == 405
