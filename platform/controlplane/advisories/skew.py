"""May these controllers live beside these definitions of Argo's kinds? Values in, a sentence out.

All controllers of a cluster share one set of definitions. A *full* one prunes what it does not know, and so
eats the singular fields (`schedule`, `mutex`, `semaphore`) that workflows of 3.x have; and one that is older
than a controller prunes that one's newer fields. A *minimal* one keeps every field: it serves all of them.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from controlplane.objects import Manifest

from .versions import Version, read

VERSION = "argosy.dev/argo-version"  # an annotation on a full definition: whose it is
KINDS = {"ClusterWorkflowTemplate", "CronWorkflow", "Workflow", "WorkflowTemplate"}
KEEPS_ALL_SINCE = Version((4, 0, 0))


def problem_with(crds: Iterable[Manifest], controllers: Iterable[str]) -> str:
    """Why these do not go together, by the first that does not; '' if they do."""
    full = [crd for crd in crds if crd["spec"]["names"]["kind"] in KINDS and is_full(crd)]
    for crd in full:
        name, said = crd["metadata"]["name"], _version_of(crd)
        for controller in sorted(filter(None, controllers)):
            if sentence := _skew(name, said, controller):
                return sentence
    return ""


def is_full(crd: Manifest) -> bool:
    """Whether it knows the fields of a spec, and so prunes those it does not know."""
    for version in crd["spec"]["versions"]:
        schema: Mapping[str, Any] = (version.get("schema") or {}).get("openAPIV3Schema") or {}
        spec = (schema.get("properties") or {}).get("spec") or {}
        kept = (schema, spec)
        if not any(each.get("x-kubernetes-preserve-unknown-fields") for each in kept):
            return True
    return False


def _version_of(crd: Manifest) -> str:
    return str((crd["metadata"].get("annotations") or {}).get(VERSION, ""))


def _skew(name: str, said: str, controller: str) -> str:
    runs, made_for = read(controller), read(said)
    if runs is None:
        return (
            f"Whether {name} serves the controller {controller} cannot be told: use minimal ones."
        )
    if runs < KEEPS_ALL_SINCE:
        return (
            f"{name} is a full definition, which would prune fields of the controller {controller}: "
            "as long as a 3.x lives on the cluster it must be the minimal one."
        )
    if made_for is None or made_for < runs:
        of = said or "no version that it tells"
        return (
            f"{name} is a full definition of {of}, older than the controller {controller}: bring the "
            "definitions up to date first, the controllers after them."
        )
    return ""
