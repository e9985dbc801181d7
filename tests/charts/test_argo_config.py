"""The controller's configuration: what a tier gets, and that nothing else would ever be written."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from provisioning import argo_config
from provisioning.argo_config import BadArgoConfig, Keep, parallelism_for
from provisioning.argo_keys import SINCE, Config

VERSION = "v4.1.2"
HARD = {
    "requests.cpu": "4",
    "requests.memory": "8Gi",
    "limits.cpu": "16",
    "limits.memory": "16Gi",
    "pods": "40",
    "count/workflows.argoproj.io": "200",
}


def config(**over: Any) -> Config:
    wanted: dict[str, Any] = {
        "hard": HARD,
        "executor_image": "quay.io/argoproj/argoexec:v4.1.2",
        "deadline_seconds": 3600,
    }
    return argo_config.default_config(**wanted | over)


def as_argo_reads(data: dict[str, str]) -> Any:
    """The controller's own way from a config map to one document (config/controller.go)."""
    text = ""
    for key, value in data.items():
        if "\n" in value:
            indented = "\n  ".join(value.strip("\n").split("\n"))
            text += f"{key}:\n  {indented}\n"
        else:
            text += f"{key}: {value}\n"
    return yaml.safe_load(text)


def test_what_is_rendered_reads_back_as_it_was() -> None:
    assert (
        argo_config.parse(argo_config.render(config(), version=VERSION), version=VERSION)
        == config()
    )


def test_argo_reads_what_was_rendered_key_by_key() -> None:
    data = argo_config.render(config(), version=VERSION)

    assert as_argo_reads(data) == {key: yaml.safe_load(text) for key, text in data.items()}


def test_rendering_twice_is_rendering_the_same() -> None:
    assert argo_config.render(config(), version=VERSION) == argo_config.render(
        config(), version=VERSION
    )


@pytest.mark.parametrize("version", ["v3.7.18", "v4.0.10", "4.1.2", "v4.2.0-rc1"])
def test_the_defaults_fit_every_version_we_give(version: str) -> None:
    assert argo_config.render(config(), version=version)


def test_finished_things_go_and_failed_pods_stay() -> None:
    spec = as_argo_reads(argo_config.render(config(keep=Keep(1, 2, 3, 4)), version=VERSION))[
        "workflowDefaults"
    ]["spec"]

    assert spec["ttlStrategy"] == {
        "secondsAfterSuccess": 1,
        "secondsAfterFailure": 2,
        "secondsAfterCompletion": 3,
    }
    assert spec["podGC"] == {"strategy": "OnPodSuccess", "deleteDelayDuration": "4s"}
    assert spec["activeDeadlineSeconds"] == 3600


def test_steps_run_as_the_one_account_the_cluster_lets_pass() -> None:
    spec = as_argo_reads(argo_config.render(config(), version=VERSION))["workflowDefaults"]["spec"]

    assert spec["serviceAccountName"] == "workflow-runner"
    assert spec["artifactGC"]["serviceAccountName"] == "workflow-runner"
    assert spec["automountServiceAccountToken"] is True
    assert spec["securityContext"]["runAsUser"] == 8737


def test_every_container_is_fit_for_pod_security_and_states_its_size() -> None:
    read = as_argo_reads(argo_config.render(config(), version=VERSION))

    for container in (read["executor"], read["mainContainer"]):
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert container["resources"]["limits"].keys() == {"cpu", "memory"}


def test_metrics_say_whether_they_are_secure() -> None:
    metrics = as_argo_reads(argo_config.render(config(), version=VERSION))["metricsConfig"]

    assert metrics == {"enabled": True, "path": "/metrics", "port": 9090, "secure": False}


def test_steps_go_where_the_cluster_places_them() -> None:
    toleration = {"key": "kwok.x-k8s.io/node", "operator": "Exists"}
    placement = {"nodeSelector": {"argosy.dev/simulated": "true"}, "tolerations": [toleration]}

    placed = as_argo_reads(argo_config.render(config(placement=placement), version=VERSION))

    assert placed["workflowDefaults"]["spec"].items() >= placement.items()


def test_finished_workflows_leave_half_the_quota_free() -> None:
    kept = as_argo_reads(argo_config.render(config(), version=VERSION))["retentionPolicy"]

    assert sum(kept.values()) == 100


def test_without_a_count_in_the_quota_only_time_ends_workflows() -> None:
    assert config(hard={"pods": "5"}).retention_policy is None


@pytest.mark.parametrize(
    ("hard", "expected"),
    [
        ({}, 1),
        ({"pods": "40"}, 40),
        ({"pods": "0"}, 1),
        ({"requests.cpu": "1200m"}, 10),
        ({"cpu": "1200m"}, 10),
        ({"limits.cpu": "10"}, 10),
        ({"requests.memory": "1920Mi"}, 10),
        ({"limits.memory": "5Gi"}, 10),
        ({"pods": "40", "requests.cpu": "600m"}, 5),
        ({"pods": "40", "count/workflows.argoproj.io": "7"}, 7),
        ({"requests.storage": "1"}, 1),
        (HARD, 16),
    ],
)
def test_as_many_workflows_run_as_can_each_have_a_pod(hard: dict[str, str], expected: int) -> None:
    assert parallelism_for(hard) == expected


def test_a_tiers_own_parallelism_wins() -> None:
    assert config(parallelism=3).parallelism == 3


def test_no_parallelism_at_all_is_never_told_to_argo_which_takes_it_for_no_bound() -> None:
    assert config(parallelism=0).parallelism == 1


@given(pods=st.integers(0, 5000), cpu=st.integers(0, 10**6), count=st.integers(0, 10**5))
def test_parallelism_never_outgrows_the_quota_nor_stops_the_team(
    pods: int, cpu: int, count: int
) -> None:
    hard = {
        "pods": str(pods),
        "requests.cpu": f"{cpu}m",
        "count/workflows.argoproj.io": str(count),
    }

    found = parallelism_for(hard)

    assert 1 <= found <= max(1, min(pods, count))
    assert found == 1 or found * 120 <= cpu


@given(st.decimals(min_value=0, max_value=10**9, places=3))
def test_a_quantity_means_the_same_in_thousandths(number: Any) -> None:
    assert argo_config.quantity(f"{number * 1000:f}m") == number


@pytest.mark.parametrize(
    ("text", "number"),
    [("2", 2), ("500m", 0.5), ("1Ki", 1024), ("2G", 2 * 10**9), ("1e3", 1000), (".5", 0.5)],
)
def test_a_quantity_is_read_as_kubernetes_reads_it(text: str, number: float) -> None:
    assert argo_config.quantity(text) == number


@pytest.mark.parametrize("text", ["", "ten", "-1", "1 Gi", "1GiB", "٣", "1\n", "Infinity", "0x1"])
def test_what_is_no_quantity_is_named(text: str) -> None:
    with pytest.raises(BadArgoConfig, match="is no quantity"):
        argo_config.quantity(text)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"paralelism": "3"}, r"paralelism is no key.*did you mean parallelism"),
        ({"metricsConfig": "options: {}\n"}, r"metricsConfig\.options is no key.*modifiers"),
        ({"metricsConfig": "modifiers:\n  gauge:\n    disable: true\n"}, "did you mean disabled"),
        ({"semaphoreLimitCacheSeconds": "3"}, "semaphoreLimitCacheSeconds is no key"),
        ({"config": "parallelism: 3\n"}, "config is no key"),
        ({"workflowDefaults": "spec:\n  podGc: {}\n"}, r"spec\.podGc is no key.*podGC"),
        (
            {"links": "- name: a\n  scope: pod\n  url: b\n  colour: red\n"},
            r"links\.colour is no key",
        ),
        ({"executor": "imagepullpolicy: Always\n"}, "did you mean imagePullPolicy"),
        ({"parallelism": '"8"'}, "Expected `int"),
        ({"nodeEvents": "true"}, "nodeEvents"),
        ({"executor": "image: [unclosed\n"}, "executor is not YAML"),
        ({"persistence": "postgresql:\n  host: h\n"}, "database"),
    ],
)
def test_what_the_controller_would_die_of_is_refused_by_name(
    data: dict[str, str], sentence: str
) -> None:
    with pytest.raises(BadArgoConfig, match=sentence):
        argo_config.parse(data, version=VERSION)


@pytest.mark.parametrize(("path", "since"), SINCE.items())
def test_a_key_younger_than_the_controller_is_refused(path: str, since: tuple[int, int]) -> None:
    keys: Any = {}
    for part in reversed(path.split(".")):
        keys = {part: keys}
    major, minor = since
    before = "v3.7.18" if since == (4, 0) else f"v{major}.{minor - 1}.0"

    with pytest.raises(BadArgoConfig, match=f"{path} came with Argo {major}.{minor}"):
        argo_config.check(before, keys)
    argo_config.check(f"v{major}.{minor}.0", keys)


@pytest.mark.parametrize("version", ["v3.6.17", "latest", "", "4", "v4.1.2\n"])
def test_a_version_we_do_not_give_is_refused(version: str) -> None:
    with pytest.raises(BadArgoConfig, match=r"oldest we give|is no version"):
        argo_config.check(version, {})


@given(st.text(min_size=1))
def test_no_made_up_key_passes(key: str) -> None:
    known = {"parallelism", "sso", "links", "images", "columns", "namespace", "executor"}
    if key not in known:
        with pytest.raises(BadArgoConfig):
            argo_config.check(VERSION, {key + "?": 1})
