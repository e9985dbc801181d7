"""The files that engines and Grafana read, as text: rules, alerts, dashboards, an agent's configuration."""

from collections.abc import Mapping
from typing import Any

import orjson
import yaml

from .alerts import alert_file
from .dashboards import DASHBOARDS, dashboard_file
from .recording import rule_file
from .scraping import in_cluster

RULES, ALERTS, CONFIG = "rules.yml", "alerts.yml", "prometheus.yml"


def shipped() -> Mapping[str, str]:
    """What the embedded engine has too, for an engine and a Grafana of one's own: by file name."""
    return {
        RULES: as_yaml(rule_file()),
        ALERTS: as_yaml(alert_file()),
        **{f"{board.uid}.json": _as_json(dashboard_file(board)) for board in DASHBOARDS},
    }


def of_an_agent(cluster: str, *, discovery: str, write: str, folder: str) -> Mapping[str, str]:
    """What an engine inside a cluster reads: it adds up there, and sends what was recorded."""
    config = in_cluster(cluster, discovery=discovery, write=write, folder=folder, rules=[RULES])
    return {CONFIG: as_yaml(config), RULES: as_yaml(rule_file(of_one_cluster=True))}


def as_yaml(document: Mapping[str, Any]) -> str:
    """A document as YAML, in the order it was made in."""
    return yaml.safe_dump(dict(document), sort_keys=False, width=1000, allow_unicode=True)


def _as_json(document: Mapping[str, Any]) -> str:
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n"
