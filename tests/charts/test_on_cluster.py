"""The charts on a real API server: taken by it, installed by the real helm, steady afterwards."""

import json
from typing import Any

import pytest
import yaml

from provisioning import argo_config
from tests.charts.api import Api, path_of
from tests.charts.conftest import Tenant, guardrail_values, until
from tests.charts.helm_chart import Helm, ci_files

pytestmark = pytest.mark.cluster

SIMULATED_NODE = {"nodeSelector": {"argosy.dev/simulated": "true"}}
BOOKKEEPING = ("managedFields", "resourceVersion", "uid", "creationTimestamp", "generation")


def release_values(tenant: Tenant) -> dict[str, Any]:
    config = argo_config.default_config(
        hard=guardrail_values(tenant)["quota"]["hard"],
        executor_image="quay.io/argoproj/argoexec:v4.1.2",
        deadline_seconds=3600,
    )
    return {
        "team": tenant.name,
        "workloadNamespace": tenant.name,
        "fingerprint": "first",
        "controller": SIMULATED_NODE,
        "config": argo_config.render(config, version="v4.1.2"),
    }


@pytest.mark.parametrize("chart", ["team-guardrails", "team-argo"])
def test_the_api_server_takes_every_example(api: Api, helm: Helm, chart: str) -> None:
    for values in ci_files(chart):
        rendered = helm.template(chart, yaml.safe_load(values.read_text(encoding="utf-8")))
        for manifest in rendered:
            manifest["metadata"]["namespace"] = "argosy-scratch"
            api.apply(manifest, dryRun="All").must()


def test_applying_guard_rails_again_changes_nothing(api: Api, helm: Helm, tenant: Tenant) -> None:
    for manifest in helm.template("team-guardrails", guardrail_values(tenant)):
        before = api.get(path_of(manifest)).must()["metadata"]["resourceVersion"]

        after = api.apply(manifest).must()["metadata"]["resourceVersion"]

        # The quota's own controller writes its status meanwhile.
        assert manifest["kind"] == "ResourceQuota" or after == before


def test_the_quota_counts_every_hard_key(api: Api, tenant: Tenant) -> None:
    quota = f"/api/v1/namespaces/{tenant.name}/resourcequotas/team-quota"
    hard = guardrail_values(tenant)["quota"]["hard"]

    until(lambda: api.get(quota).must().get("status", {}).get("used", {}).keys() == hard.keys())


def test_the_controller_is_installed_and_comes_up_under_pod_security(
    api: Api, cluster_helm: Helm, tenant: Tenant
) -> None:
    deployment = f"/apis/apps/v1/namespaces/{tenant.control}/deployments/workflow-controller"

    cluster_helm.upgrade("team-argo", release_values(tenant), namespace=tenant.control)

    assert api.get(deployment).must()["status"]["availableReplicas"] == 1
    (pod,) = api.get(f"/api/v1/namespaces/{tenant.control}/pods").must()["items"]
    assert pod["spec"]["priority"] == 1_000_000
    assert pod["spec"]["serviceAccountName"] == "workflow-controller"
    cluster_helm.uninstall(namespace=tenant.control)


def test_upgrading_with_the_same_values_restarts_nothing(
    api: Api, cluster_helm: Helm, tenant: Tenant
) -> None:
    deployment = f"/apis/apps/v1/namespaces/{tenant.control}/deployments/workflow-controller"
    values = release_values(tenant)
    cluster_helm.upgrade("team-argo", values, namespace=tenant.control)

    cluster_helm.upgrade("team-argo", {**values, "fingerprint": "second"}, namespace=tenant.control)

    after = api.get(deployment).must()["metadata"]["annotations"]
    assert after["argosy.dev/fingerprint"] == "second"
    assert after["deployment.kubernetes.io/revision"] == "1"
    cluster_helm.uninstall(namespace=tenant.control)


def test_what_helm_leaves_in_the_cluster_is_what_was_rendered(
    api: Api, cluster_helm: Helm, tenant: Tenant
) -> None:
    values = release_values(tenant)
    cluster_helm.upgrade("team-argo", values, namespace=tenant.control)

    for manifest in cluster_helm.template("team-argo", values, namespace=tenant.control):
        live = api.get(path_of(manifest)).must()
        again = api.apply(manifest, dryRun="All").must()
        assert comparable(again) == comparable(live)
    cluster_helm.uninstall(namespace=tenant.control)


def comparable(manifest: dict[str, Any]) -> str:
    """An object without what every write changes."""
    kept = {k: v for k, v in manifest["metadata"].items() if k not in BOOKKEEPING}
    rest = {k: v for k, v in manifest.items() if k not in {"metadata", "status"}}
    return json.dumps({**rest, "metadata": kept}, sort_keys=True)


def test_a_workflow_pod_with_the_configured_contexts_passes_pod_security(
    api: Api, tenant: Tenant
) -> None:
    config = argo_config.parse(release_values(tenant)["config"], version="v4.1.2")
    assert config.executor is not None
    assert config.main_container is not None
    assert config.workflow_defaults is not None
    assert config.workflow_defaults.spec is not None
    containers = [
        {"name": name, "image": "example.com/step:1", "securityContext": made.security_context}
        for name, made in (("wait", config.executor), ("main", config.main_container))
    ]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "step", "namespace": tenant.name},
        "spec": {
            "serviceAccountName": config.workflow_defaults.spec.service_account_name,
            "securityContext": config.workflow_defaults.spec.security_context,
            "containers": containers,
        },
    }

    made = api.create(pod, dryRun="All").must()

    assert made["spec"]["containers"][0]["resources"]["limits"]["cpu"] == "500m"
    containers[0].pop("securityContext")
    refused = api.create(pod, dryRun="All")
    assert not refused.allowed
    assert "restricted" in refused.message


def test_a_pod_beyond_the_quota_is_refused_in_words_argo_waits_for(
    api: Api, tenant: Tenant
) -> None:
    until(lambda: bool(quota_used(api, tenant)))
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "huge", "namespace": tenant.name},
        "spec": {
            "serviceAccountName": "workflow-runner",
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 8737,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": f"c{number}",
                    "image": "example.com/step:1",
                    "securityContext": argo_config.RESTRICTED,
                    "resources": {
                        "requests": {"cpu": "2", "memory": "1Gi"},
                        "limits": {"cpu": "2", "memory": "1Gi"},
                    },
                }
                for number in range(3)
            ],
        },
    }

    refused = api.create(pod, dryRun="All")

    assert refused.code == 403
    assert "exceeded quota" in refused.message


def quota_used(api: Api, tenant: Tenant) -> dict[str, str]:
    quota = api.get(f"/api/v1/namespaces/{tenant.name}/resourcequotas/team-quota").must()
    return dict(quota.get("status", {}).get("used", {}))
