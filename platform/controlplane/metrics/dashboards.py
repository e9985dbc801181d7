"""Grafana's dashboards, generated: the fleet, one team, and the platform itself.

They are for the platform's people: Grafana's own viewers are not teams, and a team sees its own in the
console. Every expression is one that the engine is asked in a test.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .identity import BUDGET
from .recording import SEEN

SOURCE = {"type": "prometheus", "uid": "${source}"}
WIDE, HIGH, COLUMNS = 12, 8, 2
SCHEMA = 39  # Grafana 10 and later read it
TEAM = '{team=~"$team",cluster=~"$cluster"}'
FLEET = '{cluster=~"$cluster"}'


@dataclass(frozen=True)
class Panel:
    """One chart: what it shows, by which labels, in which of Grafana's units."""

    title: str
    expr: str
    legend: str
    unit: str = "short"


@dataclass(frozen=True)
class Dashboard:
    """One page of charts with what may be chosen on it."""

    uid: str
    title: str
    panels: tuple[Panel, ...]
    chosen: tuple[tuple[str, str], ...] = ()  # a variable, and the series its values are of


CLUSTER = ("cluster", "cluster:controllers:count")

DASHBOARDS = (
    Dashboard(
        "argosy-fleet", "Argosy: the fleet",
        (
            Panel("Controllers heard", f"cluster:controllers_up:sum{FLEET}", "{{cluster}}"),
            Panel("Controllers there should be", f"cluster:controllers:count{FLEET}", "{{cluster}}"),
            Panel(
                "Seconds since a cluster was heard",
                f"time() - cluster:controller_seen_seconds:max{FLEET}", "{{cluster}}", "s",
            ),
            Panel(
                "Workflows by phase", f"sum by (phase) (cluster:workflows:sum{FLEET})", "{{phase}}"
            ),
            Panel(
                "Workflows finished",
                f"sum by (phase) (cluster:workflows_finished:rate5m{FLEET})", "{{phase}}", "ops",
            ),
            Panel("Workflows waiting", f"cluster:queue_depth:sum{FLEET}", "{{cluster}}"),
            Panel(
                "The longest waits for a controller (95 %)",
                f"topk(10, namespace:queue_latency_seconds:p95_rate5m{FLEET})",
                "{{namespace}} on {{cluster}}", "s",
            ),
            Panel(
                f"Recorded series, of {BUDGET}", f"cluster:recorded_series:count{FLEET}",
                "{{cluster}}",
            ),
        ),
        (CLUSTER,),
    ),
    Dashboard(
        "argosy-team", "Argosy: a team",
        (
            Panel(
                "Workflows by phase", f"sum by (phase) (namespace:workflows:sum{TEAM})", "{{phase}}"
            ),
            Panel(
                "Workflows that succeed", f"namespace:workflow_success:ratio_rate1h{TEAM}",
                "{{namespace}} on {{cluster}}", "percentunit",
            ),
            Panel(
                "Workflows waiting", f"namespace:queue_depth:sum{TEAM}",
                "{{namespace}} on {{cluster}}",
            ),
            Panel(
                "Pods that wait, by reason (10 min)",
                f"sum by (reason) (namespace:pods_pending:increase10m{TEAM})", "{{reason}}",
            ),
            Panel(
                "Errors of the controller", f"namespace:controller_errors:rate5m{TEAM}",
                "{{namespace}} on {{cluster}}", "ops",
            ),
            Panel(
                "Seconds since a controller was heard", f"time() - {SEEN}{TEAM}",
                "{{namespace}} on {{cluster}}", "s",
            ),
        ),
        (("team", "namespace:controller_up:max"), CLUSTER),
    ),
    Dashboard(
        "argosy-platform", "Argosy: the platform",
        (
            Panel("Namespaces by phase", "argosy_namespaces", "{{phase}}"),
            Panel("Clusters", "argosy_clusters", "{{state}}"),
            Panel("Turns of the last 10 minutes", "argosy_turns_recent", "{{outcome}}"),
            Panel("How long turns take", "argosy_turn_seconds_mean", "{{outcome}}", "s"),
            Panel("Wishes behind", "argosy_wishes_behind", "behind"),
            Panel("Age of the queue", "argosy_queue_age_seconds", "oldest", "s"),
            Panel("Requests waiting", "argosy_requests_waiting", "requests"),
            Panel("Violations", "sum by (code) (argosy_violations)", "{{code}}"),
            Panel(
                "HTTP by view", "sum by (view) (rate(argosy_http_requests_total[5m]))", "{{view}}",
                "reqps",
            ),
            Panel("Age of these figures", "argosy_snapshot_age_seconds", "age", "s"),
        ),
    ),
)  # fmt: skip


def dashboard_file(dashboard: Dashboard) -> dict[str, Any]:
    """One as Grafana takes it."""
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "tags": ["argosy"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": False,
        "timezone": "utc",
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [_source(), *(_variable(*each) for each in dashboard.chosen)]},
        "panels": _placed(dashboard.panels),
    }


def _placed(panels: Sequence[Panel]) -> list[dict[str, Any]]:
    return [
        {
            "id": number + 1,
            "type": "timeseries",
            "title": panel.title,
            "datasource": SOURCE,
            "gridPos": {
                "x": number % COLUMNS * WIDE,
                "y": number // COLUMNS * HIGH,
                "w": WIDE,
                "h": HIGH,
            },
            # A gap is a gap: what was not measured is not drawn as if it had been.
            "fieldConfig": {
                "defaults": {"unit": panel.unit, "min": 0, "custom": {"spanNulls": False}},
                "overrides": [],
            },
            "targets": [{"refId": "A", "expr": panel.expr, "legendFormat": panel.legend}],
        }
        for number, panel in enumerate(panels)
    ]


def _source() -> dict[str, Any]:
    return {"name": "source", "type": "datasource", "query": "prometheus"}


def _variable(label: str, series: str) -> dict[str, Any]:
    return {
        "name": label,
        "type": "query",
        "datasource": SOURCE,
        "query": f"label_values({series}, {label})",
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "refresh": 2,
        "current": {"text": "All", "value": "$__all"},
    }
