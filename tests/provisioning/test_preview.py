"""What an approver is shown: each object with the API server's verdict, before anything is made."""

from typing import Any

import pytest

from controlplane.clusters.base_release import SCRATCH
from controlplane.clusters.models import Cluster
from controlplane.kube.door import Connection
from controlplane.kube.errors import Unreachable, refused
from controlplane.objects import Manifest
from provisioning import preview as previewing
from provisioning.desired import Desired
from provisioning.preview import preview
from tests.fakes import FakeCluster, FakeHelm

from .manifests import desired_of, spec_of


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    """A cluster with the scratch namespace; what would be made is known."""
    cluster = FakeCluster()
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SCRATCH}})
    connection = Connection(kube=cluster, helm=FakeHelm(cluster, lambda _: ()))
    monkeypatch.setattr(previewing, "connect", lambda _: connection)
    monkeypatch.setattr(previewing, "render", lambda _: desired_of())
    return cluster


def here() -> Cluster:
    return Cluster(name="local")


def test_every_object_is_tried_and_nothing_is_made(cluster: FakeCluster) -> None:
    before = dict(cluster.objects)

    shown = preview(spec_of(), here())

    assert shown.problems == ()
    assert {o.verdict for o in shown.objects} == {"ok"}
    assert shown.hash == desired_of().fingerprint
    assert cluster.objects == before
    tried = [call for call in cluster.calls if call.startswith("dry-run")]
    assert len(tried) == len(shown.objects)


def test_what_the_cluster_refuses_is_a_problem_with_its_own_sentence(cluster: FakeCluster) -> None:
    cluster.refusals[("dry-run", "ResourceQuota")] = refused(
        422, {"message": "hard: Invalid value"}
    )

    shown = preview(spec_of(), here())

    assert len(shown.problems) == 1
    assert "hard: Invalid value" in shown.problems[0]


@pytest.mark.parametrize(
    "labels",
    [
        {},
        {"argosy.dev/managed": "true", "argosy.dev/namespace": "payments", "argosy.dev/team": "x"},
    ],
)
def test_a_name_that_somebody_else_has_on_the_cluster_is_a_problem(
    cluster: FakeCluster, labels: dict[str, str]
) -> None:
    theirs = {"name": "payments-argo", "labels": labels}
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": theirs})

    shown = preview(spec_of(), here())

    assert len(shown.problems) == 1
    assert "payments-argo exists on local already" in shown.problems[0]
    assert not [call for call in cluster.calls if call.startswith("dry-run")]


def test_a_cluster_that_does_not_answer_has_no_plan(cluster: FakeCluster) -> None:
    cluster.unreachable = True

    with pytest.raises(Unreachable):
        preview(spec_of(), here())


def test_a_cluster_that_is_slow_on_every_object_is_not_asked_about_all_of_them(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(previewing, "SECONDS", -1.0)

    with pytest.raises(Unreachable, match="has not checked the plan within"):
        preview(spec_of(), here())
    assert not [call for call in cluster.calls if call.startswith("dry-run")]


NOT_THERE = refused(404, {"message": 'roles.rbac.authorization.k8s.io "argosy-owner" not found'})
RBAC = "rbac.authorization.k8s.io/v1"


def _of_rbac(kind: str, **more: Any) -> Manifest:
    metadata = {"name": "argosy-owner", "namespace": "payments"}
    return {"apiVersion": RBAC, "kind": kind, "metadata": metadata, **more}


@pytest.mark.parametrize("planned", [True, False])
def test_a_role_that_comes_before_its_binding_need_not_be_there_yet(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch, *, planned: bool
) -> None:
    binding = _of_rbac("RoleBinding", roleRef={"kind": "Role", "name": "argosy-owner"})
    made = (_of_rbac("Role", rules=[]), binding) if planned else (binding,)
    monkeypatch.setattr(previewing, "render", lambda _: Desired(guard_rails=made))
    cluster.refusals["dry-run", "RoleBinding"] = NOT_THERE

    shown = preview(spec_of(), here())

    assert bool(shown.problems) is not planned
