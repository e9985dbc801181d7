"""What is generated: bounded, without literal buckets, named as the field does."""

import re
from typing import Any

import orjson
import pytest
import yaml

from controlplane.metrics import files, recording
from controlplane.metrics.alerts import ALERTS
from controlplane.metrics.dashboards import DASHBOARDS
from controlplane.metrics.queries import CATALOGUE
from controlplane.metrics.scraping import RECORDED

EXPRESSIONS = [
    *(rule.expr for group in recording.GROUPS for rule in group.rules),
    *(alert.expr for alert in ALERTS),
    *(panel.expr for board in DASHBOARDS for panel in board.panels),
    *(query.expression for query in CATALOGUE.values()),
]


def agent() -> dict[str, Any]:
    made = files.of_an_agent(
        "eu", discovery="https://a.test/eu/?inside", write="https://b.test/write", folder="/etc/x"
    )
    return {name: yaml.safe_load(content) for name, content in made.items()}


def test_recorded_series_are_named_level_metric_operation_and_none_is_made_twice() -> None:
    records = [rule.record for group in recording.GROUPS for rule in group.rules]

    assert all(re.fullmatch(r"(namespace|team|cluster):[a-z0-9_]+:[a-z0-9_]+", r) for r in records)
    assert len(records) == len(set(records))


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_no_expression_has_a_bucket_or_a_name_of_a_pod_or_a_workflow_in_it(expression: str) -> None:
    assert not re.search(r"\ble\s*=", expression)
    assert not re.search(r"\b(pod|workflow|name|node|container)\b", expression)


def test_pages_alerts_and_dashboards_ask_for_what_was_recorded_and_for_nothing_raw() -> None:
    asked = EXPRESSIONS[sum(len(group.rules) for group in recording.GROUPS) :]

    assert not [expression for expression in asked if "argo_workflows_" in expression]


def test_from_a_cluster_of_its_own_only_what_was_recorded_leaves() -> None:
    (sent,) = agent()["prometheus.yml"]["remote_write"]

    assert sent["write_relabel_configs"] == [
        {"source_labels": ["__name__"], "regex": RECORDED, "action": "keep"}
    ]
    assert sent["authorization"]["credentials_file"] == "/etc/x/write"
    assert agent()["prometheus.yml"]["global"]["external_labels"] == {"cluster": "eu"}
    assert all(re.fullmatch(RECORDED, r.record) for g in recording.GROUPS for r in g.rules)


def test_a_cluster_of_its_own_is_held_to_its_budget_by_its_engine() -> None:
    assert {group["limit"] for group in agent()["rules.yml"]["groups"]} == {2000}


def test_every_job_of_controllers_is_bounded_and_believes_no_label_of_theirs() -> None:
    (job,) = agent()["prometheus.yml"]["scrape_configs"]

    assert (job["honor_labels"], job["honor_timestamps"]) == (False, False)
    assert {"sample_limit", "body_size_limit", "label_limit", "target_limit"} <= job.keys()


@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board.uid)
def test_a_dashboard_draws_no_line_over_a_gap(board: Any) -> None:
    made = orjson.loads(files.shipped()[f"{board.uid}.json"])

    drawn = {panel["fieldConfig"]["defaults"]["custom"]["spanNulls"] for panel in made["panels"]}
    assert (drawn, made["uid"], len(made["panels"])) == ({False}, board.uid, len(board.panels))


def test_every_alert_says_what_is_wrong_and_what_to_do() -> None:
    (group,) = yaml.safe_load(files.shipped()["alerts.yml"])["groups"]

    for rule in group["rules"]:
        assert rule["annotations"]["summary"].endswith(".")
        assert rule["annotations"]["description"].endswith(".")
        assert rule["labels"]["severity"] in {"page", "ticket"}
