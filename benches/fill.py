"""Many rows, fast: what a platform has after years, written past the services.

Everything is decided by a row's number, so two fills of the same size are equal.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import DateTimeField, Model

from controlplane.clusters import credentials, health
from controlplane.clusters.models import Cluster
from controlplane.identity.models import User
from controlplane.index.kinds import KINDS
from controlplane.index.models import Cron, QuotaUse, Watch, Workflow
from controlplane.metrics.models import (
    FleetHour,
    QuotaDay,
    QuotaHour,
    UsageDay,
    UsageHour,
    UsageMonth,
)
from provisioning.models import Turn
from tenants.models import Request, RequestEvent, Team, TenantNamespace, Tier

BATCH = 2_000
UTC = dt.UTC
WORKFLOW_PHASES = ("Succeeded",) * 14 + ("Failed",) * 3 + ("Error", "Running", "Running", "Pending")
NAMESPACE_PHASES = ("Ready",) * 17 + ("Degraded", "Provisioning", "Pending")
STATES = ("approved",) * 7 + ("rejected", "withdrawn", "pending")
SCHEDULES = ("0 6 * * *", "*/5 * * * *", "@hourly", "30 2 1 * *")
TEMPLATES = ("statement-export", "fraud-features", "settle", "nightly-report", "reindex")
NEEDS = {
    "Ready": ("True", "AllReady", "everything is there"),
    "Degraded": (
        "False",
        "ImagePullBackOff",
        "workflow-controller-75c8d67948-wt7f9: its image could not be pulled: not found",
    ),
    "Provisioning": ("Unknown", "ControllerStarting", "the controller has not answered yet"),
}


@dataclass(frozen=True)
class Size:
    """How much there is to be."""

    teams: int = 50
    clusters: int = 20
    namespaces: int = 5_000
    requests: int = 20_000
    workflows: int = 50_000


def fill(size: Size, *, now: dt.datetime, kubeconfig: Mapping[str, Any]) -> None:
    """Write all of it, or what of it is not there yet: filling twice is growing."""
    with transaction.atomic():
        teams = _teams(size.teams)
        clusters = _clusters(size.clusters, now, kubeconfig)
        namespaces_of(teams, clusters, size.namespaces, now=now)
        requests_of(teams, clusters, size.requests, now=now)
        namespaces = list(TenantNamespace.objects.order_by("pk"))
        workflows_of(namespaces, size.workflows, now=now)
        crons_of(namespaces, size.namespaces, now=now)


def people_of_all_teams() -> None:
    """An owner, an approver and an admin who see every row there is: nobody has a fuller page."""
    groups = list(Team.objects.values_list("owner_group", flat=True))
    for name, more in (
        ("owner", []),
        ("approver", ["argosy-approvers"]),
        ("admin", ["argosy-admins"]),
    ):
        staff = name == "admin"
        User.objects.update_or_create(
            username=name,
            defaults={
                "claimed_groups": [*groups, *more],
                "is_staff": staff,
                "is_superuser": staff,
            },
        )


def conditions(phase: str, since: dt.datetime) -> list[dict[str, object]]:
    """What a turn would have said of a namespace in this phase."""
    if phase not in NEEDS:
        return []
    status, reason, message = NEEDS[phase]
    fine = ("True", "Present", "as approved")
    said = {
        "NamespaceReady": fine,
        "GuardRailsReady": fine,
        "ArgoReady": (status, reason, message),
        "Ready": (status, reason, message),
    }
    return [
        {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": message,
            "observed_generation": 1,
            "last_transition": since.isoformat(),
        }
        for kind, (status, reason, message) in said.items()
    ]


def namespaces_of(
    teams: Sequence[Team], clusters: Sequence[Cluster], count: int, *, now: dt.datetime
) -> None:
    """Namespaces in every phase, with what the watch and the last turn saw of each."""
    tiers = list(Tier.objects.order_by("order"))
    there = TenantNamespace.objects.count()
    TenantNamespace.objects.bulk_create(
        (
            TenantNamespace(
                team=(team := teams[n % len(teams)]),
                cluster=clusters[n % len(clusters)],
                tier=tiers[n % len(tiers)],
                name=f"{team.slug}-{n:05d}"[:58],
                observed_generation=0 if phase == "Pending" else 1,
                phase=phase,
                conditions=conditions(phase, now - dt.timedelta(minutes=n % 5000)),
                failures=3 if phase == "Degraded" else 0,
                next_reconcile_at=now + dt.timedelta(seconds=n % 300),
                begun_at=now - dt.timedelta(days=1 + n % 300) if phase != "Pending" else None,
                applied_at=now - dt.timedelta(days=1 + n % 300) if phase != "Pending" else None,
                ready_at=now - dt.timedelta(days=1 + n % 300) if phase == "Ready" else None,
            )
            for n in range(there, count)
            for phase in (NAMESPACE_PHASES[n % len(NAMESPACE_PHASES)],)
        ),
        batch_size=BATCH,
    )
    new = TenantNamespace.objects.filter(quota_use=None).select_related("tier").order_by("pk")
    made = list(new.exclude(phase="Pending"))
    QuotaUse.objects.bulk_create((_quota(each, now) for each in made), batch_size=BATCH)
    with _dated(Turn, "started_at"):
        Turn.objects.bulk_create((_turn(each, now) for each in made), batch_size=BATCH)


def requests_of(
    teams: Sequence[Team], clusters: Sequence[Cluster], count: int, *, now: dt.datetime
) -> None:
    """Requests in every state with the events that led there; one in ten still waits."""
    asker, decider = _person("filler"), _person("decider")
    namespaces = list(TenantNamespace.objects.order_by("pk").values_list("pk", flat=True))
    there = Request.objects.count()
    with _dated(Request, "created_at"), _dated(RequestEvent, "at"):
        made = Request.objects.bulk_create(
            (
                Request(
                    kind="create",
                    team=(team := teams[n % len(teams)]),
                    requested_by=asker,
                    reason="The nightly export moves off the old scheduler.",
                    asked={
                        "name": f"{team.slug}-{n:05d}"[:58],
                        "tier": "small",
                        "cluster": clusters[n % len(clusters)].name,
                    },
                    created_at=now - dt.timedelta(minutes=25 * (n - there) + 3),
                    state=state,
                    namespace_id=namespaces[n % len(namespaces)] if state == "approved" else None,
                )
                for n in range(there, count)
                for state in (STATES[n % len(STATES)],)
            ),
            batch_size=BATCH,
        )
        RequestEvent.objects.bulk_create(
            (event for each in made for event in _events(each, asker, decider)), batch_size=BATCH
        )


def workflows_of(namespaces: Sequence[TenantNamespace], count: int, *, now: dt.datetime) -> None:
    """Workflows as the watch would have written them, the newest a few seconds old."""
    there = Workflow.objects.count()
    Workflow.objects.bulk_create(
        (
            _workflow(n, namespaces[n % len(namespaces)], now - dt.timedelta(seconds=7 * n + 5))
            for n in range(there, count)
        ),
        batch_size=BATCH,
    )


def crons_of(namespaces: Sequence[TenantNamespace], count: int, *, now: dt.datetime) -> None:
    """Schedules as the watch would have written them: one a namespace, of several kinds."""
    there = Cron.objects.count()
    Cron.objects.bulk_create(
        (_cron(n, namespaces[n % len(namespaces)], now) for n in range(there, count)),
        batch_size=BATCH,
    )


def usage_of(
    namespaces: Sequence[TenantNamespace], *, now: dt.datetime, hours: int = 48, days: int = 30
) -> None:
    """What they held and used: hours, days and this month, as the clock and the watch write it."""
    this = now.replace(minute=0, second=0, microsecond=0)
    day, month = this.replace(hour=0), this.replace(hour=0, day=1)
    made = [each for each in namespaces if each.begun_at]
    by_hour = [(this - dt.timedelta(hours=n), n) for n in range(hours)]
    by_day = [(day - dt.timedelta(days=n), n) for n in range(days)]
    for model, times in ((QuotaHour, by_hour), (QuotaDay, by_day)):
        rows = (model(namespace=p, at=at, **_held(p.pk, n)) for at, n in times for p in made)
        _put(model, rows)
    _put(
        UsageHour,
        (UsageHour(namespace=p, at=at, **_used(p.pk + n)) for at, n in by_hour for p in made),
    )
    grains = ((UsageDay, by_day), (UsageMonth, [(month, 0)]))
    for grain, times in grains:
        rows_of_templates = (
            grain(namespace=p, at=at, template=template, **_used(p.pk + n + place, 20))
            for at, n in times
            for p in made
            for place, template in enumerate(TEMPLATES[: 1 + p.pk % 3])
        )
        _put(grain, rows_of_templates)
    many = len(made)
    _put(
        FleetHour,
        (
            FleetHour(
                at=at,
                namespaces=many,
                namespaces_seen=many,
                clusters=1,
                clusters_seen=1,
                **{key: value * many for key, value in _held(3, n).items()},
            )
            for at, n in by_hour
        ),
    )


def _put(model: Any, rows: Iterator[Any]) -> None:
    model.objects.bulk_create(rows, batch_size=BATCH, ignore_conflicts=True)


def _held(salt: int, step: int) -> dict[str, int]:
    """A tier of 8 cores and 32 GiB, used more by day than by night."""
    wave = (salt * 7 + step * 5) % 24
    cpu, memory = 900 + 230 * wave, 4_000 + 900 * wave
    return {
        "cpu_promised": 8_000,
        "cpu_hard": 8_000,
        "cpu_used": cpu,
        "cpu_peak": cpu + 400,
        "memory_promised": 32_768,
        "memory_hard": 32_768,
        "memory_used": memory,
        "memory_peak": memory + 900,
    }


def _used(salt: int, times: int = 1) -> dict[str, int]:
    many = (1 + salt % 9) * times
    return {
        "workflows": many,
        "failed": many // 8,
        "cpu_seconds": many * (900 + salt % 7 * 411),
        "memory_mib_seconds": many * (900_000 + salt % 5 * 211_000),
    }


def _teams(count: int) -> list[Team]:
    slugs = [f"team-{n:02d}" for n in range(count)]
    known = set(Team.objects.values_list("slug", flat=True))
    Team.objects.bulk_create(
        Team(
            slug=slug,
            name=slug.replace("-", " ").title(),
            owner_group=f"{slug}-owners",
            member_group=f"{slug}-members",
            viewer_group=f"{slug}-viewers",
            namespace_limit=200,
            cpu_budget=9_000,
            memory_budget_gib=18_000,
        )
        for slug in slugs
        if slug not in known
    )
    return list(Team.objects.filter(slug__in=slugs))


def _clusters(count: int, now: dt.datetime, kubeconfig: Mapping[str, Any]) -> list[Cluster]:
    names = [f"cluster-{n:02d}" for n in range(count)]
    known = set(Cluster.objects.values_list("name", flat=True))
    well = health.stamped(health.conditions_of(health.Facts(version="v1.37.1"), now), [], now)
    Cluster.objects.bulk_create(
        Cluster(
            name=name,
            sealed_kubeconfig=credentials.sealed(dict(kubeconfig), name),
            server=f"https://{name}.example.test:6443",
            api_endpoints=[{"ip": "10.0.0.1", "port": 6443}],
            kubernetes_version="v1.37.1",
            uid=f"uid-{name}",
            reachable=True,
            since=now,
            checked_at=now,
            conditions=well,
            labels={"region": name[-1], "environment": "production"},
        )
        for name in names
        if name not in known
    )
    found = list(Cluster.objects.filter(name__in=names))
    Watch.objects.bulk_create(
        Watch(cluster=c, kind=kind.name, in_step=True, since=now, heard_at=now)
        for c in found
        for kind in KINDS
        if c.name not in known
    )
    return found


def _quota(namespace: TenantNamespace, now: dt.datetime) -> QuotaUse:
    hard = dict(namespace.tier.quota)
    share = namespace.pk % 11
    used = {
        "requests.cpu": f"{int(hard['requests.cpu']) * share * 100}m",
        "requests.memory": f"{int(hard['requests.memory'].removesuffix('Gi')) * share * 102}Mi",
        "limits.cpu": f"{int(hard['limits.cpu']) * share * 90}m",
        "limits.memory": f"{int(hard['limits.memory'].removesuffix('Gi')) * share * 92}Mi",
        "pods": str(int(hard["pods"]) * share // 10),
        "persistentvolumeclaims": "1",
        "count/workflows.argoproj.io": str(share * 3),
    }
    return QuotaUse(
        namespace=namespace, hard=hard, used={k: used.get(k, "0") for k in hard}, seen_at=now
    )


def _turn(namespace: TenantNamespace, now: dt.datetime) -> Turn:
    failed = namespace.phase == "Degraded"
    return Turn(
        namespace=namespace,
        generation=1,
        started_at=now - dt.timedelta(seconds=2),
        ended_at=now,
        seconds=0.42,
        steps=[
            {
                "step": f"apply Namespace {namespace.name}",
                "stage": "namespaces",
                "state": "done",
                "seconds": 0.02,
            },
            {
                "step": f"apply ResourceQuota team-quota in {namespace.name}",
                "stage": "guard_rails",
                "state": "done",
                "seconds": 0.01,
            },
            {
                "step": f"upgrade team-argo in {namespace.name}-argo",
                "stage": "releases",
                "state": "failed" if failed else "done",
                "seconds": 0.31,
                **({"error": NEEDS["Degraded"][2]} if failed else {}),
            },
        ],
        outcome="failed" if failed else "done",
        message=NEEDS["Degraded"][2] if failed else "",
    )


def _events(request: Request, asker: User, decider: User) -> Iterator[RequestEvent]:
    filed = request.created_at
    yield RequestEvent(request=request, kind="filed", at=filed, by=asker, asked=request.asked)
    if request.state != "pending":
        by = asker if request.state == "withdrawn" else decider
        note = "Use the shared one." if request.state == "rejected" else ""
        yield RequestEvent(
            request=request,
            kind=request.state,
            at=filed + dt.timedelta(minutes=2),
            by=by,
            asked=request.asked,
            note=note,
        )


def _workflow(n: int, namespace: TenantNamespace, at: dt.datetime) -> Workflow:
    phase = WORKFLOW_PHASES[n % len(WORKFLOW_PHASES)]
    template = TEMPLATES[n % len(TEMPLATES)]
    ended = phase in {"Succeeded", "Failed", "Error"}
    total = 3 + n % 40
    return Workflow(
        namespace=namespace,
        uid=f"00000000-0000-4000-8000-{n:012d}",
        name=f"{template}-{n:06d}",
        phase=phase,
        message="child failed: exit code 137 (OOMKilled)" if phase == "Failed" else "",
        template=template,
        cron=template if n % 3 == 0 else "",
        created_at=at,
        started_at=None if phase == "Pending" else at,
        finished_at=at + dt.timedelta(seconds=30 + n % 900) if ended else None,
        seconds=30 + n % 900 if ended else None,
        steps_done=total if phase == "Succeeded" else total // 2,
        steps_total=total,
        cpu_seconds=n % 5_000,
        memory_mib_seconds=n % 90_000,
        labels={"app": template},
        resource_version=str(n),
    )


def _cron(n: int, namespace: TenantNamespace, now: dt.datetime) -> Cron:
    name = f"{TEMPLATES[n % len(TEMPLATES)]}-{n:05d}"
    last = now - dt.timedelta(hours=1 + n % 200)
    return Cron(
        namespace=namespace,
        uid=f"00000000-0000-4000-9000-{n:012d}",
        name=name,
        manifest={
            "metadata": {"name": name, "creationTimestamp": last.isoformat()},
            "spec": {
                "schedules": [SCHEDULES[n % len(SCHEDULES)]],
                "timezone": "Europe/Vienna",
                "suspend": n % 10 == 0,
                "workflowSpec": {"workflowTemplateRef": {"name": TEMPLATES[n % len(TEMPLATES)]}},
            },
            "status": {"lastScheduledTime": last.isoformat(), "active": []},
        },
        resource_version=n,
    )


@contextmanager
def _dated(model: type[Model], field: str) -> Iterator[None]:
    """While it lasts, rows keep the time they are given: years of them are made in a moment."""
    column = model._meta.get_field(field)  # noqa: SLF001 - Django's own way to a column
    assert isinstance(column, DateTimeField)
    column.auto_now_add = False
    try:
        yield
    finally:
        column.auto_now_add = True


def _person(username: str) -> User:
    return User.objects.get_or_create(username=username)[0]
