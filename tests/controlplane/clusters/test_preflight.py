"""The preflight's verdicts, from facts: each bad one says what to do, and none hides another."""

from dataclasses import replace

import pytest
import yaml

from controlplane.clusters.preflight import (
    Controller,
    Definition,
    Facts,
    Level,
    NotFit,
    Tried,
    Verdict,
    demand,
    judged,
)
from controlplane.clusters.rights import Right

WELL = Facts(
    version="v1.37.1",
    missing=(),
    may_do_all=False,
    controllers=(),
    definitions=(),
    serves_policies=True,
    quota=Tried(acts=True),
    pod_security=Tried(acts=True),
)


def definition(**facts: object) -> Definition:
    base = Definition("workflows.argoproj.io", "minimal", "", "", ("v1alpha1",))
    return replace(base, **facts)  # type: ignore[arg-type]  # a test's own words


def argo(*, cluster_wide: bool = True, replicas: int = 1) -> Controller:
    return Controller("argo", "workflow-controller", cluster_wide, replicas)


def of(facts: Facts, about: str) -> Verdict:
    return next(verdict for verdict in judged(facts) if verdict.about == about)


def test_a_cluster_with_nothing_wrong_has_a_good_line_for_everything() -> None:
    verdicts = judged(WELL)

    assert {verdict.level for verdict in verdicts} == {Level.OK}
    assert len({verdict.about for verdict in verdicts}) == len(verdicts) == 7
    demand(verdicts)


@pytest.mark.parametrize(
    ("facts", "about", "level", "said"),
    [
        (replace(WELL, version="v1.29.9"), "Kubernetes", Level.REFUSE, "Upgrade the cluster"),
        (replace(WELL, version="v1.30.0-eks-1"), "Kubernetes", Level.WARN, "tested on 1.37"),
        (replace(WELL, version="v1.38.0"), "Kubernetes", Level.WARN, "tested on 1.37"),
        (replace(WELL, version="<html>"), "Kubernetes", Level.WARN, "says nothing"),
        (replace(WELL, controllers=(argo(),)), "Argo controllers", Level.REFUSE, "--namespaced"),
        (
            replace(WELL, controllers=(argo(replicas=0),)),
            "Argo controllers",
            Level.WARN,
            "scaled to nothing",
        ),
        (
            replace(WELL, controllers=(argo(cluster_wide=False),)),
            "Argo controllers",
            Level.OK,
            "may stay",
        ),
        (replace(WELL, controllers=None), "Argo controllers", Level.REFUSE, "could not be read"),
        (replace(WELL, definitions=None), "Argo's kinds", Level.REFUSE, "could not be read"),
        (replace(WELL, definitions=(definition(),)), "Argo's kinds", Level.OK, "minimal"),
        (
            replace(WELL, definitions=(definition(keeper="Helm"),)),
            "Argo's kinds",
            Level.OK,
            "takes them over",
        ),
        (
            replace(WELL, definitions=(definition(keeper="Helm", flavour="full", line="3.x"),)),
            "Argo's kinds",
            Level.WARN,
            "full ones of Argo 3.x, by Helm",
        ),
        (
            replace(WELL, definitions=(definition(serves=("v2",)),)),
            "Argo's kinds",
            Level.REFUSE,
            "v1alpha1",
        ),
        (replace(WELL, serves_policies=False), "admission policies", Level.REFUSE, "not served"),
        (replace(WELL, quota=Tried(acts=False)), "quotas", Level.REFUSE, "ResourceQuota"),
        (replace(WELL, quota=Tried(None, "no route")), "quotas", Level.REFUSE, "no route"),
        (replace(WELL, pod_security=Tried(acts=False)), "Pod Security", Level.REFUSE, "root"),
        (replace(WELL, pod_security=Tried(None, "no")), "Pod Security", Level.REFUSE, "no"),
        (replace(WELL, may_do_all=True), "rights", Level.WARN, "argosy cluster role"),
    ],
)
def test_each_fact_has_its_verdict(facts: Facts, about: str, level: Level, said: str) -> None:
    verdict = of(facts, about)

    assert (verdict.level, said in verdict.sentence) == (level, True), verdict.sentence
    assert [v.level for v in judged(facts) if v.about != about] == [Level.OK] * 6


def test_missing_rights_are_a_role_to_apply() -> None:
    missing = (
        Right("", "secrets", "list"),
        Right("", "pods", "list"),
        Right("apps", "deployments", "create"),
        Right(path="/readyz"),
    )

    verdict = of(replace(WELL, missing=missing), "rights")

    assert "4 rights" in verdict.sentence
    assert yaml.safe_load(verdict.apply)["rules"] == [
        {"apiGroups": [""], "resources": ["pods", "secrets"], "verbs": ["list"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["create"]},
        {"nonResourceURLs": ["/readyz"], "verbs": ["get"]},
    ]


def test_what_is_refused_is_refused_for_all_its_reasons_at_once() -> None:
    facts = replace(WELL, controllers=(argo(),), serves_policies=False, version="v1.20.0")

    with pytest.raises(NotFit) as refusal:
        demand(judged(facts))

    for said in ("1.20.0", "workflow-controller in argo", "ValidatingAdmissionPolicy"):
        assert said in refusal.value.sentence
