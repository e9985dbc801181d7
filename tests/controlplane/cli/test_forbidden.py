"""The demo's forbidden image: a platform over HTTP, and a cluster that refuses as its policy says."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from controlplane.argo import access
from controlplane.cli.client import ApiError, Client
from controlplane.cli.demo import forbidden
from controlplane.identity.models import User
from controlplane.identity.tokens import issue
from controlplane.kube.door import Connection
from controlplane.kube.errors import Forbidden
from controlplane.objects import Manifest
from controlplane.policies import sightings, store
from controlplane.policies.decide import decide
from controlplane.policies.models import ImagePolicy, RollOut, Violation
from controlplane.policies.sentences import denial
from controlplane.policies.verdict import Question
from tenants.models import TenantNamespace
from tests.factories import NamespaceFactory, member_of, platform_admin
from tests.fakes import FakeCluster, FakeHelm
from tests.images import exempted, nothing_said, policy, sighting

pytestmark = [
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
    pytest.mark.usefixtures("home"),
]


@dataclass
class Guard:
    """What stands in the cluster: judges by the team's policy, and tells the platform what it refused."""

    namespace: TenantNamespace
    stands: bool = True
    tells: bool = True

    def judge(self, manifest: Manifest, *, dry_run: bool) -> None:
        now, place = timezone.now(), self.namespace
        found = store.document_of(place.team.slug, of=store.said(now), namespace=place.name)
        assert found is not None
        said = {"group": "argoproj.io", "kind": manifest["kind"], "operation": "CREATE"}
        question = Question(**said, object=manifest, namespace=place.name, now=now)
        verdict = decide(question, found[0])
        if verdict.allowed or not self.stands:
            return
        if self.tells and not dry_run:
            broken = verdict.violations[0]
            seen = sighting(place.name, at=now, image=broken.image, code=str(broken.code))
            sightings.record(cluster=place.cluster, now=now, sightings=[seen])
        raise Forbidden(denial(verdict), code=403, status={})


class GuardedCluster(FakeCluster):
    guard: Guard

    def acting_as(self, user: str) -> "FakeCluster":
        found = GuardedCluster()
        found.__dict__.update(super().acting_as(user).__dict__)
        found.guard = self.guard
        return found

    def create(self, manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        if manifest["kind"] == "Workflow":
            self.guard.judge(manifest, dry_run=dry_run)
        return super().create(manifest, dry_run=dry_run)


@pytest.fixture
def namespace() -> TenantNamespace:
    nothing_said()
    policy("everything", default="allow")
    return NamespaceFactory(name="payments", applied_at=timezone.now(), phase="Ready")


@pytest.fixture
def guard(namespace: TenantNamespace, monkeypatch: pytest.MonkeyPatch) -> Guard:
    fake = GuardedCluster()
    fake.guard = Guard(namespace)
    fake.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace.name}})
    connection = Connection(kube=fake, helm=FakeHelm(fake, lambda _: ()))
    monkeypatch.setattr(access, "connect", lambda _: connection)
    return fake.guard


@pytest.fixture
def client(live_server: LiveServer) -> Any:
    return lambda user: Client(live_server.url, issue(user=user, name="demo")[1])


def told(namespace: TenantNamespace) -> dict[str, Any]:
    return {"id": namespace.pk, "name": namespace.name, "team": namespace.team.slug}


@pytest.fixture
def show(
    client: Any, namespace: TenantNamespace, capsys: pytest.CaptureFixture[str]
) -> Callable[[], str]:
    def shown() -> str:
        admin: User = platform_admin()
        forbidden.deny(client(admin), namespace.team.slug)
        forbidden.show(client(member_of(namespace.team)), told(namespace))
        return " ".join(capsys.readouterr().out.split())

    return shown


@pytest.fixture
def nobody_may_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forbidden, "_within", None)  # whoever waits, fails


def test_the_refusal_stands_on_the_violations_page_and_its_link_is_printed(
    guard: Guard, namespace: TenantNamespace, show: Callable[[], str]
) -> None:
    first = show()
    second = show()

    violation = Violation.objects.get()
    for said in (first, second):
        assert f'image "{forbidden.IMAGE}"' in said
        assert f"/v/{violation.same}/" in said
    assert violation.count == 2
    assert ImagePolicy.objects.filter(name=forbidden.POLICY).count() == 1


def test_a_cluster_without_a_policy_is_said_and_nothing_is_submitted(
    guard: Guard,
    namespace: TenantNamespace,
    show: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forbidden, "ACTS_SECONDS", 0.0)
    guard.stands = False

    said = show()

    assert "no agent has brought it the image policy" in said
    assert "[denied-repository]" in said
    assert not Violation.objects.exists()


@pytest.mark.usefixtures("nobody_may_wait")
def test_an_image_that_is_exempted_by_now_is_said_to_be_and_nobody_waits_for_a_refusal(
    guard: Guard,
    namespace: TenantNamespace,
    show: Callable[[], str],
) -> None:
    now = timezone.now()
    until = now + timedelta(days=3)
    exemption = exempted(namespace.team, image=forbidden.IMAGE, now=now, not_after=until)

    said = show()

    assert f"is exempted until {until:%d %b %Y %H:%M} UTC (#{exemption.pk})" in said
    assert "no agent" not in said


def test_an_exemption_of_another_team_hides_no_refusal(
    guard: Guard, namespace: TenantNamespace, show: Callable[[], str]
) -> None:
    exempted(NamespaceFactory().team, image=forbidden.IMAGE, now=timezone.now())

    said = show()

    assert "the cluster refused it" in said


@pytest.mark.usefixtures("nobody_may_wait")
def test_a_team_in_audit_is_said_to_be_and_nobody_waits_for_a_refusal(
    guard: Guard,
    namespace: TenantNamespace,
    show: Callable[[], str],
) -> None:
    RollOut.objects.create(
        team=namespace.team, mode=RollOut.Mode.AUDIT, since=timezone.now(), by=platform_admin()
    )

    said = show()

    assert "in audit" in said
    assert "no agent" not in said


def test_a_refusal_that_is_told_to_nobody_fails_the_demo(
    guard: Guard,
    namespace: TenantNamespace,
    show: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forbidden, "SEEN_SECONDS", 0.0)
    guard.tells = False

    with pytest.raises(ApiError, match="not on the violations page"):
        show()
