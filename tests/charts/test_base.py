"""The base once per cluster: Argo's kinds as its controller needs them, policies that fail closed."""

from pathlib import Path

import pytest
import yaml

from controlplane.clusters import base_release
from controlplane.clusters.base_release import manifests_for
from tests.charts.api import Api
from tests.charts.conftest import Tenant
from tests.charts.helm_chart import Manifest

ARGO_KINDS = {
    "clusterworkflowtemplates": ("Cluster", False),
    "cronworkflows": ("Namespaced", False),
    "workflowartifactgctasks": ("Namespaced", True),
    "workfloweventbindings": ("Namespaced", False),
    "workflows": ("Namespaced", False),
    "workflowtaskresults": ("Namespaced", False),
    "workflowtasksets": ("Namespaced", True),
    "workflowtemplates": ("Namespaced", False),
}


def of_kind(kind: str) -> list[Manifest]:
    return [m for m in manifests_for("the-platform") if m["kind"] == kind]


def test_every_object_of_the_base_is_marked_as_ours() -> None:
    for manifest in manifests_for("the-platform"):
        assert manifest["metadata"]["labels"]["argosy.dev/managed"] == "true"


def test_the_eight_kinds_have_argos_scopes_and_status() -> None:
    found = {
        crd["spec"]["names"]["plural"]: (
            crd["spec"]["scope"],
            "status" in crd["spec"]["versions"][0].get("subresources", {}),
        )
        for crd in of_kind("CustomResourceDefinition")
    }

    assert found == ARGO_KINDS


def test_the_kinds_keep_what_they_do_not_know() -> None:
    for crd in of_kind("CustomResourceDefinition"):
        (version,) = crd["spec"]["versions"]
        schema = version["schema"]["openAPIV3Schema"]
        assert version["name"] == "v1alpha1"
        assert schema["x-kubernetes-preserve-unknown-fields"] is True
        assert "properties" not in schema


def test_every_policy_fails_closed_and_denies() -> None:
    policies = {p["metadata"]["name"]: p for p in of_kind("ValidatingAdmissionPolicy")}
    bindings = {b["spec"]["policyName"]: b for b in of_kind("ValidatingAdmissionPolicyBinding")}

    assert policies.keys() == bindings.keys()
    for name, policy in policies.items():
        assert policy["spec"]["failurePolicy"] == "Fail"
        assert bindings[name]["spec"]["validationActions"] == ["Deny"]
        if "paramKind" in policy["spec"]:
            assert bindings[name]["spec"]["paramRef"]["parameterNotFoundAction"] == "Deny"


def test_a_policy_about_every_namespace_waits_for_no_settings() -> None:
    for policy in of_kind("ValidatingAdmissionPolicy"):
        spec = policy["spec"]
        narrowed = spec["matchConstraints"].keys() & {"namespaceSelector", "objectSelector"}
        assert narrowed or "paramKind" not in spec


@pytest.mark.parametrize("username", ["admin", "system:serviceaccount:argosy-system:platform"])
def test_the_platforms_name_is_a_value_and_never_an_expression(username: str) -> None:
    (settings,) = of_kind("ConfigMap")
    files = Path(base_release.FOLDER).glob("*.yaml")

    asking = [file.name for file in files if "{{" in file.read_text(encoding="utf-8")]

    assert asking == ["40-settings.yaml"]
    assert settings["data"]["platformUsername"] == "the-platform"
    (named,) = [m for m in manifests_for(username) if m["kind"] == "ConfigMap"]
    assert named["data"]["platformUsername"] == username


def test_the_files_say_in_their_names_in_which_order_they_go() -> None:
    names = sorted(file.name for file in Path(base_release.FOLDER).glob("*.yaml"))
    kinds = [
        document["kind"]
        for name in names
        for document in yaml.safe_load_all((base_release.FOLDER / name).read_text(encoding="utf-8"))
    ]

    assert kinds.index("Namespace") < kinds.index("ConfigMap")
    assert kinds.index("ConfigMap") < kinds.index("ValidatingAdmissionPolicy")


@pytest.mark.cluster
def test_the_base_may_be_applied_again(api: Api, platform_username: str) -> None:
    for manifest in manifests_for(platform_username):
        first = api.apply(manifest).must()["metadata"]["resourceVersion"]
        assert api.apply(manifest).must()["metadata"]["resourceVersion"] == first


@pytest.mark.cluster
def test_the_api_server_finds_no_fault_in_the_expressions(api: Api) -> None:
    policies = api.get("/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies").must()[
        "items"
    ]

    names = {m["metadata"]["name"] for m in of_kind("ValidatingAdmissionPolicy")}
    ours = [p for p in policies if p["metadata"]["name"] in names]

    assert len(ours) == len(names) == 4
    for policy in ours:
        assert not policy.get("status", {}).get("typeChecking", {}).get("expressionWarnings")


@pytest.mark.cluster
def test_argo_writes_its_kinds_as_its_controller_does(api: Api, tenant: Tenant) -> None:
    where = f"/apis/argoproj.io/v1alpha1/namespaces/{tenant.name}"
    there = {"namespace": tenant.name}
    workflow = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "run", **there},
        "spec": {"entrypoint": "main", "aFieldOfTheFuture": {"deep": [1]}},
    }

    made = api.create(workflow).must()
    made["status"] = {"phase": "Running"}
    written = api.call("PUT", f"{where}/workflows/run", made).must()

    assert written["status"] == {"phase": "Running"}  # spec and status in one update
    assert written["spec"]["aFieldOfTheFuture"] == {"deep": [1]}
    task_set = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "WorkflowTaskSet",
        "metadata": {"name": "run", **there},
        "spec": {"tasks": {}},
    }
    api.create(task_set).must()
    api.merge(f"{where}/workflowtasksets/run/status", {"status": {"nodes": {}}}).must()
