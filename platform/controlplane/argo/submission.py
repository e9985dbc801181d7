"""What of a submitted workflow is taken, and how a workflow is made: from a template, or from another one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.errors import DomainError
from controlplane.objects import Manifest

API_VERSION, KIND = "argoproj.io/v1alpha1", "Workflow"
TEMPLATE, CRON = "WorkflowTemplate", "CronWorkflow"
RUNNER = "workflow-runner"
TOP_LEVEL = {"apiVersion", "kind", "metadata", "spec"}
METADATA = {"name", "generateName", "namespace", "labels", "annotations"}
OURS = "argosy.dev/"
ARGOS = "workflows.argoproj.io/"
APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
RESUBMITTED_FROM = f"{ARGOS}resubmitted-from-workflow"
OF_TEMPLATE = f"{ARGOS}workflow-template"
LONGEST_LABEL = 63
OF_A_RUN = {"shutdown", "suspend"}  # what was done to the old run is no wish for the new one


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


def _refused(sentence: str) -> DomainError:
    return DomainError(sentence, code="bad_workflow", field="manifest")


def _wrong(parameter: Parameter, sentence: str) -> DomainError:
    return DomainError(sentence, code="bad_parameter", field=f"p.{parameter.name}")
