"""Who sees a team's workflows and may act on them, and who finds nothing."""

import pytest
from django.test import Client

from controlplane.objects import Manifest
from tenants.models import TenantNamespace
from tests.controlplane.console.pages import signed_in
from tests.controlplane.console.workflows.stories import names_in, page_of, row, stored, text_of
from tests.factories import (
    TeamFactory,
    Who,
    approver,
    owner_of,
    platform_admin,
    viewer_of,
)
from tests.fakes import FakeCluster

pytestmark = pytest.mark.django_db


def every_page(namespace: TenantNamespace) -> list[str]:
    return [
        "/workflows/",
        "/workflows/submit/",
        "/crons/",
        page_of(namespace),
        page_of(namespace, rest="log/"),
    ]


def test_a_stranger_is_sent_to_sign_in(payments: TenantNamespace, hello: Manifest) -> None:
    posts = [page_of(payments, rest="stop/"), f"/crons/{payments.pk}/c/suspend/"]

    answers = [Client().get(page) for page in every_page(payments)]
    answers += [Client().post(page) for page in [*posts, "/workflows/views/", "/workflows/submit/"]]

    assert {(a.status_code, a["Location"].partition("?")[0]) for a in answers} == {
        (302, "/sign-in/")
    }


def test_another_team_finds_nothing_and_can_do_nothing(
    payments: TenantNamespace, hello: Manifest, fake: FakeCluster
) -> None:
    row(payments, "hello")
    other = signed_in(owner_of(TeamFactory()))

    assert other.get(page_of(payments)).status_code == 404
    assert other.get(page_of(payments, rest="log/?node=a")).status_code == 404
    for verb in ("stop", "terminate", "suspend", "resume", "resubmit"):
        assert other.post(page_of(payments, rest=f"{verb}/")).status_code == 404
    assert other.post(f"/crons/{payments.pk}/c/suspend/").status_code == 404
    assert not names_in(other.get("/workflows/"))
    sent = {"namespace": payments.pk, "from": "yaml", "manifest": "kind: Workflow"}
    assert other.post("/workflows/submit/", sent).status_code == 404
    assert not [c for c in fake.calls if not c.startswith(("apply", "create Workflow hello"))]


@pytest.mark.parametrize("who", [approver, platform_admin])
def test_the_platforms_people_are_told_that_a_teams_workflows_are_its_own(
    payments: TenantNamespace, hello: Manifest, who: Who
) -> None:
    row(payments, "hello")
    client = signed_in(who())

    answer = client.get(page_of(payments))

    assert answer.status_code == 403
    assert "its own business" in text_of(answer)
    assert not names_in(client.get("/workflows/"))


def test_a_viewer_sees_no_buttons_and_is_refused(
    payments: TenantNamespace, hello: Manifest, fake: FakeCluster
) -> None:
    client = signed_in(viewer_of(payments.team))

    assert "Terminate" not in text_of(client.get(page_of(payments)))
    for verb in ("stop", "terminate", "suspend", "resume", "resubmit"):
        answer = client.post(page_of(payments, rest=f"{verb}/"))
        assert answer.status_code == 403
        assert "may look at workflows" in text_of(answer)
    assert stored(fake)["spec"] == {"entrypoint": "main"}
    assert "no namespace that you may submit to" in text_of(client.get("/workflows/submit/"))


@pytest.mark.parametrize("path", ["nope/", "..%2f..%2fsecrets/", "UPPER/", "hello/explode/"])
def test_what_is_no_workflow_and_no_act_is_not_found(payments: TenantNamespace, path: str) -> None:
    client = signed_in(owner_of(payments.team))

    answer = client.get(f"/namespaces/{payments.pk}/workflows/{path}")

    assert answer.status_code == 404
