"""Who would break: over what runs now in every cluster, with what was looked at said beside it."""

from typing import Any

import pytest

from controlplane.kube.errors import Unreachable, refused
from controlplane.objects import Manifest, Ref
from controlplane.policies import backtest, pushes, reading, services, sightings
from controlplane.policies.models import ImagePolicy
from controlplane.policies.sightings import Admitted
from tenants.models import TenantNamespace
from tests.factories import ClusterFactory, NamespaceFactory, member_of, platform_admin, tier
from tests.fakes import FakeCluster
from tests.images import (
    DIGEST,
    FOREIGN,
    HARBOR,
    IMAGE,
    NOW,
    envelope,
    exempted,
    nothing_said,
    policy,
    signer,
)

pytestmark = pytest.mark.django_db

ARGO = "argoproj.io/v1alpha1"


@pytest.fixture
def clusters(monkeypatch: pytest.MonkeyPatch) -> dict[str, FakeCluster]:
    """The clusters that back-tests read, by name."""
    known: dict[str, FakeCluster] = {}
    monkeypatch.setattr(backtest, "_kube", lambda cluster: known[cluster.name])
    return known


def placed(clusters: dict[str, FakeCluster], **fields: Any) -> TenantNamespace:
    """A namespace that is there."""
    namespace: TenantNamespace = NamespaceFactory(**fields)
    kube = clusters.setdefault(namespace.cluster.name, FakeCluster())
    for name in (namespace.name, f"{namespace.name}-argo", "kube-system"):
        if Ref("v1", "Namespace", "", name) not in kube.objects:
            kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return namespace


def pod(clusters: dict[str, FakeCluster], where: TenantNamespace, name: str, image: str) -> None:
    made(clusters, where, "v1", "Pod", name, {"containers": [{"name": "main", "image": image}]})


def made(
    clusters: dict[str, FakeCluster],
    where: TenantNamespace,
    api_version: str,
    kind: str,
    name: str,
    spec: Manifest,
    *,
    namespace: str = "",
) -> None:
    clusters[where.cluster.name].create(
        {
            "apiVersion": api_version,
            "kind": kind,
            "metadata": {"name": name, "namespace": namespace or where.name},
            "spec": spec,
        }
    )


def draft(**said: Any) -> ImagePolicy:
    return ImagePolicy(name="draft", scope="platform", settings=said)


def broken(result: backtest.Result) -> list[tuple[str, str, str, int]]:
    return [(each.namespace, each.kind, each.image, count) for each, count in result.broken]


def test_it_names_what_runs_and_would_be_refused(clusters: dict[str, FakeCluster]) -> None:
    here, there = placed(clusters), placed(clusters)
    pod(clusters, here, "good", IMAGE)
    pod(clusters, here, "bad-1", FOREIGN)
    pod(clusters, here, "bad-2", FOREIGN)
    pod(clusters, there, "bad", "docker.io/library/nginx:1")

    result = backtest.back_test(draft(allow=[HARBOR]), now=NOW)

    assert broken(result) == [
        (here.name, "Pod", FOREIGN, 2),
        (there.name, "Pod", "docker.io/library/nginx:1", 1),
    ]
    assert result.teams == {here.team.slug: 2, there.team.slug: 1}
    assert [(read.cluster, read.whole, read.objects) for read in result.coverage] == [
        (here.cluster.name, True, 3),
        (there.cluster.name, True, 1),
    ]


def test_what_will_be_run_from_next_is_read_too(clusters: dict[str, FakeCluster]) -> None:
    here = placed(clusters)
    template = {"templates": [{"name": "a", "container": {"image": FOREIGN}}]}
    made(clusters, here, ARGO, "WorkflowTemplate", "t", template)
    made(clusters, here, ARGO, "CronWorkflow", "c", {"workflowSpec": template})

    result = backtest.back_test(draft(allow=[HARBOR]), now=NOW)

    assert sorted(kind for _, kind, _, _ in broken(result)) == ["CronWorkflow", "WorkflowTemplate"]


def test_what_is_nobodys_is_not_looked_at(clusters: dict[str, FakeCluster]) -> None:
    here = placed(clusters)
    spec = {"containers": [{"name": "main", "image": FOREIGN}]}
    made(clusters, here, "v1", "Pod", "dns", spec, namespace="kube-system")

    assert backtest.back_test(draft(allow=[HARBOR]), now=NOW).objects == 0


def test_what_is_refused_today_is_no_news(clusters: dict[str, FakeCluster]) -> None:
    here = placed(clusters)
    pod(clusters, here, "old", FOREIGN)
    policy(deny=[{"registry": "evil.example"}])

    assert broken(backtest.back_test(draft(allow=[HARBOR]), now=NOW)) == []


def test_a_team_in_audit_shows_who_would_break_if_it_were_enforced(
    clusters: dict[str, FakeCluster],
) -> None:
    nothing_said()
    here, other = placed(clusters), placed(clusters)
    for each in (here, other):
        services.roll_out(
            team=each.team, mode="audit", by=platform_admin(), reason="first week", now=NOW
        )
        pod(clusters, each, "bad", FOREIGN)

    one = backtest.back_test(None, now=NOW, team=here.team)
    both = backtest.back_test(None, now=NOW)

    assert broken(one) == [(here.name, "Pod", FOREIGN, 1)]
    assert len(both.broken) == 2


def test_a_policy_of_one_tier_reads_only_where_that_tier_is(
    clusters: dict[str, FakeCluster],
) -> None:
    here, other = placed(clusters, tier=tier("large")), placed(clusters)
    for each in (here, other):
        pod(clusters, each, "bad", FOREIGN)
    of_tier = ImagePolicy(name="d", scope="tier", tier=tier("large"), settings={"default": "deny"})

    result = backtest.back_test(of_tier, now=NOW)

    assert [namespace for namespace, *_ in broken(result)] == [here.name]
    assert [read.cluster for read in result.coverage] == [here.cluster.name]


def test_exempted_and_signed_images_would_not_break(clusters: dict[str, FakeCluster]) -> None:
    here, ana = placed(clusters), signer()
    ana.known("ci")
    pod(clusters, here, "exempted", FOREIGN)
    pod(clusters, here, "signed", IMAGE)
    exempted(here.team)
    repository = IMAGE.partition("@")[0]
    pushes.push(
        team=here.team,
        by=member_of(here.team),
        repository=repository,
        digest=DIGEST,
        envelope=envelope(ana),
        now=NOW,
    )
    wanted = {"keys": ["ci"], "repositories": [HARBOR]}

    assert broken(backtest.back_test(draft(allow=[HARBOR], signature=wanted), now=NOW)) == []


def test_what_was_let_in_lately_is_asked_about_once(clusters: dict[str, FakeCluster]) -> None:
    here = placed(clusters)
    pod(clusters, here, "runs", FOREIGN)
    sightings.record(
        cluster=here.cluster,
        now=NOW,
        admitted=[
            Admitted(here.name, FOREIGN, NOW),
            Admitted(here.name, "evil.example/short-lived:1", NOW),
            Admitted(here.name, IMAGE, NOW),
        ],
    )

    result = backtest.back_test(draft(allow=[HARBOR]), now=NOW)

    assert result.admitted == 3
    assert broken(result) == [
        (here.name, "Pod", FOREIGN, 1),
        (here.name, "Pod", "evil.example/short-lived:1", 1),
    ]


def test_a_cluster_that_cannot_be_read_is_said_and_stops_no_other(
    clusters: dict[str, FakeCluster],
) -> None:
    away = placed(clusters, cluster=ClusterFactory(name="a-away", reachable=False))
    falls = placed(clusters, cluster=ClusterFactory(name="b-falls"))
    breaks = placed(clusters, cluster=ClusterFactory(name="c-breaks"))
    reads = placed(clusters, cluster=ClusterFactory(name="d-reads"))
    clusters[falls.cluster.name].unreachable = True
    clusters[breaks.cluster.name].refusals["list", "Pod"] = Unreachable("connection reset")
    pod(clusters, reads, "bad", FOREIGN)
    assert away.cluster.reachable is False

    result = backtest.back_test(draft(allow=[HARBOR]), now=NOW)

    assert [(read.cluster, read.whole) for read in result.coverage] == [
        ("a-away", False),
        ("b-falls", False),
        ("c-breaks", False),
        ("d-reads", True),
    ]
    assert all(read.why for read in result.coverage if not read.whole)
    assert len(result.broken) == 1


def test_a_cluster_without_argo_is_read_whole(clusters: dict[str, FakeCluster]) -> None:
    here = placed(clusters)
    missing = refused(404, {"message": "the server could not find the requested resource"})
    for kind in ("WorkflowTemplate", "CronWorkflow"):
        clusters[here.cluster.name].refusals["list", kind] = missing

    assert backtest.back_test(draft(allow=[HARBOR]), now=NOW).coverage[0].whole


def test_many_pages_are_read_and_more_than_fits_is_said(
    clusters: dict[str, FakeCluster], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PAGE", 3)
    here = placed(clusters)
    for number in range(10):
        pod(clusters, here, f"pod-{number}", FOREIGN)

    assert broken(backtest.back_test(draft(allow=[HARBOR]), now=NOW))[0][3] == 10
    monkeypatch.setattr(reading, "MOST_OBJECTS", 6)
    result = backtest.back_test(draft(allow=[HARBOR]), now=NOW)
    assert (result.coverage[0].whole, result.coverage[0].objects) == (False, 6)
    assert "more than 6" in result.coverage[0].why


def test_when_time_is_up_it_says_what_it_did_not_read(
    clusters: dict[str, FakeCluster], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PAGE", 1)
    here = placed(clusters)
    for number in range(3):
        pod(clusters, here, f"pod-{number}", FOREIGN)

    result = backtest.back_test(draft(allow=[HARBOR]), now=NOW, seconds=0)

    assert "no time" in result.coverage[0].why
    assert result.coverage[0].objects == 1


def test_in_a_cluster_of_many_namespaces_the_whole_is_listed_once(
    clusters: dict[str, FakeCluster], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "FEW", 2)
    here = placed(clusters)
    pod(clusters, here, "bad", FOREIGN)
    other = placed(clusters, cluster=here.cluster)
    pod(clusters, other, "bad", FOREIGN)
    clusters[here.cluster.name].calls.clear()

    result = backtest.back_test(draft(allow=[HARBOR]), now=NOW)

    assert len(result.broken) == 2
    assert len([c for c in clusters[here.cluster.name].calls if "list Pod" in c]) == 1
