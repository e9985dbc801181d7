"""What changed between the last two revisions of a namespace's release: lines of a diff of its values.

Read live from helm's own records. Of those Secrets nothing leaves here but number, status and values.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

import yaml

from controlplane.argo.access import absence
from controlplane.clusters.connections import connect
from controlplane.errors import DomainError
from controlplane.kube import storage
from controlplane.kube.errors import KubeError
from controlplane.kube.storage import Revision
from provisioning.desired import RELEASE
from provisioning.observe import STORAGE_LABEL
from tenants.models import TenantNamespace
from tenants.names import control_namespace

MOST_LINES = 400
AROUND = 2  # lines that did not change, for the eye
TOP = "values"
# Follows from the other values, and would be the only difference where only the chart changed.
DERIVED = ("fingerprint",)


@dataclass(frozen=True)
class Line:
    """One line of a diff. `look`: add, del, where, or nothing; `mark` says the same without colour."""

    text: str
    look: str = ""

    @property
    def mark(self) -> str:
        return {"add": "+", "del": "-", "where": "@"}.get(self.look, " ")


@dataclass(frozen=True)
class History:
    """The revisions that helm keeps, newest first, and the diff of the last two; or why there is none."""

    revisions: tuple[Revision, ...] = ()
    lines: tuple[Line, ...] = ()
    problem: str = ""


def history_of(namespace: TenantNamespace) -> History:
    """A live look at the cluster. A cluster that does not answer is a sentence, not an error."""
    if problem := absence(namespace):
        # Whoever has the name there now is somebody else.
        return History(problem=problem)
    where = control_namespace(namespace.name)
    try:
        kube = connect(namespace.cluster).kube
        secrets = kube.list("v1", "Secret", where, labels=f"{STORAGE_LABEL},name={RELEASE}")
    except (KubeError, DomainError) as exc:
        return History(problem=exc.sentence)
    revisions = storage.revisions_of(secrets, RELEASE)
    return History(revisions, diff_of(revisions))


def diff_of(revisions: Sequence[Revision]) -> tuple[Line, ...]:
    """The last two revisions' values, compared; nothing where there are not two, or none changed."""
    if len(revisions) < 2:  # noqa: PLR2004 - two are compared
        return ()
    older, newer = _written(revisions[1].values), _written(revisions[0].values)
    return tuple(_lines(older, newer))[:MOST_LINES]


class _Texts(yaml.SafeDumper):
    """Texts of many lines as such: Argo's configuration is one, and quoted nobody can compare it."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Texts.add_representer(str, _text)


def _written(values: Mapping[str, Any]) -> list[str]:
    told = {key: value for key, value in values.items() if key not in DERIVED}
    # As wide as it is: a line that was folded elsewhere would look changed.
    text: str = yaml.dump(told, Dumper=_Texts, sort_keys=True, allow_unicode=True, width=10_000)
    return text.splitlines()


def _lines(older: Sequence[str], newer: Sequence[str]) -> Iterator[Line]:
    """Each group of changed lines, under the place where it is."""
    groups = SequenceMatcher(None, older, newer, autojunk=False).get_grouped_opcodes(AROUND)
    for group in groups:
        yield Line(_place(newer, group[0][3]), "where")
        for tag, a, until_a, b, until_b in group:
            if tag == "equal":
                yield from (Line(text) for text in newer[b:until_b])
                continue
            yield from (Line(text, "del") for text in older[a:until_a])
            yield from (Line(text, "add") for text in newer[b:until_b])


def _place(lines: Sequence[str], at: int) -> str:
    """The keys that this line is under: `controller.resources`; the top has none."""
    if at >= len(lines):
        return TOP
    depth, above = _depth(lines[at]), []
    for line in reversed(lines[:at]):
        if line.strip() and _depth(line) < depth:
            depth = _depth(line)
            above.append(line.strip().partition(":")[0])
    return ".".join(reversed(above)) or TOP


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())
