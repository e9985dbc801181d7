"""How a workflow looks in an answer, and what of a submitted one is taken."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from controlplane.errors import DomainError
from controlplane.objects import Manifest

API_VERSION, KIND = "argoproj.io/v1alpha1", "Workflow"
RUNNER = "workflow-runner"
TOP_LEVEL = {"apiVersion", "kind", "metadata", "spec"}
METADATA = {"name", "generateName", "namespace", "labels", "annotations"}
OURS = "argosy.dev/"


class PageQuerySerializer(serializers.Serializer[object]):
    limit = serializers.IntegerField(min_value=1, max_value=500, default=50)
    cursor = serializers.CharField(max_length=2000, default="", allow_blank=True)


class SubmissionSerializer(serializers.Serializer[object]):
    manifest = serializers.DictField(help_text="A Workflow of argoproj.io/v1alpha1.")


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
    nodes = ((workflow.get("status") or {}).get("nodes") or {}).values()
    meta = {k: v for k, v in workflow["metadata"].items() if k != "managedFields"}
    ordered = sorted(nodes, key=lambda n: (n.get("startedAt") or "", n.get("name") or ""))
    return {
        **shown(workflow),
        "nodes": [_node(node) for node in ordered],
        "manifest": {**workflow, "metadata": meta},
    }


def submittable(manifest: Mapping[str, Any], namespace: str) -> Manifest:
    """The manifest as the cluster gets it: of one kind, in this namespace, run by the runner's account.

    What a submission may not say is refused by name rather than left out in silence.
    """
    if (manifest.get("apiVersion"), manifest.get("kind")) != (API_VERSION, KIND):
        raise _refused(f"Only a {KIND} of {API_VERSION} can be submitted.")
    meta, spec = manifest.get("metadata"), manifest.get("spec")
    if not isinstance(meta, dict) or not isinstance(spec, dict):
        raise _refused("A workflow has `metadata` and `spec`.")
    if extra := sorted({*(manifest.keys() - TOP_LEVEL), *(meta.keys() - METADATA)}):
        raise _refused(f"Leave out {', '.join(extra)}: the cluster writes that.")
    if meta.get("namespace") not in (None, "", namespace):
        raise _refused(f"This workflow says namespace {meta['namespace']}; here it is {namespace}.")
    if not (meta.get("name") or meta.get("generateName")):
        raise _refused("A workflow needs a `name`, or a `generateName` such as `hello-`.")
    for part in ("labels", "annotations"):
        keys = meta.get(part) or {}
        if not isinstance(keys, dict) or any(str(key).startswith(OURS) for key in keys):
            raise _refused(f"`{part}` is a mapping, and {OURS}… in it are the platform's.")
    return {
        **manifest,
        "metadata": {**meta, "namespace": namespace},
        "spec": {**spec, "serviceAccountName": RUNNER},
    }


def _node(node: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": node.get("displayName") or node.get("name") or "",
        "type": node.get("type") or "",
        "phase": node.get("phase") or "",
        "message": node.get("message") or "",
        "started_at": node.get("startedAt") or "",
        "finished_at": node.get("finishedAt") or "",
    }


def _refused(sentence: str) -> DomainError:
    return DomainError(sentence, code="bad_workflow", field="manifest")
