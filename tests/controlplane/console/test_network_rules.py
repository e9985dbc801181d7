"""Network policies as sentences: what the chart really renders, and what others may write."""

from typing import Any

import pytest
import yaml

from controlplane.console.network_rules import sentences
from localcluster import build
from tests.charts.helm_chart import CHARTS, Helm

CLOSED = (
    "Nothing reaches pods, but for what is listed here.",
    "No pods reach anything, but for what is listed here.",
)


@pytest.fixture(scope="module")
def helm() -> Helm:
    return Helm(build.programs() / "helm")


def rules_of(helm: Helm, case: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The sentences for the workload and for the control namespace of one of the chart's cases."""
    values = yaml.safe_load((CHARTS / "team-guardrails" / "ci" / f"{case}-values.yaml").read_text())
    made = [m for m in helm.template("team-guardrails", values) if m["kind"] == "NetworkPolicy"]

    def of(namespace: str) -> tuple[str, ...]:
        return sentences(m for m in made if m["metadata"]["namespace"] == namespace)

    return of(values["workloadNamespace"]), of(values["controlNamespace"])


def policy(**spec: Any) -> dict[str, Any]:
    return {"kind": "NetworkPolicy", "metadata": {"name": "x"}, "spec": {"podSelector": {}, **spec}}


def test_the_charts_own_rules_read_as_sentences(helm: Helm) -> None:
    workload, control = rules_of(helm, "several-endpoints")

    names = (
        "Every pod may reach pods with k8s-app=kube-dns in the namespace kube-system or "
        "169.254.20.10 on port 53 (TCP, UDP) and 5353 (TCP, UDP)."
    )
    to_api = [
        f"Pods with the label workflows.argoproj.io/workflow may reach {address} on port 6443 (TCP)."
        for address in ("10.0.1.5", "10.0.3.7", "fd00:10::7")
    ]
    assert workload == (*CLOSED, names, *to_api)
    assert control[:3] == (*CLOSED, control[2])
    assert (
        "Pods with app.kubernetes.io/name=prometheus in the namespace monitoring or every pod in the "
        "namespace argosy-system may reach pods with app=workflow-controller on port 9090 (TCP)."
    ) in control
    assert any(
        "may reach pods with app=argo-server on port 2746 (TCP)." in line for line in control
    )


@pytest.mark.parametrize(
    "case", ["minimal", "real-node", "simulated", "several-endpoints", "stores"]
)
def test_every_case_of_the_chart_is_closed_but_for_what_is_listed(helm: Helm, case: str) -> None:
    for lines in rules_of(helm, case):
        assert lines[:2] == CLOSED
        assert len(lines) > 2


def test_without_a_policy_everything_is_open() -> None:
    assert sentences([]) == ("Anything may come in.", "Anything may be reached.")


def test_a_rule_without_peers_and_ports_is_about_everything() -> None:
    assert "Every pod may reach anything." in sentences(
        [policy(policyTypes=["Egress"], egress=[{}])]
    )


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ({"podSelector": {}}, "Every pod of the same namespace may reach every pod."),
        ({"namespaceSelector": {}}, "Every pod in any namespace may reach every pod."),
        (
            {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}},
            "10.0.0.0/8 without 10.1.0.0/16 may reach every pod.",
        ),
        (
            {
                "podSelector": {
                    "matchExpressions": [{"key": "a", "operator": "In", "values": ["b", "c"]}]
                }
            },
            "Pods with a that is one of b, c of the same namespace may reach every pod.",
        ),
        (
            {"podSelector": {"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}},
            "Pods with no label a of the same namespace may reach every pod.",
        ),
        (
            {"namespaceSelector": {"matchLabels": {"a": "b"}}},
            "Every pod in namespaces with a=b may reach every pod.",
        ),
    ],
)
def test_each_kind_of_peer_is_named(rule: dict[str, Any], sentence: str) -> None:
    assert sentence in sentences([policy(ingress=[{"from": [rule]}])])


def test_ports_tell_ranges_and_protocols() -> None:
    rule = {"ports": [{"port": 80, "endPort": 90}, {"port": "http", "protocol": "UDP"}]}

    found = sentences([policy(policyTypes=["Egress"], egress=[rule])])

    assert "Every pod may reach anything on port 80 to 90 (TCP) and http (UDP)." in found


def test_only_the_pods_that_a_policy_selects_are_closed() -> None:
    found = sentences([policy(podSelector={"matchLabels": {"app": "web"}})])

    assert found == (
        "Nothing reaches pods with app=web, but for what is listed here.",
        "Anything may be reached.",
    )
