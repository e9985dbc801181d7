"""The only writers of wishes and facts: what they bump, announce, and leave alone."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from controlplane.errors import DomainError
from tenants import services
from tenants.conditions import Condition, Status
from tenants.models import TenantNamespace
from tenants.signals import intent_changed
from tests.factories import ClusterFactory, NamespaceFactory, TeamFactory, tier

pytestmark = pytest.mark.django_db

NOW = timezone.now()
LEASE = NOW + timedelta(seconds=90)
READY = Condition("Ready", Status.TRUE, "AllReady")


@pytest.fixture
def heard() -> Any:
    """What was announced, by primary key."""
    told: list[int] = []

    def hear(pk: int, **_: object) -> None:
        told.append(pk)

    silenced, intent_changed.receivers = intent_changed.receivers, []
    intent_changed.connect(hear)
    yield told
    intent_changed.receivers = silenced


def everything() -> Any:
    return TenantNamespace.objects.all()


def claimed(**facts: Any) -> TenantNamespace:
    namespace = TenantNamespace.objects.claim(NamespaceFactory(**facts).pk, now=NOW, until=LEASE)
    assert namespace is not None
    return namespace


def told(namespace: TenantNamespace, **facts: Any) -> bool:
    said: dict[str, Any] = {
        "generation": 1,
        "conditions": [READY],
        "now": NOW,
        "next_turn": timedelta(minutes=5),
        "failed": False,
    }
    return services.record_status(namespace, **{**said, **facts}) is not None


def test_a_wish_is_announced_after_the_commit(
    heard: list[int], django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        namespace = services.want_namespace(
            team=TeamFactory(), cluster=ClusterFactory(), tier=tier(), name="p", plan_hash="a" * 32
        )
        assert heard == []

    assert heard == [namespace.pk]


def test_a_broker_that_is_down_loses_no_wish(
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    def down(**_: object) -> None:
        raise ConnectionError("no broker")

    monkeypatch.setattr(intent_changed, "send", down)

    with django_capture_on_commit_callbacks(execute=True):
        services.want_namespace(
            team=TeamFactory(), cluster=ClusterFactory(), tier=tier(), name="p", plan_hash="a" * 32
        )

    assert everything().due(timezone.now()).count() == 1


@pytest.mark.parametrize("name", ["kube-system", "Payments", "a" * 59])
def test_a_name_that_cannot_be_never_becomes_a_wish(name: str) -> None:
    with pytest.raises(ValidationError):
        services.want_namespace(
            team=TeamFactory(), cluster=ClusterFactory(), tier=tier(), name=name, plan_hash=""
        )


def test_one_live_namespace_a_cluster_and_name() -> None:
    taken = NamespaceFactory(name="payments")
    wish = {"team": TeamFactory(), "tier": tier(), "name": "payments", "plan_hash": ""}

    with pytest.raises(ValidationError, match="already has"):
        services.want_namespace(cluster=taken.cluster, **wish)
    everything().update(deleted_at=NOW)
    assert services.want_namespace(cluster=taken.cluster, **wish).generation == 1


def test_a_row_is_claimed_by_one_worker_until_its_lease_ends() -> None:
    namespace = claimed()

    assert everything().claim(namespace.pk, now=NOW, until=LEASE) is None
    assert everything().claim(namespace.pk, now=LEASE + timedelta(seconds=1), until=LEASE)


def test_a_worker_that_overslept_writes_and_renews_nothing() -> None:
    slow = claimed()
    later = LEASE + timedelta(seconds=1)
    quick = everything().claim(slow.pk, now=later, until=later + timedelta(seconds=90))

    assert not services.renew(slow, until=later)
    assert not told(slow)
    assert told(quick)


def test_what_a_turn_saw_is_kept_and_the_row_let_go() -> None:
    namespace = claimed()

    assert told(namespace, applied=True)

    namespace.refresh_from_db()
    assert (namespace.phase, namespace.observed_generation, namespace.failures) == ("Ready", 1, 0)
    assert (namespace.claim_token, namespace.claimed_until) == (None, None)
    assert namespace.ready_at == namespace.applied_at == NOW


def test_a_wish_that_changed_meanwhile_stays_behind_and_comes_back_at_once() -> None:
    namespace = claimed()
    services.save_tier(namespace.tier)

    told(namespace)

    namespace.refresh_from_db()
    assert (namespace.generation, namespace.observed_generation) == (2, 1)
    assert (namespace.phase, namespace.next_reconcile_at) == ("Provisioning", NOW)


def test_failures_in_a_row_are_counted_and_forgotten_at_success() -> None:
    namespace = claimed(failures=2)
    told(namespace, failed=True)
    namespace.refresh_from_db()
    assert namespace.failures == 3

    again = everything().claim(namespace.pk, now=NOW, until=LEASE)
    told(again)
    namespace.refresh_from_db()
    assert namespace.failures == 0


@pytest.mark.parametrize(
    ("facts", "is_due"),
    [
        ({}, True),
        ({"paused": True}, False),
        ({"deleted_at": NOW}, False),
        ({"claimed_until": LEASE}, False),
        ({"claimed_until": NOW - timedelta(seconds=1)}, True),
        ({"queued_at": NOW}, False),
        ({"queued_at": NOW - timedelta(minutes=2)}, True),
        ({"next_reconcile_at": LEASE, "observed_generation": 1}, False),
        ({"next_reconcile_at": LEASE, "observed_generation": 0}, True),
        ({"next_reconcile_at": LEASE, "observed_generation": 0, "failures": 1}, False),
    ],
)
def test_what_is_due(facts: dict[str, Any], is_due: bool) -> None:
    NamespaceFactory(**{"next_reconcile_at": NOW, **facts})

    assert everything().due(NOW).exists() is is_due


@pytest.mark.parametrize(("reachable", "is_due"), [(True, True), (None, True), (False, False)])
def test_a_cluster_known_to_be_down_has_nothing_due(reachable: bool | None, is_due: bool) -> None:
    NamespaceFactory(cluster=ClusterFactory(reachable=reachable), next_reconcile_at=NOW)

    assert everything().due(NOW).exists() is is_due


def test_a_row_is_queued_once() -> None:
    pk = NamespaceFactory(next_reconcile_at=NOW).pk

    assert [services.queue(pk, now=NOW), services.queue(pk, now=NOW)] == [True, False]


def test_paused_rows_are_left_alone_until_they_are_resumed() -> None:
    namespace = NamespaceFactory()

    assert services.pause(everything()) == 1
    assert everything().claim(namespace.pk, now=NOW, until=LEASE) is None
    assert services.resume(everything()) == 1
    assert everything().claim(namespace.pk, now=NOW, until=LEASE)


def test_a_thorough_look_is_due_when_it_is_asked_for() -> None:
    namespace = NamespaceFactory(thorough_at=NOW, next_reconcile_at=LEASE)

    services.nudge(everything())
    namespace.refresh_from_db()
    assert namespace.thorough_at == NOW
    services.nudge(everything(), thorough=True)
    namespace.refresh_from_db()
    assert namespace.thorough_at is None


def test_a_tiers_edit_wishes_its_live_namespaces_anew_and_no_others() -> None:
    small, gone = NamespaceFactory(failures=3), NamespaceFactory(deleted_at=NOW)
    medium = NamespaceFactory(tier=tier("medium"))

    assert services.save_tier(tier()) == 1

    for row in (small, gone, medium):
        row.refresh_from_db()
    assert [small.generation, gone.generation, medium.generation] == [2, 1, 1]
    assert small.failures == 0


def test_a_tier_that_kubernetes_would_not_take_changes_nothing() -> None:
    namespace, broken = NamespaceFactory(), tier()
    broken.quota = {"requests.cpu": "NaN"}

    with pytest.raises(ValidationError):
        services.save_tier(broken)
    namespace.refresh_from_db()
    assert namespace.generation == 1


def test_a_teams_slug_is_final() -> None:
    team = TeamFactory(slug="atlas")
    team.slug = "other"

    with pytest.raises(DomainError, match="atlas cannot be renamed"):
        services.save_team(team)


@pytest.mark.parametrize("slug", ["Atlas", "atlas\n", "7atlas", "atlas-", "атлас", "a" * 64])
def test_a_slug_is_a_label(slug: str) -> None:
    with pytest.raises(ValidationError):
        services.save_team(TeamFactory.build(slug=slug))


def test_a_look_that_is_asked_for_during_a_turn_is_taken_right_after_it() -> None:
    namespace = claimed()
    services.nudge(TenantNamespace.objects.filter(pk=namespace.pk))

    wait = services.record_status(
        namespace,
        generation=1,
        conditions=[READY],
        now=NOW,
        next_turn=timedelta(minutes=5),
        failed=False,
    )

    namespace.refresh_from_db()
    assert wait == timedelta()
    assert namespace.next_reconcile_at == NOW


@pytest.mark.parametrize("slug", ["control", "cluster"])
def test_a_team_is_not_called_as_a_policy_of_the_platforms(slug: str) -> None:
    with pytest.raises(DomainError, match="another slug"):
        services.save_team(TeamFactory.build(slug=slug))
