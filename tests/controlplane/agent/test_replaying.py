"""Where the cluster's engines decide otherwise than the library, somebody is told; once it lasts."""

from typing import Any

import pytest

from controlplane.agent.replaying import (
    FORBIDDEN,
    PODS_OF_TEAMS,
    Canary,
    Replaying,
    choose,
    judged,
    placement_of,
    pod_of,
)
from controlplane.agent.seen import Sighting
from controlplane.kube.errors import Forbidden
from controlplane.policies.facts import NO_FACTS
from controlplane.policies.verdict import Verdict
from tests.fakes.cluster import FakeCluster
from tests.street import NOW, bundle_of
from tests.webhook import GOOD

CANARY = Canary("payments", FORBIDDEN)
OURS = "ValidatingAdmissionPolicy 'argosy-images-pods' denied request: no"
ALLOWS, DENIES = Verdict(allowed=True), Verdict(allowed=False)


@pytest.mark.parametrize(
    ("verdict", "said", "differs"),
    [
        (DENIES, OURS, False),
        (ALLOWS, "", False),
        (DENIES, "", True),
        (ALLOWS, OURS, True),
        (ALLOWS, "exceeded quota: team", False),
        (DENIES, "exceeded quota: team", False),
        (ALLOWS, 'failed calling webhook "images.argosy.dev": refused', False),
    ],
)
def test_only_an_answer_of_our_engines_can_differ(
    verdict: Verdict, said: str, *, differs: bool
) -> None:
    assert (judged(CANARY, verdict, said) is not None) is differs


class Cluster(FakeCluster):
    """Lets in or refuses what it is told to; keeps nothing of a dry run."""

    def __init__(self, said: str) -> None:
        super().__init__()
        self.said = said
        self.dry: list[bool] = []

    def create(self, manifest: dict[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        self.dry.append(dry_run)
        if self.said:
            raise Forbidden(self.said, code=403, status={})
        return manifest


def rounds(cluster: Cluster, count: int) -> list[Sighting]:
    told: list[Sighting] = []
    replaying = Replaying("east", told.extend)
    for _ in range(count):
        replaying.round(cluster, bundle_of(), NO_FACTS, {}, now=NOW)
    return told


def test_a_cluster_that_lets_in_what_nobody_may_run_is_an_alarm_once_it_lasts() -> None:
    assert rounds(Cluster(""), 1) == []

    (alarm,) = rounds(Cluster(""), 2)

    assert (alarm.namespace, alarm.kind, alarm.name) == ("", "Cluster", "east")
    assert (alarm.code, alarm.state, alarm.path) == ("engines-differ", "admitted", "payments")
    assert "lets it in" in alarm.reason


def test_a_cluster_that_decides_as_the_library_is_no_alarm_and_only_dry_runs_are_made() -> None:
    cluster = Cluster(OURS)

    assert rounds(cluster, 3) == []
    assert cluster.dry
    assert all(cluster.dry)


def test_an_image_that_runs_is_offered_beside_one_that_must_not() -> None:
    chosen = choose(bundle_of(), {"payments": [GOOD]})

    assert set(chosen) == {CANARY, Canary("payments", GOOD)}


def test_the_pod_asks_for_what_the_base_demands() -> None:
    pod = pod_of(CANARY, {"nodeSelector": {"pool": "teams"}})

    assert pod["spec"]["serviceAccountName"] == "workflow-runner"
    assert pod["spec"]["nodeSelector"] == {"pool": "teams"}


@pytest.mark.parametrize("noted", [None, "", "{", "[]", '{"nodeSelector": []}'])
def test_a_placement_that_cannot_be_read_is_none(noted: str | None) -> None:
    assert placed(noted)["nodeSelector"] == {}


def test_the_pod_goes_where_the_base_says_that_teams_go() -> None:
    assert placed('{"nodeSelector":{"pool":"teams"}}')["nodeSelector"] == {"pool": "teams"}


def placed(noted: str | None) -> dict[str, Any]:
    """The canary's spec, on a cluster whose base has this noted on the policy about pods of teams."""
    cluster = FakeCluster()
    notes = {} if noted is None else {"annotations": {"argosy.dev/placement": noted}}
    ref = PODS_OF_TEAMS
    named = {"apiVersion": ref.api_version, "kind": ref.kind}
    cluster.apply({**named, "metadata": {"name": ref.name, **notes}})
    return dict(pod_of(CANARY, placement_of(cluster))["spec"])
