"""A team's secrets on a real API server: delivered by the least role, put right, told to Argo, removed."""

import gzip
from base64 import b64decode, b64encode
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from controlplane.kube.gateway import KubeGateway
from controlplane.objects import Manifest, Ref
from controlplane.secrets import delivering, services
from controlplane.secrets.models import DeliveryState, Round, Secret
from controlplane.secrets.services import Given
from tenants.models import TenantNamespace
from tests.factories import owner_of

from .conftest import turns_until

pytestmark = pytest.mark.cluster
CANARY = "canary-on-a-cluster-77c1"
S3 = {"endpoint": "s3.example.com", "bucket": "payments", "tls": "yes"}


def kept(namespace: TenantNamespace, name: str, kind: str, given: Given) -> Secret:
    by = owner_of(namespace.team)
    return services.add(
        team=namespace.team, name=name, kind=kind, given=given, by=by, now=timezone.now()
    )


def go_through(namespace: TenantNamespace) -> delivering.Done | None:
    Round.objects.filter(namespace=namespace).update(due_at=timezone.now() - timedelta(1))
    return delivering.deliver(namespace.pk)


def found(kube: KubeGateway, namespace: str, name: str) -> Manifest | None:
    return kube.get(Ref("v1", "Secret", namespace, name))


def data_of(manifest: Manifest | None) -> dict[str, bytes]:
    assert manifest is not None
    return {key: b64decode(value) for key, value in manifest["data"].items()}


def test_a_secret_comes_changes_is_put_right_and_goes(
    ready: TenantNamespace, kube: KubeGateway
) -> None:
    owner = owner_of(ready.team)
    secret = kept(ready, "it", "opaque", Given(values={"old": b"1", "both": b"1"}))
    assert go_through(ready) == delivering.Done(changed=1)
    assert data_of(found(kube, ready.name, "it")) == {"old": b"1", "both": b"1"}
    assert go_through(ready) == delivering.Done()

    services.renew(secret, given=Given(values={"both": b"2"}), by=owner, now=timezone.now())
    go_through(ready)
    assert data_of(found(kube, ready.name, "it")) == {"both": b"2"}

    more = {"data": {"both": "WA==", "more": "WA=="}}
    kube.patch(Ref("v1", "Secret", ready.name, "it"), more, manager="somebody")
    go_through(ready)
    assert data_of(found(kube, ready.name, "it")) == {"both": b"2"}
    assert go_through(ready) == delivering.Done()

    services.remove(secret, by=owner, now=timezone.now())
    go_through(ready)
    assert found(kube, ready.name, "it") is None


def test_one_of_another_type_is_made_anew_and_somebody_elses_is_left(
    ready: TenantNamespace, kube: KubeGateway
) -> None:
    theirs: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "theirs", "namespace": ready.name},
        "data": {"a": "MQ=="},
    }
    kube.create(theirs)
    ours = kept(ready, "ours", "opaque", Given(values={"a": b"1"}))
    taken = kept(ready, "theirs", "opaque", Given(values={"a": b"2"}))
    go_through(ready)
    made = found(kube, ready.name, "ours")
    assert made is not None
    ref = Ref("v1", "Secret", ready.name, "ours")
    kube.delete(ref)
    labels = {"name": "ours", "namespace": ready.name, "labels": made["metadata"]["labels"]}
    kube.create({**theirs, "metadata": labels, "type": "example.com/another", "data": {}})

    go_through(ready)

    assert data_of(found(kube, ready.name, "ours")) == {"a": b"1"}
    assert ours.deliveries.get().state == DeliveryState.DELIVERED
    assert data_of(found(kube, ready.name, "theirs")) == {"a": b"1"}
    assert taken.deliveries.get().state == DeliveryState.TAKEN


def egress(kube: KubeGateway, namespace: str, name: str) -> list[Any]:
    found = kube.get(Ref("networking.k8s.io/v1", "NetworkPolicy", namespace, name))
    assert found is not None
    return list(found["spec"]["egress"])


def read_by_the_controller(kube: KubeGateway, control: str) -> set[str]:
    found = kube.get(Ref("rbac.authorization.k8s.io/v1", "Role", control, "workflow-controller"))
    assert found is not None
    rules = [rule for rule in found["rules"] if "secrets" in rule["resources"]]
    assert all(rule["verbs"] == ["get"] for rule in rules)
    return {name for rule in rules for name in rule["resourceNames"]}


def test_pods_reach_what_a_secret_opens_for_as_long_as_it_is_there(
    ready: TenantNamespace, kube: KubeGateway, settings: Settings
) -> None:
    settings.STORE_NETWORKS = ["10.20.0.0/16"]
    control = ready.spec().control
    before = egress(kube, ready.name, "workflow-pods"), egress(kube, control, "workflow-controller")
    keys = {"access_key": b"AKIA", "secret_key": CANARY.encode()}
    bucket = kept(ready, "artifacts", "s3", Given({**S3, "endpoint": "s3.example.com:9000"}, keys))
    place = {"host": "db.example.com", "database": "a", "user": "a", "sslmode": "require"}
    archive = kept(ready, "archive", "archive", Given(place, {"password": CANARY.encode()}))

    go_through(ready)
    turns_until(ready, "Ready")

    to = [{"ipBlock": {"cidr": "10.20.0.0/16"}}]
    assert egress(kube, ready.name, "workflow-pods") == [
        *before[0], {"to": to, "ports": [{"protocol": "TCP", "port": 9000}]}
    ]  # fmt: skip
    assert egress(kube, control, "workflow-controller") == [
        *before[1], {"to": to, "ports": [{"protocol": "TCP", "port": 5432}]}
    ]  # fmt: skip
    assert read_by_the_controller(kube, control) == {"archive"}

    for secret in (bucket, archive):
        services.remove(secret, by=owner_of(ready.team), now=timezone.now())
    go_through(ready)
    turns_until(ready, "Ready")

    after = egress(kube, ready.name, "workflow-pods"), egress(kube, control, "workflow-controller")
    assert after == before
    assert read_by_the_controller(kube, control) == set()


def test_where_no_networks_are_named_a_secret_opens_nothing(
    ready: TenantNamespace, kube: KubeGateway, settings: Settings
) -> None:
    settings.STORE_NETWORKS = []
    before = egress(kube, ready.name, "workflow-pods")
    values = {"access_key": b"AKIA", "secret_key": CANARY.encode()}
    kept(ready, "artifacts", "s3", Given(S3, values))

    go_through(ready)
    turns_until(ready, "Ready")

    assert "artifactRepository" in ready.wiring
    assert egress(kube, ready.name, "workflow-pods") == before


def test_argo_is_told_and_no_release_holds_a_value(
    ready: TenantNamespace, kube: KubeGateway
) -> None:
    values = {"access_key": b"AKIA", "secret_key": CANARY.encode()}
    kept(ready, "artifacts", "s3", Given(S3, values))

    go_through(ready)
    turns_until(ready, "Ready")

    control = ready.spec().control
    maps = kube.list("v1", "ConfigMap", control)
    told = next(m["data"] for m in maps if "artifactRepository" in (m.get("data") or {}))
    assert "bucket: payments" in told["artifactRepository"]
    releases = kube.list("v1", "Secret", control, labels="owner=helm")
    assert len(releases) > 1
    for release in releases:
        content = repr(release) + repr(told)
        opened = b64decode(b64decode(release["data"]["release"]))
        assert CANARY.encode() not in _unzipped(opened)
        assert CANARY not in content
        assert b64encode(CANARY.encode()).decode() not in content


def _unzipped(data: bytes) -> bytes:
    return gzip.decompress(data)
