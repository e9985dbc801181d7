"""What charts/team-argo renders, and never renders."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.charts.conftest import example
from tests.charts.helm_chart import Helm, Manifest, by_ref, changed, ci_files

pytestmark = pytest.mark.cluster

C = "payments-argo"
DEPLOYMENT = ("Deployment", C, "workflow-controller")
CONFIG = ("ConfigMap", C, "workflow-controller-configmap")
SERVICE = ("Service", C, "workflow-controller-metrics")
SERVER = {(kind, C, "argo-server") for kind in ("Deployment", "Ingress", "Service")}


@pytest.fixture(scope="module")
def rendered(helm: Helm) -> dict[tuple[str, str, str], Manifest]:
    return by_ref(helm.template("team-argo", example("team-argo", "simulated")))


def pod(manifests: dict[tuple[str, str, str], Manifest]) -> Any:
    return manifests[DEPLOYMENT]["spec"]["template"]


@pytest.mark.parametrize("values", ci_files("team-argo"), ids=lambda file: file.name)
def test_every_example_is_the_controllers_three_objects_and_the_servers(
    helm: Helm, values: Path
) -> None:
    given = yaml.safe_load(values.read_text(encoding="utf-8"))

    manifests = by_ref(helm.template("team-argo", given))

    server = SERVER if given.get("server", {}).get("enabled") else set()
    assert set(manifests) == {DEPLOYMENT, CONFIG, SERVICE} | server
    for manifest in manifests.values():
        labels = manifest["metadata"]["labels"]
        assert labels["argosy.dev/managed"] == "true"
        assert labels["argosy.dev/team"] == given["team"]
        assert labels["argosy.dev/namespace"] == given["workloadNamespace"]
        annotations = manifest["metadata"].get("annotations", {})
        assert annotations.get("argosy.dev/fingerprint") == given.get("fingerprint")


def test_there_is_never_more_than_one_controller(
    rendered: dict[tuple[str, str, str], Manifest],
) -> None:
    deployment = rendered[DEPLOYMENT]["spec"]

    assert (deployment["replicas"], deployment["strategy"]) == (1, {"type": "Recreate"})
    (container,) = pod(rendered)["spec"]["containers"]
    assert {"name": "LEADER_ELECTION_DISABLE", "value": "true"} in container["env"]


def test_the_controller_looks_after_one_namespace(
    rendered: dict[tuple[str, str, str], Manifest],
) -> None:
    (container,) = pod(rendered)["spec"]["containers"]

    assert container["command"] == ["workflow-controller"]
    assert container["args"][:2] == ["--namespaced", "--managed-namespace=payments"]


def test_the_pod_has_no_more_power_than_it_needs(
    rendered: dict[tuple[str, str, str], Manifest],
) -> None:
    spec = pod(rendered)["spec"]
    (container,) = spec["containers"]

    assert spec["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 8737,
        "runAsGroup": 8737,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert spec["serviceAccountName"] == "workflow-controller"
    assert spec["automountServiceAccountToken"] is True
    assert spec["priorityClassName"] == "argosy-controller"


def test_being_ready_does_not_disturb_being_alive(
    rendered: dict[tuple[str, str, str], Manifest],
) -> None:
    (container,) = pod(rendered)["spec"]["containers"]

    assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "health"}
    assert container["readinessProbe"]["tcpSocket"] == {"port": "health"}


def test_placement_is_where_the_values_say(
    helm: Helm, rendered: dict[tuple[str, str, str], Manifest]
) -> None:
    spec = pod(rendered)["spec"]
    anywhere = pod(by_ref(helm.template("team-argo", example("team-argo", "minimal"))))["spec"]

    assert spec["nodeSelector"] == {"argosy.dev/simulated": "true"}
    assert spec["tolerations"] == [
        {"key": "kwok.x-k8s.io/node", "operator": "Equal", "value": "fake", "effect": "NoSchedule"}
    ]
    assert "nodeSelector" not in anywhere
    assert "tolerations" not in anywhere


def test_a_digest_pins_the_image_beside_its_tag(helm: Helm) -> None:
    (container,) = pod(by_ref(helm.template("team-argo", example("team-argo", "large"))))["spec"][
        "containers"
    ]

    assert container["image"] == (
        "registry.example.com:5000/mirror/workflow-controller:v4.1.2@sha256:"
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    )


def test_the_configuration_arrives_letter_by_letter(helm: Helm) -> None:
    config = {
        "parallelism": "8",
        "executor": "image: \"a:b\"\nenv:\n- name: X\n  value: '{{ .Values.team }} ${Y} %'\n",
        "navColor": '"red # not a comment"',
    }

    rendered = by_ref(
        helm.template("team-argo", {**example("team-argo", "minimal"), "config": config})
    )

    assert rendered[CONFIG]["data"] == config


def test_another_configuration_restarts_the_controller_and_another_mark_does_not(
    helm: Helm, rendered: dict[tuple[str, str, str], Manifest]
) -> None:
    values = example("team-argo", "simulated")

    reconfigured = by_ref(helm.template("team-argo", changed(values, "config.parallelism", "9")))
    marked = by_ref(helm.template("team-argo", {**values, "fingerprint": "another"}))

    assert pod(reconfigured) != pod(rendered)
    assert pod(marked) == pod(rendered)


def test_the_metrics_service_finds_the_pod_and_has_no_address(
    rendered: dict[tuple[str, str, str], Manifest],
) -> None:
    service = rendered[SERVICE]["spec"]
    labels = pod(rendered)["metadata"]["labels"]

    assert service["clusterIP"] == "None"
    assert service["selector"].items() <= labels.items()
    assert [(p["name"], p["port"]) for p in service["ports"]] == [("metrics", 9090)]


def test_a_replica_set_does_not_pass_for_an_object_of_ours(
    rendered: dict[tuple[str, str, str], Manifest],
) -> None:
    assert "argosy.dev/managed" not in pod(rendered)["metadata"]["labels"]


def test_rendering_leaves_its_values_as_they_were(helm: Helm) -> None:
    values = example("team-argo", "large")
    before = copy.deepcopy(values)

    assert helm.template("team-argo", values) == helm.template("team-argo", values)
    assert values == before


@pytest.fixture(scope="module")
def served(helm: Helm) -> dict[tuple[str, str, str], Manifest]:
    return by_ref(helm.template("team-argo", example("team-argo", "server")))


def test_the_server_is_for_one_namespace_and_lets_nobody_act_as_itself(
    served: dict[tuple[str, str, str], Manifest],
) -> None:
    (container,) = served["Deployment", C, "argo-server"]["spec"]["template"]["spec"]["containers"]

    assert container["args"] == [
        *("server", "--namespaced", "--managed-namespace=payments"),
        *("--auth-mode=sso", "--auth-mode=client", "--secure=true", "--log-format=json"),
    ]


def test_the_servers_pod_has_no_more_power_than_it_needs(
    served: dict[tuple[str, str, str], Manifest],
) -> None:
    pod = served["Deployment", C, "argo-server"]["spec"]["template"]["spec"]
    controllers = served[DEPLOYMENT]["spec"]["template"]["spec"]

    assert pod["serviceAccountName"] == "argo-server"
    assert pod["securityContext"] == controllers["securityContext"]
    assert (
        pod["containers"][0]["securityContext"] == controllers["containers"][0]["securityContext"]
    )
    assert "priorityClassName" not in pod  # a page goes before no step


def test_the_server_has_a_host_of_its_own(served: dict[tuple[str, str, str], Manifest]) -> None:
    ingress = served["Ingress", C, "argo-server"]["spec"]

    assert [rule["host"] for rule in ingress["rules"]] == ["payments.eu.argo.example.com"]
    assert ingress["tls"] == [
        {"hosts": ["payments.eu.argo.example.com"], "secretName": "argo-wildcard"}
    ]


@pytest.mark.parametrize(
    ("key", "restarted"), [("sso", "argo-server"), ("parallelism", "workflow-controller")]
)
def test_a_change_restarts_whom_it_is_for(
    helm: Helm, served: dict[tuple[str, str, str], Manifest], key: str, restarted: str
) -> None:
    values = changed(example("team-argo", "server"), f"config.{key}", "other")

    after = by_ref(helm.template("team-argo", values))

    for name in ("argo-server", "workflow-controller"):
        ref = ("Deployment", C, name)
        same = served[ref]["spec"]["template"] == after[ref]["spec"]["template"]
        assert same is (name != restarted)
