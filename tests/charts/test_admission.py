"""What the base's policies let pass and what they refuse, on a real API server, by any way in."""

from typing import Any

import pytest

from controlplane.clusters.base_release import manifests_for
from provisioning.argo_config import RESTRICTED
from tests.charts.api import APPLY, Api
from tests.charts.conftest import Tenant, namespace, until
from tests.charts.helm_chart import Manifest

pytestmark = pytest.mark.cluster


def pod(where: str, **spec: Any) -> Manifest:
    """A pod that Pod Security lets pass, with no account named."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "step", "namespace": where},
        "spec": {
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 8737,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {"name": "main", "image": "example.com/step:1", "securityContext": RESTRICTED}
            ],
            **spec,
        },
    }


def tried(api: Api, manifest: Manifest) -> str:
    """What the API server says against it; nothing if it would take it."""
    answer = api.create(manifest, dryRun="All")
    return "" if answer.allowed else answer.message


def apply_placed(api: Api, username: str, placement: dict[str, Any]) -> None:
    """Bring the policies up to date, as registering the cluster does."""
    for manifest in manifests_for(username, placement):
        api.apply(manifest).must()


class TestPodsOfAWorkloadNamespace:
    @pytest.mark.parametrize("field", ["serviceAccountName", "serviceAccount"])
    def test_may_run_as_the_runner(self, outsider: Api, tenant: Tenant, field: str) -> None:
        assert tried(outsider, pod(tenant.name, **{field: "workflow-runner"})) == ""

    @pytest.mark.parametrize(
        "account",
        [
            {},
            {"serviceAccountName": ""},
            {"serviceAccountName": "default"},
            {"serviceAccount": "default"},
            {"serviceAccountName": "argo-owner"},
            {"serviceAccount": "argo-owner"},
        ],
    )
    @pytest.mark.parametrize("by_the_platform", [True, False])
    def test_may_not_run_as_anybody_else(
        self,
        api: Api,
        outsider: Api,
        tenant: Tenant,
        account: dict[str, str],
        by_the_platform: bool,
    ) -> None:
        until(lambda: api.get(f"/api/v1/namespaces/{tenant.name}/serviceaccounts/default").allowed)

        message = tried(api if by_the_platform else outsider, pod(tenant.name, **account))

        name = next(iter(account.values()), "") or "default"
        assert f'may not use the service account "{name}", only: workflow-runner' in message
        # Argo takes "exceeded quota" for a reason to wait; this is none.
        assert "exceeded quota" not in message

    @pytest.mark.parametrize(
        ("spec", "said"),
        [
            ({"nodeName": "simulated-1"}, "may not choose their node"),
            ({"tolerations": [{"operator": "Exists"}]}, "may not tolerate"),
            (
                {
                    "tolerations": [
                        {"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}
                    ]
                },
                "may not tolerate",
            ),
            ({"terminationGracePeriodSeconds": 1_000_000_000}, "at most 3600 s"),
            ({"volumes": [{"name": "v", "csi": {"driver": "secrets.example.com"}}]}, "csi volumes"),
        ],
    )
    def test_may_not_choose_where_they_run_nor_what_nobody_counts(
        self, outsider: Api, tenant: Tenant, spec: dict[str, Any], said: str
    ) -> None:
        wanted = pod(tenant.name, serviceAccountName="workflow-runner", **spec)

        assert said in tried(outsider, wanted)

    def test_may_tolerate_what_kubernetes_adds_to_every_pod(
        self, outsider: Api, tenant: Tenant
    ) -> None:
        own = [
            {"key": f"node.kubernetes.io/{state}", "operator": "Exists", "effect": "NoExecute"}
            for state in ("not-ready", "unreachable")
        ]
        wanted = pod(tenant.name, serviceAccountName="workflow-runner", tolerations=own)

        assert tried(outsider, wanted) == ""

    def test_go_where_the_cluster_was_registered_to_place_them(
        self, api: Api, outsider: Api, tenant: Tenant, platform_username: str
    ) -> None:
        spot = {"key": "team", "operator": "Equal", "value": "yes", "effect": "NoSchedule"}
        placed = {"nodeSelector": {"pool": "teams"}, "tolerations": [spot]}
        account = {"serviceAccountName": "workflow-runner"}
        try:
            apply_placed(api, platform_username, placed)
            elsewhere = pod(tenant.name, **account)
            until(lambda: "must keep the node selector pool=teams" in tried(outsider, elsewhere))
            assert tried(outsider, pod(tenant.name, **account, **placed)) == ""
        finally:
            apply_placed(api, platform_username, {})
            until(lambda: tried(outsider, pod(tenant.name, **account)) == "")

    @pytest.mark.parametrize(
        "priority",
        ["system-cluster-critical", "system-node-critical", "argosy-controller"],
    )
    def test_may_not_push_others_aside(self, outsider: Api, tenant: Tenant, priority: str) -> None:
        wanted = pod(tenant.name, serviceAccountName="workflow-runner", priorityClassName=priority)

        assert f'may not use the priority class "{priority}", nor any other' in tried(
            outsider, wanted
        )

    def test_may_not_be_made_by_a_controller_for_somebody_else(
        self, api: Api, tenant: Tenant
    ) -> None:
        template = pod(tenant.name, serviceAccountName="default", restartPolicy="Never")
        job = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "by-the-way", "namespace": tenant.name},
            "spec": {"template": {"spec": template["spec"]}},
        }

        api.create(job).must()

        def refused() -> bool:
            events = api.get(f"/api/v1/namespaces/{tenant.name}/events").must()["items"]
            return any("argosy-workload-pods" in event["message"] for event in events)

        until(refused)
        assert api.get(f"/api/v1/namespaces/{tenant.name}/pods").must()["items"] == []

    def test_once_made_may_finish_and_go(self, api: Api, tenant: Tenant) -> None:
        made = api.create(pod(tenant.name, serviceAccountName="workflow-runner")).must()
        where = f"/api/v1/namespaces/{tenant.name}/pods/{made['metadata']['name']}"

        api.merge(
            where, {"metadata": {"labels": {"workflows.argoproj.io/completed": "true"}}}
        ).must()
        api.merge(f"{where}/status", {"status": {"phase": "Succeeded"}}).must()
        api.delete(where).must()


class TestPodsOfAControlNamespace:
    @pytest.mark.parametrize("account", ["workflow-controller", "argo-server"])
    def test_may_be_the_controller_or_the_server(
        self, outsider: Api, tenant: Tenant, account: str
    ) -> None:
        wanted = pod(
            tenant.control, serviceAccountName=account, priorityClassName="argosy-controller"
        )

        message = tried(outsider, wanted)

        # No server's account is there yet: what refuses it is not a policy of ours.
        assert "ValidatingAdmissionPolicy" not in message
        assert (message == "") == (account == "workflow-controller")

    @pytest.mark.parametrize("account", [{}, {"serviceAccountName": "default"}])
    def test_may_be_nothing_else(
        self, api: Api, outsider: Api, tenant: Tenant, account: dict[str, str]
    ) -> None:
        until(
            lambda: api.get(f"/api/v1/namespaces/{tenant.control}/serviceaccounts/default").allowed
        )

        message = tried(outsider, pod(tenant.control, **account))

        assert (
            'may not use the service account "default", only: workflow-controller, argo-server'
            in message
        )

    def test_may_not_be_more_urgent_than_the_cluster_itself(
        self, outsider: Api, tenant: Tenant
    ) -> None:
        wanted = pod(
            tenant.control,
            serviceAccountName="workflow-controller",
            priorityClassName="system-cluster-critical",
        )

        assert "only: argosy-controller" in tried(outsider, wanted)


class TestPodsElsewhere:
    @pytest.mark.parametrize("where", ["kube-system", "default"])
    def test_are_not_ours_to_judge(self, api: Api, outsider: Api, where: str) -> None:
        until(lambda: api.get(f"/api/v1/namespaces/{where}/serviceaccounts/default").allowed)

        assert tried(outsider, pod(where, priorityClassName="system-cluster-critical")) == ""

    def test_of_the_platforms_own_namespaces_are_judged_by_pod_security_alone(
        self, api: Api
    ) -> None:
        until(lambda: api.get("/api/v1/namespaces/argosy-scratch/serviceaccounts/default").allowed)

        assert tried(api, pod("argosy-scratch")) == ""


CHANGES = [
    {"argosy.dev/role": None},
    {"argosy.dev/role": "system"},
    {"argosy.dev/team": "others"},
    {"argosy.dev/managed": None},
    {"argosy.dev/managed": "false"},
    {"argosy.dev/new": "x"},
    {"pod-security.kubernetes.io/enforce": "privileged"},
    {"pod-security.kubernetes.io/enforce": None},
    {"pod-security.kubernetes.io/warn-version": "v1.30"},
    {"argosy.dev/managed": None, "argosy.dev/role": None, "argosy.dev/team": None},
]


class TestLabelsOfAManagedNamespace:
    @pytest.mark.parametrize("labels", CHANGES)
    @pytest.mark.parametrize("subresource", ["", "/status", "/finalize"])
    def test_are_the_platforms_by_every_way_in(
        self,
        api: Api,
        outsider: Api,
        tenant: Tenant,
        labels: dict[str, str | None],
        subresource: str,
    ) -> None:
        where = f"/api/v1/namespaces/{tenant.name}"
        before = api.get(where).must()["metadata"]["labels"]

        if subresource == "/finalize":  # takes whole objects only
            whole = api.get(where).must()
            kept = {**whole["metadata"]["labels"], **labels}
            whole["metadata"]["labels"] = {k: v for k, v in kept.items() if v is not None}
            answer = outsider.call("PUT", where + subresource, whole)
        else:
            answer = outsider.merge(where + subresource, {"metadata": {"labels": labels}})

        assert answer.code == 403
        assert "only the platform may set, change or remove" in answer.message
        assert all(label in answer.message for label in labels)
        assert api.get(where).must()["metadata"]["labels"] == before

    def test_are_not_taken_over_by_a_forced_server_side_apply(
        self, outsider: Api, tenant: Tenant
    ) -> None:
        claimed = namespace(tenant.name, role="control")

        answer = outsider.apply(claimed, manager="argosy")

        assert answer.code == 403
        assert "argosy.dev/role" in answer.message

    def test_are_not_dropped_by_replacing_the_whole_object(
        self, api: Api, outsider: Api, tenant: Tenant
    ) -> None:
        where = f"/api/v1/namespaces/{tenant.name}"
        bare = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": tenant.name}}

        assert outsider.call("PUT", where, bare).code == 403

    @pytest.mark.parametrize("value", ["forged", None])
    def test_are_joined_by_our_annotations(
        self, api: Api, outsider: Api, tenant: Tenant, value: str | None
    ) -> None:
        where = f"/api/v1/namespaces/{tenant.name}"
        change = {"metadata": {"annotations": {"argosy.dev/fingerprint": "ours"}}}
        api.merge(where, change).must()

        change["metadata"]["annotations"] = {"argosy.dev/fingerprint": value}  # type: ignore[dict-item]
        answer = outsider.merge(where, change)

        assert answer.code == 403
        assert "argosy.dev/fingerprint" in answer.message

    def test_are_changed_by_the_platform(self, api: Api, tenant: Tenant) -> None:
        where = f"/api/v1/namespaces/{tenant.name}"

        api.merge(where, {"metadata": {"labels": {"argosy.dev/tier": "large"}}}).must()
        api.merge(where, {"metadata": {"labels": {"argosy.dev/tier": None}}}).must()

    def test_leave_other_labels_to_others(self, outsider: Api, tenant: Tenant) -> None:
        where = f"/api/v1/namespaces/{tenant.name}"
        change = {"labels": {"cost-centre": "7"}, "annotations": {"contact": "me"}}

        outsider.merge(where, {"metadata": change}).must()
        outsider.merge(f"{where}/status", {"metadata": {"labels": {"cost-centre": None}}}).must()

    def test_cannot_be_gained_by_anybody_but_the_platform(self, api: Api, outsider: Api) -> None:
        claimed = namespace("charts-claimed", role="workload")

        answer = outsider.create(claimed, dryRun="All")

        assert answer.code == 403
        assert "argosy.dev/managed" in answer.message
        assert api.create(claimed, dryRun="All").allowed

    def test_do_not_hold_up_its_end(self, api: Api, outsider: Api, tenant: Tenant) -> None:
        where = f"/api/v1/namespaces/{tenant.name}"
        api.create(pod(tenant.name, serviceAccountName="workflow-runner")).must()

        outsider.delete(where).must()

        until(lambda: api.get(where).code == 404)


class TestLabelsOfAForeignNamespace:
    @pytest.fixture
    def foreign(self, api: Api) -> Any:
        name = "charts-foreign"
        made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        api.apply(made, manager="somebody").must()
        yield f"/api/v1/namespaces/{name}"
        api.delete(f"/api/v1/namespaces/{name}")

    @pytest.mark.parametrize("subresource", ["", "/status"])
    @pytest.mark.parametrize("label", ["argosy.dev/team", "argosy.dev/role"])
    def test_may_not_pass_for_a_teams(
        self, outsider: Api, foreign: str, label: str, subresource: str
    ) -> None:
        answer = outsider.merge(
            foreign + subresource, {"metadata": {"labels": {label: "payments"}}}
        )

        assert answer.code == 403
        assert f"may not be labelled {label}" in answer.message

    def test_may_not_be_made_with_a_teams_label(self, outsider: Api) -> None:
        made = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": "charts-fake", "labels": {"argosy.dev/team": "payments"}},
        }

        assert outsider.create(made, dryRun="All").code == 403

    def test_are_its_owners_own(self, outsider: Api, foreign: str) -> None:
        labels = {"pod-security.kubernetes.io/enforce": "privileged", "team": "ours"}

        outsider.merge(foreign, {"metadata": {"labels": labels}}).must()
        outsider.merge(foreign, {"metadata": {"labels": dict.fromkeys(labels)}}).must()

    def test_become_the_platforms_when_it_takes_the_namespace(
        self, api: Api, outsider: Api, foreign: str
    ) -> None:
        ours = namespace("charts-foreign", role="workload")

        assert api.call("PATCH", foreign, ours, kind=APPLY, fieldManager="a", dryRun="All").allowed
        assert not outsider.call(
            "PATCH", foreign, ours, kind=APPLY, fieldManager="a", dryRun="All"
        ).allowed
