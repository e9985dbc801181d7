"""Workflows as Argo's controller writes them: a fan-out, a failure, a template, a schedule."""

import datetime as dt
from typing import Any

from controlplane.objects import Manifest

ARGO = "argoproj.io/v1alpha1"
SHAPE = {"entrypoint": "main", "templates": [{"name": "main", "container": {"image": "say"}}]}


def workflow(
    name: str, namespace: str, *, now: dt.datetime, width: int = 12, failed: bool = True
) -> Manifest:
    """plan, then `width` extracts, then one that settles; the settling failed, or still runs."""
    began = now - dt.timedelta(minutes=4)
    # What `withItems` makes of one task: a group, and a step an item.
    group = f"{name}-extract"
    extracts = [f"{group}({number}:part-{number})" for number in range(width)]
    last, phase = f"{name}-settle", "Failed" if failed else "Running"
    nodes = {
        name: _node(name, name, "DAG", phase, began, children=[f"{name}-plan"]),
        f"{name}-plan": _node(name, f"{name}-plan", "Pod", "Succeeded", began, children=[group]),
        group: _node(name, group, "TaskGroup", "Succeeded", began, children=extracts),
        **{
            each: _node(name, each, "Pod", "Succeeded", began, children=[last]) for each in extracts
        },
        last: _node(name, last, "Pod", phase, began)
        | ({"message": "OOMKilled (exit code 137)"} if failed else {}),
    }
    ended = {"finishedAt": _text(now - dt.timedelta(minutes=1))} if failed else {}
    return {
        "apiVersion": ARGO,
        "kind": "Workflow",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "creationTimestamp": _text(began),
            "labels": {"workflows.argoproj.io/phase": phase},
        },
        "spec": {
            "workflowTemplateRef": {"name": "settle"},
            "arguments": {"parameters": [{"name": "day", "value": "2026-11-20"}]},
        },
        "status": {
            "phase": phase,
            "message": "child failed: OOMKilled (exit code 137)" if failed else "",
            "startedAt": _text(began),
            "progress": f"{width + 1}/{width + 2}",
            "resourcesDuration": {"cpu": 912, "memory": 4310},
            "nodes": nodes,
            **ended,
        },
    }


def template(name: str, namespace: str) -> Manifest:
    """One that asks for a day and a size."""
    return {
        "apiVersion": ARGO,
        "kind": "WorkflowTemplate",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            **SHAPE,
            "arguments": {
                "parameters": [
                    {"name": "day", "value": "2026-11-20", "description": "which day to settle"},
                    {"name": "size", "value": "full", "enum": ["full", "sample"]},
                ]
            },
        },
    }


def cron(name: str, namespace: str, *, now: dt.datetime) -> Manifest:
    """Every morning at six; it ran today."""
    return {
        "apiVersion": ARGO,
        "kind": "CronWorkflow",
        "metadata": {"name": name, "namespace": namespace, "creationTimestamp": _text(now)},
        "spec": {
            "schedules": ["0 6 * * *"],
            "timezone": "Europe/Vienna",
            "concurrencyPolicy": "Forbid",
            "workflowSpec": {"workflowTemplateRef": {"name": "settle"}},
        },
        "status": {"lastScheduledTime": _text(now - dt.timedelta(hours=3)), "active": []},
    }


def _node(
    workflow_name: str,
    name: str,
    kind: str,
    phase: str,
    at: dt.datetime,
    *,
    children: list[str] | None = None,
) -> dict[str, Any]:
    shown = name.removeprefix(f"{workflow_name}-")
    return {
        "id": name,
        "name": workflow_name if name == workflow_name else f"{workflow_name}.{shown}",
        "displayName": shown,
        "type": kind,
        "templateName": shown.partition("(")[0],
        "boundaryID": "" if name == workflow_name else workflow_name,
        "templateScope": "namespaced/settle",
        "phase": phase,
        "startedAt": _text(at),
        "finishedAt": None if phase == "Running" else _text(at + dt.timedelta(seconds=42)),
        "progress": "1/1",
        "resourcesDuration": {"cpu": 12, "memory": 40},
        "inputs": {"parameters": [{"name": "day", "value": "2026-11-20"}]},
        "children": children or [],
    }


def _text(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
