"""What charts/team-guardrails renders, and never renders."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from provisioning.desired import level_values
from tests.charts.conftest import example
from tests.charts.helm_chart import CHARTS, Helm, HelmRefusedError, Manifest, by_ref, ci_files

pytestmark = pytest.mark.cluster

N, C = "payments", "payments-argo"

ALL = {
    ("LimitRange", N, "team-limits"),
    ("NetworkPolicy", C, "allow-dns"),
    ("NetworkPolicy", C, "argo-server"),
    ("NetworkPolicy", C, "default-deny"),
    ("NetworkPolicy", C, "workflow-controller"),
    ("NetworkPolicy", N, "allow-dns"),
    ("NetworkPolicy", N, "default-deny"),
    ("NetworkPolicy", N, "workflow-pods"),
    ("ResourceQuota", N, "team-quota"),
    ("Role", C, "workflow-controller"),
    ("Role", N, "argosy-member"),
    ("Role", N, "argosy-owner"),
    ("Role", N, "argosy-viewer"),
    ("Role", N, "workflow-controller"),
    ("Role", N, "workflow-runner"),
    ("RoleBinding", C, "workflow-controller"),
    ("RoleBinding", N, "argosy-member"),
    ("RoleBinding", N, "argosy-owner"),
    ("RoleBinding", N, "argosy-viewer"),
    ("RoleBinding", N, "workflow-controller"),
    ("RoleBinding", N, "workflow-runner"),
    ("ServiceAccount", C, "workflow-controller"),
    ("ServiceAccount", N, "argo-member"),
    ("ServiceAccount", N, "argo-owner"),
    ("ServiceAccount", N, "argo-viewer"),
    ("ServiceAccount", N, "workflow-runner"),
}


@pytest.fixture(scope="module")
def rendered(helm: Helm) -> dict[tuple[str, str, str], Manifest]:
    return by_ref(helm.template("team-guardrails", example("team-guardrails", "simulated")))


def spec(rendered: dict[tuple[str, str, str], Manifest], *ref: str) -> Any:
    kind, namespace, name = ref
    return rendered[kind, namespace, name]["spec"]


def test_a_tenant_has_these_guard_rails_and_no_others(
    rendered: dict[tuple[str, str, str], Manifest],
) -> None:
    assert set(rendered) == ALL


@pytest.mark.parametrize("values", ci_files("team-guardrails"), ids=lambda file: file.name)
def test_every_example_stays_in_its_two_namespaces_and_is_labelled(
    helm: Helm, values: Path
) -> None:
    given = yaml.safe_load(values.read_text(encoding="utf-8"))

    for manifest in helm.template("team-guardrails", given):
        assert manifest["metadata"]["namespace"] in {
            given["workloadNamespace"],
            given["controlNamespace"],
        }
        token = {"argosy.dev/account-token": "true"} if manifest["kind"] == "Secret" else {}
        assert manifest["metadata"]["labels"] == {
            "argosy.dev/managed": "true",
            "argosy.dev/team": given["team"],
            "argosy.dev/namespace": given["workloadNamespace"],
            **token,
        }


def test_rendering_twice_is_rendering_the_same(helm: Helm) -> None:
    values = example("team-guardrails", "several-endpoints")

    assert helm.template("team-guardrails", values) == helm.template("team-guardrails", values)


def test_the_order_and_doubles_of_addresses_make_no_difference(helm: Helm) -> None:
    values = example("team-guardrails", "several-endpoints")
    reversed_ = {"endpoints": values["apiServer"]["endpoints"][::-1]}

    assert helm.template("team-guardrails", {**values, "apiServer": reversed_}) == helm.template(
        "team-guardrails", values
    )


def test_the_quota_is_what_was_given_as_text(
    rendered: dict[tuple[str, str, str], Manifest],
) -> None:
    assert spec(rendered, "ResourceQuota", N, "team-quota") == {
        "hard": example("team-guardrails", "simulated")["quota"]["hard"]
    }


def test_a_container_that_names_nothing_gets_the_limits_given(
    rendered: dict[tuple[str, str, str], Manifest],
) -> None:
    limits = example("team-guardrails", "simulated")["limits"]

    assert spec(rendered, "LimitRange", N, "team-limits") == {
        "limits": [{"type": "Container", **limits}]
    }


@pytest.mark.parametrize("namespace", [N, C])
def test_everything_is_denied_to_every_pod_first(
    rendered: dict[tuple[str, str, str], Manifest], namespace: str
) -> None:
    assert spec(rendered, "NetworkPolicy", namespace, "default-deny") == {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
    }


def test_only_the_controller_the_server_and_workflow_pods_reach_the_api_server(
    rendered: dict[tuple[str, str, str], Manifest],
) -> None:
    reaching = {
        ref: manifest["spec"]["podSelector"]
        for ref, manifest in rendered.items()
        if ref[0] == "NetworkPolicy" and "127.0.0.1/32" in json.dumps(manifest)
    }

    assert reaching == {
        ("NetworkPolicy", C, "argo-server"): {"matchLabels": {"app": "argo-server"}},
        ("NetworkPolicy", C, "workflow-controller"): {
            "matchLabels": {"app": "workflow-controller"}
        },
        ("NetworkPolicy", N, "workflow-pods"): {
            "matchExpressions": [{"key": "workflows.argoproj.io/workflow", "operator": "Exists"}]
        },
    }


def test_each_address_of_the_api_server_is_one_host_and_one_port(helm: Helm) -> None:
    rendered = by_ref(
        helm.template("team-guardrails", example("team-guardrails", "several-endpoints"))
    )

    egress = spec(rendered, "NetworkPolicy", "data-science", "workflow-pods")["egress"]

    assert egress == [
        {
            "to": [{"ipBlock": {"cidr": cidr}}],
            "ports": [{"protocol": "TCP", "port": 6443}],
        }
        for cidr in ("10.0.1.5/32", "10.0.3.7/32", "fd00:10::7/128")
    ]


def test_names_can_be_looked_up_from_both_namespaces(helm: Helm) -> None:
    rendered = by_ref(
        helm.template("team-guardrails", example("team-guardrails", "several-endpoints"))
    )

    for namespace in ("data-science", "data-science-argo"):
        (rule,) = spec(rendered, "NetworkPolicy", namespace, "allow-dns")["egress"]
        assert {(p["protocol"], p["port"]) for p in rule["ports"]} == {
            *(("UDP", 53), ("TCP", 53), ("UDP", 5353), ("TCP", 5353))
        }
        pods, cache = rule["to"]
        assert set(pods) == {"namespaceSelector", "podSelector"}
        assert cache == {"ipBlock": {"cidr": "169.254.20.10/32"}}


def test_metrics_and_server_open_one_port_to_the_named_peers_alone(helm: Helm) -> None:
    rendered = by_ref(
        helm.template("team-guardrails", example("team-guardrails", "several-endpoints"))
    )

    (metrics,) = spec(rendered, "NetworkPolicy", "data-science-argo", "workflow-controller")[
        "ingress"
    ]
    (server,) = spec(rendered, "NetworkPolicy", "data-science-argo", "argo-server")["ingress"]

    assert metrics["ports"] == [{"protocol": "TCP", "port": 9090}]
    assert server["ports"] == [{"protocol": "TCP", "port": 2746}]
    assert metrics["from"] == [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}},
            "podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}},
        },
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "argosy-system"}}},
    ]


def test_no_named_peer_is_nobody_and_not_everybody(helm: Helm) -> None:
    values = {**example("team-guardrails", "simulated"), "metrics": {"from": []}}

    rendered = by_ref(helm.template("team-guardrails", values))

    for name in ("workflow-controller", "argo-server"):
        policy = spec(rendered, "NetworkPolicy", C, name)
        assert "ingress" not in policy
        assert "Ingress" in policy["policyTypes"]


def test_nothing_in_the_control_namespace_lets_workflow_pods_in(
    rendered: dict[tuple[str, str, str], Manifest],
) -> None:
    for (kind, namespace, _name), manifest in rendered.items():
        if kind == "NetworkPolicy" and namespace == C:
            assert N not in json.dumps(manifest["spec"].get("ingress", [])).split('"')


def test_only_the_runners_token_is_mounted_by_itself(
    rendered: dict[tuple[str, str, str], Manifest],
) -> None:
    mounted = {
        ref for ref, m in rendered.items() if m.get("automountServiceAccountToken", ref[0] == "Pod")
    }

    assert mounted == {("ServiceAccount", N, "workflow-runner")}


def test_no_role_has_a_wildcard_or_can_give_rights_away(
    rendered: dict[tuple[str, str, str], Manifest],
) -> None:
    dangerous = {"bind", "escalate", "impersonate", "*"}
    for ref, manifest in rendered.items():
        if ref[0] == "Role":
            for rule in manifest["rules"]:
                assert not dangerous & set(rule["verbs"])
                assert "*" not in {*rule["apiGroups"], *rule["resources"]}
                assert "secrets" not in rule["resources"] or rule["resourceNames"]


def test_bindings_bind_accounts_of_the_tenant_to_roles_beside_them(
    rendered: dict[tuple[str, str, str], Manifest],
) -> None:
    holders = {
        ref[1:]: {(s["namespace"], s["name"]) for s in m["subjects"]}
        for ref, m in rendered.items()
        if ref[0] == "RoleBinding"
    }

    for namespace, name in holders:
        role = rendered["RoleBinding", namespace, name]["roleRef"]
        assert (role["kind"], role["name"]) == ("Role", name)
    assert holders == {
        (N, "workflow-controller"): {(C, "workflow-controller")},
        (C, "workflow-controller"): {(C, "workflow-controller")},
        (N, "workflow-runner"): {(N, "workflow-runner")},
        (N, "argosy-viewer"): {(N, f"argo-{level}") for level in ("viewer", "member", "owner")},
        (N, "argosy-member"): {(N, "argo-member"), (N, "argo-owner")},
        (N, "argosy-owner"): {(N, "argo-owner")},
    }


WITH_SERVER = ALL | {
    ("Role", C, "argo-server"),
    ("Role", N, "argo-server"),
    ("RoleBinding", C, "argo-server"),
    ("RoleBinding", N, "argo-server"),
    ("Secret", N, "argo-member.service-account-token"),
    ("Secret", N, "argo-owner.service-account-token"),
    ("ServiceAccount", C, "argo-server"),
}


@pytest.fixture(scope="module")
def served(helm: Helm) -> dict[tuple[str, str, str], Manifest]:
    return by_ref(helm.template("team-guardrails", example("team-guardrails", "server")))


def test_a_server_brings_its_account_its_rights_and_a_token_for_each_level_with_a_rule(
    served: dict[tuple[str, str, str], Manifest],
) -> None:
    assert set(served) == WITH_SERVER


def test_accounts_carry_the_rules_letter_by_letter(
    served: dict[tuple[str, str, str], Manifest],
) -> None:
    given = example("team-guardrails", "server")["accounts"]

    for level in ("owner", "member"):
        assert served["ServiceAccount", N, f"argo-{level}"]["metadata"]["annotations"] == {
            "workflows.argoproj.io/rbac-rule": given[level]["rule"],
            "workflows.argoproj.io/rbac-rule-precedence": str(given[level]["precedence"]),
        }
    assert "annotations" not in served["ServiceAccount", N, "argo-viewer"]["metadata"]


def test_rules_without_a_server_make_no_token(helm: Helm) -> None:
    values = {**example("team-guardrails", "server"), "server": {"enabled": False, "from": []}}

    rendered = by_ref(helm.template("team-guardrails", values))

    assert set(rendered) == ALL
    assert rendered["ServiceAccount", N, "argo-owner"]["metadata"]["annotations"]


def test_a_place_for_a_token_is_empty_and_where_argo_looks_for_it(
    served: dict[tuple[str, str, str], Manifest],
) -> None:
    for level in ("owner", "member"):
        secret = served["Secret", N, f"argo-{level}.service-account-token"]
        assert secret["type"] == "kubernetes.io/service-account-token"
        assert secret["metadata"]["annotations"] == {
            "kubernetes.io/service-account.name": f"argo-{level}"
        }
        assert not {"data", "stringData"} & secret.keys()


def test_the_server_reads_no_secret_but_the_named_and_writes_no_workflow(
    served: dict[tuple[str, str, str], Manifest],
) -> None:
    for namespace in (N, C):
        for rule in served["Role", namespace, "argo-server"]["rules"]:
            if "secrets" in rule["resources"]:
                assert rule["verbs"] == ["create"] or (rule["verbs"], rule["resourceNames"]) in (
                    (["get"], ["sign-on", "sso"]),
                    (
                        ["get"],
                        [
                            f"argo-{level}.service-account-token"
                            for level in ("member", "owner", "viewer")
                        ],
                    ),
                )
            if "argoproj.io" in rule["apiGroups"]:
                assert set(rule["verbs"]) <= {"get", "list", "watch"}


def test_the_server_reaches_the_provider_and_is_reached_by_the_ingress_alone(
    served: dict[tuple[str, str, str], Manifest],
) -> None:
    policy = spec(served, "NetworkPolicy", C, "argo-server")

    assert policy["egress"][-1] == {
        "to": [
            {"ipBlock": {"cidr": "203.0.113.7/32"}},
            {"ipBlock": {"cidr": "2001:db8::7/128"}},
        ],
        "ports": [{"protocol": "TCP", "port": 8443}],
    }
    (rule,) = policy["ingress"]
    assert rule["from"] == [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}}
    ]


@pytest.fixture(scope="module")
def stored(helm: Helm) -> dict[tuple[str, str, str], Manifest]:
    return by_ref(helm.template("team-guardrails", example("team-guardrails", "stores")))


def egress_to_stores(rendered: dict[tuple[str, str, str], Manifest]) -> dict[str, list[Any]]:
    """What policies let out beside names and the API server."""
    return {
        name: rules
        for kind, namespace, name in rendered
        if kind == "NetworkPolicy" and name != "allow-dns"
        if (
            rules := [
                rule
                for rule in spec(rendered, kind, namespace, name).get("egress", [])
                if rule["to"] != [{"ipBlock": {"cidr": "127.0.0.1/32"}}]
            ]
        )
    }


def test_a_bucket_is_workflow_pods_to_reach_and_an_archive_the_controllers_and_servers(
    stored: dict[tuple[str, str, str], Manifest],
) -> None:
    to = [
        {"ipBlock": {"cidr": "10.20.0.0/16"}},
        {"ipBlock": {"cidr": "0.0.0.0/0", "except": ["127.0.0.0/8", "169.254.0.0/16"]}},
    ]
    bucket = {"to": to, "ports": [{"protocol": "TCP", "port": 9000}]}
    archive = {"to": to, "ports": [{"protocol": "TCP", "port": 5432}]}

    assert egress_to_stores(stored) == {
        "workflow-pods": [bucket],
        "workflow-controller": [archive],
        "argo-server": [archive],
    }


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ({"networks": []}, set()),
        ({"artifacts": {}}, {"workflow-controller", "argo-server"}),
        ({"archive": {}}, {"workflow-pods"}),
    ],
)
def test_without_networks_or_without_the_secret_there_is_no_way_and_not_every_way(
    helm: Helm, change: dict[str, Any], left: set[str]
) -> None:
    values = example("team-guardrails", "stores")
    values["stores"] = {**values["stores"], **change}

    rendered = by_ref(helm.template("team-guardrails", values))

    assert set(egress_to_stores(rendered)) == left


def test_without_a_server_nothing_that_takes_its_label_reaches_the_archive(helm: Helm) -> None:
    values = {**example("team-guardrails", "stores"), "server": {"enabled": False, "from": []}}

    rendered = by_ref(helm.template("team-guardrails", values))

    assert set(egress_to_stores(rendered)) == {"workflow-pods", "workflow-controller"}


def test_who_reaches_the_archive_may_read_its_password_and_no_other(
    stored: dict[tuple[str, str, str], Manifest], served: dict[tuple[str, str, str], Manifest]
) -> None:
    def read(rendered: dict[tuple[str, str, str], Manifest], name: str) -> set[str]:
        rules = rendered["Role", C, name]["rules"]
        return {
            each
            for r in rules
            if "secrets" in r["resources"]
            for each in r.get("resourceNames", ())
        }

    assert read(stored, "workflow-controller") == {"archive"}
    assert read(stored, "argo-server") - read(served, "argo-server") == {"archive"}
    assert read(served, "workflow-controller") == set()


def test_the_charts_own_levels_are_the_platforms_table() -> None:
    values = yaml.safe_load((CHARTS / "team-guardrails" / "values.yaml").read_text())

    assert values["levels"] == level_values()


def test_where_the_cluster_believes_the_provider_groups_have_the_roles_of_their_level(
    helm: Helm,
) -> None:
    groups = {"owner": "oidc:payments-owners", "viewer": 'oidc:"odd" ${name}: yes'}
    rendered = by_ref(
        helm.template(
            "team-guardrails", {**example("team-guardrails", "simulated"), "groups": groups}
        )
    )

    named = {
        name: [s["name"] for s in m["subjects"] if s["kind"] == "Group"]
        for (kind, namespace, name), m in rendered.items()
        if kind == "RoleBinding" and namespace == N and name.startswith("argosy-")
    }
    assert named == {
        "argosy-owner": [groups["owner"]],
        "argosy-member": [groups["owner"]],
        "argosy-viewer": [groups["owner"], groups["viewer"]],
    }


def test_a_group_of_kubernetes_own_is_refused_for_it_is_everybody(helm: Helm) -> None:
    values = {
        **example("team-guardrails", "simulated"),
        "groups": {"owner": "system:authenticated"},
    }

    with pytest.raises(HelmRefusedError, match="groups"):
        helm.template("team-guardrails", values)
