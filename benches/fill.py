"""A platform full of rows, for benches of its pages: made in bulk, as services would have left them.

Needs a Django that is set up and migrated. The same numbers make the same rows.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from controlplane.clusters.models import Cluster
from controlplane.identity.models import User
from controlplane.index.models import QuotaUse, Watch, Workflow
from tenants.models import Request, RequestEvent, Team, TenantNamespace, Tier

TEAMS, CLUSTERS = 50, 20
BATCH = 1_000
DAYS = 60  # how far back it all happened
STATES = (*["approved"] * 17, "pending", "rejected", "withdrawn")
PHASES = (*["Ready"] * 17, "Provisioning", "Degraded", "Pending")
ENDS = (*["Succeeded"] * 7, "Failed", "Running", "Error", "Pending")
TEMPLATES = ("etl-nightly", "train-model", "close-the-books", "backup", "")


def fill(namespaces: int = 5_000, requests: int = 20_000, workflows: int = 50_000) -> None:
    """So many of each, over 50 teams and 20 clusters; each team has an owner, `owner-00` on."""
    luck, now = random.Random(4), timezone.now()
    with transaction.atomic():
        teams, owners = _teams()
        clusters = _clusters(now)
        places = _namespaces(namespaces, teams, clusters, luck, now)
        _requests(requests, places, owners, luck, now)
        _workflows(workflows, places, luck, now)


def _teams() -> tuple[list[Team], list[User]]:
    teams = Team.objects.bulk_create(
        Team(
            slug=f"team-{n:02}",
            name=f"Team {n:02}",
            owner_group=f"team-{n:02}-owners",
            member_group=f"team-{n:02}-members",
            viewer_group=f"team-{n:02}-viewers",
            namespace_limit=1_000,
            cpu_budget=100_000,
            memory_budget_gib=100_000,
        )
        for n in range(TEAMS)
    )
    owners = User.objects.bulk_create(
        User(username=f"owner-{n:02}", claimed_groups=[team.owner_group])
        for n, team in enumerate(teams)
    )
    return teams, owners


def _clusters(now: datetime) -> list[Cluster]:
    clusters = Cluster.objects.bulk_create(
        Cluster(
            name=f"cluster-{n:02}",
            sealed_kubeconfig="nothing is behind it",
            server=f"https://10.0.0.{n}:6443",
            reachable=True,
            since=now,
            checked_at=now,
            kubernetes_version="v1.36.0",
        )
        for n in range(CLUSTERS)
    )
    Watch.objects.bulk_create(
        Watch(cluster=cluster, kind=kind, in_step=True, since=now, heard_at=now)
        for cluster in clusters
        for kind in ("Workflow", "ResourceQuota")
    )
    return clusters


def _namespaces(
    count: int, teams: list[Team], clusters: list[Cluster], luck: random.Random, now: datetime
) -> list[TenantNamespace]:
    tiers = list(Tier.objects.all())
    rows = []
    for n in range(count):
        phase, at = luck.choice(PHASES), _some_time_before(now, luck)
        rows.append(
            TenantNamespace(
                name=f"ns-{n:05}",
                team=teams[n % TEAMS],
                cluster=clusters[n // TEAMS % CLUSTERS],
                tier=luck.choice(tiers),
                phase=phase,
                conditions=[_condition(phase, at)],
                observed_generation=0 if phase == "Pending" else 1,
                created_at=at,
                begun_at=at,
                applied_at=at,
                ready_at=at,
                next_reconcile_at=now + timedelta(days=1),
            )
        )
    with _moments_as_said(TenantNamespace, "created_at"):
        made = TenantNamespace.objects.bulk_create(rows, batch_size=BATCH)
    QuotaUse.objects.bulk_create(
        (
            QuotaUse(
                namespace=each,
                hard=each.tier.quota,
                used={key: _part_of(hard, luck) for key, hard in each.tier.quota.items()},
                seen_at=now,
            )
            for each in made
        ),
        batch_size=BATCH,
    )
    return made


def _requests(
    count: int,
    places: list[TenantNamespace],
    owners: list[User],
    luck: random.Random,
    now: datetime,
) -> None:
    rows = []
    for n in range(count):
        place, state = places[n % len(places)], luck.choice(STATES)
        rows.append(
            Request(
                kind="create",
                team=place.team,
                requested_by=owners[n % len(places) % TEAMS],
                reason="The bench asks for it.",
                asked={
                    "name": place.name,
                    "tier": place.tier.slug,
                    "cluster": place.cluster.name,
                },
                state=state,
                namespace=place if state == "approved" else None,
                created_at=_some_time_before(now, luck),
            )
        )
    with _moments_as_said(Request, "created_at"):
        made = Request.objects.bulk_create(rows, batch_size=BATCH)
    with _moments_as_said(RequestEvent, "at"):
        RequestEvent.objects.bulk_create(
            (event for request in made for event in _events_of(request)), batch_size=BATCH
        )


def _events_of(request: Request) -> Iterator[RequestEvent]:
    said: dict[str, Any] = {"request": request, "by": request.requested_by}
    yield RequestEvent(kind="filed", at=request.created_at, asked=request.asked, **said)
    if request.state != "pending":
        at = request.created_at + timedelta(hours=3)
        decided = request.asked if request.state == "approved" else {}
        yield RequestEvent(kind=request.state, at=at, decided=decided, **said)


def _workflows(
    count: int, places: list[TenantNamespace], luck: random.Random, now: datetime
) -> None:
    Workflow.objects.bulk_create(
        (_workflow(n, places[luck.randrange(len(places))], luck, now) for n in range(count)),
        batch_size=BATCH,
    )


def _workflow(n: int, place: TenantNamespace, luck: random.Random, now: datetime) -> Workflow:
    phase, template = luck.choice(ENDS), luck.choice(TEMPLATES)
    created_at, steps = _some_time_before(now, luck), luck.randrange(1, 40)
    has_ended = phase in {"Succeeded", "Failed", "Error"}
    return Workflow(
        namespace=place,
        uid=f"00000000-0000-4000-8000-{n:012}",
        name=f"{template or 'by-hand'}-{n:06}",
        phase=phase,
        suspended=phase == "Running" and luck.random() < 0.1,
        message="" if phase in {"Succeeded", "Running", "Pending"} else "child 'step' failed",
        template=template,
        cron=f"{template}-cron" if template and luck.random() < 0.3 else "",
        created_at=created_at,
        started_at=None if phase == "Pending" else created_at + timedelta(seconds=2),
        finished_at=created_at + timedelta(minutes=luck.randrange(1, 90)) if has_ended else None,
        steps_done=steps if phase == "Succeeded" else steps // 2,
        steps_total=steps,
        cpu_seconds=luck.randrange(10_000),
        memory_mib_seconds=luck.randrange(1_000_000),
        labels={"app": template or "by-hand"},
        resource_version=n + 1,
    )


def _condition(phase: str, at: datetime) -> dict[str, Any]:
    status = {"Ready": "True", "Degraded": "False"}.get(phase, "Unknown")
    return {
        "type": "Ready",
        "status": status,
        "reason": phase,
        "message": "" if phase == "Ready" else "The bench says so.",
        "observed_generation": 1,
        "last_transition": at.isoformat(),
    }


def _part_of(hard: str, luck: random.Random) -> str:
    """Some of a quantity, in the same unit."""
    digits = hard.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    return f"{int(float(digits) * luck.random())}{hard[len(digits) :]}"


def _some_time_before(now: datetime, luck: random.Random) -> datetime:
    return now - timedelta(seconds=luck.randrange(DAYS * 86_400))


@contextmanager
def _moments_as_said(model: type[models.Model], name: str) -> Iterator[None]:
    """Let rows be older than this moment, which `auto_now_add` would make them."""
    field: Any = model._meta.get_field(name)  # noqa: SLF001 - Django's documented way
    field.auto_now_add = False
    try:
        yield
    finally:
        field.auto_now_add = True
