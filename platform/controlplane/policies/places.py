"""Where can an image stand? One table; extraction, the compiler and the tests read it.

`KINDS` says which shape an object's fields have, `SHAPES` says what a shape holds. A field that is
not named here holds no image. A test walks the API server's own schema and fails when an `image`
or a pod spec appears that this table does not know.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Union

ARGO = "argoproj.io"


class Leaf(Enum):
    """What a text at the end of a path means."""

    IMAGE = "an image; missing is blank"
    DEFAULT_IMAGE = "an image; missing is the one of the spec's templateDefaults, or blank"
    INHERITED_IMAGE = "an image; missing is another object's"
    PATCH = "a pod spec in JSON or YAML, laid over the pod"
    MANIFEST = "whole objects in YAML, created by a step"


@dataclass(frozen=True, slots=True)
class Each:
    """A list; every entry holds the same."""

    of: "Holds"


@dataclass(frozen=True, slots=True)
class Values:
    """A map of names; every value holds the same."""

    of: "Holds"


Holds = Union[Leaf, Each, Values, str]  # a str names a shape  # noqa: UP007 - forward reference
Fields = Mapping[str, Holds]


@dataclass(frozen=True, slots=True)
class Kind:
    """What an object of one kind holds at its top."""

    fields: Fields
    namespaced: bool = True
    # A pod runs; every other kind only makes pods, and those are judged again.
    is_pod: bool = False
    # Argo fills in `{{…}}` before it makes the pod.
    templated: bool = False


def _pod_spec(container: str, volume: str) -> Fields:
    return {
        "initContainers": Each(container),
        "containers": Each(container),
        "ephemeralContainers": Each(container),
        "volumes": Each(volume),
    }


def _template(main: str, container: str, volume: str) -> Fields:
    return {
        "initContainers": Each(container),
        "container": main,
        "script": main,
        "containerSet": f"{container} set",
        "sidecars": Each(container),
        "volumes": Each(volume),
        "podSpecPatch": Leaf.PATCH,
        "resource": "resource",
        "steps": Each(Each("step")),
        "dag": "dag",
    }


SHAPES: Mapping[str, Fields] = MappingProxyType(
    {
        "container": {"image": Leaf.IMAGE},
        "volume": {"image": "image volume"},
        "image volume": {"reference": Leaf.IMAGE},
        "pod spec": _pod_spec("container", "volume"),
        "pod template": {"spec": "pod spec"},
        "workload": {"template": "pod template"},
        "job template": {"spec": "workload"},
        "cron job": {"jobTemplate": "job template"},
        # What is laid over something need not name an image.
        "partial container": {"image": Leaf.INHERITED_IMAGE},
        "partial volume": {"image": "partial image volume"},
        "partial image volume": {"reference": Leaf.INHERITED_IMAGE},
        "pod spec patch": _pod_spec("partial container", "partial volume"),
        # Argo Workflows.
        "main container": {"image": Leaf.DEFAULT_IMAGE},
        "container set": {"containers": Each("container")},
        "partial container set": {"containers": Each("partial container")},
        "step": {"inline": "template"},
        "dag": {"tasks": Each("step")},
        "resource": {"manifest": Leaf.MANIFEST},
        "template": _template("main container", "container", "volume"),
        "stored template": _template("partial container", "container", "volume"),
        "template defaults": _template("partial container", "partial container", "partial volume"),
        "garbage collection": {"podSpecPatch": Leaf.PATCH},
        "executor plugin": {"spec": "executor plugin spec"},
        "executor plugin spec": {"sidecar": "executor sidecar"},
        "executor sidecar": {"container": "container"},
        "workflow spec": {
            "templates": Each("template"),
            "templateDefaults": "template defaults",
            "podSpecPatch": Leaf.PATCH,
            "artifactGC": "garbage collection",
            "executorPlugins": Each("executor plugin"),
            "volumes": Each("volume"),
        },
        # The controller runs what it stored, and everybody who may write a workflow may write it.
        "workflow status": {
            "storedTemplates": Values("stored template"),
            "storedWorkflowTemplateSpec": "workflow spec",
            # Named for claims, but they are volumes of any kind, and every pod gets them.
            "persistentVolumeClaims": Each("volume"),
        },
        "cron workflow": {"workflowSpec": "workflow spec"},
        # What the agent of a workflow is to do: whole templates, by the node's id.
        "task set": {"tasks": Values("stored template")},
    }
)

# Fields called `image` that hold no image of a container, and why.
OTHER_IMAGES: Mapping[str, str] = MappingProxyType(
    {
        ".rbd.image": "a disk in Ceph",
        ".containerStatuses[].image": "what a node says it runs",
        ".initContainerStatuses[].image": "what a node says it ran before",
        ".ephemeralContainerStatuses[].image": "what a node says it runs beside",
    }
)

# Writes through these carry another object, or cannot change an image.
WITHOUT_IMAGES = frozenset({
    "attach", "binding", "eviction", "exec", "log", "portforward", "proxy", "scale",
})  # fmt: skip


_WORKLOAD = Kind({"spec": "workload"})

KINDS: Mapping[tuple[str, str], Kind] = MappingProxyType(
    {
        ("", "Pod"): Kind({"spec": "pod spec"}, is_pod=True),
        ("", "ReplicationController"): _WORKLOAD,
        ("", "PodTemplate"): Kind({"template": "pod template"}),
        ("apps", "Deployment"): _WORKLOAD,
        ("apps", "ReplicaSet"): _WORKLOAD,
        ("apps", "StatefulSet"): _WORKLOAD,
        ("apps", "DaemonSet"): _WORKLOAD,
        ("batch", "Job"): _WORKLOAD,
        ("batch", "CronJob"): Kind({"spec": "cron job"}),
        (ARGO, "Workflow"): Kind(
            {"spec": "workflow spec", "status": "workflow status"}, templated=True
        ),
        (ARGO, "WorkflowTemplate"): Kind({"spec": "workflow spec"}, templated=True),
        (ARGO, "ClusterWorkflowTemplate"): Kind(
            {"spec": "workflow spec"}, namespaced=False, templated=True
        ),
        (ARGO, "CronWorkflow"): Kind({"spec": "cron workflow"}, templated=True),
        (ARGO, "WorkflowTaskSet"): Kind({"spec": "task set"}, templated=True),
    }
)
