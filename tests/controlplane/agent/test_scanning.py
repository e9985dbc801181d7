"""Everything that runs is looked at, told once, and nothing is called clean that was not seen whole."""

from collections.abc import Mapping
from typing import Any

import pytest

from controlplane.agent import scanning
from controlplane.agent.scanning import Scan
from controlplane.kube.errors import Unreachable
from controlplane.policies.bundle import Bundle
from controlplane.policies.document import Document, Repositories, Scope
from controlplane.policies.facts import NO_FACTS
from tests.fakes.cluster import FakeCluster
from tests.street import NOW, bundle_of

GOOD, EVIL = "harbor.acme.test/payments/api:1", "evil.io/miner:1"
POLICY = Document(
    name="payments",
    scopes=(Scope(("payments",), (Repositories("harbor.acme.test", "payments/**"),)),),
)


@pytest.fixture
def kube() -> FakeCluster:
    kube = FakeCluster()
    for name in ("payments", "foreign"):
        put(kube, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return kube


def put(kube: FakeCluster, manifest: dict[str, Any]) -> None:
    status = manifest.get("status")
    kube.create(manifest)
    if status:
        ref = next(
            r
            for r in kube.objects
            if (r.kind, r.name) == (manifest["kind"], manifest["metadata"]["name"])
        )
        kube.objects[ref].manifest["status"] = status


def pod(
    name: str,
    image: str,
    *,
    namespace: str = "payments",
    owner: Mapping[str, Any] | None = None,
    phase: str = "Running",
) -> dict[str, Any]:
    meta: dict[str, Any] = {"name": name, "namespace": namespace}
    if owner:
        meta["ownerReferences"] = [{"controller": True, **owner}]
    spec = {"containers": [{"name": "main", "image": image}]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta,
        "spec": spec,
        "status": {"phase": phase},
    }


def deployment(name: str, image: str) -> dict[str, Any]:
    spec = {"template": {"spec": {"containers": [{"name": "main", "image": image}]}}}
    meta = {"name": name, "namespace": "payments"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}


def scanned(kube: FakeCluster, bundle: Bundle | None = None) -> Scan:
    held = bundle or bundle_of(POLICY)
    return scanning.scan(kube, held, NO_FACTS, at=NOW, beat=lambda: None)


def places(found: Scan) -> list[tuple[str, str, str]]:
    return sorted((s.kind, s.name, s.image) for s in found.sightings)


def test_a_bad_pod_is_told_and_a_good_one_makes_its_namespace_clean(kube: FakeCluster) -> None:
    put(kube, pod("bad", EVIL))
    put(kube, pod("good", GOOD))

    found = scanned(kube)

    assert places(found) == [("Pod", "bad", EVIL)]
    assert {(s.state, s.source, s.at) for s in found.sightings} == {("running", "scanner", NOW)}
    assert [(s.namespace, s.images, s.at) for s in found.scanned] == [("payments", 2, NOW)]
    assert {a.image for a in found.admitted} == {GOOD, EVIL}


def test_other_peoples_namespaces_are_never_looked_into(kube: FakeCluster) -> None:
    put(kube, pod("bad", EVIL, namespace="foreign"))

    found = scanned(kube)

    assert found.sightings == ()
    assert found.objects == 0


def test_what_has_ended_runs_nothing(kube: FakeCluster) -> None:
    put(kube, pod("done", EVIL, phase="Succeeded"))

    assert scanned(kube).sightings == ()


def test_of_a_deployment_and_its_hundred_pods_the_deployment_is_told(kube: FakeCluster) -> None:
    put(kube, deployment("web", EVIL))
    for number in range(100):
        put(kube, pod(f"web-{number}", EVIL, owner={"kind": "ReplicaSet", "name": "web-1"}))

    assert places(scanned(kube)) == [("Deployment", "web", EVIL)]


def test_pods_that_run_what_their_maker_no_longer_names_are_told_by_its_name(
    kube: FakeCluster,
) -> None:
    put(kube, deployment("web", GOOD))
    for number in range(3):
        put(kube, pod(f"web-{number}", EVIL, owner={"kind": "ReplicaSet", "name": "web-1"}))

    assert places(scanned(kube)) == [("ReplicaSet", "web-1", EVIL)]


def test_a_team_in_audit_learns_what_would_be_refused(kube: FakeCluster) -> None:
    put(kube, pod("bad", EVIL))
    audit = Document(name="payments", mode="audit", scopes=POLICY.scopes)

    assert places(scanned(kube, bundle_of(audit))) == [("Pod", "bad", EVIL)]


def test_every_page_is_read_and_the_list_forgotten_on_the_way_is_begun_anew(
    kube: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanning, "PAGE", 2)
    for number in range(7):
        put(kube, pod(f"p-{number}", EVIL))
    page, forgotten = kube.page, []

    def forgetful(*args: Any, **more: Any) -> Any:
        if more.get("cursor") and not forgotten:
            forgotten.append(more)
            kube.compacted = 10**9
        try:
            return page(*args, **more)
        finally:
            kube.compacted = 0

    monkeypatch.setattr(kube, "page", forgetful)

    assert len(scanned(kube).sightings) == 7
    assert forgotten


def test_where_something_could_not_be_read_nothing_is_called_clean(
    kube: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(kube, pod("bad", EVIL))
    page = kube.page

    def broken(api_version: str, kind: str, *args: Any, **more: Any) -> Any:
        if kind == "CronWorkflow":
            raise Unreachable("no answer")
        return page(api_version, kind, *args, **more)

    monkeypatch.setattr(kube, "page", broken)
    found = scanned(kube)

    assert found.scanned == ()
    assert len(found.sightings) == 1
    assert "no answer" in found.problem


def test_more_than_can_be_told_is_not_called_clean(
    kube: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanning, "MOST_FOUND", 2)
    for number in range(3):
        put(kube, pod(f"p-{number}", EVIL))

    found = scanned(kube)

    assert len(found.sightings) == 2
    assert found.scanned == ()
