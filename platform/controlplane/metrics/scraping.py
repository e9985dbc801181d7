"""The engine's configuration, generated: what it scrapes, with whose token, and how much it takes.

Nothing newer than Prometheus 2.42 knows. What a controller says of itself is data: labels that we do not
know are dropped, values that we do not know are dropped or called `Other`, and nothing it serves can
claim to be another team's.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .identity import CLUSTER, CONTROLLERS, ENGINE, IDENTITY, INTERVAL, PLATFORM
from .recording import RECORDED

Config = dict[str, Any]

SCRAPE_SECONDS = 10
# A controller's answer: beyond these the whole scrape is refused, and its target counts as down.
SAMPLES = 500
BODY = "8MB"
LABELS, LABEL_NAME, LABEL_VALUE = 32, 128, 512
TARGETS = 5000
DISCOVERED_EVERY = 15

METRICS = (
    "gauge", "total_count", "pods_gauge", "pod_pending_count", "error_count", "is_leader",
    "queue_depth_gauge", "queue_latency_bucket", "queue_latency_sum", "queue_latency_count",
    "k8s_request_total", "version",
)  # fmt: skip
# The values each label may have; the empty one is that of metrics without the label.
KNOWN = {
    "phase": "Pending|Running|Succeeded|Failed|Error|Completed|",
    "queue_name": "cron_wf_queue|pod_cleanup_queue|workflow_queue|workflow_ttl_queue|workflow_archive_queue|",
    "cause": "OperationPanic|CronWorkflowSubmissionError|CronWorkflowSpecError|",
    "status_code": "429|5[0-9][0-9]|",
    "kind": "[A-Za-z]{1,40}|",
    "verb": "[A-Za-z]{1,20}|",
    "le": r"[0-9]{1,5}(\.[0-9]{1,4})?|\+Inf|",
    "version": r"v?[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}(-[a-z0-9.]{1,20})?|",
}
REASONS = (
    "Unschedulable|ContainerCreating|PodInitializing|ImagePullBackOff|ErrImagePull|InvalidImageName"
    "|CreateContainerConfigError|CreateContainerError|CrashLoopBackOff|SchedulingGated|"
)
OTHER = "Other"
OF_THE_ENGINE = (
    "up|prometheus_tsdb_head_series|prometheus_rule_evaluation_failures_total"
    "|prometheus_rule_group_last_duration_seconds|prometheus_target_scrape_pool_targets"
    "|process_cpu_seconds_total|process_resident_memory_bytes"
)


@dataclass(frozen=True)
class Member:
    """A cluster as the engine outside it reaches it: its targets, its credential, its authority."""

    name: str
    discovery: str  # the URL of its targets
    folder: Path  # holds `token`, `ca.crt` and `discovery`
    server_name: str = ""  # in its certificate, where that is not the address


@dataclass(frozen=True)
class Self:
    """Where the platform's own figures and the engine's are."""

    platform: str  # host:port
    token: Path
    engine: str  # host:port
    scheme: str = "http"


def embedded(members: Iterable[Member], own: Self, *, rules: Sequence[str]) -> Config:
    """For the engine beside the platform: a job for each cluster, by way of its API server."""
    return {
        "global": _clock(),
        "rule_files": list(rules),
        "scrape_configs": [*(_through(member) for member in members), *_own(own)],
    }


def in_cluster(
    cluster: str, *, discovery: str, write: str, folder: str, rules: Sequence[str]
) -> Config:
    """For an engine in the cluster itself: it scrapes and adds up there, and sends what was recorded.

    `folder` there holds `discovery` and `write`, the tokens for its targets and for the receiver.
    """
    job = {
        "job_name": CONTROLLERS,
        "http_sd_configs": [_discovered(discovery, f"{folder}/discovery")],
        **_bounded(),
    }
    sent = {
        "url": write,
        "authorization": {"type": "Bearer", "credentials_file": f"{folder}/write"},
        "write_relabel_configs": [
            {"source_labels": ["__name__"], "regex": RECORDED, "action": "keep"}
        ],
    }
    return {
        "global": {**_clock(), "external_labels": {CLUSTER: cluster}},
        "rule_files": list(rules),
        "scrape_configs": [job],
        "remote_write": [sent],
    }


def _clock() -> Config:
    return {
        "scrape_interval": f"{INTERVAL}s",
        "scrape_timeout": f"{SCRAPE_SECONDS}s",
        "evaluation_interval": f"{INTERVAL}s",
    }


def _through(member: Member) -> Config:
    tls = {"ca_file": str(member.folder / "ca.crt")}
    if member.server_name:
        tls["server_name"] = member.server_name
    return {
        "job_name": f"{CONTROLLERS}/{member.name}",
        "scheme": "https",
        "tls_config": tls,
        "authorization": {"type": "Bearer", "credentials_file": str(member.folder / "token")},
        # Or a controller that answers with a redirect would be sent the cluster's token elsewhere.
        "follow_redirects": False,
        "http_sd_configs": [_discovered(member.discovery, str(member.folder / "discovery"))],
        "relabel_configs": [
            {"target_label": "job", "replacement": CONTROLLERS},
            {"target_label": CLUSTER, "replacement": member.name},
        ],
        **_bounded(),
    }


def _bounded() -> Config:
    """How much of an answer is taken, and what of it."""
    return {
        "honor_labels": False,
        "honor_timestamps": False,
        "sample_limit": SAMPLES,
        "body_size_limit": BODY,
        "label_limit": LABELS,
        "label_name_length_limit": LABEL_NAME,
        "label_value_length_limit": LABEL_VALUE,
        "target_limit": TARGETS,
        "metric_relabel_configs": _taken(),
    }


def _taken() -> list[Config]:
    kept = ["__name__", "job", "instance", *IDENTITY, *KNOWN, "reason"]
    return [
        {
            "source_labels": ["__name__"],
            "regex": f"argo_workflows_({'|'.join(METRICS)})",
            "action": "keep",
        },
        *(
            {"source_labels": [label], "regex": values, "action": "keep"}
            for label, values in KNOWN.items()
        ),
        {
            "source_labels": ["reason"],
            "regex": REASONS,
            "target_label": "__tmp_known",
            "replacement": "yes",
        },
        {
            "source_labels": ["__tmp_known"],
            "regex": "",
            "target_label": "reason",
            "replacement": OTHER,
        },
        {"regex": "|".join(kept), "action": "labelkeep"},
    ]


def _own(own: Self) -> list[Config]:
    return [
        {
            "job_name": PLATFORM,
            "scheme": own.scheme,
            "authorization": {"type": "Bearer", "credentials_file": str(own.token)},
            "sample_limit": 10_000,
            "static_configs": [{"targets": [own.platform]}],
        },
        {
            "job_name": ENGINE,
            "static_configs": [{"targets": [own.engine]}],
            "metric_relabel_configs": [
                {"source_labels": ["__name__"], "regex": OF_THE_ENGINE, "action": "keep"}
            ],
        },
    ]


def _discovered(url: str, token: str) -> Config:
    return {
        "url": url,
        "authorization": {"type": "Bearer", "credentials_file": token},
        "follow_redirects": False,
        "refresh_interval": f"{DISCOVERED_EVERY}s",
    }
