"""The fake cluster and the real door behave alike: each sentence runs against both."""

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import yaml

from controlplane.kube.door import Kube
from controlplane.kube.errors import Conflict, Expired, Missing
from controlplane.kube.gateway import KubeGateway
from controlplane.objects import Manifest, Ref, ref_of
from provisioning.drift import foreign_entries
from tests.fakes import FakeCluster

OURS = "argosy"


@pytest.fixture(
    params=["fake", pytest.param("real", marks=pytest.mark.cluster)],
)
def kube(request: pytest.FixtureRequest) -> Kube:
    if request.param == "fake":
        return FakeCluster()
    cluster = request.getfixturevalue("bare_cluster")  # no policy of ours acts there
    return KubeGateway.from_kubeconfig(yaml.safe_load(cluster.kubeconfig.read_text()))


@pytest.fixture
def forget(kube: Kube, request: pytest.FixtureRequest) -> Callable[[], None]:
    """Have the API server lose what it remembers of the past."""
    if isinstance(kube, FakeCluster):
        return kube.compact
    real: Callable[[str], None] = request.getfixturevalue("forget_the_past")
    return partial(real, request.getfixturevalue("bare_cluster").name)


@pytest.fixture
def namespace(kube: Kube) -> Iterator[str]:
    name = f"contract-{uuid.uuid4().hex[:8]}"
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    kube.apply(manifest)
    yield name
    kube.delete(ref_of(manifest))


@pytest.fixture
def quota(namespace: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "team-quota", "namespace": namespace, "labels": {"a": "b"}},
        "spec": {"hard": {"pods": "10", "requests.cpu": "2"}},
    }


def test_what_is_applied_can_be_read_and_listed(kube: Kube, quota: Manifest) -> None:
    kube.apply(quota)

    found = kube.get(ref_of(quota))

    assert found is not None
    assert found["spec"]["hard"] == quota["spec"]["hard"]
    listed = kube.list("v1", "ResourceQuota", quota["metadata"]["namespace"], labels="a=b")
    assert [ref_of(m) for m in listed] == [ref_of(quota)]
    assert not kube.list("v1", "ResourceQuota", quota["metadata"]["namespace"], labels="a=c")


def test_applying_twice_changes_nothing(kube: Kube, quota: Manifest) -> None:
    first = kube.apply(quota)

    second = kube.apply(quota)

    assert first["metadata"]["generation" if "generation" in first["metadata"] else "uid"]
    assert second["metadata"]["uid"] == first["metadata"]["uid"]
    assert not foreign_entries(second, manager=OURS)


def test_a_dry_run_answers_and_keeps_nothing(kube: Kube, quota: Manifest) -> None:
    answer = kube.apply(quota, dry_run=True)

    assert answer["spec"] == quota["spec"]
    assert kube.get(ref_of(quota)) is None


def test_a_field_we_no_longer_apply_goes_away(kube: Kube, quota: Manifest) -> None:
    kube.apply(quota)

    kube.apply({**quota, "spec": {"hard": {"pods": "10"}}})

    found = kube.get(ref_of(quota))
    assert found is not None
    assert found["spec"]["hard"] == {"pods": "10"}


def test_a_patch_of_somebody_else_makes_them_an_owner(kube: Kube, quota: Manifest) -> None:
    kube.apply(quota)

    kube.patch(ref_of(quota), {"spec": {"hard": {"pods": "99"}}}, manager="somebody")

    found = kube.get(ref_of(quota))
    assert found is not None
    assert found["spec"]["hard"]["pods"] == "99"
    assert [e["manager"] for e in foreign_entries(found, manager=OURS)] == ["somebody"]


def test_our_apply_takes_a_field_back(kube: Kube, quota: Manifest) -> None:
    kube.apply(quota)
    kube.patch(ref_of(quota), {"spec": {"hard": {"pods": "99"}}}, manager="somebody")

    answer = kube.apply(quota)

    assert answer["spec"]["hard"]["pods"] == "10"
    assert not foreign_entries(answer, manager=OURS)


def test_what_somebody_added_stays_after_our_apply_and_is_theirs(
    kube: Kube, quota: Manifest
) -> None:
    kube.apply(quota)
    kube.patch(ref_of(quota), {"spec": {"hard": {"services": "1"}}}, manager="somebody")

    answer = kube.apply(quota)

    assert answer["spec"]["hard"]["services"] == "1"
    assert foreign_entries(answer, manager=OURS)


def test_a_field_that_somebody_removed_leaves_no_owner(kube: Kube, quota: Manifest) -> None:
    kube.apply(quota)

    kube.patch(ref_of(quota), {"spec": {"hard": {"pods": None}}}, manager="somebody")

    found = kube.get(ref_of(quota))
    assert found is not None
    assert "pods" not in found["spec"]["hard"]
    assert not foreign_entries(found, manager=OURS)


def test_replacing_with_our_ownership_alone_takes_others_fields_away(
    kube: Kube, namespace: str
) -> None:
    # A config map, for no controller writes to it between our two calls.
    wanted: Manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "ours", "namespace": namespace},
        "data": {"a": "1"},
    }
    kube.apply(wanted)
    kube.patch(ref_of(wanted), {"data": {"b": "2"}}, manager="somebody")
    applied = kube.apply(wanted)
    kept = {
        "resourceVersion": applied["metadata"]["resourceVersion"],
        "managedFields": [e for e in applied["metadata"]["managedFields"] if e["manager"] == OURS],
    }

    answer = kube.replace({**wanted, "metadata": {**wanted["metadata"], **kept}})

    assert answer["data"] == {"a": "1"}
    assert not foreign_entries(answer, manager=OURS)


def test_replacing_what_changed_meanwhile_is_a_conflict(kube: Kube, quota: Manifest) -> None:
    old = kube.apply(quota)
    kube.patch(ref_of(quota), {"spec": {"hard": {"pods": "99"}}}, manager="somebody")
    stale = {
        **quota,
        "metadata": {**quota["metadata"], "resourceVersion": old["metadata"]["resourceVersion"]},
    }

    with pytest.raises(Conflict):
        kube.replace(stale)


def test_creating_what_exists_is_a_conflict(kube: Kube, quota: Manifest) -> None:
    kube.create(quota)

    with pytest.raises(Conflict):
        kube.create(quota)


def test_deleting_twice_is_deleting_once(kube: Kube, quota: Manifest) -> None:
    kube.apply(quota)

    kube.delete(ref_of(quota))
    kube.delete(ref_of(quota))

    assert kube.get(ref_of(quota)) is None


def test_deleting_another_object_of_the_same_name_is_a_conflict(
    kube: Kube, quota: Manifest
) -> None:
    kube.apply(quota)

    with pytest.raises(Conflict):
        kube.delete(ref_of(quota), uid="a-uid-of-long-ago")

    assert kube.get(ref_of(quota)) is not None


def test_applying_into_a_namespace_that_is_not_there_is_missing(
    kube: Kube, quota: Manifest
) -> None:
    elsewhere = {**quota, "metadata": {**quota["metadata"], "namespace": "not-there"}}

    with pytest.raises(Missing, match="not-there"):
        kube.apply(elsewhere)


def test_pages_follow_each_other_to_the_end(kube: Kube, namespace: str) -> None:
    for number in range(5):
        name = {"name": f"c{number}", "namespace": namespace, "labels": {"mine": "yes"}}
        kube.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": name})

    names, cursor = [], ""
    while True:
        page, cursor = kube.page(
            "v1", "ConfigMap", namespace, limit=2, cursor=cursor, labels="mine=yes"
        )
        names += [m["metadata"]["name"] for m in page]
        if not cursor:
            break

    assert names == ["c0", "c1", "c2", "c3", "c4"]


def test_there_is_a_version_to_read(kube: Kube) -> None:
    assert kube.read("/version")["gitVersion"].startswith("v")


def test_what_is_not_there_is_none(kube: Kube) -> None:
    assert kube.get(Ref("v1", "Namespace", "", "nobody-made-this")) is None


def settings_of(namespace: str, name: str, label: str = "yes") -> Manifest:
    meta = {"name": name, "namespace": namespace, "labels": {"mine": label}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}


def version_of(kube: Kube, namespace: str) -> str:
    return kube.list_from("v1", "ConfigMap", namespace=namespace).resource_version


def test_every_page_of_a_listing_has_the_version_to_watch_from(kube: Kube, namespace: str) -> None:
    for number in range(3):
        kube.apply(settings_of(namespace, f"c{number}"))

    first = kube.list_from("v1", "ConfigMap", namespace=namespace, labels="mine=yes", limit=2)
    second = kube.list_from(
        "v1", "ConfigMap", namespace=namespace, labels="mine=yes", limit=2, cursor=first.cursor
    )

    assert [m["metadata"]["name"] for m in (*first.items, *second.items)] == ["c0", "c1", "c2"]
    assert second.cursor == ""
    assert first.resource_version == second.resource_version
    newest = max(int(m["metadata"]["resourceVersion"]) for m in first.items)
    assert int(first.resource_version) >= newest


def test_a_watch_tells_what_happened_since_the_listing_in_order(kube: Kube, namespace: str) -> None:
    kube.apply(settings_of(namespace, "before"))
    start = version_of(kube, namespace)
    made = kube.apply(settings_of(namespace, "new"))
    kube.patch(ref_of(made), {"data": {"a": "1"}})
    kube.delete(ref_of(made))

    stream = kube.watch(
        "v1", "ConfigMap", namespace=namespace, labels="mine=yes", resource_version=start, seconds=9
    )
    events = [next(stream) for _ in range(3)]

    assert [e.type for e in events] == ["ADDED", "MODIFIED", "DELETED"]
    assert {ref_of(e.manifest) for e in events} == {ref_of(made)}
    assert {e.manifest["metadata"]["uid"] for e in events} == {made["metadata"]["uid"]}
    versions = [int(e.manifest["metadata"]["resourceVersion"]) for e in events]
    assert versions == sorted(set(versions))
    assert min(versions) > int(start)


def test_metadata_alone_can_be_listed_and_watched_and_is_named_by_its_kind(
    kube: Kube, namespace: str
) -> None:
    kube.apply(settings_of(namespace, "before"))
    listed = kube.list_from("v1", "ConfigMap", namespace=namespace, metadata_only=True)
    made = kube.apply(settings_of(namespace, "new"))

    stream = kube.watch(
        "v1",
        "ConfigMap",
        namespace=namespace,
        labels="mine=yes",
        resource_version=listed.resource_version,
        seconds=9,
        metadata_only=True,
    )
    event = next(stream)

    before = next(m for m in listed.items if m["metadata"]["name"] == "before")
    assert ref_of(event.manifest) == ref_of(made)
    assert event.type == "ADDED"
    for manifest in (before, event.manifest):
        assert manifest.keys() == {"apiVersion", "kind", "metadata"}
        assert manifest["kind"] == "ConfigMap"
        assert [e["manager"] for e in manifest["metadata"]["managedFields"]] == ["argosy"]


def test_by_its_name_one_object_alone_is_listed_and_watched(kube: Kube, namespace: str) -> None:
    for name in ("other", "mine"):
        kube.apply(settings_of(namespace, name))
    by_name = {"namespace": namespace, "fields": "metadata.name=mine"}
    listed = kube.list_from("v1", "ConfigMap", **by_name)
    for name in ("other", "mine"):
        kube.delete(ref_of(settings_of(namespace, name)))

    stream = kube.watch(
        "v1", "ConfigMap", **by_name, resource_version=listed.resource_version, seconds=9
    )

    assert [m["metadata"]["name"] for m in listed.items] == ["mine"]
    assert next(stream).manifest["metadata"]["name"] == "mine"


def test_an_object_that_loses_the_label_is_gone_to_who_watches_by_it(
    kube: Kube, namespace: str
) -> None:
    kube.apply(settings_of(namespace, "mine"))
    start = version_of(kube, namespace)
    kube.apply(settings_of(namespace, "mine", label="no"))

    stream = kube.watch(
        "v1", "ConfigMap", namespace=namespace, labels="mine=yes", resource_version=start, seconds=9
    )

    assert next(stream).type == "DELETED"


def test_a_quiet_watch_says_bookmarks_at_most_and_ends_by_itself(
    kube: Kube, namespace: str
) -> None:
    start = version_of(kube, namespace)
    kube.apply(settings_of(namespace, "others", label="no"))
    # An API server's last bookmark, which it does not promise, comes about two seconds before the end.
    seconds = 1 if isinstance(kube, FakeCluster) else 4

    stream = kube.watch(
        "v1",
        "ConfigMap",
        namespace=namespace,
        labels="mine=yes",
        resource_version=start,
        seconds=seconds,
    )
    events = list(stream)

    if isinstance(kube, FakeCluster):  # which promises what it says at its end
        assert [e.type for e in events] == ["BOOKMARK"]
    assert {e.type for e in events} <= {"BOOKMARK"}
    assert all(int(e.manifest["metadata"]["resourceVersion"]) > int(start) for e in events)


def test_a_version_of_long_ago_has_expired(
    kube: Kube, namespace: str, forget: Callable[[], None]
) -> None:
    start = version_of(kube, namespace)
    kube.apply(settings_of(namespace, "new"))
    forget()

    with pytest.raises(Expired):
        list(kube.watch("v1", "ConfigMap", namespace=namespace, resource_version=start, seconds=9))


def test_the_log_of_a_pod_that_is_not_there_is_missing(kube: Kube, namespace: str) -> None:
    with pytest.raises(Missing):
        kube.logs(namespace, "nothing", "main", limit_bytes=1000)


def test_the_log_of_a_pod_that_is_on_no_node_is_empty(kube: Kube, namespace: str) -> None:
    account = {"name": "default", "namespace": namespace}
    kube.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
    kube.apply(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "waits", "namespace": namespace},
            "spec": {
                "schedulerName": "nobody",
                "automountServiceAccountToken": False,
                "containers": [{"name": "main", "image": "example.com/step:1"}],
            },
        }
    )

    since = "2026-01-01T00:00:00Z"
    assert not kube.logs(
        namespace, "waits", "main", since_time=since, tail_lines=5, limit_bytes=1000
    )


def test_an_account_has_a_token_that_ends_and_another_has_none(kube: Kube, namespace: str) -> None:
    metadata = {"name": "reader", "namespace": namespace}
    kube.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})

    plain, ends = kube.account_token(namespace, "reader", seconds=3600)

    assert plain
    assert timedelta(minutes=50) < ends - datetime.now(UTC) < timedelta(minutes=70)
    with pytest.raises(Missing):
        kube.account_token(namespace, "nobody", seconds=3600)
