"""How a workflow looks in an answer, and what a submission is made of."""

from typing import Any

from rest_framework import serializers

from controlplane.argo import crons, nodes
from controlplane.argo.submission import is_deeper
from controlplane.errors import DomainError
from controlplane.objects import Manifest

WRITABLE = 200  # levels: much deeper, and no JSON can be written of it


class PageQuerySerializer(serializers.Serializer[object]):
    limit = serializers.IntegerField(min_value=1, max_value=500, default=50)
    cursor = serializers.CharField(max_length=2000, default="", allow_blank=True)


class SubmissionSerializer(serializers.Serializer[object]):
    manifest = serializers.DictField(help_text="A Workflow of argoproj.io/v1alpha1.")
    dry_run = serializers.BooleanField(
        default=False, help_text="Only ask the API server whether it would take it."
    )


class NodeSerializer(serializers.Serializer[object]):
    """One step of a workflow as its controller sees it."""

    name = serializers.CharField()
    type = serializers.CharField()
    phase = serializers.CharField()
    message = serializers.CharField(allow_blank=True)
    started_at = serializers.CharField(allow_blank=True)
    finished_at = serializers.CharField(allow_blank=True)


class WorkflowSerializer(serializers.Serializer[object]):
    """A workflow in a list. `phase` is empty until its controller has seen it."""

    name = serializers.CharField()
    namespace = serializers.CharField()
    phase = serializers.CharField(allow_blank=True)
    progress = serializers.CharField(allow_blank=True)
    message = serializers.CharField(allow_blank=True)
    created_at = serializers.CharField()
    started_at = serializers.CharField(allow_blank=True)
    finished_at = serializers.CharField(allow_blank=True)


class WorkflowDetailSerializer(WorkflowSerializer):
    """A workflow with its steps, and all of it as the cluster has it."""

    nodes = NodeSerializer(many=True)
    manifest = serializers.DictField()


class FaultSerializer(serializers.Serializer[object]):
    """Why a workflow would not run as written, although the API server takes it."""

    path = serializers.CharField(help_text="Such as spec.templates[0].container.")
    sentence = serializers.CharField()
    certain = serializers.BooleanField(help_text="It can never run; such a one is refused.")


class SubmittedSerializer(WorkflowDetailSerializer):
    """A workflow as it was taken, and what is wrong with it all the same."""

    warnings = FaultSerializer(many=True)


class ActSerializer(WorkflowDetailSerializer):
    """The workflow that an act left or made, and what was done in a sentence."""

    sentence = serializers.CharField()


class CronSerializer(serializers.Serializer[object]):
    """A CronWorkflow: when it runs, and whether it does."""

    name = serializers.CharField()
    template = serializers.CharField(allow_blank=True)
    schedules = serializers.ListField(child=serializers.CharField())
    timezone = serializers.CharField()
    suspended = serializers.BooleanField()
    running = serializers.IntegerField()
    last_at = serializers.DateTimeField(allow_null=True)
    next_at = serializers.DateTimeField(allow_null=True)
    missed = serializers.IntegerField(help_text="Runs that did not come since; counted up to 100.")
    message = serializers.CharField(allow_blank=True)


class CronListSerializer(serializers.Serializer[object]):
    items = CronSerializer(many=True)


class WorkflowPageSerializer(serializers.Serializer[object]):
    items = WorkflowSerializer(many=True)
    next_cursor = serializers.CharField(allow_blank=True, help_text="Empty at the end.")


def shown(workflow: Manifest) -> dict[str, Any]:
    """A workflow in a list."""
    seen = workflow.get("status") or {}
    return {
        "name": workflow["metadata"]["name"],
        "namespace": workflow["metadata"]["namespace"],
        "phase": seen.get("phase") or "",
        "progress": seen.get("progress") or "",
        "message": seen.get("message") or "",
        "created_at": workflow["metadata"].get("creationTimestamp") or "",
        "started_at": seen.get("startedAt") or "",
        "finished_at": seen.get("finishedAt") or "",
    }


def shown_in_full(workflow: Manifest) -> dict[str, Any]:
    """A workflow with its steps and its manifest, without the API server's own bookkeeping."""
    if is_deeper(workflow, WRITABLE):
        raise DomainError(
            f"{workflow['metadata']['name']} is nested more than {WRITABLE} levels deep: it cannot be "
            "shown here.",
            code="too_deep",
        )
    meta = {k: v for k, v in workflow["metadata"].items() if k != "managedFields"}
    ordered = nodes.in_order(nodes.read(workflow).nodes.values())
    return {
        **shown(workflow),
        "nodes": [_node(node) for node in ordered],
        "manifest": {**workflow, "metadata": meta},
    }


def shown_cron(cron: crons.Cron) -> dict[str, Any]:
    """A CronWorkflow in a list."""
    return {
        "name": cron.name,
        "template": cron.template,
        "schedules": [schedule.written for schedule in cron.schedules],
        "timezone": cron.timezone,
        "suspended": cron.suspended,
        "running": cron.running,
        "last_at": cron.last,
        "next_at": cron.next,
        "missed": cron.missed,
        "message": cron.message,
    }


def _node(node: nodes.Node) -> dict[str, Any]:
    return {
        "name": node.label,
        "type": node.kind,
        "phase": node.phase,
        "message": node.message,
        "started_at": node.raw.get("startedAt") or "",
        "finished_at": node.raw.get("finishedAt") or "",
    }
