"""Who may do what in a tenant namespace, answered by the API server itself."""

import itertools
from collections.abc import Callable

import pytest

from tests.charts.api import Api
from tests.charts.conftest import Tenant, example
from tests.charts.helm_chart import Helm

pytestmark = pytest.mark.cluster

ARGO = (
    "cronworkflows",
    "workflowartifactgctasks",
    "workfloweventbindings",
    "workflows",
    "workflowtaskresults",
    "workflowtasksets",
    "workflowtemplates",
)
READ = ("get", "list", "watch")
WRITE = ("create", "update", "patch", "delete", "deletecollection")

# Everything a namespaced right can be about here: what is not granted below is tried and must be denied.
RESOURCES = (
    *(f"argoproj.io/{plural}" for plural in ARGO),
    "argoproj.io/workflowtasksets:status",
    "argoproj.io/workflowartifactgctasks:status",
    "argoproj.io/workflows:finalizers",
    "argoproj.io/cronworkflows:finalizers",
    "argoproj.io/workflowartifactgctasks:finalizers",
    "pods",
    "pods:log",
    "pods:exec",
    "pods:attach",
    "pods:portforward",
    "pods:ephemeralcontainers",
    "pods:eviction",
    "configmaps",
    "secrets",
    "serviceaccounts",
    "serviceaccounts:token",
    "persistentvolumeclaims",
    "events",
    "services",
    "resourcequotas",
    "limitranges",
    "apps/deployments",
    "batch/jobs",
    "networking.k8s.io/networkpolicies",
    "policy/poddisruptionbudgets",
    "coordination.k8s.io/leases",
    "rbac.authorization.k8s.io/roles",
    "rbac.authorization.k8s.io/rolebindings",
)
VERBS = (*READ, *WRITE)

Grants = set[tuple[str, str]]


def grants(table: dict[str, str]) -> Grants:
    return {(verb, resource) for resource, verbs in table.items() for verb in verbs.split()}


VIEWER = grants(
    {
        "argoproj.io/cronworkflows": "get list watch",
        "argoproj.io/workfloweventbindings": "get list watch",
        "argoproj.io/workflows": "get list watch",
        "argoproj.io/workflowtaskresults": "get list watch",
        "argoproj.io/workflowtemplates": "get list watch",
        "events": "get list watch",
        "limitranges": "get list watch",
        "pods": "get list watch",
        "pods:log": "get",
        "resourcequotas": "get list watch",
    }
)
MEMBER = VIEWER | grants(
    {
        "argoproj.io/workflows": "create update patch delete",
        "argoproj.io/workflowtemplates": "create update patch",
        "argoproj.io/cronworkflows": "create update patch",
    }
)
OWNER = MEMBER | grants(
    {
        "argoproj.io/workflowtemplates": "delete",
        "argoproj.io/cronworkflows": "delete",
        "argoproj.io/workfloweventbindings": "create update patch delete",
    }
)
RUNNER = grants(
    {
        "argoproj.io/workflowtaskresults": "create patch",
        "argoproj.io/workflowtasksets": "list watch",
        "argoproj.io/workflowtasksets:status": "patch",
        "argoproj.io/workflowartifactgctasks": "list watch",
        "argoproj.io/workflowartifactgctasks:status": "patch",
    }
)
CONTROLLER = grants(
    {
        "argoproj.io/cronworkflows": "get list watch update patch",
        "argoproj.io/cronworkflows:finalizers": "update",
        "argoproj.io/workflowartifactgctasks": "get list watch create delete",
        "argoproj.io/workflowartifactgctasks:finalizers": "update",
        "argoproj.io/workflows": "get list watch create update patch delete",
        "argoproj.io/workflows:finalizers": "update",
        "argoproj.io/workflowtaskresults": "list watch deletecollection",
        "argoproj.io/workflowtasksets": "get list watch create patch",
        "argoproj.io/workflowtasksets:status": "patch",
        "argoproj.io/workflowtemplates": "get list watch",
        "configmaps": "get list watch create",
        "events": "create patch",
        "persistentvolumeclaims": "get create update delete",
        "pods": "get list watch create patch delete",
        "pods:exec": "create",
        "policy/poddisruptionbudgets": "get create delete",
    }
)
CONTROLLER_AT_HOME = grants({"configmaps": "get list watch create update"})

EXPECTED = {
    "argo-viewer": (VIEWER, set[tuple[str, str]]()),
    "argo-member": (MEMBER, set[tuple[str, str]]()),
    "argo-owner": (OWNER, set[tuple[str, str]]()),
    "workflow-runner": (RUNNER, set[tuple[str, str]]()),
    "workflow-controller": (CONTROLLER, CONTROLLER_AT_HOME),
}


def held(api: Api, namespace: str) -> Grants:
    """What this user may do there, of all there is to do."""
    return {
        (verb, resource)
        for verb, resource in itertools.product(VERBS, RESOURCES)
        if api.may(verb, resource, namespace=namespace)
    }


@pytest.mark.parametrize("account", EXPECTED)
def test_an_account_may_do_its_part_and_nothing_else(
    api: Api, tenant: Tenant, account: str
) -> None:
    actor = api.acting_as(tenant.account(account))
    workload, control = EXPECTED[account]

    assert held(actor, tenant.name) == workload
    assert held(actor, tenant.control) == control


@pytest.mark.parametrize("account", EXPECTED)
def test_an_account_may_do_nothing_in_another_tenants_namespaces(
    api: Api, make_tenant: Callable[[], Tenant], account: str
) -> None:
    mine, theirs = make_tenant(), make_tenant()
    actor = api.acting_as(mine.account(account))

    for namespace in (theirs.name, theirs.control, "argosy-system", "kube-system"):
        for verb, resource in MEMBER | CONTROLLER | RUNNER:
            assert not actor.may(verb, resource, namespace=namespace)


@pytest.mark.parametrize("account", EXPECTED)
def test_an_account_sees_nothing_of_the_cluster(api: Api, tenant: Tenant, account: str) -> None:
    actor = api.acting_as(tenant.account(account))

    for resource in ("namespaces", "nodes", "argoproj.io/clusterworkflowtemplates"):
        assert not actor.may("list", resource)
    for resource in ("argoproj.io/workflows", "pods", "secrets"):
        assert not actor.may("list", resource)


@pytest.mark.parametrize("account", EXPECTED)
def test_nobody_reads_secrets(api: Api, tenant: Tenant, account: str) -> None:
    actor = api.acting_as(tenant.account(account))

    for namespace in (tenant.name, tenant.control):
        for verb in VERBS:
            assert not actor.may(verb, "secrets", namespace=namespace)
            assert not actor.may(verb, "secrets", namespace=namespace, name="argo-artifacts")


def test_the_controller_reads_by_name_what_it_needs_by_name(api: Api, tenant: Tenant) -> None:
    actor = api.acting_as(tenant.account("workflow-controller"))
    there = {"namespace": tenant.name}

    assert actor.may("get", "secrets", name="argo-workflows-agent-ca-certificates", **there)
    assert actor.may("get", "serviceaccounts", name="workflow-runner", **there)
    assert not actor.may("get", "serviceaccounts", name="argo-owner", **there)


def test_a_viewer_cannot_submit_and_a_member_can(api: Api, tenant: Tenant) -> None:
    workflow = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "hello", "namespace": tenant.name},
        "spec": {"entrypoint": "main", "templates": [{"name": "main", "suspend": {}}]},
    }

    refused = api.acting_as(tenant.account("argo-viewer")).create(workflow)
    taken = api.acting_as(tenant.account("argo-member")).create(workflow)

    assert (refused.code, taken.code) == (403, 201)


def test_a_member_cannot_submit_into_another_namespace(
    api: Api, make_tenant: Callable[[], Tenant]
) -> None:
    mine, theirs = make_tenant(), make_tenant()
    workflow = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "hello", "namespace": theirs.name},
        "spec": {},
    }

    assert api.acting_as(mine.account("argo-member")).create(workflow).code == 403


def test_the_grants_are_all_in_the_roles(helm: Helm) -> None:
    # A right about a resource that RESOURCES does not list would never be looked at above.
    for manifest in helm.template("team-guardrails", example("team-guardrails", "minimal")):
        for rule in manifest.get("rules", ()):
            for group, plural in itertools.product(rule["apiGroups"], rule["resources"]):
                name = plural.replace("/", ":")
                assert (f"{group}/{name}" if group else name) in RESOURCES
                assert set(rule["verbs"]) <= set(VERBS)
