"""The charts hold for every example, and refuse what the platform would refuse."""

from pathlib import Path
from typing import Any

import pytest

from tenants import names
from tests.charts.conftest import example
from tests.charts.helm_chart import Helm, HelmRefusedError, changed, ci_files

pytestmark = pytest.mark.cluster

CASES = [(chart, file) for chart in ("team-argo", "team-guardrails") for file in ci_files(chart)]


def test_each_chart_has_several_examples() -> None:
    assert len(ci_files("team-argo")) >= 4
    assert len(ci_files("team-guardrails")) >= 4


@pytest.mark.parametrize(("chart", "values"), CASES, ids=lambda part: Path(part).name)
def test_an_example_lints_without_a_warning(helm: Helm, chart: str, values: Path) -> None:
    helm.lint(chart, values)


@pytest.mark.parametrize("chart", ["team-argo", "team-guardrails"])
def test_a_chart_without_values_says_what_it_needs(helm: Helm, chart: str) -> None:
    with pytest.raises(HelmRefusedError, match="/team"):
        helm.template(chart, {})


BAD_GUARDRAILS: list[tuple[str, Any]] = [
    ("team", ""),
    ("team", "Payments"),
    ("team", "payments\n"),
    ("team", 'payments"'),
    ("team", 7),
    ("team", None),
    ("workloadNamespace", "p" * 59),
    ("workloadNamespace", "-payments"),
    ("workloadNamespace", "zahlungen.x"),
    ("workloadNamespace", "zahlungén"),
    ("workloadNamespace", "payments-argo"),
    ("workloadNamespace", "kube-system"),
    ("controlNamespace", "payments"),
    ("controlNamespace", "other-argo"),
    ("quota", {}),
    ("quota.hard", {}),
    ("quota.hard.pods", "-1"),
    ("quota.hard.pods", 10),
    ("quota.hard.pods", "ten"),
    ("quota.hard.pods", "1 Gi"),
    ("quota.hard.pods", ""),
    ("quota.hard.pods", "1Gib"),
    ("quota.scopes", ["BestEffort"]),
    ("limits", {}),
    ("limits.default.cpu", "half"),
    ("limits.type", "Pod"),
    ("apiServer.endpoints", []),
    ("apiServer.endpoints", [{"ip": "0.0.0.0/0", "port": 443}]),
    ("apiServer.endpoints", [{"ip": "api.example.com", "port": 443}]),
    ("apiServer.endpoints", [{"ip": "10.0.0.256", "port": 443}]),
    ("apiServer.endpoints", [{"ip": "10.0.0.1", "port": 0}]),
    ("apiServer.endpoints", [{"ip": "10.0.0.1", "port": "443"}]),
    ("apiServer.endpoints", [{"ip": "10.0.0.1"}]),
    ("dns.namespaceLabels", {"kubernetes.io/metadata.name": None}),
    ("dns.podLabels.k8s-app", 'dns"'),
    ("dns.cidrs", ["everywhere"]),
    ("metrics.from", [{"namespaceLabels": {}}]),
    ("metrics.from", [{}]),
    ("server.from", [{"podLabels": {"app": "x"}}]),
    ("server.enabled", "yes"),
    ("server", {"enabled": True, "from": []}),
    ("server", {"enabled": True, "client": "", "from": []}),
    ("server.provider", {"cidrs": ["10.0.0.0/8"]}),
    ("server.provider", {"cidrs": [], "port": 443}),
    ("stores.networks", ["10.20.0.0/16"]),
    ("stores.networks", [{"cidr": "everywhere"}]),
    ("stores.networks", [{"cidr": "10.0.0.0/8", "except": []}]),
    ("stores.networks", [{"cidr": "10.0.0.0/8", "ports": [1]}]),
    ("stores.artifacts", {"port": 0}),
    ("stores.artifacts", {"port": "9000"}),
    ("stores.artifacts", {"port": 9000, "cidr": "0.0.0.0/0"}),
    ("stores.archive", {"port": 5432}),
    ("stores.archive", {"secret": "archive"}),
    ("stores.archive", {"port": 5432, "secret": "*"}),
    ("accounts.admin", {"rule": "true", "precedence": 1}),
    ("accounts.owner", {"rule": "true"}),
    ("accounts.owner", {"rule": "", "precedence": 1}),
    ("accounts.owner", {"rule": "'a\n' in groups", "precedence": 1}),
    ("accounts.owner", {"rule": "true", "precedence": "30"}),
    ("surprise", True),
    ("global", {"team": "other"}),
]


def named(path: str) -> str:
    """helm names the part that is wrong, or the key itself where the key is wrong."""
    return "|".join((path.split(".", maxsplit=1)[0], path.rsplit(".", maxsplit=1)[-1]))


@pytest.mark.parametrize(("path", "value"), BAD_GUARDRAILS)
def test_guard_rails_refuse_a_bad_value(helm: Helm, path: str, value: object) -> None:
    values = changed(example("team-guardrails", "simulated"), path, value)

    with pytest.raises(HelmRefusedError, match=named(path)):
        helm.template("team-guardrails", values)


BAD_ARGO: list[tuple[str, Any]] = [
    ("team", "pay ments"),
    ("workloadNamespace", "payments-argo"),
    ("workloadNamespace", "default"),
    ("fingerprint", 'a"b'),
    ("controller.image", "quay.io/argoproj/workflow-controller:v4.1.2"),
    ("controller.image.tag", "latest"),
    ("controller.image.tag", ""),
    ("controller.image.repository", "Quay.io/argo proj"),
    ("controller.image.digest", "sha256:short"),
    ("controller.resources.limits.memory", "lots"),
    ("controller.resources.limits.memory", 1024),
    ("controller.resources.claims", []),
    ("controller.workers", 0),
    ("controller.workers", "8"),
    ("controller.qps", -1),
    ("controller.burst", 1.5),
    ("controller.env.LEADER_ELECTION_DISABLE", "false"),
    ("controller.env.lower", "x"),
    ("controller.env.HEALTHZ_AGE", 5),
    ("controller.nodeSelector.a b", "c"),
    ("controller.tolerations", [{"key": "a", "operator": "Equals"}]),
    ("controller.tolerations", [{"keys": "a"}]),
    ("controller.priorityClassName", "System Critical"),
    ("controller.progressDeadlineSeconds", 1),
    ("controller.replicas", 2),
    ("server", {"enabled": True}),
    ("server", {"enabled": True, "host": "Payments.Example.com"}),
    ("server", {"enabled": True, "host": "a.example.com/path"}),
    ("server.image.tag", "latest"),
    ("server.ingress.className", ""),
    ("server.replicas", 2),
    ("config.parallelism", 8),
    ("config.executor", {"image": "x"}),
    ("config.bad-key", "x"),
    ("surprise", True),
]


@pytest.mark.parametrize(("path", "value"), BAD_ARGO)
def test_a_controller_refuses_a_bad_value(helm: Helm, path: str, value: object) -> None:
    values = changed(example("team-argo", "simulated"), path, value)

    with pytest.raises(HelmRefusedError, match=named(path)):
        helm.template("team-argo", values)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "payments",
            "p",
            "p1",
            "a-b-c",
            "n" * 58,
            "n" * 59,
            "1st",
            "a-",
            "-a",
            "a.b",
            "A",
            "é",
            "a_b",
        ),
        *(
            "default",
            "argo",
            "argosy",
            "argosy-system",
            "kube-x",
            "kubernetes",
            "x-argo",
            "x-system",
        ),
        *("openshift-x", "istio-x", "localhost", "argos", "kube", "system", "my-kube-x", "argocd"),
    ],
)
def test_charts_take_a_namespace_name_exactly_when_a_request_does(helm: Helm, name: str) -> None:
    values = {**example("team-argo", "simulated"), "workloadNamespace": name}

    if names.problem_with(name):
        with pytest.raises(HelmRefusedError, match="workloadNamespace"):
            helm.template("team-argo", values)
    else:
        assert helm.template("team-argo", values)
