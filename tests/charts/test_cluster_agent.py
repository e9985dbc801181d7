"""What charts/cluster-agent renders: enough to answer on a bad day, and no right beyond it."""

import copy
from typing import Any

import pytest
import yaml

from controlplane.agent.__main__ import parser, webhook_of
from controlplane.agent.running import Settings
from tests.charts.api import Api
from tests.charts.conftest import example, until
from tests.charts.helm_chart import Helm, HelmRefusedError, Manifest, by_ref, changed, ci_files

pytestmark = pytest.mark.cluster

CHART = "cluster-agent"
SYSTEM = "argosy-system"
DEPLOYMENT = ("Deployment", SYSTEM, "argosy-agent")
ACCOUNT = f"system:serviceaccount:{SYSTEM}:argosy-agent"

Rendered = dict[tuple[str, str, str], Manifest]


def rendered(helm: Helm, case: str = "minimal") -> Rendered:
    return by_ref(helm.template(CHART, example(CHART, case), namespace=SYSTEM))


def pod(manifests: Rendered) -> Any:
    return manifests[DEPLOYMENT]["spec"]["template"]["spec"]


@pytest.mark.parametrize("values", ci_files(CHART), ids=lambda file: file.name)
def test_an_example_lints_without_a_warning(helm: Helm, values: Any) -> None:
    helm.lint(CHART, values)


@pytest.mark.parametrize("case", ["minimal", "pinned", "managed"])
def test_the_agent_understands_its_command_line(helm: Helm, case: str) -> None:
    (container,) = pod(rendered(helm, case))["containers"]

    said = parser().parse_args(container["args"])

    assert said.cluster == example(CHART, case)["cluster"]
    assert (said.replay_every == 0) is (case == "managed")
    mounts = {m["mountPath"] for m in container["volumeMounts"]}
    for file in (said.token_file.parent, said.keys.parent, said.folder, said.certificates):
        assert str(file) in mounts


def test_callers_are_known_by_their_certificate_where_their_authority_is_named(helm: Helm) -> None:
    (container,) = pod(rendered(helm, "pinned"))["containers"]
    said = parser().parse_args(container["args"])
    settings = Settings(cluster="west", folder=said.folder, keys=said.keys)

    assert "--client-ca=/etc/argosy/callers/ca.crt" in (webhook_of(said, settings) or [])
    mounted = {m["mountPath"]: m["name"] for m in container["volumeMounts"]}
    volumes = {v["name"]: v for v in pod(rendered(helm, "pinned"))["volumes"]}
    callers = volumes[mounted[str(said.client_ca.parent)]]
    assert callers["configMap"]["name"] == "argosy-api-server-callers"


def test_without_that_authority_everybody_whom_the_network_lets_in_is_answered(helm: Helm) -> None:
    (container,) = pod(rendered(helm))["containers"]
    said = parser().parse_args(container["args"])
    settings = Settings(cluster="east", folder=said.folder, keys=said.keys)

    assert not [word for word in webhook_of(said, settings) or [] if "client-ca" in word]


def test_it_goes_one_at_a_time_and_not_before_everybody_was_answered(helm: Helm) -> None:
    manifests = rendered(helm)
    spec = manifests[DEPLOYMENT]["spec"]
    (container,) = pod(manifests)["containers"]

    assert spec["replicas"] == 2
    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    assert manifests["PodDisruptionBudget", SYSTEM, "argosy-agent"]["spec"]["maxUnavailable"] == 1
    slept = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod(manifests)["terminationGracePeriodSeconds"] > slept + 3 + 15 + 3
    keys = [c["topologyKey"] for c in pod(manifests)["topologySpreadConstraints"]]
    assert keys == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]


def test_it_runs_as_nobody_on_a_root_that_it_cannot_write(helm: Helm) -> None:
    (container,) = pod(rendered(helm))["containers"]

    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod(rendered(helm))["priorityClassName"] == "system-cluster-critical"


def test_no_credential_is_in_the_release(helm: Helm) -> None:
    for case in ("minimal", "pinned", "managed"):
        kinds = {kind for kind, _, _ in rendered(helm, case)}
        assert not kinds & {"Secret", "ConfigMap"}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("cluster", ""),
        ("cluster", "East"),
        ("platform.url", "http://argosy.example.com"),
        ("platform.url", "https://argosy.example.com/path"),
        ("platform.cidrs", []),
        ("secrets.token", ""),
        ("secrets.password", "x"),
        ("image.tag", "latest"),
        ("image.digest", "sha256:abc"),
        ("replicas", 0),
        ("replicas", "2"),
        ("apiServer.endpoints", []),
        ("apiServer.callsFrom", ["everywhere"]),
        ("scanEvery", 1),
        ("resources.limits.memory", "much"),
        ("surprise", True),
    ],
)
def test_a_value_that_cannot_be_right_is_refused(helm: Helm, path: str, value: Any) -> None:
    values = changed(
        {**yaml.safe_load((ci_files(CHART)[0].parents[1] / "values.yaml").read_text()),
         **copy.deepcopy(example(CHART, "pinned"))}, path, value)  # fmt: skip
    with pytest.raises(HelmRefusedError):
        helm.template(CHART, values, namespace=SYSTEM)


@pytest.fixture
def installed(api: Api, helm: Helm) -> Rendered:
    """Taken by the API server as it is, in the base's own namespace."""
    manifests = rendered(helm)
    for manifest in manifests.values():
        if manifest["kind"] != "PodDisruptionBudget":
            api.call("PATCH", path(manifest), manifest, kind="application/apply-patch+yaml",
                     fieldManager="test", force="true", fieldValidation="Strict").must()  # fmt: skip
    return manifests


def path(manifest: Manifest) -> str:
    version, kind = manifest["apiVersion"], manifest["kind"]
    plural = {
        "NetworkPolicy": "networkpolicies",
        "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
    }
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    space = manifest["metadata"].get("namespace")
    where = f"{root}/namespaces/{space}" if space else root
    return f"{where}/{plural.get(kind, f'{kind.lower()}s')}/{manifest['metadata']['name']}"


def test_the_account_sees_what_it_looks_at_and_writes_nothing(
    installed: Rendered, api: Api
) -> None:
    agent = api.acting_as(ACCOUNT)

    for verb, resource in (
        ("list", "pods"), ("watch", "events"), ("list", "apps/deployments"), ("list", "batch/cronjobs"),
        ("watch", "argoproj.io/workflows"), ("list", "argoproj.io/clusterworkflowtemplates"),
    ):  # fmt: skip
        assert agent.may(verb, resource), (verb, resource)
    policies = "admissionregistration.k8s.io/validatingadmissionpolicies"
    assert agent.may("get", policies, name="argosy-workload-pods")
    for verb, resource in (
        ("list", "secrets"), ("get", "configmaps"), ("create", "apps/deployments"), ("delete", "pods"),
        ("patch", "pods"), ("create", "pods:exec"), ("get", "pods:log"), ("create", "events"),
        ("update", "admissionregistration.k8s.io/validatingwebhookconfigurations"),
    ):  # fmt: skip
        assert not agent.may(verb, resource, namespace="default"), (verb, resource)


def test_its_right_to_create_pods_ends_at_dry_runs(installed: Rendered, api: Api) -> None:
    agent = api.acting_as(ACCOUNT)
    meta = {"generateName": "canary-", "namespace": "default"}  # some may be made before it acts
    spec = {"containers": [{"name": "c", "image": "x"}]}
    wanted = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}

    until(lambda: "dry runs alone" in agent.create(wanted).message)

    assert agent.create(wanted, dryRun="All").allowed
