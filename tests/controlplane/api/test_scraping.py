"""Targets are told to the cluster's own engine alone, the platform's figures to who has their token."""

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from controlplane.clusters.models import Cluster
from controlplane.identity.tokens import issue
from controlplane.metrics import exposition, snapshot, tokens
from controlplane.policies import agents
from tests.controlplane.api.conftest import client_of
from tests.factories import (
    ClusterFactory,
    NamespaceFactory,
    approver,
    filed,
    owner_of,
    platform_admin,
)

pytestmark = pytest.mark.django_db

AGENT = "/api/v1/metrics/agents/"


def path(cluster: Cluster) -> str:
    return f"/api/v1/metrics/targets/{cluster.name}/"


def asked(where: str, token: str) -> Client:
    return Client().get(where, headers={"Authorization": f"Bearer {token}"})


@pytest.fixture
def shop():
    return NamespaceFactory(name="shop", team__slug="atlas", applied_at=timezone.now())


def test_an_engine_outside_is_led_through_the_api_server_and_told_whose_each_is(shop) -> None:
    answer = asked(path(shop.cluster), tokens.for_targets(shop.cluster))

    assert answer.json() == [
        {
            "targets": ["10.0.0.1:6443"],
            "labels": {
                "cluster": shop.cluster.name,
                "team": "atlas",
                "namespace": "shop",
                "instance": "shop",
                "__metrics_path__": "/api/v1/namespaces/shop-argo/services/"
                "http:workflow-controller-metrics:metrics/proxy/metrics",
            },
        }
    ]


def test_an_engine_inside_is_told_the_name_of_the_service(shop) -> None:
    answer = asked(f"{path(shop.cluster)}?inside", tokens.for_targets(shop.cluster))

    (group,) = answer.json()
    assert group["targets"] == ["workflow-controller-metrics.shop-argo.svc:9090"]
    assert group["labels"]["team"] == "atlas"


@pytest.mark.parametrize("server", ["https://[fd00::1]:6443", "https://one.test/k8s/clusters/c-1"])
def test_an_api_server_behind_a_path_or_on_ipv6_is_found(shop, server: str) -> None:
    Cluster.objects.filter(pk=shop.cluster_id).update(server=server)
    (group,) = asked(path(shop.cluster), tokens.for_targets(shop.cluster)).json()

    assert group["targets"] in (["[fd00::1]:6443"], ["one.test:443"])
    assert "one.test" not in server or group["labels"]["__metrics_path__"].startswith("/k8s/cl")


def test_of_another_cluster_and_of_what_is_not_there_yet_nothing_is_told(shop) -> None:
    NamespaceFactory(cluster=shop.cluster)  # nothing of it is applied
    NamespaceFactory(cluster=shop.cluster, applied_at=timezone.now(), deleted_at=timezone.now())
    NamespaceFactory(applied_at=timezone.now())

    told = asked(path(shop.cluster), tokens.for_targets(shop.cluster)).json()

    assert [group["labels"]["namespace"] for group in told] == ["shop"]


def test_where_pods_run_nothing_there_is_nothing_to_scrape(shop) -> None:
    Cluster.objects.filter(pk=shop.cluster_id).update(simulated=True)

    assert asked(path(shop.cluster), tokens.for_targets(shop.cluster)).json() == []


def test_no_other_token_opens_a_clusters_targets(shop) -> None:
    other = ClusterFactory()
    wrong = {
        "none": "",
        "another cluster's": tokens.for_targets(other),
        "of the platform's figures": tokens.for_exposition(),
        "the team's owner's": issue(user=owner_of(shop.team), name="t")[1],
        "an admin's": issue(user=platform_admin(), name="t")[1],
        "the cluster's agent's": agents.issue(shop.cluster)[1],
        "not ascii": "\u00e9",
    }
    for whose, token in wrong.items():
        assert (whose, asked(path(shop.cluster), token).status_code) == (whose, 401)


def test_a_token_ends_when_the_cluster_is_another_one(shop) -> None:
    before = tokens.for_targets(shop.cluster)
    Cluster.objects.filter(pk=shop.cluster_id).update(uid="rebuilt")

    assert asked(path(shop.cluster), before).status_code == 401


def test_a_cluster_that_is_not_there_answers_like_one_that_is_not_yours() -> None:
    nowhere, real = Cluster(name="nowhere"), ClusterFactory()

    ours = asked(path(nowhere), tokens.for_targets(nowhere))
    assert (ours.status_code, ours.content) == (401, asked(path(real), "x").content)


def test_an_agent_is_given_its_files_by_an_admin_and_by_nobody_else(shop) -> None:
    wish = {"cluster": shop.cluster.name, "write": "https://metrics.test/api/v1/write"}

    made = client_of(platform_admin()).post(AGENT, wish, format="json").json()["files"]

    assert made["discovery"] == tokens.for_targets(shop.cluster)
    assert "remote_write" in made["prometheus.yml"]
    for who in (approver(), owner_of(shop.team)):
        assert client_of(who).post(AGENT, wish, format="json").status_code == 403
    assert APIClient().post(AGENT, wish, format="json").status_code == 401


def test_a_folder_that_would_break_out_of_the_configuration_is_refused(shop) -> None:
    wish = {
        "cluster": shop.cluster.name,
        "write": "https://m.test/w",
        "folder": "/etc\nrule_files:",
    }

    assert client_of(platform_admin()).post(AGENT, wish, format="json").status_code == 400


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch):
    """What `/metrics` says of a snapshot taken now."""
    kept = exposition.Snapshots()
    kept._thread = object()  # none is taken by the clock here
    monkeypatch.setattr(exposition, "snapshots", kept)

    def take() -> str:
        kept.keep(snapshot.take(timezone.now()))
        return asked("/metrics", tokens.for_exposition()).content.decode()

    return take


def test_the_platforms_figures_are_a_snapshots_with_its_age(taken, shop) -> None:
    filed()

    text = taken()

    assert 'argosy_namespaces{phase="Pending"} 1.0' in text
    assert 'argosy_clusters{state="reachable"}' in text
    assert "argosy_requests_waiting 1.0" in text
    assert "argosy_snapshot_age_seconds 0." in text
    assert 'argosy_http_requests_total{status="2xx"' in text or "argosy_http_requests" in text


def test_no_name_of_a_team_a_namespace_or_a_person_is_in_them(taken, shop) -> None:
    person = owner_of(shop.team)

    text = taken()

    assert not [word for word in ("shop", "atlas", person.username) if word in text]


def test_a_cluster_is_up_or_not_once_it_was_asked_and_till_then_neither(taken, shop) -> None:
    ClusterFactory(name="away", reachable=False)
    ClusterFactory(name="unasked", reachable=None)

    text = taken()

    assert f'argosy_cluster_up{{cluster="{shop.cluster.name}"}} 1.0' in text
    assert f'argosy_cluster_namespaces{{cluster="{shop.cluster.name}"}} 1.0' in text
    assert 'argosy_cluster_up{cluster="away"} 0.0' in text
    assert "argosy_breakers_open 1.0" in text
    assert 'cluster="unasked"' not in text


def test_a_snapshot_takes_as_many_queries_with_many_rows_as_with_few(
    shop, django_assert_max_num_queries
) -> None:
    NamespaceFactory.create_batch(20)

    with django_assert_max_num_queries(13):
        snapshot.take(timezone.now())


@pytest.mark.parametrize("token", ["", "wrong", "\u00e9"])
def test_the_platforms_figures_are_told_to_nobody_without_their_token(token: str) -> None:
    assert asked("/metrics", token).status_code == 401


def test_a_person_is_told_none_of_them() -> None:
    client = Client()
    client.force_login(platform_admin())

    assert client.get("/metrics").status_code == 401


def test_the_token_can_be_set(settings) -> None:
    settings.METRICS_TOKEN = "of my own"

    assert tokens.for_exposition() == "of my own"


def test_requests_are_counted_by_view_and_never_by_path(taken) -> None:
    Client().get("/healthz")
    Client().get("/no/such/page/of-anybody")

    text = taken()

    assert 'argosy_http_requests_total{status="2xx",view="controlplane.urls.healthz"}' in text
    assert "of-anybody" not in text
    assert settings.SECRET_KEY not in text
