"""What charts/controlplane renders: the platform's processes, each with what it needs and no right at all."""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import typer
import yaml
from django.urls import resolve

from controlplane.cli.main import app
from tests.charts.api import Api
from tests.charts.conftest import POD_SECURITY, example
from tests.charts.helm_chart import (
    CHARTS,
    Helm,
    HelmRefusedError,
    Manifest,
    by_ref,
    changed,
    ci_files,
)

pytestmark = pytest.mark.cluster

CHART = "controlplane"
SPACE = "argosy"
PROCESSES = ("web", "worker", "beat", "watch")
CASES = ("minimal", "small", "large")
PLATFORM = CHARTS.parent / "platform" / "controlplane"

Rendered = dict[tuple[str, str, str], Manifest]
_numbers = itertools.count(1)


def rendered(helm: Helm, case: str = "minimal", **more: Any) -> Rendered:
    return by_ref(helm.template(CHART, {**example(CHART, case), **more}, namespace=SPACE))


def pods(manifests: Rendered) -> dict[str, Any]:
    """The pod of each process, and the migrations'."""
    found = {
        name.removeprefix("argo-"): manifest["spec"]["template"]
        for (kind, _, name), manifest in manifests.items()
        if kind in {"Deployment", "Job"}
    }
    assert set(found) == {*PROCESSES, "migrate"}
    return found


def container(pod: Any) -> Any:
    (only,) = pod["spec"]["containers"]
    return only


@pytest.mark.parametrize("values", ci_files(CHART), ids=lambda file: file.name)
def test_an_example_lints_without_a_warning(helm: Helm, values: Path) -> None:
    helm.lint(CHART, values)


@pytest.mark.parametrize("case", CASES)
def test_every_process_is_a_command_that_understands_its_words(helm: Helm, case: str) -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]

    for name, pod in pods(rendered(helm, case)).items():
        argosy, word = container(pod)["command"]
        said = commands[word].make_context(word, list(container(pod).get("args", ())))
        assert (argosy, word) == ("argosy", name)
        if name != "migrate":
            assert "0.0.0.0" in {said.params.get("host"), said.params.get("health", "")[:7]}


@pytest.mark.parametrize("case", CASES)
def test_every_variable_is_one_that_the_platform_reads(helm: Helm, case: str) -> None:
    files = ("settings.py", "environment.py", "cli/serve.py")
    known = set(
        re.findall(r'"(ARGOSY_[A-Z_]+)"', "".join((PLATFORM / f).read_text() for f in files))
    )

    for pod in pods(rendered(helm, case)).values():
        names = {e["name"] for e in container(pod)["env"] if e["name"].startswith("ARGOSY_")}
        assert {name.removesuffix("_FILE") for name in names} <= known
        needed = {"DATABASE_URL", "BROKER_URL", "SECRET_KEY", "ENCRYPTION_KEYS", "BUNDLE_KEY"}
        assert {f"ARGOSY_{name}_FILE" for name in needed} <= names


def test_secrets_are_files_and_stand_in_no_manifest(helm: Helm) -> None:
    for case in CASES:
        manifests = rendered(helm, case)
        assert not {kind for kind, _, _ in manifests} & {"Secret", "ConfigMap"}
        for pod in pods(manifests).values():
            mounted = {m["name"]: m for m in container(pod)["volumeMounts"]}["secrets"]
            (volume,) = [v for v in pod["spec"]["volumes"] if v["name"] == "secrets"]
            held = {
                f"{mounted['mountPath']}/{item['path']}"
                for source in volume["projected"]["sources"]
                for item in source["secret"]["items"]
            }
            asked = {e["value"] for e in container(pod)["env"] if e["name"].endswith("_FILE")}
            assert asked == held
            assert mounted["readOnly"]
            assert volume["projected"]["defaultMode"] == 0o440


def test_the_secrets_are_those_that_are_named(helm: Helm) -> None:
    spec = pods(rendered(helm, "large"))["web"]["spec"]
    (volume,) = [v for v in spec["volumes"] if v["name"] == "secrets"]

    assert [
        (s["secret"]["name"], s["secret"]["items"][0]["key"])
        for s in volume["projected"]["sources"]
    ] == [
        ("postgres-app", "uri"),
        ("redis-auth", "address"),
        ("argosy-keys-2026", "secret-key"),
        ("prometheus-reader", "token"),
        ("argosy-scraper", "token"),
    ]


def test_who_shows_figures_is_told_where_the_engine_is_and_alone_has_the_two_tokens(
    helm: Helm,
) -> None:
    found = pods(rendered(helm, "large"))

    told = {e["name"]: e["value"] for e in container(found["web"])["env"] if "METRICS" in e["name"]}
    assert told == {
        "ARGOSY_METRICS_URL": "http://prometheus.monitoring:9090",
        "ARGOSY_METRICS_ENGINE_TOKEN_FILE": "/etc/argosy/engine-token",
        "ARGOSY_METRICS_TOKEN_FILE": "/etc/argosy/scraper-token",
    }
    for name in set(found) - {"web"}:
        assert not [e for e in container(found[name])["env"] if "METRICS" in e["name"]]
        assert not {"prometheus-reader", "argosy-scraper"} & set(
            re.findall(r"'name': '([a-z-]+)'", str(found[name]["spec"]["volumes"]))
        )


def test_without_an_engine_nobody_is_told_of_one_and_no_secret_of_it_is_missed(helm: Helm) -> None:
    for pod in pods(rendered(helm)).values():
        assert not [e for e in container(pod)["env"] if "METRICS" in e["name"]]
        assert "engine-token" not in str(pod)
        assert "scraper-token" not in str(pod)


def test_the_chart_knows_every_setting_of_metrics_that_the_platform_has(helm: Helm) -> None:
    known = set(re.findall(r'"(ARGOSY_METRICS_[A-Z_]+)"', (PLATFORM / "settings.py").read_text()))

    web = container(pods(rendered(helm, "large"))["web"])

    assert {e["name"].removesuffix("_FILE") for e in web["env"] if "METRICS" in e["name"]} == known


def test_the_metrics_engine_is_reached_by_who_asks_it_and_nobody_else(helm: Helm) -> None:
    manifests = rendered(helm, "large")

    reach = {
        name.removeprefix("argo-")
        for (kind, _, name), m in manifests.items()
        if kind == "NetworkPolicy"
        and {"ipBlock": {"cidr": "10.22.0.0/16"}}
        in [t for r in m["spec"]["egress"] for t in r["to"]]
    }

    assert reach == {"web"}


@pytest.mark.parametrize("case", CASES)
def test_every_process_runs_as_nobody_on_a_root_that_it_cannot_write(helm: Helm, case: str) -> None:
    for pod in pods(rendered(helm, case)).values():
        assert container(pod)["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert pod["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert "memory" in container(pod)["resources"]["limits"]


@pytest.mark.parametrize("case", CASES)
def test_no_process_has_a_right_or_a_token_in_its_own_cluster(helm: Helm, case: str) -> None:
    manifests = rendered(helm, case)

    kinds = {kind for kind, _, _ in manifests}
    assert not kinds & {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}
    for pod in pods(manifests).values():
        assert pod["spec"]["automountServiceAccountToken"] is False
    for process in PROCESSES:
        account = pods(manifests)[process]["spec"]["serviceAccountName"]
        assert manifests["ServiceAccount", SPACE, account]["automountServiceAccountToken"] is False


@pytest.mark.parametrize(
    ("case", "guarded"), [("small", set()), ("minimal", {"web", "worker"}), ("large", {"web", "worker"})]
)  # fmt: skip
def test_a_disruption_budget_is_only_where_there_are_two(
    helm: Helm, case: str, guarded: set[str]
) -> None:
    manifests = rendered(helm, case)

    budgets = {name: m for (kind, _, name), m in manifests.items() if kind == "PodDisruptionBudget"}
    assert set(budgets) == {f"argo-{name}" for name in guarded}
    for name, budget in budgets.items():
        labels = pods(manifests)[name.removeprefix("argo-")]["metadata"]["labels"]
        assert budget["spec"]["selector"]["matchLabels"].items() <= labels.items()
        assert manifests["Deployment", SPACE, name]["spec"]["replicas"] >= 2


@pytest.mark.parametrize("case", CASES)
def test_what_is_asked_of_the_pages_is_there_and_by_a_name_they_answer_to(
    helm: Helm, case: str
) -> None:
    web = container(pods(rendered(helm, case))["web"])
    (url,) = [e["value"] for e in web["env"] if e["name"] == "ARGOSY_URL"]

    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        asked = web[probe]["httpGet"]
        assert resolve(asked["path"])
        assert asked["httpHeaders"] == [{"name": "Host", "value": urlsplit(url).netloc}]
    # A database that is away is no reason to start the pages anew.
    assert web["livenessProbe"]["httpGet"]["path"] == "/healthz"


def test_a_process_without_pages_is_asked_where_it_answers(helm: Helm) -> None:
    for name in ("worker", "beat", "watch"):
        process = container(pods(rendered(helm))[name])
        (port,) = process["ports"]
        assert process["args"] == [f"--health=0.0.0.0:{port['containerPort']}"]
        assert process["livenessProbe"]["httpGet"] == {"path": "/livez", "port": port["name"]}
        assert process["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": port["name"]}


def test_who_goes_has_time_for_what_is_under_way(helm: Helm) -> None:
    specs = {name: pod["spec"] for name, pod in pods(rendered(helm)).items()}

    slept = container({"spec": specs["web"]})["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert specs["web"]["terminationGracePeriodSeconds"] > slept + 30
    assert (
        specs["worker"]["terminationGracePeriodSeconds"] > 60 + 60
    )  # a helm, and what is around it


@pytest.mark.parametrize("case", CASES)
def test_every_pod_has_one_network_policy_and_reaches_no_more_than_it_works_with(
    helm: Helm, case: str
) -> None:
    manifests = rendered(helm, case)
    policies = [m["spec"] for (kind, _, _), m in manifests.items() if kind == "NetworkPolicy"]
    network = {**yaml.safe_load((CHARTS / CHART / "values.yaml").read_text())["network"],
               **example(CHART, case).get("network", {})}  # fmt: skip
    clusters = set(network["clusters"]["ports"])

    for name, pod in pods(manifests).items():
        labels = pod["metadata"]["labels"]
        (policy,) = [
            p for p in policies if p["podSelector"]["matchLabels"].items() <= labels.items()
        ]
        ports = {p["port"] for rule in policy["egress"] for p in rule["ports"]}
        assert policy["policyTypes"] == ["Ingress", "Egress"]
        assert network["database"]["port"] in ports
        assert (clusters <= ports) is (name in {"web", "worker", "watch"})
        assert (network["broker"]["port"] in ports) is (name in {"web", "worker", "beat"})
        if name == "web" and network["from"]:
            assert policy["ingress"][0]["from"] == [
                {"namespaceSelector": {"matchLabels": labels}} for labels in network["from"]
            ]
        elif not network["healthFrom"]:
            assert policy["ingress"] == []


def test_the_migrations_come_first_and_what_lets_them_out_before_them(helm: Helm) -> None:
    manifests = rendered(helm)
    hooks = {kind: m["metadata"]["annotations"] for (kind, _, name), m in manifests.items()
             if name == "argo-migrate"}  # fmt: skip

    assert set(hooks) == {"Job", "NetworkPolicy"}
    assert {hook["helm.sh/hook"] for hook in hooks.values()} == {"pre-install,pre-upgrade"}
    weights = {kind: int(hook["helm.sh/hook-weight"]) for kind, hook in hooks.items()}
    assert weights["NetworkPolicy"] < weights["Job"]
    others = [m for (_, _, name), m in manifests.items() if name != "argo-migrate"]
    assert not any("helm.sh/hook" in m["metadata"].get("annotations", {}) for m in others)


def test_an_ingress_answers_for_the_address_and_its_certificate(helm: Helm) -> None:
    assert not [kind for kind, _, _ in rendered(helm) if kind == "Ingress"]

    spec = rendered(helm, "large")["Ingress", SPACE, "argo-web"]["spec"]

    assert spec["tls"] == [{"hosts": ["argosy.internal"], "secretName": "argosy-tls"}]
    assert [rule["host"] for rule in spec["rules"]] == ["argosy.internal"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("url", ""),
        ("url", "http://argosy.example.com"),
        ("url", "https://argosy.example.com/path"),
        ("secrets.database.name", ""),
        ("secrets.database.password", "x"),
        ("secrets.keys", "Keys"),
        ("image.tag", "latest"),
        ("image.digest", "sha256:abc"),
        ("settings.ARGOSY_SECRET_KEY", "x"),
        ("settings.ARGOSY_ENCRYPTION_KEYS_FILE", "/x"),
        ("settings.ARGOSY_TRUSTED_PROXY", "10.0.0.1"),
        ("settings.ARGOSY_METRICS_URL", "http://prometheus:9090"),
        ("settings.ARGOSY_METRICS_TOKEN", "x"),
        ("metrics.url", "prometheus:9090"),
        ("metrics.url", "https://reader:secret@prometheus.example.com"),
        ("metrics.token", "x"),
        ("secrets.engine.token", "x"),
        ("secrets.scraper.name", "Scraper"),
        ("network.engine.cidrs", []),  # with an engine that nobody could reach
        ("settings.PATH", "/x"),
        ("settings.ARGOSY_DEBUG", True),
        ("web.replicas", 0),
        ("web.replicas", "2"),
        ("beat.replicas", 2),
        ("watch.replicas", 2),
        ("worker.threads", 0),
        ("ingress.tls", ""),
        ("network.from", ["ingress-nginx"]),
        ("network.database.cidrs", []),
        ("network.clusters.ports", [70000]),
        ("worker.resources.limits.memory", "much"),
        ("surprise", True),
    ],
)
def test_a_value_that_cannot_be_right_is_refused(helm: Helm, path: str, value: Any) -> None:
    whole = yaml.safe_load((CHARTS / CHART / "values.yaml").read_text(encoding="utf-8"))
    values = changed({**whole, **example(CHART, "large")}, path, value)

    with pytest.raises(HelmRefusedError):
        helm.template(CHART, values, namespace=SPACE)


def test_without_an_address_it_says_what_it_needs(helm: Helm) -> None:
    with pytest.raises(HelmRefusedError, match="/url"):
        helm.template(CHART, {}, namespace=SPACE)


@pytest.fixture
def space(raw_api: Api) -> Iterator[str]:
    """A namespace that takes nothing but pods that are restricted, with the Secrets that are named."""
    name = f"platform-of-a-test-{next(_numbers)}"
    labels = dict(POD_SECURITY)
    metadata = {"name": name, "labels": labels}
    raw_api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}).must()
    for secret, keys in {
        "argosy-database": ("url",),
        "argosy-broker": ("url",),
        "argosy-keys": ("secret-key", "encryption-keys", "bundle.pem"),
    }.items():
        raw_api.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": secret, "namespace": name},
                       "stringData": dict.fromkeys(keys, "x")}).must()  # fmt: skip
    yield name
    raw_api.delete(f"/api/v1/namespaces/{name}")


def test_it_is_installed_upgraded_and_taken_away_under_pod_security(
    raw_api: Api, cluster_helm: Helm, space: str
) -> None:
    values = {**example(CHART, "minimal"), "nodeSelector": {"argosy.dev/simulated": "true"}}

    cluster_helm.upgrade(CHART, values, namespace=space, seconds=55)

    deployments = raw_api.get(f"/apis/apps/v1/namespaces/{space}/deployments").must()["items"]
    available = {d["metadata"]["name"]: d["status"].get("availableReplicas") for d in deployments}
    assert available == {"argo-web": 2, "argo-worker": 2, "argo-beat": 1, "argo-watch": 1}
    jobs = raw_api.get(f"/apis/batch/v1/namespaces/{space}/jobs").must()["items"]
    assert jobs == [], "a job that succeeded is gone"

    scaled = changed(values, "worker", {"replicas": 3})
    cluster_helm.upgrade(CHART, scaled, namespace=space, seconds=55)
    worker = raw_api.get(f"/apis/apps/v1/namespaces/{space}/deployments/argo-worker").must()
    assert worker["status"]["availableReplicas"] == 3

    cluster_helm.uninstall(namespace=space)


def test_the_accounts_may_do_nothing_that_can_be_asked(
    raw_api: Api, cluster_helm: Helm, space: str
) -> None:
    for manifest in cluster_helm.template(CHART, example(CHART, "minimal"), namespace=space):
        if manifest["kind"] == "ServiceAccount":
            raw_api.apply(manifest).must()

    for process in PROCESSES:
        account = raw_api.acting_as(f"system:serviceaccount:{space}:argo-{process}")
        for verb, resource in itertools.product(
            ("get", "list", "create", "delete"),
            ("secrets", "pods", "configmaps", "serviceaccounts:token", "apps/deployments"),
        ):
            assert not account.may(verb, resource, namespace=space)


def test_only_who_migrates_comes_to_the_database_as_its_owner(helm: Helm) -> None:
    found = pods(rendered(helm, "large"))

    of = {name: str(pod["spec"]["volumes"]) for name, pod in found.items()}

    assert "postgres-owner" in of["migrate"]
    assert "postgres-app" not in of["migrate"]
    assert all("postgres-owner" not in of[name] for name in PROCESSES)
    assert all("postgres-app" in of[name] for name in PROCESSES)


def test_where_one_role_does_all_it_also_migrates(helm: Helm) -> None:
    assert "argosy-database" in str(pods(rendered(helm))["migrate"]["spec"]["volumes"])
