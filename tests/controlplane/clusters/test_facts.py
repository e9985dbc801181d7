"""What a preflight reads, from a cluster that has no admission at all: nothing passes there for well."""

from typing import Any

import pytest

from controlplane.clusters import base_release, facts
from controlplane.clusters.preflight import FULL, MINIMAL, Level, judged
from controlplane.clusters.rights import Right
from controlplane.kube.errors import KubeError, Unreachable, refused
from controlplane.objects import Manifest
from tests.fakes import FakeCluster

LIST = Right("", "secrets", "list")


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    monkeypatch.setattr(facts, "ACTS_WITHIN", 0.1)
    return FakeCluster()


def forbidden() -> KubeError:
    return refused(403, {"message": "you may not"})


def test_a_cluster_that_takes_whatever_it_is_given_is_refused_for_each_of_it(
    cluster: FakeCluster,
) -> None:
    found = facts.gather(cluster, ())

    assert (found.quota.acts, found.pod_security.acts, found.serves_policies) == (False,) * 3
    refused_for = {v.about for v in judged(found) if v.level is Level.REFUSE}
    assert refused_for == {"Kubernetes", "quotas", "Pod Security", "admission policies"}
    assert not any(ref.name.startswith("argosy-preflight") for ref in cluster.objects)


def test_what_may_not_be_read_is_told_and_the_rest_is_looked_at(cluster: FakeCluster) -> None:
    cluster.refusals = {
        ("list", "Deployment"): forbidden(),
        ("get", "CustomResourceDefinition"): forbidden(),
        ("create", "Namespace"): forbidden(),
    }
    cluster.allows = lambda spec: spec["resourceAttributes"]["verb"] not in {"*", "list"}

    found = facts.gather(cluster, (LIST, Right("", "pods", "create")))

    assert (found.controllers, found.definitions) == (None, None)
    assert found.missing == (LIST,)
    assert (found.quota.acts, found.quota.why) == (None, "you may not")
    assert (found.pod_security.acts, found.pod_security.why) == (None, "you may not")


def test_a_cluster_that_is_away_has_no_facts(cluster: FakeCluster) -> None:
    cluster.unreachable = True

    with pytest.raises(Unreachable):
        facts.gather(cluster, ())


def test_who_may_do_all_is_not_asked_for_each_right(cluster: FakeCluster) -> None:
    asked: list[Manifest] = []
    cluster.allows = lambda spec: asked.append(spec) is None

    found = facts.gather(cluster, (LIST,) * 50)

    assert (found.may_do_all, found.missing, len(asked)) == (True, (), 1)


def deployment(labels: dict[str, str] | None = None, **container: Any) -> Manifest:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "argo", "namespace": "argo", "labels": labels or {}},
        "spec": {"template": {"spec": {"containers": [{"name": "c", **container}]}}},
    }


QUAY = "quay.io/argoproj/workflow-controller"


@pytest.mark.parametrize(
    ("made", "found"),
    [
        (deployment(image=f"{QUAY}:v3.5.0"), [True]),
        (deployment(image=f"{QUAY}@sha256:{'0' * 64}"), [True]),
        (deployment(image="mirror:5000/x/workflow-controller"), [True]),
        (deployment(image="a/b:1", command=["/bin/workflow-controller"]), [True]),
        (deployment(image=QUAY, args=["--namespaced"]), [False]),
        (deployment(image=QUAY, args=["--namespaced=true"]), [False]),
        (deployment(image=QUAY, args=["--namespaced=false"]), [True]),
        (deployment(image=QUAY, env=[{"name": "ARGO_NAMESPACED", "value": "true"}]), [False]),
        (deployment(image="nginx:1"), []),
        (deployment(image="a/not-workflow-controller:1"), []),
        (deployment({"argosy.dev/managed": "true"}, image=QUAY), []),
    ],
)
def test_an_argo_controller_is_known_however_it_is_written(
    cluster: FakeCluster, made: Manifest, found: list[bool]
) -> None:
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "argo"}})
    cluster.create(made)

    controllers = facts.gather(cluster, ()).controllers

    assert controllers is not None
    assert [controller.cluster_wide for controller in controllers] == found


def full(name: str, **fields: Any) -> Manifest:
    schema = {"properties": {"spec": {"properties": {"entrypoint": {}, **fields}}}}
    version = {"name": "v1alpha1", "served": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": base_release.CRD,
        "metadata": {"name": name, "labels": {"app.kubernetes.io/managed-by": "Helm"}},
        "spec": {"versions": [version]},
    }


@pytest.mark.parametrize(
    ("fields", "line"), [({"schedule": {}, "schedules": {}}, "3.x"), ({"schedules": {}}, "4.x")]
)
def test_full_kinds_tell_which_argo_they_are_of_and_who_keeps_them(
    cluster: FakeCluster, fields: dict[str, Any], line: str
) -> None:
    cluster.apply(full("cronworkflows.argoproj.io", **fields))

    (found,) = facts.gather(cluster, ()).definitions or ()

    assert (found.flavour, found.line, found.keeper) == (FULL, line, "Helm")


def test_the_platforms_own_kinds_are_minimal_and_nobody_elses(cluster: FakeCluster) -> None:
    for manifest in base_release.crds():
        cluster.apply(manifest)

    found = facts.gather(cluster, ()).definitions or ()

    assert {(d.flavour, d.keeper) for d in found} == {(MINIMAL, "")}
    assert len(found) == len(base_release.crds())
