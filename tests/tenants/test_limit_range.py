"""Limits that a cluster would refuse, or under which nothing starts, are refused where they are typed."""

from typing import Any

import pytest
import yaml
from django.core.exceptions import ValidationError

from controlplane.kube.errors import Invalid
from controlplane.kube.gateway import KubeGateway
from localcluster.clusters import RunningCluster
from tenants.limit_range import problems_of, problems_with_quota
from tenants.quota import check_limits, check_resources
from tests.factories import tier

GPU = "example.com/gpu"
REFUSED: dict[str, dict[str, dict[str, str]]] = {
    "default above max": {"default": {"cpu": "8"}, "max": {"cpu": "4"}},
    "default above max, written otherwise": {"default": {"cpu": "4001m"}, "max": {"cpu": "4"}},
    "request above default": {"default": {"cpu": "1"}, "defaultRequest": {"cpu": "2"}},
    "request above max": {"defaultRequest": {"memory": "2Gi"}, "max": {"memory": "1Gi"}},
    "min above max": {"min": {"cpu": "2"}, "max": {"cpu": "1"}, "default": {"memory": "1Gi"}},
    "min above default": {"min": {"cpu": "1"}, "default": {"cpu": "500m"}},
    "min above request": {"min": {"cpu": "1"}, "defaultRequest": {"cpu": "10m"}},
    "ratio below one": {"default": {"cpu": "1"}, "maxLimitRequestRatio": {"cpu": "500m"}},
    "ratio above max over min": {
        "min": {"cpu": "1"},
        "max": {"cpu": "4"},
        "default": {"cpu": "2"},
        "maxLimitRequestRatio": {"cpu": "5"},
    },
    "no resource of a container": {"default": {"pods": "1"}},
    "a domain of nobody": {"default": {"gpu": "1"}},
    "what is not shared, twice": {"default": {GPU: "2"}, "defaultRequest": {GPU: "1"}},
}
TAKEN: dict[str, dict[str, dict[str, str]]] = {
    "all the same": {p: {"cpu": "1"} for p in ("default", "defaultRequest", "max", "min")},
    "the same, written otherwise": {"default": {"cpu": "1000m"}, "max": {"cpu": "1"}},
    "different resources": {"default": {"cpu": "8"}, "max": {"memory": "1Gi"}},
    "filled in from max": {"default": {"memory": "1Gi"}, "max": {"cpu": "1"}},
    "a request filled in from a default": {"default": {"cpu": "2"}, "min": {"cpu": "1"}},
    "a ratio that fits": {
        "min": {"cpu": "1"},
        "max": {"cpu": "4"},
        "default": {"cpu": "2"},
        "maxLimitRequestRatio": {"cpu": "4"},
    },
    "one with its domain": {"default": {GPU: "1"}, "defaultRequest": {GPU: "1"}},
    "scratch space": {"default": {"ephemeral-storage": "1Gi"}},
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_a_cluster_would_refuse_is_refused_here(what: str) -> None:
    assert problems_of(REFUSED[what])


@pytest.mark.parametrize("what", TAKEN)
def test_what_a_cluster_would_take_is_taken_here(what: str) -> None:
    assert problems_of(TAKEN[what]) == []


@pytest.mark.cluster
@pytest.mark.parametrize("what", [*REFUSED, *TAKEN])
def test_the_api_server_says_the_same(what: str, local_cluster: RunningCluster) -> None:
    kube = KubeGateway.from_kubeconfig(yaml.safe_load(local_cluster.kubeconfig.read_text()))
    limits = {"type": "Container", **{**REFUSED, **TAKEN}[what]}
    manifest = {
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": {"name": "trial", "namespace": "default"},
        "spec": {"limits": [limits]},
    }

    if what in TAKEN:
        kube.apply(manifest, dry_run=True, strict=True)
        return
    with pytest.raises(Invalid):
        kube.apply(manifest, dry_run=True, strict=True)


def test_the_sentence_names_both_amounts_and_the_way_out() -> None:
    with pytest.raises(ValidationError) as refused:
        check_limits({"default": {"cpu": "8"}, "max": {"cpu": "4"}})

    assert refused.value.messages == [
        "default.cpu (8) is more than max.cpu (4); it may be at most that."
    ]


@pytest.mark.parametrize(
    ("parts", "hard"),
    [
        ({"default": {"cpu": "8"}}, {"limits.cpu": "4"}),
        ({"default": {"cpu": "8"}}, {"requests.cpu": "4"}),
        ({"default": {"cpu": "1"}, "defaultRequest": {"cpu": "8"}}, {"cpu": "4"}),
        ({"default": {"cpu": "8"}, "min": {"cpu": "5"}}, {"requests.cpu": "4", "limits.cpu": "9"}),
    ],
)
def test_a_default_that_the_whole_quota_cannot_hold_is_refused(parts: Any, hard: Any) -> None:
    assert "no container" in problems_with_quota(parts, hard)[0]


def test_what_fits_the_quota_is_taken() -> None:
    assert problems_with_quota({"default": {"cpu": "4"}}, {"limits.cpu": "4", "pods": "1"}) == []


@pytest.mark.django_db
def test_a_tier_is_refused_as_a_whole_at_its_limits() -> None:
    small = tier()
    small.limits = {"default": {"cpu": "9"}}

    with pytest.raises(ValidationError) as refused:
        small.full_clean()

    assert list(refused.value.message_dict) == ["limits"]


def test_a_controller_asks_for_no_more_than_it_may_have() -> None:
    with pytest.raises(ValidationError, match=r"requests\.cpu \(2\) is more than limits\.cpu"):
        check_resources({"requests": {"cpu": "2"}, "limits": {"cpu": "1"}})
