"""The whole way in a browser: asked for, approved, made on a real API server, used.

As four people, by names and labels alone: what a screen reader finds is what is clicked.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import expect

from controlplane.kube.gateway import KubeGateway
from localcluster.clusters import RunningCluster
from tenants.models import TenantNamespace

from . import journey, player
from .live import Platform
from .sheet import Visits

pytestmark = [pytest.mark.browser, pytest.mark.cluster]


@pytest.fixture
def kube(local_cluster: RunningCluster) -> KubeGateway:
    """The cluster as its admin sees it."""
    return KubeGateway.from_kubeconfig(yaml.safe_load(local_cluster.kubeconfig.read_text()))


@pytest.fixture
def at_work(live: Platform, platform_kubeconfig: Path) -> Iterator[None]:
    with journey.at_work(live, platform_kubeconfig):
        yield


def test_from_the_request_to_the_graph(
    at_work: None, visits: Visits, live: Platform, kube: KubeGateway
) -> None:
    owner, approver = visits.tab_of("owner"), visits.tab_of("approver")
    member, viewer = visits.tab_of("member"), visits.tab_of("viewer")

    journey.asks(owner)
    journey.approves(approver)
    namespace = TenantNamespace.objects.get(name=journey.NAME)
    journey.watches_it_become_ready(owner, namespace)
    journey.submits(member, namespace)
    name = player.finish(kube, journey.NAME)

    journey.sees_the_graph(viewer, namespace, name)


def test_a_viewer_is_offered_nothing_to_change(at_work: None, visits: Visits) -> None:
    visits.faults.expected |= {403, 404}
    viewer = visits.tab_of("viewer")

    viewer.goto("/")

    expect(
        viewer.get_by_role("link", name=re.compile("new namespace", re.IGNORECASE))
    ).to_have_count(0)
    viewer.goto("/inbox/")
    expect(viewer.get_by_role("button", name=re.compile("approve", re.IGNORECASE))).to_have_count(0)
