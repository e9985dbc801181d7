"""What changed between the last two revisions of a namespace's release: lines of a diff of its values.

Read live from helm's own records. Of those Secrets nothing leaves here but number, status and values.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
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
# Follows from the other values, and would be the only difference where only the chart changed.
DERIVED = ("fingerprint",)


@dataclass(frozen=True)
class Line:
    """One line of a diff. `look`: add, del, or nothing; `mark` says the same without colour."""

    text: str
    look: str = ""

    @property
    def mark(self) -> str:
        return {"add": "+", "del": "-"}.get(self.look, " ")


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
    newer, older = revisions[0], revisions[1]
    lines = unified_diff(_written(older.values), _written(newer.values), lineterm="", n=2)
    return tuple(_lines(lines))[:MOST_LINES]


def _written(values: Mapping[str, Any]) -> list[str]:
    told = {key: value for key, value in values.items() if key not in DERIVED}
    return yaml.safe_dump(told, sort_keys=True, allow_unicode=True, width=100).splitlines()


def _lines(diff: Iterable[str]) -> Iterable[Line]:
    for line in diff:
        if line.startswith(("---", "+++")):
            continue
        if line.startswith("@@"):
            yield Line("…")
        else:
            yield Line(line[1:], {"+": "add", "-": "del"}.get(line[0], ""))
