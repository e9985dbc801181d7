"""The plan an approver decides on: worked out now, shown, and bound to the decision by its hash."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.clusters.models import Cluster
from controlplane.errors import Changed, DomainError
from controlplane.objects import Ref
from provisioning.desired import ChartEscapesError
from provisioning.preview import Preview, preview
from tenants import requests
from tenants.errors import AlreadyDecided
from tenants.models import Request, RequestState


class PlanChanged(Changed):
    """The approver read another plan than the one there is now."""

    def __init__(self, sentence: str, *, plan_hash: str) -> None:
        super().__init__(sentence)
        self.details: Mapping[str, Any] = {"plan_hash": plan_hash}


class PlanRefused(DomainError):
    """The cluster would not take what approving would make."""

    code = "plan_refused"


@dataclass(frozen=True)
class Plan:
    """A sentence for people, and what exactly it means."""

    sentence: str
    preview: Preview

    @property
    def hash(self) -> str:
        """What approving binds to."""
        return self.preview.hash

    def as_shown(self) -> dict[str, Any]:
        """All of it, manifests included."""
        return {
            **self.as_decided(),
            "objects": [
                {
                    **_named(planned.ref),
                    "stage": planned.stage,
                    "verdict": planned.verdict,
                    "sentence": planned.sentence,
                    "manifest": planned.manifest,
                }
                for planned in self.preview.objects
            ],
            "problems": list(self.preview.problems),
        }

    def as_decided(self) -> dict[str, Any]:
        """What a decision keeps: enough to know, years later, what was agreed to."""
        return {
            "sentence": self.sentence,
            "plan_hash": self.hash,
            "charts": [{"name": name, "version": v} for name, v in self.preview.charts],
            "objects": [_named(planned.ref) for planned in self.preview.objects],
        }


def plan_of(request: Request) -> Plan:
    """What approving this request would do now. Raises what the cluster or a chart says instead."""
    if request.state != RequestState.PENDING:
        raise AlreadyDecided(f"Request #{request.pk} is {request.state} already: no plan is left.")
    spec = requests.spec_of(request)
    cluster = Cluster.objects.get(name=spec.cluster.name)
    try:
        seen = preview(spec, cluster)
    except ChartEscapesError as exc:
        raise PlanRefused(f"The platform's own charts are at fault: {exc}.") from exc
    return Plan(sentence=requests.sentence_of(request), preview=seen)


def check_agreed(plan: Plan, *, plan_hash: str) -> None:
    """Refuse a yes to another plan, or to one that cannot be made."""
    if plan.hash != plan_hash:
        raise PlanChanged(
            "What would be made has changed since you looked; read the plan again.",
            plan_hash=plan.hash,
        )
    if plan.preview.problems:
        raise PlanRefused("This cannot be made: " + " ".join(plan.preview.problems))


def _named(ref: Ref) -> dict[str, str]:
    return {
        "api_version": ref.api_version,
        "kind": ref.kind,
        "namespace": ref.namespace,
        "name": ref.name,
    }
