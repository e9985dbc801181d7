"""What is added up before anybody asks: `level:metric:operation`, with no pod and no workflow in it.

Of what a controller says, these few series are what pages, alerts and teams see, so a cluster's share of
the engine is known beforehand: about twenty series a namespace, and a budget for the cluster.
"""

from dataclasses import dataclass
from typing import Any

from .identity import BUDGET, CLUSTER, CONTROLLERS, IDENTITY, INTERVAL, TEAM

RECORDED = "(namespace|team|cluster):.+"  # what an engine in a cluster sends on
OF_CONTROLLERS = f'{{job="{CONTROLLERS}"}}'
ID = ", ".join(IDENTITY)
FINISHED = 'phase=~"Succeeded|Failed|Error"'
SUCCEEDED = 'phase="Succeeded"'
HOUR = "1h"
QUEUE = 'queue_name="workflow_queue"'
# Answered, and with something: a page of somebody else's, or a controller that only stands by, says nothing.
HEARD = f"up{OF_CONTROLLERS} * (scrape_samples_post_metric_relabeling{OF_CONTROLLERS} > bool 0)"
SEEN = "namespace:controller_seen_seconds:max"
REMEMBERED_DAYS = 7
MOST_VERSIONS = 2  # that one controller may say it is


@dataclass(frozen=True)
class Rule:
    """A series by its name, and what it is made of."""

    record: str
    expr: str


@dataclass(frozen=True)
class Group:
    """Rules that are evaluated together, one after another."""

    name: str
    every: int
    rules: tuple[Rule, ...]


def _total(matchers: str, window: str, by: str = ID) -> str:
    return f"sum by ({by}) (rate(argo_workflows_total_count{{{matchers}}}[{window}]))"


NAMESPACES = Group(
    "argosy-namespaces",
    INTERVAL,
    (
        Rule("namespace:controller_up:max", f"max by ({ID}) ({HEARD})"),
        # When each was last heard: carried on while it is silent, or nobody could say since when.
        Rule(
            SEEN,
            f"max by ({ID}) (timestamp(up{OF_CONTROLLERS}) and ({HEARD} == 1)) "
            f"or (last_over_time({SEEN}[1h]) > time() - {REMEMBERED_DAYS * 86_400})",
        ),
        Rule("namespace:workflows:sum", f"sum by ({ID}, phase) (argo_workflows_gauge)"),
        Rule("namespace:workflows_finished:rate5m", _total(FINISHED, "5m", f"{ID}, phase")),
        Rule(
            "namespace:queue_depth:sum",
            f"sum by ({ID}) (argo_workflows_queue_depth_gauge{{{QUEUE}}})",
        ),
        Rule(
            "namespace:queue_latency_seconds:p95_rate5m",
            # Without any traffic it is no number, which is larger than nothing.
            f"histogram_quantile(0.95, sum by ({ID}, le) "
            f"(rate(argo_workflows_queue_latency_bucket{{{QUEUE}}}[5m]))) >= 0",
        ),
        Rule("namespace:pods:sum", f"sum by ({ID}, phase) (argo_workflows_pods_gauge)"),
        Rule(
            "namespace:pods_pending:increase10m",
            f"sum by ({ID}, reason) (increase(argo_workflows_pod_pending_count[10m])) > 0",
        ),
        Rule(
            "namespace:controller_errors:rate5m",
            f"sum by ({ID}) (rate(argo_workflows_error_count[5m]))",
        ),
        Rule(
            "namespace:controller_refusals:rate5m",
            f'sum by ({ID}) (rate(argo_workflows_k8s_request_total{{status_code=~"429|5.."}}[5m]))',
        ),
        Rule(
            "namespace:controller_version:max",
            # A controller is one version, and two while it is replaced. Who names more is believed none: it
            # would fill the answers that are about others.
            f"max by ({ID}, version) (argo_workflows_version) and on ({ID}) "
            f"(count by ({ID}) (max by ({ID}, version) (argo_workflows_version)) <= {MOST_VERSIONS})",
        ),
    ),
)
HOURS = Group(
    "argosy-hours",
    4 * INTERVAL,
    (
        Rule(
            "namespace:workflow_success:ratio_rate1h",
            # A team of which nothing succeeds has a rate of nought, and not none.
            f"({_total(SUCCEEDED, HOUR)} or 0 * {_total(FINISHED, HOUR)}) "
            f"/ ({_total(FINISHED, HOUR)} > 0)",
        ),
    ),
)
CLUSTERS = Group(
    "argosy-clusters",
    INTERVAL,
    (
        Rule("cluster:controllers:count", f"count by ({CLUSTER}) (namespace:controller_up:max)"),
        Rule("cluster:controllers_up:sum", f"sum by ({CLUSTER}) (namespace:controller_up:max)"),
        Rule("cluster:controller_seen_seconds:max", f"max by ({CLUSTER}) ({SEEN})"),
        Rule(
            "cluster:controller_version:count",
            f"count by ({CLUSTER}, version) (namespace:controller_version:max)",
        ),
        Rule("cluster:workflows:sum", f"sum by ({CLUSTER}, phase) (namespace:workflows:sum)"),
        Rule(
            "cluster:workflows_finished:rate5m",
            f"sum by ({CLUSTER}, phase) (namespace:workflows_finished:rate5m)",
        ),
        Rule("cluster:queue_depth:sum", f"sum by ({CLUSTER}) (namespace:queue_depth:sum)"),
        Rule("cluster:pods:sum", f"sum by ({CLUSTER}, phase) (namespace:pods:sum)"),
        Rule("team:workflows:sum", f"sum by ({CLUSTER}, {TEAM}, phase) (namespace:workflows:sum)"),
    ),
)
SERIES = Group(
    "argosy-series",
    4 * INTERVAL,
    (
        Rule(
            "cluster:scraped_series:sum",
            f"sum by ({CLUSTER}) (scrape_samples_post_metric_relabeling{OF_CONTROLLERS})",
        ),
        Rule(
            "cluster:recorded_series:count",
            f'count by ({CLUSTER}) ({{__name__=~"{RECORDED}", {CLUSTER}!=""}})',
        ),
    ),
)
GROUPS = (NAMESPACES, HOURS, CLUSTERS, SERIES)


def rule_file(*, of_one_cluster: bool = False) -> dict[str, Any]:
    """The file of rules. An engine of one cluster is held to the cluster's budget by each of them."""
    return {
        "groups": [
            {
                "name": group.name,
                "interval": f"{group.every}s",
                **({"limit": BUDGET} if of_one_cluster else {}),
                "rules": [{"record": rule.record, "expr": rule.expr} for rule in group.rules],
            }
            for group in GROUPS
        ]
    }
