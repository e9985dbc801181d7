"""A plan as a decider reads it: its objects by stage, what the API server said, what differs."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from django.core import signing

from controlplane.objects import FINGERPRINT, Manifest, Ref
from controlplane.plans.agreement import Plan
from provisioning.preview import PlannedObject

from .differences import Line, by_part, difference

STAGES = {
    "namespaces": "Namespaces",
    "guard_rails": "Guard rails: quota, limits, network, accounts and roles",
    "releases": "Argo Workflows: the controller's release",
}
SALT = "controlplane.console.plan"

Parts = Mapping[str, Mapping[str, Any]]
Differs = tuple[tuple[str, tuple[Line, ...]], ...]  # the parts that differ, each with its lines


@dataclass(frozen=True)
class Shown:
    """One object: its name, the verdict on it, and its YAML."""

    planned: PlannedObject
    text: str


@dataclass(frozen=True)
class Stage:
    """The objects that are made together."""

    title: str
    objects: tuple[Shown, ...]

    @property
    def refused(self) -> int:
        return sum(shown.planned.verdict != "ok" for shown in self.objects)


def stages(plan: Plan) -> tuple[Stage, ...]:
    """All objects, grouped in the order in which they would be made."""
    found: dict[str, list[Shown]] = {}
    for planned in plan.preview.objects:
        found.setdefault(planned.stage, []).append(Shown(planned, _text(planned)))
    return tuple(Stage(STAGES.get(name, name), tuple(shown)) for name, shown in found.items())


def kinds(plan: Plan) -> str:
    """`Namespace (2), ResourceQuota`: what there is, and how often."""
    counted = Counter(planned.ref.kind for planned in plan.preview.objects)
    return ", ".join(kind if count == 1 else f"{kind} ({count})" for kind, count in counted.items())


def remembered(plans: Mapping[int, Plan]) -> str:
    """What was shown of these requests, for the form to carry.

    Signed, so that what comes back is what was shown; in one piece, because plans are much alike:
    25 of them take 18 kB together, and five times that one by one.
    """
    shown = {str(pk): _parts(plan) for pk, plan in plans.items()}
    return signing.dumps(shown, salt=SALT, compress=True)


def changed_since(carried: str, pk: int, plan: Plan) -> Differs:
    """What differs from what the form carried of this request; nothing if it carried nothing of ours."""
    try:
        shown: Mapping[str, Parts] = signing.loads(carried, salt=SALT)
    except signing.BadSignature:
        return ()
    before = shown.get(str(pk))
    return by_part(before, _parts(plan)) if before is not None else ()


def since_approval(decided: Mapping[str, Any], plan: Plan) -> tuple[Line, ...]:
    """Which objects and charts differ from what was approved before; a decision keeps no contents."""
    return difference(_named(decided), _named(plan.as_decided()))


def _named(decided: Mapping[str, Any]) -> dict[str, str]:
    charts = {f"chart {c['name']}": c["version"] for c in decided.get("charts", ())}
    objects = {
        str(Ref(o["api_version"], o["kind"], o["namespace"], o["name"])): o.get("fingerprint", "")
        for o in decided.get("objects", ())
    }
    return charts | objects


def _parts(plan: Plan) -> dict[str, Any]:
    return {str(planned.ref): _without_mark(planned.manifest) for planned in plan.preview.objects}


def _without_mark(manifest: Manifest) -> Manifest:
    """Without our own fingerprint: it differs with everything else, and tells people nothing."""
    meta = manifest["metadata"]
    kept = {k: v for k, v in (meta.get("annotations") or {}).items() if k != FINGERPRINT}
    return {**manifest, "metadata": {**meta, "annotations": kept}}


def _text(planned: PlannedObject) -> str:
    return yaml.safe_dump(planned.manifest, sort_keys=False, allow_unicode=True)
