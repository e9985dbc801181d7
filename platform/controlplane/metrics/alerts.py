"""What somebody should be told of: alert rules for the engine, each with a sentence and a way out.

The engine evaluates them, and whatever is behind it (an Alertmanager) tells people. Severity `page` is what
cannot wait for the morning.
"""

from dataclasses import dataclass
from typing import Any, Literal

from .identity import BUDGET, INTERVAL, PLATFORM

Severity = Literal["page", "ticket"]


@dataclass(frozen=True)
class Alert:
    """What is wrong, for how long before it counts, and what a person reads."""

    name: str
    expr: str
    lasts: str
    severity: Severity
    summary: str
    way_out: str


WHOSE = "{{ $labels.team }}'s {{ $labels.namespace }} on {{ $labels.cluster }}"

ALERTS = (
    Alert(
        "PlatformAway", f'up{{job="{PLATFORM}"}} == 0', "2m", "page",
        "The platform's web process does not answer.",
        "Look at its log; what runs on the clusters runs on, nothing new is made.",
    ),
    Alert(
        "PlatformFiguresOld", "argosy_snapshot_age_seconds > 60", "2m", "page",
        "The platform's figures are {{ $value | humanizeDuration }} old.",
        "Its database does not answer: look at it, and at the platform's /readyz.",
    ),
    Alert(
        "WishesBehind", "argosy_wishes_behind > 0 and argosy_queue_age_seconds > 300", "5m", "page",
        "Namespaces wait for their turn for more than five minutes.",
        "See that a worker and the clock run: `argosy worker`, `argosy beat`.",
    ),
    Alert(
        "RequestsWait", "argosy_request_age_seconds > 2 * 86400", "1h", "ticket",
        "A request has waited for more than two days.",
        "Decide it: the inbox has the oldest first.",
    ),
    Alert(
        "ClusterAway", 'argosy_clusters{state!~"reachable|unasked"} > 0', "5m", "page",
        "{{ $value }} clusters do not serve the platform ({{ $labels.state }}).",
        "The cluster's page says why, and what to do.",
    ),
    Alert(
        "ClusterSilent",
        "cluster:controllers_up:sum == 0 and cluster:controllers:count > 0", "5m", "page",
        "No controller on {{ $labels.cluster }} is heard.",
        "See that its API server answers, and that the account argosy-metrics may read there.",
    ),
    Alert(
        "ControllerAway", "namespace:controller_up:max == 0", "10m", "ticket",
        f"The controller of {WHOSE} is not heard.",
        "Look at the namespace's page: its condition ArgoReady says what the controller does.",
    ),
    Alert(
        "ControllerPanics", "namespace:controller_errors:rate5m > 0.05", "10m", "ticket",
        f"The controller of {WHOSE} keeps failing.",
        "Read its log; a workflow that it cannot work on may have to be deleted.",
    ),
    Alert(
        "QueueGrows",
        "namespace:queue_depth:sum > 50 and deriv(namespace:queue_depth:sum[15m]) > 0",
        "15m", "ticket",
        f"Workflows of {WHOSE} come faster than its controller takes them.",
        "A larger tier has a larger controller.",
    ),
    Alert(
        "WorkflowsFail", "namespace:workflow_success:ratio_rate1h < 0.5", "1h", "ticket",
        f"More than half of the workflows of {WHOSE} fail.",
        "It is the team's own business; tell them, or look whether the platform is why.",
    ),
    Alert(
        "PodsWait", "sum without (reason) (namespace:pods_pending:increase10m) > 50", "15m", "ticket",
        f"Many pods of {WHOSE} wait.",
        "The page of the namespace says for what: room in its quota, a node, or an image.",
    ),
    Alert(
        "TooManySeries", f"cluster:recorded_series:count > {BUDGET}", "10m", "ticket",
        f"{{{{ $labels.cluster }}}} has more than {BUDGET} recorded series.",
        "Many namespaces on one cluster: let an engine of its own keep them, or spread the teams.",
    ),
    Alert(
        "RulesFail", "increase(prometheus_rule_evaluation_failures_total[15m]) > 0", "5m", "page",
        "The engine cannot evaluate its rules: what pages show grows old.",
        "Its log names the rule.",
    ),
)  # fmt: skip


def alert_file() -> dict[str, Any]:
    """The file of alert rules."""
    rules = [
        {
            "alert": f"Argosy{alert.name}",
            "expr": alert.expr,
            "for": alert.lasts,
            "labels": {"severity": alert.severity},
            "annotations": {"summary": alert.summary, "description": alert.way_out},
        }
        for alert in ALERTS
    ]
    return {"groups": [{"name": "argosy-alerts", "interval": f"{2 * INTERVAL}s", "rules": rules}]}
