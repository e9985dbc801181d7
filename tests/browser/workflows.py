"""Workflows as Argo's controller writes them: a fan-out, a failure, a template, a schedule."""

import datetime as dt
from typing import Any

from controlplane.objects import Manifest
from tests.player import Player

ARGO = "argoproj.io/v1alpha1"
KILLED = "OOMKilled (exit code 137)"
# What a step has beside its place.
DETAILS: dict[str, Any] = {
    "templateScope": "namespaced/settle",
    "resourcesDuration": {"cpu": 12, "memory": 40},
    "inputs": {"parameters": [{"name": "day", "value": "2026-11-20"}]},
}
SHAPE = {"entrypoint": "main", "templates": [{"name": "main", "container": {"image": "say"}}]}


def workflow(name: str, namespace: str, *, now: dt.datetime, width: int = 12) -> Manifest:
    """plan, then `width` extracts, then one that settles, which failed."""
    began = now - dt.timedelta(minutes=4)
    # However many steps there are, they fit into three minutes.
    pace = dt.timedelta(minutes=3) / (3 * width + 9)
    story = settling(Player(name, _nowhere, clock=began, step=pace), width=width)
    story.end("settle", phase="Failed", message=KILLED)
    story.finish("Failed", f"child failed: {KILLED}")
    return {
        "apiVersion": ARGO,
        "kind": "Workflow",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "creationTimestamp": _text(began),
            "labels": {"workflows.argoproj.io/phase": "Failed"},
        },
        "spec": {
            "workflowTemplateRef": {"name": "settle"},
            "arguments": {"parameters": [{"name": "day", "value": "2026-11-20"}]},
        },
        "status": {**story.status(), "resourcesDuration": {"cpu": 912, "memory": 4310}},
    }


def settling(story: Player, *, width: int = 12) -> Player:
    """plan, then `width` extracts, and the last step runs."""
    story.begin().start("plan", **DETAILS).end("plan").fan_out("extract", width, after=["plan"])
    parts = story.items_of("extract")
    return story.end(*parts, "extract").start("settle", after=parts, **DETAILS)


def _nowhere(_: Manifest) -> None:
    """What is played is read at its end."""


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


def _text(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
