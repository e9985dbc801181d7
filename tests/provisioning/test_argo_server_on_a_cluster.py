"""A team's own Argo server on a real API server: its rules, its tokens, and who is refused by them."""

import base64
from collections.abc import Iterator

import pytest
from django.utils import timezone
from pytest_django import Settings

from controlplane.clusters.connections import connect
from controlplane.identity.models import Cut, CutState, User
from controlplane.kube.gateway import KubeGateway
from controlplane.objects import Manifest, Ref
from provisioning import shut_out
from provisioning.models import ShutOut
from provisioning.observe import observe
from provisioning.plan import plan
from provisioning.reconcile import reconcile
from provisioning.render import render
from tenants import services
from tenants.models import TenantNamespace
from tests.factories import PersonFactory

from .conftest import Wanting, turns_until
from .rule_reader import RuleReader, rule_reader

pytestmark = pytest.mark.cluster

ISSUER = "https://id.example.com/realms/main"
INGRESS = "networking.k8s.io/v1"


CLIENT = {
    "sso": {
        "issuer": ISSUER,
        "clientId": {"name": "sign-on", "key": "client-id"},
        "clientSecret": {"name": "sign-on", "key": "client-secret"},
    }
}


@pytest.fixture(autouse=True)
def served(settings: Settings) -> None:
    """A platform that gives servers to teams that have a client."""
    settings.OIDC_ISSUER, settings.ARGO_GROUPS_FROM = ISSUER, "token"
    settings.ARGO_SERVER_IMAGE = "quay.io/argoproj/argocli"
    settings.ARGO_SERVER_HOST = "{namespace}.{cluster}.argo.example.com"


@pytest.fixture
def with_client(want: Wanting) -> TenantNamespace:
    """A namespace that is wished for, by a team with a client."""
    wished = want()
    wished.wiring = CLIENT
    wished.approved_plan = render(wished.spec()).fingerprint
    wished.save()
    return wished


@pytest.fixture(scope="module")
def argo() -> Iterator[RuleReader]:
    with rule_reader() as reader:
        yield reader


def accounts(kube: KubeGateway, namespace: TenantNamespace) -> list[Manifest]:
    return list(kube.list("v1", "ServiceAccount", namespace.name))


def tokens(kube: KubeGateway, namespace: TenantNamespace) -> dict[str, Manifest]:
    found = kube.list("v1", "Secret", namespace.name)
    return {each["metadata"]["name"]: each for each in found}


def turned_again(namespace: TenantNamespace) -> TenantNamespace:
    reconcile(namespace.pk)
    namespace.refresh_from_db()
    return namespace


def test_a_namespace_with_a_client_gets_a_server_that_knows_its_team(
    with_client: TenantNamespace, kube: KubeGateway, argo: RuleReader
) -> None:
    ready = turns_until(with_client, "Ready")

    person = {"sub": "sub-1", "groups": ["payments-owners"]}
    assert argo.asked(accounts(kube, ready), person).account == "argo-owner"
    control = f"{ready.name}-argo"
    ingress = kube.get(Ref(INGRESS, "Ingress", control, "argo-server"))
    assert ingress is not None
    assert ingress["spec"]["rules"][0]["host"] == f"{ready.name}.tests.argo.example.com"
    config = kube.get(Ref("v1", "ConfigMap", control, "workflow-controller-configmap"))
    assert config is not None
    assert ISSUER in config["data"]["sso"]


def test_its_token_is_kubernetes_to_write_and_never_ours_to_read(
    with_client: TenantNamespace, kube: KubeGateway
) -> None:
    ready = turns_until(with_client, "Ready")

    # Of the team's three levels, owner alone has a group.
    (name,) = tokens(kube, ready)
    token = tokens(kube, ready)[name]["data"]["token"]
    assert name == "argo-owner.service-account-token"
    spec, desired = ready.spec(), render(ready.spec())
    live = observe(connect(ready.cluster), spec, desired, thorough=True)
    assert plan(spec, desired, live) == ()
    seen = repr((live, list(ready.turns.values())))
    assert name in seen
    assert token not in seen
    assert base64.b64decode(token).decode() not in seen
    turns = ready.turns.count()
    TenantNamespace.objects.filter(pk=ready.pk).update(thorough_at=None)
    assert turned_again(ready).turns.count() == turns


def test_a_place_for_a_token_that_somebody_took_away_comes_back(
    with_client: TenantNamespace, kube: KubeGateway
) -> None:
    ready = turns_until(with_client, "Ready")
    ref = Ref("v1", "Secret", ready.name, "argo-owner.service-account-token")
    before = tokens(kube, ready)[ref.name]["metadata"]["uid"]
    kube.delete(ref)

    turned_again(ready)

    assert tokens(kube, ready)[ref.name]["metadata"]["uid"] != before


def test_who_leaves_is_refused_by_the_rules_in_the_cluster_and_others_are_not(
    with_client: TenantNamespace, kube: KubeGateway, argo: RuleReader
) -> None:
    ready = turns_until(with_client, "Ready")
    leaver: User = PersonFactory(issuer=ISSUER, subject="it's me")
    session = {"sub": "it's me", "groups": ["payments-owners"]}
    assert argo.asked(accounts(kube, ready), session).account == "argo-owner"

    shut_out.follow(leaver, before={"payments-owners"}, after=(), now=timezone.now())
    turned_again(ready)

    assert argo.asked(accounts(kube, ready), session).account == ""
    other = {**session, "sub": "another"}
    assert argo.asked(accounts(kube, ready), other).account == "argo-owner"
    cut = Cut.objects.get(user=leaver, what=shut_out.way_in(ready))
    assert cut.state == CutState.DONE
    assert ready.phase == "Ready"

    shut_out.follow(leaver, before=(), after={"payments-owners"}, now=timezone.now())
    turned_again(ready)

    assert argo.asked(accounts(kube, ready), session).account == "argo-owner"


def test_who_is_shut_out_sends_no_plan_back_to_its_approver(
    with_client: TenantNamespace, kube: KubeGateway, argo: RuleReader
) -> None:
    wished = with_client
    leaver: User = PersonFactory(issuer=ISSUER, subject="sub-1")
    level = ShutOut(
        team=wished.team, user=leaver, level="owner", until=timezone.now().replace(year=2999)
    )
    level.save()

    ready = turns_until(wished, "Ready")

    session = {"sub": "sub-1", "groups": ["payments-owners"]}
    assert argo.asked(accounts(kube, ready), session).account == ""


def test_when_the_client_goes_the_server_goes_and_its_tokens_with_it(
    with_client: TenantNamespace, kube: KubeGateway
) -> None:
    ready = turns_until(with_client, "Ready")
    assert tokens(kube, ready)

    services.wire(ready, {})
    turned_again(ready)

    assert tokens(kube, ready) == {}
    control = f"{ready.name}-argo"
    assert kube.get(Ref("apps/v1", "Deployment", control, "argo-server")) is None
    assert kube.get(Ref("v1", "ServiceAccount", control, "argo-server")) is None
    assert turns_until(ready, "Ready")
