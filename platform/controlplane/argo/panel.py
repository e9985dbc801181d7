"""What is worth saying of one step: what went in, what came out, what it used."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.objects import Manifest

from .nodes import Node

LONGEST_VALUE = 4_000
MOST = 100
DESCRIPTION = "workflows.argoproj.io/description"
UNITS = {"cpu": ("CPU·s", 1), "memory": ("MiB·s", 100)}  # Argo counts memory in 100 MiB


@dataclass(frozen=True)
class Value:
    """A parameter or an artifact: its name, and what it is or where it is kept."""

    name: str
    value: str
    default: bool = False  # nobody said it: it is the template's


@dataclass(frozen=True)
class Ends:
    """One end of a step: its inputs or its outputs."""

    title: str
    parameters: tuple[Value, ...]
    artifacts: tuple[Value, ...]
    result: str = ""
    exit_code: str = ""

    def __bool__(self) -> bool:
        return bool(self.parameters or self.artifacts or self.result or self.exit_code)


def ends_of(node: Node) -> tuple[Ends, Ends]:
    """Inputs and outputs."""
    return _ends("Inputs", node.raw.get("inputs")), _ends("Outputs", node.raw.get("outputs"))


def parameters_of(workflow: Manifest) -> tuple[Value, ...]:
    """What a whole workflow was started with: what was said, and what its template says else."""
    spec, status = _mapping(workflow.get("spec")), _mapping(workflow.get("status"))
    said = {value.name: value for value in _ends("", spec.get("arguments")).parameters}
    stored = _mapping(status.get("storedWorkflowTemplateSpec"))
    defaults = {
        value.name: Value(value.name, value.value, default=True)
        for value in _ends("", stored.get("arguments")).parameters
    }
    return tuple((defaults | said).values())


def description_of(manifest: Manifest) -> str:
    """What its author wrote about a workflow or a template, where Argo's own tools read it."""
    notes = _mapping(_mapping(manifest.get("metadata")).get("annotations"))
    return _short(notes.get(DESCRIPTION)).strip()


def used_by(node: Node) -> str:
    """What it used, as Argo counts it: requested for so long. '' if it was not counted."""
    found = node.raw.get("resourcesDuration")
    if not isinstance(found, dict):
        return ""
    return ", ".join(
        f"{found[key] * factor:,} {unit}"
        for key, (unit, factor) in UNITS.items()
        if isinstance(found.get(key), int)
    )


def _ends(title: str, said: object) -> Ends:
    found = said if isinstance(said, dict) else {}
    return Ends(
        title,
        _values(found.get("parameters"), _parameter),
        _values(found.get("artifacts"), _place),
        _short(found.get("result")),
        _short(found.get("exitCode")),
    )


def _values(said: object, of: Any) -> tuple[Value, ...]:
    rows = [row for row in said if isinstance(row, dict)] if isinstance(said, list) else []
    return tuple(Value(_short(row.get("name")) or "?", of(row)) for row in rows[:MOST])


def _parameter(row: Mapping[str, Any]) -> str:
    return _short(row["value"] if "value" in row else row.get("default"))


def _place(row: Mapping[str, Any]) -> str:
    """Where an artifact is kept: its store and key, else its path in the container."""
    for store, key in (("s3", "key"), ("gcs", "key"), ("azure", "blob"), ("oss", "key")):
        if isinstance(found := row.get(store), dict) and found.get(key):
            return f"{store}: {_short(found[key])}"
    return _short(row.get("path"))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _short(value: object) -> str:
    try:
        text = "" if value is None else str(value)
    except RecursionError:
        return "(nested too deep to show)"
    return (
        text
        if len(text) <= LONGEST_VALUE
        else f"{text[:LONGEST_VALUE]}… ({len(text):,} characters)"
    )
