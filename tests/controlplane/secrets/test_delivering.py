"""A secret in its namespaces: there in its newest version, nowhere else, and gone when it is removed."""

from base64 import b64decode
from datetime import timedelta

import pytest
from django.utils import timezone

from controlplane.identity.models import User
from controlplane.kube.errors import Unreachable, refused
from controlplane.objects import Manifest, Ref
from controlplane.secrets import delivering, rounds, services, tasks
from controlplane.secrets.manifests import SECRET
from controlplane.secrets.models import Delivery, DeliveryState, Round
from controlplane.secrets.services import Given
from tenants.models import Team, TenantNamespace
from tests.factories import NamespaceFactory, TeamFactory, owner_of
from tests.fakes import FakeCluster

from .conftest import CANARY, S3, Keep, brought_up

pytestmark = pytest.mark.django_db


def secret_in(there: FakeCluster, namespace: str, name: str) -> Manifest | None:
    return there.get(Ref("v1", "Secret", namespace, name))


def data_of(there: FakeCluster, namespace: str, name: str) -> dict[str, bytes]:
    found = secret_in(there, namespace, name)
    assert found is not None
    return {key: b64decode(value) for key, value in found["data"].items()}


def go_through(namespace: TenantNamespace) -> delivering.Done | None:
    return delivering.deliver(namespace.pk)


def again(namespace: TenantNamespace) -> delivering.Done | None:
    """As if its time had come once more."""
    Round.objects.filter(namespace=namespace).update(due_at=timezone.now() - timedelta(1))
    return go_through(namespace)


def test_a_secret_comes_to_all_of_its_teams_namespaces_and_to_no_others(
    keep: Keep, there: FakeCluster, team: Team
) -> None:
    ours = [brought_up(there, team, name) for name in ("atlas-dev", "atlas-prod")]
    theirs = brought_up(there, TeamFactory(), "borealis")
    keep("token", "opaque")

    for each in (*ours, theirs):
        go_through(each)

    for each in ours:
        assert data_of(there, each.name, "token") == {"token": CANARY.encode()}
    held = {ref.namespace for ref in there.objects if ref.kind == "Secret"}
    assert held == {"atlas-dev", "atlas-prod"}


def test_a_secret_of_one_namespace_is_in_that_one_alone(
    keep: Keep, there: FakeCluster, team: Team
) -> None:
    one, other = (brought_up(there, team, name) for name in ("one", "other"))
    keep("token", "opaque", namespace=one)
    rounds.begin_new(timezone.now())

    go_through(one)
    go_through(other)

    assert secret_in(there, "one", "token")
    assert secret_in(there, "other", "token") is None


@pytest.mark.parametrize(
    ("kind", "settings", "values", "where", "keys"),
    [
        ("s3", S3, {"access_key": b"a", "secret_key": b"b"}, "atlas-prod", {"accesskey", "secretkey"}),
        (
            "archive",
            {"host": "db", "database": "atlas", "user": "atlas"},
            {"password": b"p"},
            "atlas-prod-argo",
            {"username", "password"},
        ),
        (
            "oidc",
            {"issuer": "https://id.example.com", "client_id": "atlas"},
            {"client_secret": b"p"},
            "atlas-prod-argo",
            {"client-id", "client-secret"},
        ),
        (
            "pull",
            {"registry": "ghcr.io", "username": "atlas"},
            {"password": b"p"},
            "atlas-prod",
            {".dockerconfigjson"},
        ),
    ],
)  # fmt: skip
def test_each_kind_is_where_it_is_read_and_nowhere_else(
    keep: Keep, there: FakeCluster, namespace: TenantNamespace,
    kind: str, settings: dict[str, str], values: dict[str, bytes], where: str, keys: set[str],
) -> None:  # fmt: skip
    """Whoever may run pods reads what is in the workload namespace: a database's password is not there."""
    keep("it", kind, settings=settings, values=values)

    go_through(namespace)

    assert set(data_of(there, where, "it")) == keys
    assert [r.namespace for r in there.objects if r.kind == "Secret"] == [where]


def test_a_new_version_reaches_the_copy_and_leaves_nothing_of_the_old_one(
    keep: Keep, there: FakeCluster, namespace: TenantNamespace, owner: User
) -> None:
    secret = keep("it", "opaque", values={"old": b"1", "both": b"1"})
    go_through(namespace)

    services.renew(secret, given=Given(values={"both": b"2"}), by=owner, now=timezone.now())
    go_through(namespace)

    assert data_of(there, "atlas-prod", "it") == {"both": b"2"}
    assert secret.deliveries.get().version == 2


def test_removing_takes_it_from_every_namespace_and_nothing_else(
    keep: Keep, there: FakeCluster, namespace: TenantNamespace, owner: User
) -> None:
    secret, stays = keep("it", "opaque"), keep("stays", "opaque")
    go_through(namespace)

    services.remove(secret, by=owner, now=timezone.now())
    go_through(namespace)

    assert secret_in(there, "atlas-prod", "it") is None
    assert secret_in(there, "atlas-prod", "stays")
    assert [d.secret for d in Delivery.objects.all()] == [stays]


def test_one_that_somebody_made_by_that_name_is_not_touched_and_it_is_told(
    keep: Keep, there: FakeCluster, namespace: TenantNamespace, owner: User
) -> None:
    theirs = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "it", "namespace": "atlas-prod"},
        "data": {"a": "MQ=="},
    }
    there.create(theirs)
    secret = keep("it", "opaque")

    done = go_through(namespace)

    assert done
    assert done.failures
    assert data_of(there, "atlas-prod", "it") == {"a": b"1"}
    delivery = secret.deliveries.get()
    assert delivery.state == DeliveryState.TAKEN
    assert "that the platform did not make" in delivery.sentence
    services.remove(secret, by=owner, now=timezone.now())
    again(namespace)
    assert data_of(there, "atlas-prod", "it") == {"a": b"1"}


def test_one_that_somebody_put_in_the_place_of_ours_is_not_removed_with_it(
    keep: Keep, there: FakeCluster, namespace: TenantNamespace, owner: User
) -> None:
    secret = keep("it", "opaque")
    go_through(namespace)
    ref = Ref("v1", "Secret", "atlas-prod", "it")
    there.delete(ref)
    there.create(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "it", "namespace": "atlas-prod"},
        }
    )

    services.remove(secret, by=owner, now=timezone.now())
    go_through(namespace)

    assert there.get(ref)
    assert not Delivery.objects.exists()


@pytest.mark.parametrize("labels", [{}, {SECRET: "999999"}])
def test_an_object_with_another_secrets_label_is_not_ours(
    keep: Keep, there: FakeCluster, namespace: TenantNamespace, labels: dict[str, str]
) -> None:
    there.create(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "it", "namespace": "atlas-prod", "labels": labels},
        }
    )
    secret = keep("it", "opaque")

    go_through(namespace)

    assert secret.deliveries.get().state == DeliveryState.TAKEN


def test_what_somebody_changed_or_added_is_put_right(
    keep: Keep, there: FakeCluster, namespace: TenantNamespace
) -> None:
    keep("it", "opaque", values={"a": b"1"})
    go_through(namespace)
    there.patch(Ref("v1", "Secret", "atlas-prod", "it"), {"data": {"a": "Mg==", "more": "Mg=="}})

    again(namespace)

    assert data_of(there, "atlas-prod", "it") == {"a": b"1"}


def test_what_somebody_deleted_is_there_again(
    keep: Keep, there: FakeCluster, namespace: TenantNamespace
) -> None:
    keep("it", "opaque")
    go_through(namespace)
    there.delete(Ref("v1", "Secret", "atlas-prod", "it"))

    again(namespace)

    assert secret_in(there, "atlas-prod", "it")


def test_a_round_with_nothing_to_do_writes_nothing_and_reads_no_content(
    keep: Keep, there: FakeCluster, namespace: TenantNamespace
) -> None:
    keep("it", "opaque")
    go_through(namespace)
    there.calls.clear()

    done = again(namespace)

    assert done == delivering.Done()
    assert [c for c in there.calls if "Secret" in c and not c.startswith("list")] == []


def test_a_name_that_is_free_again_is_the_next_ones_in_the_same_round(
    keep: Keep, there: FakeCluster, namespace: TenantNamespace, owner: User
) -> None:
    old = keep("it", "opaque", values={"a": b"1"})
    go_through(namespace)
    services.remove(old, by=owner, now=timezone.now())
    keep("it", "opaque", values={"b": b"2"})

    go_through(namespace)

    assert data_of(there, "atlas-prod", "it") == {"b": b"2"}


def test_each_secret_fails_for_itself(
    keep: Keep, there: FakeCluster, namespace: TenantNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quota of Secrets, say, that has room for one."""
    made = there.create

    def full(manifest: Manifest) -> Manifest:
        if manifest["metadata"]["name"] == "aaa":
            raise refused(403, {"message": "exceeded quota: secrets", "reason": "Forbidden"})
        return made(manifest)

    monkeypatch.setattr(there, "create", full)
    bad, good = keep("aaa", "opaque"), keep("bbb", "opaque")

    done = go_through(namespace)

    assert done
    assert done.failures == ("exceeded quota: secrets",)
    assert bad.deliveries.get().state == DeliveryState.FAILED
    assert good.deliveries.get().state == DeliveryState.DELIVERED


def test_a_cluster_that_does_not_answer_is_asked_again_ever_later_and_then_has_it(
    keep: Keep, there: FakeCluster, namespace: TenantNamespace
) -> None:
    keep("it", "opaque")
    there.unreachable = True

    done = go_through(namespace)

    assert done
    assert done.silent
    assert Round.objects.get().failures == 1
    assert Round.objects.get().due_at > timezone.now() + timedelta(seconds=3)
    there.unreachable = False
    again(namespace)
    assert secret_in(there, "atlas-prod", "it")
    assert Round.objects.get().failures == 0


def test_nothing_comes_to_a_namespace_that_is_not_there_yet_goes_or_is_not_ours(
    keep: Keep, there: FakeCluster, team: Team, namespace: TenantNamespace
) -> None:
    waiting = NamespaceFactory(team=team, name="waiting")
    leaving = brought_up(there, team, "leaving")
    leaving.deletion_requested_at = timezone.now()
    leaving.save()
    there.patch(
        Ref("v1", "Namespace", "", "atlas-prod"), {"metadata": {"labels": {"argosy.dev/team": "x"}}}
    )
    keep("it", "opaque")

    for each in (waiting, leaving, namespace):
        go_through(each)

    assert not [ref for ref in there.objects if ref.kind == "Secret"]


def test_a_change_that_comes_during_a_round_is_due_at_once(
    keep: Keep, there: FakeCluster, namespace: TenantNamespace, owner: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    secret = keep("it", "opaque")
    put = delivering._put

    def changed_meanwhile(*args: object) -> Manifest:
        services.renew(secret, given=Given(values={"a": b"2"}), by=owner, now=timezone.now())
        monkeypatch.setattr(delivering, "_put", put)
        return put(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(delivering, "_put", changed_meanwhile)
    go_through(namespace)

    assert delivering.due_now(timezone.now()) == [namespace.pk]
    go_through(namespace)
    assert data_of(there, "atlas-prod", "it") == {"a": b"2"}


def test_one_worker_at_a_time_goes_through_a_namespace(
    keep: Keep, namespace: TenantNamespace
) -> None:
    keep("it", "opaque")
    now = timezone.now()

    assert Round.objects.claim(namespace.pk, now=now, lease=delivering.LEASE)
    assert go_through(namespace) is None


def test_a_worker_that_was_killed_leaves_nothing_behind(
    keep: Keep, there: FakeCluster, namespace: TenantNamespace, owner: User
) -> None:
    """It made the object and wrote down nothing: the next one finds it by its label, and takes it away."""
    secret = keep("it", "opaque")
    go_through(namespace)
    Delivery.objects.update(uid="", resource_version="", version=0)

    services.remove(secret, by=owner, now=timezone.now())
    go_through(namespace)

    assert secret_in(there, "atlas-prod", "it") is None


def test_argo_is_told_of_a_repository_once_it_is_there_and_no_more_when_it_is_removed(
    keep: Keep, there: FakeCluster, namespace: TenantNamespace, owner: User
) -> None:
    secret = keep("artifacts")
    go_through(namespace)

    namespace.refresh_from_db()
    told = namespace.wiring["artifactRepository"]["s3"]
    assert told["bucket"] == "atlas"
    assert told["secretKeySecret"] == {"name": "artifacts", "key": "secretkey"}
    assert CANARY not in repr(namespace.wiring)
    assert namespace.generation == 2

    again(namespace)
    namespace.refresh_from_db()
    assert namespace.generation == 2

    services.remove(secret, by=owner, now=timezone.now())
    go_through(namespace)
    namespace.refresh_from_db()
    assert (namespace.wiring, namespace.generation) == ({}, 3)


def test_argo_is_not_told_of_what_could_not_be_delivered(
    keep: Keep, there: FakeCluster, namespace: TenantNamespace
) -> None:
    there.refusals["create", "Secret"] = refused(403, {"message": "no", "reason": "Forbidden"})
    keep("artifacts")

    go_through(namespace)

    namespace.refresh_from_db()
    assert namespace.wiring == {}


def test_the_sweep_finds_namespaces_that_were_made_since_and_forgets_those_that_are_gone(
    keep: Keep, there: FakeCluster, team: Team, namespace: TenantNamespace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    sent: list[int] = []
    monkeypatch.setattr(tasks.deliver, "delay", sent.append)
    keep("it", "opaque")
    go_through(namespace)
    new = brought_up(there, team, "atlas-new")
    brought_up(there, TeamFactory(), "of-who-has-none")
    namespace.deleted_at = timezone.now()
    namespace.save()

    tasks.sweep()

    assert sent == [new.pk]
    assert not Delivery.objects.exists()


def test_a_change_is_said_to_a_worker_after_commit(
    keep: Keep, there: FakeCluster, namespace: TenantNamespace,
    monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: object,
) -> None:  # fmt: skip
    sent: list[int] = []
    monkeypatch.setattr(tasks.deliver, "delay", sent.append)

    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        keep("it", "opaque")

    assert sent == [namespace.pk]


def test_a_paused_namespace_and_one_whose_cluster_is_away_are_not_due(
    keep: Keep, there: FakeCluster, team: Team, namespace: TenantNamespace
) -> None:
    away = brought_up(there, team, "away")
    keep("it", "opaque")
    TenantNamespace.objects.filter(pk=namespace.pk).update(paused=True)
    away.cluster.reachable = False
    away.cluster.save()

    assert delivering.due_now(timezone.now()) == []


def test_a_mistake_of_ours_keeps_no_claim_and_tells_no_value(
    keep: Keep, there: FakeCluster, namespace: TenantNamespace,
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    keep("it", "opaque")

    def broken(*_: object) -> None:
        raise RuntimeError(CANARY)

    monkeypatch.setattr(delivering, "_put", broken)

    go_through(namespace)

    assert CANARY not in caplog.text
    assert "a mistake of the platform's" in caplog.text
    assert Round.objects.get().claimed_until is None


def test_a_secret_in_another_owners_name_is_never_of_this_namespace(
    keep: Keep, there: FakeCluster, namespace: TenantNamespace
) -> None:
    theirs = TeamFactory(slug="borealis")
    keep("theirs", "opaque", team=theirs, by=owner_of(theirs))
    rounds.begin_new(timezone.now())
    Round.objects.get_or_create(namespace=namespace)

    go_through(namespace)

    assert not [ref for ref in there.objects if ref.kind == "Secret"]


def test_silence_in_the_middle_ends_the_round(
    keep: Keep, there: FakeCluster, namespace: TenantNamespace
) -> None:
    keep("one", "opaque")
    keep("two", "opaque")
    there.refusals["create", "Secret"] = Unreachable("it hangs")

    done = go_through(namespace)

    assert done
    assert (done.silent, done.failures) == (True, ("it hangs",))
