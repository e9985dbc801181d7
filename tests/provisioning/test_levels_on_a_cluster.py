"""Submitting and reading workflows through the API on a real cluster: its RBAC decides, by level."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from controlplane.identity.models import User
from controlplane.kube.gateway import KubeGateway
from controlplane.objects import Ref
from tenants.models import Team, TenantNamespace
from tests.factories import PersonFactory, TeamFactory, approver, owner_of

pytestmark = pytest.mark.cluster

WORKFLOW = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Workflow",
    "metadata": {"name": "hello"},
    "spec": {"entrypoint": "main", "templates": [{"name": "main", "suspend": {}}]},
}


@pytest.fixture
def levels(team: Team) -> dict[str, User]:
    """A person of each level of the team, and people who have none in it."""
    for level in ("member", "viewer"):
        setattr(team, f"{level}_group", f"payments-{level}s")
    team.save()
    mine = {
        level: PersonFactory(claimed_groups=[f"payments-{level}s"])
        for level in ("owner", "member", "viewer")
    }
    return mine | {"stranger": owner_of(TeamFactory()), "approver": approver()}


def calling(who: User, method: str, namespace: TenantNamespace, name: str = "", **said: Any) -> int:
    client = APIClient()
    client.force_authenticate(who)
    path = f"/api/v1/namespaces/{namespace.pk}/workflows/{f'{name}/' if name else ''}"
    answer = getattr(client, method)(path, said or None, format="json")
    return int(answer.status_code)


def test_members_submit_viewers_read_and_others_see_nothing(
    ready: TenantNamespace, levels: dict[str, User], kube: KubeGateway
) -> None:
    hello = Ref("argoproj.io/v1alpha1", "Workflow", ready.name, "hello")

    refused = {
        who: calling(levels[who], "post", ready, manifest=WORKFLOW)
        for who in ("viewer", "stranger", "approver")
    }
    assert refused == {"viewer": 403, "stranger": 404, "approver": 403}
    assert kube.get(hello) is None

    assert calling(levels["member"], "post", ready, manifest=WORKFLOW) == 201
    found = kube.get(hello)
    assert found is not None
    assert found["spec"]["serviceAccountName"] == "workflow-runner"
    seen = {who: calling(levels[who], "get", ready, "hello") for who in levels}
    assert seen == {"owner": 200, "member": 200, "viewer": 200, "stranger": 404, "approver": 403}
