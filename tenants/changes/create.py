"""Asking for a new namespace."""

from collections.abc import Iterator

import msgspec
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils import timezone

from controlplane.clusters import scheduling
from controlplane.clusters.models import Cluster
from controlplane.errors import DomainError
from tenants import budget, names, services
from tenants.errors import NameTaken
from tenants.models import (
    Request,
    RequestQuerySet,
    RequestState,
    Team,
    TenantNamespace,
    Tier,
    cluster_spec,
)
from tenants.spec import NamespaceSpec

KIND = "create"


class Asked(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A namespace of this name and tier on this cluster."""

    name: str
    tier: str
    cluster: str


def check(team: Team, asked: Asked) -> None:
    """Refuse what cannot be, by the first of its problems."""
    for problem in problems(team, asked):
        raise problem


def problems(team: Team, asked: Asked) -> Iterator[DomainError]:
    """All that keeps it from being: the name, the cluster, the tier, the budget, in that order."""
    if problem := names.problem_with(asked.name):
        yield DomainError(problem, code="bad_name", field="name")
    try:
        cluster, tier = _cluster(asked), _tier(asked)
    except DomainError as exc:
        yield exc
        return
    if (closed := scheduling.closed(cluster)) is not None:
        yield closed
    if TenantNamespace.objects.live().filter(cluster=cluster, name=asked.name).exists():
        yield _taken(asked)
    if (short := budget.problem_with(team, adding=tier)) is not None:
        yield short


def rivals(asked: Asked) -> RequestQuerySet:
    """The requests that wait for the same name on the same cluster, this one too if it is filed."""
    waiting = Request.objects.filter(kind=KIND, state=RequestState.PENDING)
    return waiting.filter(asked__name=asked.name, asked__cluster=asked.cluster)


def sentence(team: Team, asked: Asked) -> str:
    """What approving would do, for people."""
    return f"Make the namespace {asked.name} ({asked.tier}) for {team.name} on {asked.cluster}."


def spec(team: Team, asked: Asked) -> NamespaceSpec:
    """The namespace as it would be wanted."""
    return NamespaceSpec(
        name=asked.name,
        team=team.slug,
        generation=1,
        tier=_tier(asked).spec(),
        cluster=cluster_spec(_cluster(asked)),
    )


def approve(request: Request, asked: Asked, *, plan_hash: str) -> TenantNamespace:
    """Write the wish. A request that came back to its approver has its row already."""
    if request.namespace is not None:
        return services.approve_again(request.namespace, plan_hash=plan_hash, now=timezone.now())
    check(request.team, asked)
    try:
        return services.want_namespace(
            team=request.team,
            cluster=_cluster(asked),
            tier=_tier(asked),
            name=asked.name,
            plan_hash=plan_hash,
        )
    except (ValidationError, IntegrityError) as exc:
        # Another team's request for the name was approved since the check: only the row says so.
        raise _taken(asked) from exc


def _taken(asked: Asked) -> NameTaken:
    return NameTaken(
        f"{asked.cluster} already has a namespace {asked.name}; choose another name.", field="name"
    )


def _cluster(asked: Asked) -> Cluster:
    cluster = Cluster.objects.filter(name=asked.cluster).first()
    if cluster is None:
        offered = ", ".join(Cluster.objects.values_list("name", flat=True)[:20]) or "none yet"
        raise DomainError(
            f"There is no cluster {asked.cluster!r}; there is: {offered}.",
            code="no_cluster",
            field="cluster",
        )
    return cluster


def _tier(asked: Asked) -> Tier:
    tier = Tier.objects.filter(slug=asked.tier).first()
    if tier is None:
        offered = ", ".join(Tier.objects.values_list("slug", flat=True)) or "none yet"
        raise DomainError(
            f"There is no tier {asked.tier!r}; there is: {offered}.", code="no_tier", field="tier"
        )
    return tier
