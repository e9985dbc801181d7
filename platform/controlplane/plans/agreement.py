"""The plan an approver decides on: worked out now, shown, and bound to the decision by its hash."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

from django.utils import timezone

from controlplane.clusters.models import Cluster
from controlplane.errors import Changed, DomainError
from controlplane.identity.models import User
from controlplane.objects import Ref, fingerprint
from provisioning.desired import ChartEscapesError
from provisioning.preview import Preview, preview
from tenants import requests
from tenants.errors import AlreadyDecided
from tenants.models import Request, RequestState
from tenants.placed import NoPlace
from tenants.spec import NamespaceSpec


class PlanChanged(Changed):
    """The approver read another plan than the one there is now."""

    def __init__(self, sentence: str, *, plan: "Plan") -> None:
        super().__init__(sentence)
        self.plan = plan
        self.details: Mapping[str, Any] = {"plan_hash": plan.hash}


class PlanRefused(DomainError):
    """The cluster would not take what approving would make."""

    code = "plan_refused"


@dataclass(frozen=True)
class Plan:
    """A sentence for people, what exactly it means, and when the cluster answered for it."""

    sentence: str
    preview: Preview
    cluster: str
    checked_at: datetime

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
            "cluster": self.cluster,
            "checked_at": self.checked_at.isoformat(),
            "charts": [{"name": name, "version": v} for name, v in self.preview.charts],
            "objects": [
                {**_named(planned.ref), "fingerprint": fingerprint(planned.manifest)}
                for planned in self.preview.objects
            ],
        }


@dataclass(frozen=True)
class Question:
    """What a cluster is asked about: a spec as a value, so that any thread may ask."""

    sentence: str
    spec: NamespaceSpec
    cluster: Cluster

    def ask(self) -> Plan:
        """Render, and have the cluster's API server check. Raises what it or a chart says instead."""
        try:
            seen = preview(self.spec, self.cluster)
        except ChartEscapesError as exc:
            raise PlanRefused(f"The platform's own charts are at fault: {exc}.") from exc
        return Plan(
            sentence=self.sentence,
            preview=seen,
            cluster=self.cluster.name,
            checked_at=timezone.now(),
        )


def question_of(request: Request) -> Question:
    """What approving this request would ask of its cluster; refused once it is decided."""
    if request.state != RequestState.PENDING:
        raise AlreadyDecided(f"Request #{request.pk} is {request.state} already: no plan is left.")
    return question_about(requests.sentence_of(request), requests.spec_of(request))


def question_about(sentence: str, spec: NamespaceSpec) -> Question:
    """What making this spec would ask of its cluster."""
    return Question(sentence, spec, Cluster.objects.get(name=spec.cluster.name))


def plan_of(request: Request) -> Plan:
    """What approving this request would do now."""
    return question_of(request).ask()


def agree(request: Request, plan: Plan, *, by: User, plan_hash: str, note: str = "") -> Request:
    """Approve, if the plan that was read is the one there is now. `plan` was made from `request`."""
    check_agreed(plan, plan_hash=plan_hash)
    try:
        return requests.approve(
            request, by=by, plan_hash=plan.hash, decided=plan.as_decided(), note=note
        )
    except NoPlace as exc:
        if request.placement is None:
            raise  # its cluster was named: only a person names another
        return _placed_elsewhere(request, exc)


def _placed_elsewhere(request: Request, why: NoPlace) -> NoReturn:
    """The cluster of the plan takes it no more. Another is chosen, for the approver to read anew."""
    moved = requests.place_again(request, by=None)
    raise Changed(
        f"{why.kept_out[0].sentence if why.kept_out else why.sentence} {moved.cluster_name} was chosen "
        "instead: read the plan for it, and approve that."
    ) from why


def check_agreed(plan: Plan, *, plan_hash: str) -> None:
    """Refuse a yes to another plan, or to one that cannot be made."""
    if plan.hash != plan_hash:
        raise PlanChanged(
            "What would be made has changed since you looked; read the plan again.", plan=plan
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
