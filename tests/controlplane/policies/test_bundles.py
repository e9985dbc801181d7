"""What a cluster is told: sealed, versioned, and new only when it says something new."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from controlplane.clusters.models import Cluster
from controlplane.policies import bundle, bundles, services, store
from controlplane.policies.checking import question_of
from controlplane.policies.decide import decide
from tests.factories import ClusterFactory, NamespaceFactory, TeamFactory, platform_admin
from tests.images import FOREIGN, HARBOR, IMAGE, NOW, exempted, nothing_said, policy

pytestmark = pytest.mark.django_db

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def opened(cluster: Cluster, *, at: Any = NOW) -> bundle.Bundle:
    told = bundles.bundle_for(cluster, now=at)
    key: Any = load_pem_public_key(bundles.public_key().encode())
    return bundle.open_sealed(told.envelope, [key], cluster=cluster.name)


def test_it_names_every_namespace_of_the_cluster_and_no_other() -> None:
    here = NamespaceFactory(name="payments")
    NamespaceFactory(name="elsewhere")
    NamespaceFactory(name="gone", cluster=here.cluster, deleted_at="2026-01-01T00:00:00Z")

    told = opened(here.cluster)

    assert told.namespaces == {
        "payments": here.team.slug,
        "payments-argo": "control",
        "": "cluster",
    }
    assert set(told.documents) == {here.team.slug, "control", "cluster"}
    assert told.document_for("kube-system") is None


def test_what_it_says_is_what_is_enforced() -> None:
    nothing_said()
    here = NamespaceFactory()
    policy(allow=[HARBOR])

    document = opened(here.cluster).document_for(here.name)

    assert decide(question_of(IMAGE, here.name), document).allowed
    assert not decide(question_of(FOREIGN, here.name), document).allowed
    for image in store.argo_images():
        assert decide(question_of(image, here.name), document).allowed


def test_the_version_grows_only_when_something_changes() -> None:
    here = NamespaceFactory()
    first = bundles.bundle_for(here.cluster, now=NOW)

    assert bundles.bundle_for(here.cluster, now=NOW + MINUTE) == first

    policy(allow=[HARBOR])
    second = bundles.bundle_for(here.cluster, now=NOW + 2 * MINUTE)
    assert (first.version, second.version) == (1, 2)
    assert first.etag != second.etag


def test_a_change_that_is_about_others_is_no_news_here() -> None:
    here = NamespaceFactory()
    before = bundles.bundle_for(here.cluster, now=NOW)

    policy(scope="team", team=NamespaceFactory().team, allow=[HARBOR])

    assert bundles.bundle_for(here.cluster, now=NOW).version == before.version


def test_once_a_day_it_is_made_anew_so_that_its_age_tells_whether_the_platform_lives() -> None:
    cluster = ClusterFactory()
    first = opened(cluster)

    later = opened(cluster, at=NOW + DAY)

    assert (first.version, later.version, later.created) == (1, 2, NOW + DAY)
    assert bundle.newer(first, later)


def test_an_exemption_ends_in_the_bundle_that_the_cluster_has_already() -> None:
    nothing_said()
    here = NamespaceFactory()
    exemption = exempted(here.team, days=1)

    document = opened(here.cluster).document_for(here.name)

    just_before = exemption.not_after - timedelta(seconds=1)
    assert decide(question_of(FOREIGN, here.name, now=just_before), document).allowed
    assert not decide(question_of(FOREIGN, here.name, now=exemption.not_after), document).allowed


def test_a_stand_down_is_told_and_forgotten_when_its_time_is_over() -> None:
    cluster = ClusterFactory()
    until = NOW + timedelta(hours=1)
    services.stand_down(cluster=cluster, until=until, by=platform_admin(), reason="x", now=NOW)

    assert opened(cluster).stand_down_until == until
    assert opened(cluster, at=until).stand_down_until is None
    assert opened(ClusterFactory()).stand_down_until is None


def test_a_team_called_as_a_document_of_the_platforms_gets_nothing_by_it() -> None:
    policy(allow=[HARBOR])
    here = NamespaceFactory(team=TeamFactory(slug="control"))

    document = opened(here.cluster).document_for(here.name)

    assert not decide(question_of(IMAGE, here.name), document).allowed


def test_a_bundle_costs_the_same_queries_for_many_teams_as_for_one(
    django_assert_max_num_queries: Any,
) -> None:
    cluster = ClusterFactory()
    NamespaceFactory(cluster=cluster)
    bundles.bundle_for(cluster, now=NOW)
    with django_assert_max_num_queries(9) as few:
        bundles.bundle_for(cluster, now=NOW)
    for _ in range(20):
        exempted(NamespaceFactory(cluster=cluster).team)
    bundles.bundle_for(cluster, now=NOW)

    with django_assert_max_num_queries(9) as many:
        bundles.bundle_for(cluster, now=NOW)

    assert len(few) == len(many)


def test_an_exemption_of_one_namespace_holds_on_its_cluster_alone() -> None:
    nothing_said()
    here = NamespaceFactory(name="payments")
    there = NamespaceFactory(name="payments", team=here.team, cluster=ClusterFactory())
    exempted(here.team, namespace=here)

    def runs(cluster: Cluster) -> bool:
        opened = bundle.open_sealed(
            bundles.bundle_for(cluster, now=NOW).envelope, [bundles.signing_key().public_key()]
        )
        asked = question_of(FOREIGN, "payments", now=NOW)
        return decide(asked, opened.document_for("payments")).allowed

    assert (runs(here.cluster), runs(there.cluster)) == (True, False)
