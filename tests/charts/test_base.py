"""The base once per cluster: Argo's kinds as its controller needs them, policies that fail closed."""

import json
import shutil
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


def test_no_policy_waits_for_a_parameter() -> None:
    """An API server reads it anew for each create, and denies good pods where that takes too long."""
    for policy in of_kind("ValidatingAdmissionPolicy"):
        assert "paramKind" not in policy["spec"]
        assert "params." not in str(policy)
    for binding in of_kind("ValidatingAdmissionPolicyBinding"):
        assert "paramRef" not in binding["spec"]


@pytest.mark.parametrize(
    "username",
    [
        "admin",
        "system:serviceaccount:argosy-system:platform",
        'o\'brien" || true || "\\',
        "{{WORKLOAD_TOLERATIONS}}\n'",
    ],
)
def test_the_platforms_name_is_a_constant_that_no_name_can_leave(username: str) -> None:
    for before in ("", username[::-1]):
        (policy,) = [
            m
            for m in manifests_for(username, before=before)
            if m["metadata"]["name"] == "argosy-namespace-labels" and "matchConditions" in m["spec"]
        ]
        (condition,) = policy["spec"]["matchConditions"]
        asked, written = condition["expression"].removesuffix(")").split(" in ", 1)

        assert asked == "!(request.userInfo.username"
        # What is a list of texts in JSON is that list in CEL.
        assert json.loads(written) == [name for name in (username, before) if name]
        assert json.loads(policy["metadata"]["annotations"]["argosy.dev/platform"]) == username


def test_a_base_has_another_version_when_a_file_of_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = base_release.version()
    shutil.copytree(base_release.FOLDER, tmp_path / "base")
    monkeypatch.setattr(base_release, "FOLDER", tmp_path / "base")
    changed = tmp_path / "base/30-priorityclass.yaml"
    changed.write_text(changed.read_text(encoding="utf-8") + "# another\n", encoding="utf-8")
    base_release.version.cache_clear()

    after = base_release.version()

    base_release.version.cache_clear()
    assert after != before


def test_the_files_say_in_their_names_in_which_order_they_go() -> None:
    names = sorted(file.name for file in Path(base_release.FOLDER).glob("*.yaml"))
    kinds = [
        document["kind"]
        for name in names
        for document in yaml.safe_load_all((base_release.FOLDER / name).read_text(encoding="utf-8"))
    ]

    assert kinds.index("CustomResourceDefinition") < kinds.index("Namespace")
    assert kinds.index("Namespace") < kinds.index("ValidatingAdmissionPolicy")


@pytest.mark.cluster
def test_the_base_may_be_applied_again(api: Api, platform_username: str) -> None:
    for manifest in manifests_for(platform_username):
        first = asked_for(api.apply(manifest).must())
        assert asked_for(api.apply(manifest).must()) == first


def asked_for(kept: Manifest) -> str:
    """Counts what is asked for; an object's status, which controllers write, goes on by itself."""
    metadata = kept["metadata"]
    return str(metadata.get("generation") or metadata["resourceVersion"])


@pytest.mark.cluster
def test_the_api_server_finds_no_fault_in_the_expressions(api: Api) -> None:
    policies = api.get("/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies").must()[
        "items"
    ]

    names = {m["metadata"]["name"] for m in of_kind("ValidatingAdmissionPolicy")}
    ours = [p for p in policies if p["metadata"]["name"] in names]

    assert len(ours) == len(names) == 10
    for policy in ours:
        assert not policy.get("status", {}).get("typeChecking", {}).get("expressionWarnings")


@pytest.mark.cluster
@pytest.mark.parametrize("username", ['o\'brien" || true || "\\', "a\nb\t\u00e9"])
def test_an_api_server_takes_any_name_of_ours_for_a_text(api: Api, username: str) -> None:
    for manifest in manifests_for(username):
        if "Policy" in manifest["kind"]:
            api.apply(manifest, dryRun="All").must()


@pytest.mark.cluster
@pytest.mark.parametrize(
    "path",
    [
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/workflows.argoproj.io",
        "/apis/scheduling.k8s.io/v1/priorityclasses/argosy-controller",
    ],
)
def test_what_teams_stand_on_is_deleted_by_nobody(api: Api, outsider: Api, path: str) -> None:
    for user in (outsider, api):
        refused = user.call("DELETE", path, {"dryRun": ["All"]})

        assert refused.code == 403
        assert "teams of this cluster stand on" in refused.message


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
