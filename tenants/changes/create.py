"""Asking for a new namespace."""

from collections.abc import Iterator

import msgspec
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.db.models import Q
from django.utils import timezone

from controlplane.clusters import scheduling
from controlplane.clusters.models import Cluster
from controlplane.errors import DomainError
from tenants import budget, names, placing, services
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
from tenants.placed import NoPlace, Placed, check_labels, written
from tenants.placing import Wish
from tenants.spec import NamespaceSpec

KIND = "create"


class Asked(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """A namespace of this name and tier, on this cluster or on one that has these labels.

    Whoever names labels has no cluster until one was chosen: `settled` puts it in.
    """

    name: str
    tier: str
    cluster: str = ""
    labels: dict[str, str] | None = None  # {}: anywhere


def place(team: Team, asked: Asked) -> Placed | None:
    """The cluster for a wish that names labels, and why that one; None where it names its cluster."""
    if asked.labels is None:
        if not asked.cluster:
            raise DomainError(
                "Name a cluster, or labels that it must have (`labels: {}` is anywhere).",
                code="no_cluster",
                field="cluster",
            )
        return None
    if asked.cluster:
        raise DomainError("Name a cluster or labels, not both.", code="bad_request", field="labels")
    check_labels(asked.labels)
    return placing.chooser().choose(Wish(team, _tier(asked), asked.name), asked.labels)


def settled(asked: Asked, placed: Placed | None) -> Asked:
    """The same with the cluster that was chosen for it."""
    return asked if placed is None else msgspec.structs.replace(asked, cluster=placed.cluster)


def check(team: Team, asked: Asked) -> None:
    """Refuse what cannot be, by the first of its problems."""
    for problem in problems(team, asked):
        raise problem


def problems(team: Team, asked: Asked) -> Iterator[DomainError]:
    """All that keeps it from being: the name, the cluster, the tier, the budget, in that order.

    `asked` is settled: what it names by labels has a cluster by now.
    """
    if problem := names.problem_with(asked.name):
        yield DomainError(problem, code="bad_name", field="name")
    try:
        cluster, tier = _cluster(asked), _tier(asked)
    except DomainError as exc:
        yield exc
        return
    # Of a cluster that was chosen by labels the chooser says it: another can be chosen then.
    closed = scheduling.closed(cluster) if asked.labels is None else None
    if TenantNamespace.objects.live().filter(cluster=cluster, name=asked.name).exists():
        yield _taken(asked)
    elif closed is not None:
        yield closed
    else:
        wish = Wish(team, tier, asked.name)
        no_place = placing.chooser().problem_with(wish, cluster.name, asked.labels)
        if no_place is not None:
            yield no_place
    if (short := budget.problem_with(team, adding=tier)) is not None:
        yield short


def rivals(asked: Asked) -> RequestQuerySet:
    """The requests that wait for the same name on the same cluster, this one too if it is filed."""
    waiting = Request.objects.filter(kind=KIND, state=RequestState.PENDING)
    there = Q(asked__cluster=asked.cluster) | Q(placed__cluster=asked.cluster)
    return waiting.filter(there, asked__name=asked.name)


def sentence(team: Team, asked: Asked) -> str:
    """What approving would do, for people."""
    where = f"on {asked.cluster}"
    if asked.labels is not None:
        where += f", chosen by {written(asked.labels)}" if asked.labels else ", chosen freely"
    return f"Make the namespace {asked.name} ({asked.tier}) for {team.name} {where}."


def spec(team: Team, asked: Asked) -> NamespaceSpec:
    """The namespace as it would be wanted."""
    return NamespaceSpec(
        name=asked.name,
        team=team.slug,
        generation=1,
        tier=_tier(asked).spec(),
        cluster=cluster_spec(_cluster(asked)),
        groups=team.groups,
    )


def approve(request: Request, asked: Asked, *, plan_hash: str) -> TenantNamespace:
    """Write the wish. A request that came back to its approver has its row already."""
    if request.namespace is not None:
        return services.approve_again(request.namespace, plan_hash=plan_hash, now=timezone.now())
    # Locked, so that two teams at once cannot both be promised the last of a cluster's room.
    cluster = Cluster.objects.select_for_update().filter(name=asked.cluster).first()
    check(request.team, asked)
    try:
        return services.want_namespace(
            team=request.team,
            cluster=cluster or _cluster(asked),
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
    if cluster is None and asked.labels is not None:
        raise NoPlace(
            f"{asked.cluster} is no cluster of this platform any more. Another can be chosen for it.",
            code="removed",
        )
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
