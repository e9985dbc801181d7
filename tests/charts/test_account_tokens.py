"""Nobody gets at a token of the accounts that stand for a team's people, by any door of a real API server."""

from collections.abc import Callable
from typing import Any

import pytest

from provisioning.argo_config import RESTRICTED
from tests.charts.api import Answer, Api
from tests.charts.conftest import Tenant, until
from tests.charts.helm_chart import Manifest
from tests.charts.test_admission import pod, tried

pytestmark = pytest.mark.cluster

LEVELS = ("owner", "member", "viewer")
TOKEN = "argo-owner.service-account-token"
KEPT = "may not use a Secret that holds the token of an account"
BY_KEY = {"name": "T", "valueFrom": {"secretKeyRef": {"name": TOKEN, "key": "token"}}}
WHOLE = {"secretRef": {"name": TOKEN}}
STEP = {"name": "main", "image": "example.com/step:1", "securityContext": RESTRICTED}
FIRST = {**STEP, "name": "first"}

# Every way in which a pod that Pod Security lets pass can be given what a Secret says.
DOORS: dict[str, dict[str, Any]] = {
    "one key in the environment": {"containers": [{**STEP, "env": [BY_KEY]}]},
    "the whole of it in the environment": {"containers": [{**STEP, "envFrom": [WHOLE]}]},
    "behind a container that is innocent": {
        "containers": [FIRST, {**STEP, "env": [{"name": "A", "value": "b"}, BY_KEY]}]
    },
    "one key for an init container": {"initContainers": [{**FIRST, "env": [BY_KEY]}]},
    "the whole of it for an init container": {"initContainers": [{**FIRST, "envFrom": [WHOLE]}]},
    "a sidecar": {
        "initContainers": [{**FIRST, "restartPolicy": "Always", "envFrom": [WHOLE]}],
    },
    "a volume": {"volumes": [{"name": "v", "secret": {"secretName": TOKEN}}]},
    "a volume that need not be there": {
        "volumes": [{"name": "v", "secret": {"secretName": TOKEN, "optional": True}}]
    },
    "a projected volume": {
        "volumes": [{"name": "v", "projected": {"sources": [{"secret": {"name": TOKEN}}]}}]
    },
    "the last source of a projected volume": {
        "volumes": [
            {"name": "a", "emptyDir": {}},
            {
                "name": "v",
                "projected": {
                    "sources": [
                        {"configMap": {"name": "c"}},
                        {"serviceAccountToken": {"path": "t"}},
                        {"secret": {"name": TOKEN, "items": [{"key": "token", "path": "x"}]}},
                    ]
                },
            },
        ]
    },
    "a pull secret": {"imagePullSecrets": [{"name": "other"}, {"name": TOKEN}]},
}


def running_as_the_runner(where: str, **spec: Any) -> Manifest:
    return pod(where, serviceAccountName="workflow-runner", **spec)


def secret(tenant: Tenant, name: str, *, of: str = "", where: str = "", **more: Any) -> Manifest:
    """A Secret that asks for the token of an account; of none, where none is named."""
    notes = {"annotations": {"kubernetes.io/service-account.name": of}} if of else {}
    kind = {"type": "kubernetes.io/service-account-token"} if of else {}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": where or tenant.name, **notes},
        **kind,
        **more,
    }


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("by_the_platform", [True, False])
def test_no_pod_is_given_a_token_by_any_door(
    api: Api, outsider: Api, tenant: Tenant, door: str, by_the_platform: bool
) -> None:
    wanted = running_as_the_runner(tenant.name, **DOORS[door])

    message = tried(api if by_the_platform else outsider, wanted)

    assert KEPT in message
    assert "exceeded quota" not in message  # or Argo would try again for ever


@pytest.mark.parametrize("level", LEVELS)
def test_it_is_so_for_each_of_the_three_and_for_names_of_the_kind(
    outsider: Api, tenant: Tenant, level: str
) -> None:
    for account in (f"argo-{level}", "workflow-runner"):
        volume = {"name": "v", "secret": {"secretName": f"{account}.service-account-token"}}

        assert KEPT in tried(outsider, running_as_the_runner(tenant.name, volumes=[volume]))


@pytest.mark.parametrize(
    "volume",
    [
        {"flexVolume": {"driver": "example.com/d", "secretRef": {"name": TOKEN}}},
        {"cephfs": {"monitors": ["m"], "secretRef": {"name": TOKEN}}},
        {"rbd": {"monitors": ["m"], "image": "i", "secretRef": {"name": TOKEN}}},
        {"azureFile": {"secretName": TOKEN, "shareName": "s"}},
        {"hostPath": {"path": "/var/lib/kubelet/pods"}},
    ],
    ids=lambda volume: next(iter(volume)),
)
def test_other_volumes_that_could_reach_one_are_refused_by_pod_security(
    outsider: Api, tenant: Tenant, volume: dict[str, Any]
) -> None:
    wanted = running_as_the_runner(tenant.name, volumes=[{"name": "v", **volume}])

    assert "restricted volume types" in tried(outsider, wanted)


def test_a_teams_own_secrets_reach_its_pods_by_all_of_these_doors(
    outsider: Api, tenant: Tenant
) -> None:
    own = "argo-artifacts"
    wanted = running_as_the_runner(
        tenant.name,
        containers=[
            {
                **STEP,
                "env": [{"name": "K", "valueFrom": {"secretKeyRef": {"name": own, "key": "k"}}}],
                "envFrom": [{"secretRef": {"name": own}}, {"configMapRef": {"name": "c"}}],
            }
        ],
        volumes=[
            {"name": "v", "secret": {"secretName": own}},
            {"name": "p", "projected": {"sources": [{"secret": {"name": own}}]}},
        ],
        imagePullSecrets=[{"name": "registry"}],
    )

    assert tried(outsider, wanted) == ""


def test_a_container_added_to_a_running_pod_is_given_none_either(
    outsider: Api, tenant: Tenant
) -> None:
    made = outsider.create(running_as_the_runner(tenant.name)).must()
    where = f"/api/v1/namespaces/{tenant.name}/pods/{made['metadata']['name']}/ephemeralcontainers"

    def added(**more: Any) -> Answer:
        container = {**STEP, "name": "debug", **more}
        spec = {"spec": {"ephemeralContainers": [container]}}
        return outsider.call(
            "PATCH",
            where,
            spec,
            kind="application/strategic-merge-patch+json",
            dryRun="All",
        )

    for door in ({"env": [BY_KEY]}, {"envFrom": [WHOLE]}):
        refused = added(**door)
        assert (refused.code, KEPT in refused.message) == (403, True)
    assert added().allowed


# What a member writes, and the pod that Argo's controller makes of it.
WORKFLOWS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a volume of the workflow": (
        {"volumes": [{"name": "v", "secret": {"secretName": TOKEN}}]},
        {"volumes": [{"name": "v", "secret": {"secretName": TOKEN}}]},
    ),
    "the environment of a template": (
        {"templates": [{"name": "main", "container": {**STEP, "env": [BY_KEY]}}]},
        {"containers": [{**STEP, "env": [BY_KEY]}]},
    ),
    "a template's init container": (
        {
            "templates": [
                {
                    "name": "main",
                    "initContainers": [{**FIRST, "envFrom": [WHOLE]}],
                    "container": STEP,
                }
            ]
        },
        {"initContainers": [{**FIRST, "envFrom": [WHOLE]}]},
    ),
    "a patch of the pod": (
        {"podSpecPatch": f'{{"volumes":[{{"name":"v","secret":{{"secretName":"{TOKEN}"}}}}]}}'},
        {"volumes": [{"name": "v", "secret": {"secretName": TOKEN}}]},
    ),
    "an artifact's credential": (
        {
            "templates": [
                {
                    "name": "main",
                    "container": STEP,
                    "outputs": {
                        "artifacts": [
                            {
                                "name": "a",
                                "path": "/a",
                                "s3": {"accessKeySecret": {"name": TOKEN, "key": "token"}},
                            }
                        ]
                    },
                }
            ]
        },
        # As the controller mounts credentials for the executor; it calls the volume as the Secret, and a name
        # with dots is none of a volume's, but what is refused should not hang on that.
        {"volumes": [{"name": "argo-owner-token", "secret": {"secretName": TOKEN}}]},
    ),
}


@pytest.mark.parametrize("way", WORKFLOWS)
def test_a_workflow_of_a_members_is_no_way_round(api: Api, tenant: Tenant, way: str) -> None:
    written, made = WORKFLOWS[way]
    workflow = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "steal", "namespace": tenant.name},
        "spec": {"entrypoint": "main", **written},
    }
    owner = api.acting_as(tenant.account("argo-member")).create(workflow).must()["metadata"]
    step = running_as_the_runner(tenant.name, **made)
    step["metadata"]["labels"] = {"workflows.argoproj.io/workflow": "steal"}
    step["metadata"]["ownerReferences"] = [
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Workflow",
            "name": "steal",
            "uid": owner["uid"],
            "controller": True,
        }
    ]

    message = tried(api.acting_as(tenant.account("workflow-controller")), step)

    assert KEPT in message


class TestSecretsWithTokens:
    @pytest.mark.parametrize("account", ["argo-owner", "workflow-runner", "default"])
    def test_are_made_by_nobody_else(self, outsider: Api, tenant: Tenant, account: str) -> None:
        for name in ("mine", f"{account}.service-account-token"):
            assert not outsider.create(secret(tenant, name, of=account), dryRun="All").allowed

    def test_are_made_by_the_platform_for_the_three_alone(self, api: Api, tenant: Tenant) -> None:
        for level in LEVELS:
            name = f"argo-{level}.service-account-token"
            assert api.create(secret(tenant, name, of=f"argo-{level}"), dryRun="All").allowed
        refused = [
            secret(tenant, "workflow-runner.service-account-token", of="workflow-runner"),
            secret(tenant, TOKEN, of="argo-viewer"),
            secret(tenant, "another", of="argo-owner"),
        ]
        for wanted in refused:
            assert "may not have a Secret that holds the token" in tried(api, wanted)

    def test_are_in_no_control_namespace(self, api: Api, tenant: Tenant) -> None:
        wanted = secret(
            tenant,
            "workflow-controller.service-account-token",
            of="workflow-controller",
            where=tenant.control,
        )

        assert "may not have a Secret that holds the token" in tried(api, wanted)

    def test_are_not_given_to_another_account_later(
        self, api: Api, outsider: Api, tenant: Tenant
    ) -> None:
        viewers = "argo-viewer.service-account-token"
        api.create(secret(tenant, viewers, of="argo-viewer")).must()
        where = f"/api/v1/namespaces/{tenant.name}/secrets/{viewers}"
        until(lambda: "token" in api.get(where).must().get("data", {}))

        stolen = {"annotations": {"kubernetes.io/service-account.name": "argo-owner"}}
        for user in (api, outsider):
            refused = user.merge(where, {"metadata": stolen, "data": None})
            assert (refused.code, "would never expire" in refused.message) == (403, True)
        assert outsider.merge(where, {"metadata": {"labels": {"seen": "yes"}}}).allowed

    def test_have_names_that_no_other_secret_takes(self, outsider: Api, tenant: Tenant) -> None:
        planted = secret(tenant, TOKEN, stringData={"token": "one that somebody chose"})
        guessed = secret(tenant, "", stringData={"token": "x"})
        guessed["metadata"] = {
            "generateName": "x.service-account-token",
            "namespace": tenant.name,
        }

        assert "nor one that is called so" in tried(outsider, planted)
        assert "nor one that is called so" in tried(outsider, guessed)

    def test_are_not_what_other_secrets_are(self, outsider: Api, tenant: Tenant) -> None:
        for where in (tenant.name, tenant.control):
            own = secret(tenant, "argo-artifacts", where=where, stringData={"key": "value"})
            assert tried(outsider, own) == ""

    def test_elsewhere_are_not_ours_to_judge(self, outsider: Api, tenant: Tenant) -> None:
        wanted = secret(tenant, "any", of="default", where="default")

        assert "ValidatingAdmissionPolicy" not in tried(outsider, wanted)


class TestTheAccounts:
    @pytest.mark.parametrize("level", LEVELS)
    def test_are_lent_to_nobody(self, api: Api, outsider: Api, tenant: Tenant, level: str) -> None:
        there = f"/api/v1/namespaces/{tenant.name}/serviceaccounts"
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}

        for user in (api, outsider, api.acting_as("system:node:simulated-1")):
            refused = user.call("POST", f"{there}/argo-{level}/token", asked)
            assert refused.code == 403
        refused = outsider.call("POST", f"{there}/argo-{level}/token", asked)
        assert f"nobody is given a token of argo-{level}" in refused.message
        assert outsider.call("POST", f"{there}/workflow-runner/token", asked).allowed

    @pytest.mark.parametrize(
        "note",
        [
            "workflows.argoproj.io/rbac-rule",
            "workflows.argoproj.io/rbac-rule-precedence",
            "workflows.argoproj.io/service-account-token.name",
        ],
    )
    @pytest.mark.parametrize("account", ["argo-viewer", "workflow-runner", "default"])
    def test_are_told_whom_they_stand_for_by_the_platform_alone(
        self, api: Api, outsider: Api, tenant: Tenant, account: str, note: str
    ) -> None:
        where = f"/api/v1/namespaces/{tenant.name}/serviceaccounts/{account}"
        until(lambda: api.get(where).allowed)
        change = {"metadata": {"annotations": {note: "true"}}}

        refused = outsider.merge(where, change)

        assert refused.code == 403
        assert f"only the platform may set, change or remove {note}" in refused.message
        api.merge(where, change).must()
        assert outsider.merge(where, {"metadata": {"annotations": {note: None}}}).code == 403
        assert outsider.merge(where, {"metadata": {"annotations": {"contact": "me"}}}).allowed

    def test_are_not_made_beside_ours_with_a_rule_of_ones_own(
        self, outsider: Api, tenant: Tenant
    ) -> None:
        mine: Callable[[dict[str, str]], Manifest] = lambda notes: {  # noqa: E731
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "mine", "namespace": tenant.name, "annotations": notes},
        }

        assert "only the platform" in tried(
            outsider, mine({"workflows.argoproj.io/rbac-rule": "true"})
        )
        assert tried(outsider, mine({"contact": "me"})) == ""

    def test_list_no_secret_that_argo_would_take_first(
        self, api: Api, outsider: Api, tenant: Tenant
    ) -> None:
        where = f"/api/v1/namespaces/{tenant.name}/serviceaccounts"
        listed = {"secrets": [{"name": "another"}]}

        refused = outsider.merge(f"{where}/argo-viewer", listed)

        assert (refused.code, "lists no Secrets" in refused.message) == (403, True)
        assert outsider.merge(f"{where}/workflow-runner", listed, dryRun="All").allowed
        assert api.get(f"{where}/argo-viewer").must().get("secrets") is None
