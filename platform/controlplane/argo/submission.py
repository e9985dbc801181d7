"""What of a submitted workflow is taken, and how a workflow is made: from a template, or from another one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from controlplane.errors import DomainError
from controlplane.objects import Manifest

API_VERSION, KIND = "argoproj.io/v1alpha1", "Workflow"
TEMPLATE, CRON = "WorkflowTemplate", "CronWorkflow"
RUNNER = "workflow-runner"
TOP_LEVEL = {"apiVersion", "kind", "metadata", "spec"}
METADATA = {"name", "generateName", "namespace", "labels", "annotations"}
# What the cluster writes; every other name that is not taken is somebody's slip.
THE_CLUSTERS = {
    "status",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generation",
    "managedFields",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
}
OURS = "argosy.dev/"
ARGOS = "workflows.argoproj.io/"
APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
RESUBMITTED_FROM = f"{ARGOS}resubmitted-from-workflow"
OF_TEMPLATE = f"{ARGOS}workflow-template"
CREATOR = f"{ARGOS}creator"
# Argo keeps its own books in labels: what ended, where it was archived, whose it is. Of those a person
# says where a workflow came from, and whether it is to be archived; the rest would be lies.
SAID_BY_PEOPLE = {
    OF_TEMPLATE,
    RESUBMITTED_FROM,
    f"{ARGOS}cluster-workflow-template",
    f"{ARGOS}archive-strategy",
}
LONGEST_LABEL = 63
NO_LABEL = re.compile(r"[^-_.a-zA-Z0-9]+")
DEEPEST = 100  # levels; beyond some hundreds no program in between can write it down any more
OF_A_RUN = {"shutdown", "suspend"}  # what was done to the old run is no wish for the new one


class BadWorkflow(DomainError):
    """A submission that cannot be taken, and the field that says why ('': none in particular)."""

    code = "bad_workflow"

    def __init__(self, sentence: str, *, path: str = "") -> None:
        super().__init__(sentence, field="manifest")
        self.path = path


@dataclass(frozen=True)
class Parameter:
    """One field of a template's form. `given`: the cluster fills it in, so it may stay empty."""

    name: str
    description: str
    value: str
    choices: tuple[str, ...]
    given: str

    @property
    def required(self) -> bool:
        return not self.value and not self.given


def submittable(manifest: Mapping[str, Any], namespace: str, *, by: str) -> Manifest:
    """The manifest as the cluster gets it: of one kind, in this namespace, run by the runner's account.

    What a submission may not say is refused by name rather than left out in silence. Who submitted it
    is said by the label that Argo's own tools read.
    """
    if (manifest.get("apiVersion"), manifest.get("kind")) != (API_VERSION, KIND):
        raise BadWorkflow(f"Only a {KIND} of {API_VERSION} can be submitted.", path="kind")
    if is_deeper(manifest, DEEPEST):
        raise BadWorkflow(f"That is nested more than {DEEPEST} levels deep.")
    meta, spec = manifest.get("metadata"), manifest.get("spec")
    _check_slips("", manifest, TOP_LEVEL)
    if not isinstance(meta, dict) or not isinstance(spec, dict):
        wrong = "spec" if isinstance(meta, dict) else "metadata"
        raise BadWorkflow("A workflow has `metadata` and `spec`.", path=wrong)
    _check_slips("metadata.", meta, METADATA)
    _check_said(manifest, meta)
    _check_names(meta, namespace)
    for part in ("labels", "annotations"):
        _check_keys(part, meta.get(part))
    labels = {**(meta.get("labels") or {}), CREATOR: label_of(by)}
    return {
        **manifest,
        "metadata": {**meta, "namespace": namespace, "labels": labels},
        "spec": {**spec, "serviceAccountName": RUNNER},
    }


def label_of(name: str) -> str:
    """A person's name as the value of a label, as Argo's server makes one: its end is what differs."""
    return NO_LABEL.sub("-", name)[-LONGEST_LABEL:].strip("-_.")


def _check_slips(within: str, said: Mapping[str, Any], known: set[str]) -> None:
    """Refuse a field that nobody has, and say which one it is most like."""
    for field in map(str, said.keys() - known - THE_CLUSTERS):
        shown = field[:LONGEST_LABEL]  # likeness takes time, and a key may be a book
        near = get_close_matches(shown, sorted(known), n=1)
        meant = f"did you mean `{near[0]}`?" if near else f"there is: {', '.join(sorted(known))}."
        raise BadWorkflow(f"There is no field `{shown}` here; {meant}", path=f"{within}{field}")


def _check_said(manifest: Mapping[str, Any], meta: Mapping[str, Any]) -> None:
    top, inner = manifest.keys() - TOP_LEVEL, meta.keys() - METADATA
    if extra := sorted(map(str, {*top, *inner})):
        path = min(map(str, top)) if top else f"metadata.{min(map(str, inner))}"
        raise BadWorkflow(f"Leave out {', '.join(extra)}: the cluster writes that.", path=path)


def _check_names(meta: Mapping[str, Any], namespace: str) -> None:
    for part in ("name", "generateName", "namespace"):
        if not isinstance(meta.get(part), str | None):
            raise BadWorkflow(f"`metadata.{part}` is a text.", path=f"metadata.{part}")
    if meta.get("namespace") not in {None, "", namespace}:
        sentence = f"This workflow says namespace {meta['namespace']}; here it is {namespace}."
        raise BadWorkflow(sentence, path="metadata.namespace")
    if not (meta.get("name") or meta.get("generateName")):
        sentence = "A workflow needs a `name`, or a `generateName` such as `hello-`."
        raise BadWorkflow(sentence, path="metadata")


def _check_keys(part: str, keys: object) -> None:
    """Refuse labels or annotations that are none, the platform's, or the controller's."""
    path = f"metadata.{part}"
    if keys is None:
        return
    if not isinstance(keys, dict) or any(str(key).startswith(OURS) for key in keys):
        raise BadWorkflow(
            f"`{part}` is a mapping, and {OURS}… in it are the platform's.", path=path
        )
    for key, value in keys.items():
        if not isinstance(value, str):
            sentence = f"The value of {key} in `{part}` is a text: put it in quotes."
            raise BadWorkflow(sentence, path=f"{path}.{key}")
        if part == "labels" and key.startswith(ARGOS) and key not in SAID_BY_PEOPLE:
            sentence = f"Leave out the label {key}: the platform and the controller write that."
            raise BadWorkflow(sentence, path=f"{path}.{key}")


def is_deeper(value: object, levels: int) -> bool:
    """True if it is nested deeper; level by level, since what is too deep cannot be walked otherwise."""
    row: list[object] = [value]
    for _ in range(levels + 1):
        inside = [each for each in row if isinstance(each, dict | list)]
        row = [
            inner
            for each in inside
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        if not inside:
            return False
    return True


def again(workflow: Manifest) -> Manifest:
    """A new workflow from the spec of one that ran: nothing of that run, or of the platform, goes along."""
    meta, spec = workflow["metadata"], workflow.get("spec") or {}
    labels = {
        **_own(meta.get("labels")),
        RESUBMITTED_FROM: meta["name"][:LONGEST_LABEL].rstrip("-."),
    }
    if of_template := (meta.get("labels") or {}).get(OF_TEMPLATE):
        labels[OF_TEMPLATE] = of_template
    annotations = _own(meta.get("annotations"))
    kept = {key: value for key, value in spec.items() if key not in OF_A_RUN}
    if kept.get("activeDeadlineSeconds") == 0:  # how Argo once ended a run at once
        del kept["activeDeadlineSeconds"]
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {
            "generateName": meta.get("generateName") or f"{meta['name']}-",
            "labels": labels,
            **({"annotations": annotations} if annotations else {}),
        },
        "spec": kept,
    }


def parameters_of(template: Manifest) -> tuple[Parameter, ...]:
    """The fields of a template's form: the parameters that its arguments declare."""
    spec = template.get("spec")
    arguments = spec.get("arguments") if isinstance(spec, dict) else None
    declared = arguments.get("parameters") if isinstance(arguments, dict) else None
    rows = declared if isinstance(declared, list) else []
    return tuple(
        _parameter(row) for row in rows if isinstance(row, dict) and _text(row.get("name"))
    )


def from_template(template: Manifest, typed: Mapping[str, str]) -> Manifest:
    """A workflow that refers to a template, with what was typed into its form.

    What is as the template has it is left to the template: its next version may have it otherwise.
    """
    name = template["metadata"]["name"]
    said: list[dict[str, str]] = []
    for parameter in parameters_of(template):
        value = typed.get(parameter.name, "")
        if parameter.choices and value and value not in parameter.choices:
            raise _wrong(parameter, f"{value} is none of {', '.join(parameter.choices)}.")
        if parameter.required and not value:
            raise _wrong(parameter, f"{parameter.name} needs a value: the template has none.")
        if value != parameter.value and (value or not parameter.given):
            said.append({"name": parameter.name, "value": value})
    spec: dict[str, Any] = {"workflowTemplateRef": {"name": name}}
    if said:
        spec["arguments"] = {"parameters": said}
    labels = {OF_TEMPLATE: name} if len(name) <= LONGEST_LABEL else {}
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"generateName": f"{name}-", **({"labels": labels} if labels else {})},
        "spec": spec,
    }


def _parameter(row: Mapping[str, Any]) -> Parameter:
    source = row.get("valueFrom")
    value = row["value"] if row.get("value") is not None else row.get("default")
    if value is None and isinstance(source, dict):
        value = source.get("default")
    choices = row.get("enum")
    return Parameter(
        name=_text(row["name"]),
        description=_text(row.get("description")),
        value=_text(value),
        choices=tuple(_text(each) for each in choices) if isinstance(choices, list) else (),
        given=_source(source) if isinstance(source, dict) else "",
    )


def _source(source: Mapping[str, Any]) -> str:
    """Where the cluster takes a value from."""
    named = source.get("configMapKeyRef")
    if isinstance(named, dict):
        return f"ConfigMap {_text(named.get('name'))}, key {_text(named.get('key'))}"
    return ", ".join(sorted(map(str, source))) or "the cluster"


def _own(keys: object) -> dict[str, Any]:
    """Labels or annotations that are the team's own."""
    return {
        key: value
        for key, value in (keys.items() if isinstance(keys, dict) else ())
        if not key.startswith((OURS, ARGOS)) and key != APPLIED
    }


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _wrong(parameter: Parameter, sentence: str) -> DomainError:
    return DomainError(sentence, code="bad_parameter", field=f"p.{parameter.name}")
