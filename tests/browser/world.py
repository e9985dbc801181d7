"""What the platform holds in each state a page is looked at in: the same people, other rows.

A state is a database of its own, so that pages over everybody's rows (the inbox, the desk) have one too.
"""

import base64
import datetime as dt
import gzip
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson
import yaml
from django.utils import timezone

from benches import fill
from controlplane.clusters import credentials
from controlplane.clusters.models import Cluster
from controlplane.identity.models import User
from controlplane.index.entries import cron_of
from controlplane.index.kinds import CRON, KINDS
from controlplane.index.models import Cron, Watch, Workflow
from controlplane.metrics.models import MissedRuns, Price, UsageDay, UsageMonth
from controlplane.objects import Manifest, ref_of
from controlplane.policies.models import ImagePolicy
from provisioning.desired import RELEASE
from provisioning.models import Turn
from tenants.models import Request, RequestEvent, Team, TenantNamespace, Tier
from tests.fakes import FakeCluster

from . import images, inside, kept, workflows

FULL, EMPTY, ERROR, LONG, CROWD = "full", "empty", "error", "long", "crowd"
STATES = (FULL, EMPTY, ERROR, LONG, CROWD)
CROWDED = 5_000
TURNS = 24
NOBODY_LISTENS = "http://127.0.0.1:1"
PASSWORD = "correct horse battery"

# Everybody there is, with the groups they bring; of the team all rows are about, or of the platform.
PEOPLE: dict[str, list[str]] = {
    "owner": ["payments-owners"],
    "member": ["payments-members"],
    "viewer": ["payments-viewers"],
    "approver": ["argosy-approvers"],
    "admin": ["argosy-admins"],
    "stranger": ["ledger-owners"],
}
LONGEST_NAME = "the-namespace-with-the-longest-name-that-kubernetes-allows"
LONGEST_WORD = "Donaudampfschifffahrtselektrizitaetenhauptbetriebswerkbauunterbeamtengesellschaft"


@dataclass(frozen=True)
class Places:
    """What of a state's rows a page's address may name."""

    namespace: int = 1
    request: int = 1
    workflow: str = "settle-1"
    team: int = 1
    slug: str = "payments"
    tier: int = 1
    cluster: int = 1
    violation: str = "0" * 32
    exemption: int = 1
    secret: int = 1
    named: str = "payments"
    draft: int = 1
    cluster_name: str = "eu-1"


def seed(state: str, server: str, fake: FakeCluster) -> Places:
    """Write a state's rows, and what its cluster holds, into an empty platform."""
    people()
    return SEEDS[state](server, fake, timezone.now())


def people() -> dict[str, User]:
    """Everybody, with the same password."""
    found = {}
    for name, groups in PEOPLE.items():
        staff = name == "admin"
        user = User(username=name, claimed_groups=groups, is_staff=staff, is_superuser=staff)
        user.set_password(PASSWORD)
        user.save()
        found[name] = user
    Team.objects.create(slug="ledger", name="Ledger", owner_group="ledger-owners")
    return found


def kubeconfig(server: str) -> dict[str, Any]:
    """The credential of a cluster that answers there."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": "a-token"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
    }


def empty(server: str, fake: FakeCluster, now: dt.datetime) -> Places:
    """A team that was made this morning, and a cluster for it."""
    team, cluster = _team(), _cluster("eu-1", server, now)
    del fake
    return Places(team=team.pk, cluster=cluster.pk, tier=_tier("small").pk)


def full(server: str, fake: FakeCluster, now: dt.datetime) -> Places:
    """An ordinary day: a few namespaces, some requests, workflows that ran and run."""
    team, eu, us = _team(), _cluster("eu-1", server, now), _cluster("us-2", server, now)
    fill.namespaces_of([team], [eu, us], 6, now=now)
    chosen = _named("payments", "Ready", eu, now)
    TenantNamespace.objects.filter(name="payments-00003").update(
        phase="Degraded", conditions=fill.conditions("Degraded", now), failures=3
    )
    TenantNamespace.objects.filter(name="payments-00004").update(
        phase="Provisioning", conditions=fill.conditions("Provisioning", now), ready_at=None
    )
    fill.requests_of([team], [eu, us], 14, now=now)
    waiting = _request(team, eu, "payments-batch")
    fill.workflows_of(list(TenantNamespace.objects.filter(phase="Ready")), 60, now=now)
    _workflow_row(chosen, "settle-1", now)
    _turns(chosen, now)
    standing(fake, chosen.name, now)
    violation, exemption = images.ordinary(chosen, now)
    _usage(now)
    MissedRuns.objects.create(
        namespace=chosen, cron="settle-nightly", at=now, runs=3, last=now - dt.timedelta(hours=2)
    )
    return Places(
        namespace=chosen.pk,
        request=waiting.pk,
        team=team.pk,
        cluster=eu.pk,
        tier=chosen.tier_id,
        draft=ImagePolicy.objects.get(name=images.DRAFT).pk,
        violation=violation,
        exemption=exemption,
        secret=kept.ordinary(chosen, now),
    )


def error(server: str, fake: FakeCluster, now: dt.datetime) -> Places:
    """A bad day: the cluster does not answer, its watch is behind, the namespace is Degraded."""
    del server, fake
    team, cluster = _team(), _cluster("us-2", NOBODY_LISTENS, now)
    since = now - dt.timedelta(minutes=12)
    sentence = "the API server cannot be reached: [Errno 111] Connection refused."
    Cluster.objects.filter(pk=cluster.pk).update(reachable=False, message=sentence, since=since)
    Watch.objects.filter(cluster=cluster).update(in_step=False, message=sentence, since=since)
    chosen = _named("payments", "Degraded", cluster, now)
    fill.workflows_of([chosen], 12, now=now)
    _workflow_row(chosen, "settle-1", now)
    waiting = _request(team, cluster, "payments-batch")
    violation, exemption = images.bad_day(chosen, now)
    _usage(now - dt.timedelta(hours=2))
    return Places(
        namespace=chosen.pk,
        request=waiting.pk,
        team=team.pk,
        cluster=cluster.pk,
        cluster_name=cluster.name,
        tier=chosen.tier_id,
        violation=violation,
        exemption=exemption,
        secret=kept.bad_day(chosen, now),
    )


def long(server: str, fake: FakeCluster, now: dt.datetime) -> Places:
    """Every name and sentence as long as it may be, and without a place to break it."""
    team = _team(name=LONGEST_WORD * 2)
    cluster = _cluster("c" * 63, server, now)
    chosen = _named(LONGEST_NAME[:58], "Degraded", cluster, now)
    reason = "Reason" + "VeryLong" * 12
    for condition in chosen.conditions:
        condition |= {"reason": reason, "message": f"{LONGEST_WORD * 3} " * 4}
    chosen.save(update_fields=["conditions"])
    waiting = _request(team, cluster, ("n" * 58), reason=(LONGEST_WORD * 12)[:1000])
    name = "w" * 200
    _workflow_row(chosen, name, now, message=LONGEST_WORD * 6, template="t" * 253)
    standing(fake, chosen.name, now, workflow=name)
    User.objects.filter(username="owner").update(first_name="F" * 150, last_name="L" * 150)
    violation, exemption = images.longest(chosen, now)
    _usage(now)
    for grain in (UsageDay, UsageMonth):
        grain.objects.filter(template=fill.TEMPLATES[0]).update(template="t" * 253)
    Cluster.objects.update(labels={"l" * 63: "v" * 63, "region": "r" * 63})
    return Places(
        namespace=chosen.pk,
        request=waiting.pk,
        workflow=name,
        team=team.pk,
        cluster=cluster.pk,
        cluster_name=cluster.name,
        tier=chosen.tier_id,
        named=chosen.name,
        violation=violation,
        exemption=exemption,
        secret=kept.longest(chosen, now),
    )


def crowd(server: str, fake: FakeCluster, now: dt.datetime) -> Places:
    """5,000 of everything, all of one team."""
    team, cluster = _team(), _cluster("eu-1", server, now)
    chosen = _named("payments", "Ready", cluster, now)
    fill.namespaces_of([team], [cluster], CROWDED, now=now)
    fill.requests_of([team], [cluster], CROWDED, now=now)
    waiting = _request(team, cluster, "payments-batch")
    fill.workflows_of([chosen], CROWDED, now=now)
    fill.crons_of([chosen], CROWDED, now=now)
    _workflow_row(chosen, "settle-1", now)
    standing(fake, chosen.name, now, width=300)
    violation, exemption = images.many(chosen, now, CROWDED)
    return Places(
        namespace=chosen.pk,
        request=waiting.pk,
        team=team.pk,
        cluster=cluster.pk,
        cluster_name=cluster.name,
        tier=chosen.tier_id,
        violation=violation,
        exemption=exemption,
    )


Seed = Callable[[str, FakeCluster, dt.datetime], Places]
SEEDS: dict[str, Seed] = {FULL: full, EMPTY: empty, ERROR: error, LONG: long, CROWD: crowd}


def _usage(now: dt.datetime) -> None:
    """What the namespaces that are made held and used, and what that costs."""
    fill.usage_of(list(TenantNamespace.objects.order_by("pk")), now=now)
    rates = {"cpu_hour": Decimal("0.04"), "memory_gib_hour": Decimal("0.005")}
    Price.objects.create(
        since=now.date().replace(day=1, month=1), shared_month=Decimal(800), **rates
    )


def _team(name: str = "Payments") -> Team:
    return Team.objects.create(
        slug="payments",
        name=name[:200],
        owner_group="payments-owners",
        member_group="payments-members",
        viewer_group="payments-viewers",
        namespace_limit=40,
        cpu_budget=Decimal(400),
        memory_budget_gib=Decimal(800),
    )


def _tier(slug: str) -> Tier:
    return Tier.objects.get(slug=slug)


def _cluster(name: str, server: str, now: dt.datetime) -> Cluster:
    cluster = Cluster.objects.create(
        name=name,
        sealed_kubeconfig=credentials.sealed(kubeconfig(server), name),
        server=server,
        api_endpoints=[{"ip": "10.0.0.1", "port": 6443}],
        kubernetes_version="v1.37.1",
        uid=f"uid-{name}",
        simulated=True,
        reachable=True,
        since=now - dt.timedelta(days=40),
        checked_at=now,
    )
    for kind in KINDS:
        Watch.objects.create(cluster=cluster, kind=kind.name, in_step=True, since=now, heard_at=now)
    return cluster


def _named(name: str, phase: str, cluster: Cluster, now: dt.datetime) -> TenantNamespace:
    """The namespace a state's addresses name."""
    count = TenantNamespace.objects.count()
    fill.namespaces_of([Team.objects.get(slug="payments")], [cluster], count + 1, now=now)
    chosen = TenantNamespace.objects.latest("pk")
    chosen.name, chosen.phase, chosen.tier = name, phase, _tier("medium")
    chosen.conditions = fill.conditions(phase, now - dt.timedelta(minutes=12))
    chosen.failures = 3 if phase == "Degraded" else 0
    chosen.next_reconcile_at = now + dt.timedelta(minutes=3)
    chosen.save()
    return chosen


def _turns(namespace: TenantNamespace, now: dt.datetime) -> None:
    """What was done there: made once, failed at, and put back every hour since."""
    wanted = f"apply ResourceQuota team-quota in {namespace.name}"
    step = {"step": wanted, "stage": "guard_rails", "state": "done", "error": "", "seconds": 0.05}
    refused = {**step, "state": "failed", "error": "403 Forbidden: exceeded quota"}
    for hour in range(TURNS):
        failed = hour == TURNS - 2
        turn = Turn.objects.create(
            namespace=namespace,
            generation=1,
            ended_at=now,
            seconds=0.4,
            steps=[refused if failed else step],
            outcome="StepFailed" if failed else "AllReady",
            message="a quota stands in the way" if failed else "put back what was changed by hand",
        )
        Turn.objects.filter(pk=turn.pk).update(started_at=now - dt.timedelta(hours=TURNS - hour))


def _request(
    team: Team, cluster: Cluster, name: str, reason: str = "The nightly export moves here."
) -> Request:
    """The one that waits for an approver, filed by the team's owner."""
    owner = User.objects.get(username="owner")
    asked = {"name": name, "tier": "small", "cluster": cluster.name}
    made = Request.objects.create(
        kind="create", team=team, requested_by=owner, reason=reason, asked=asked
    )
    RequestEvent.objects.create(request=made, kind="filed", by=owner, asked=asked, note=reason)
    return made


def _workflow_row(
    namespace: TenantNamespace,
    name: str,
    now: dt.datetime,
    message: str = "child failed: OOMKilled (exit code 137)",
    template: str = "settle",
) -> None:
    Workflow.objects.create(
        namespace=namespace,
        uid=f"uid-{name}"[:64],
        name=name,
        phase="Failed",
        message=message[:500],
        template=template,
        created_at=now - dt.timedelta(minutes=4),
        started_at=now - dt.timedelta(minutes=4),
        finished_at=now - dt.timedelta(minutes=1),
        steps_done=13,
        steps_total=14,
        cpu_seconds=912,
        memory_mib_seconds=4310,
        labels={"app": "settle"},
        resource_version="1",
    )


def standing(
    fake: FakeCluster, name: str, now: dt.datetime, *, workflow: str = "settle-1", width: int = 12
) -> None:
    """The namespace's two halves in the cluster, its controller up, one workflow live."""
    quota = dict(_tier("medium").quota)
    for manifest in (
        _object("v1", "Namespace", "", name),
        _object("v1", "Namespace", "", f"{name}-argo"),
        _object("v1", "Namespace", "", "argosy-scratch"),
        _object("v1", "ResourceQuota", name, "team-quota") | {"spec": {"hard": quota}},
        _object("apps/v1", "Deployment", f"{name}-argo", "workflow-controller")
        | {"spec": {"replicas": 1, "template": {"spec": {"containers": []}}}},
        _revision(f"{name}-argo", 1, "superseded", values_of(parallelism=20, memory="512Mi")),
        _revision(f"{name}-argo", 2, "deployed", values_of(parallelism=40, memory="1Gi")),
        *inside.objects(name, workflow, now),
        workflows.workflow(workflow, name, now=now, width=width),
        workflows.template("settle", name),
        workflows.cron("settle-daily", name, now=now),
    ):
        fake.apply(manifest)
        # What a browser looks at is what the API server would show: when it was made, and what
        # controllers said of it, neither of which anybody applies.
        stored = fake.objects[ref_of(manifest)].manifest
        made = manifest["metadata"].get("creationTimestamp") or now.strftime("%Y-%m-%dT%H:%M:%SZ")
        stored["metadata"]["creationTimestamp"] = made
        if "status" in manifest:
            stored["status"] = manifest["status"]
        if manifest["kind"] == CRON.name:
            _watched_cron(stored)


def _watched_cron(manifest: Manifest) -> None:
    """The row that the watch would have made of it."""
    entry = cron_of(manifest)
    assert entry is not None
    Cron.objects.update_or_create(
        namespace=TenantNamespace.objects.get(name=entry.namespace),
        uid=entry.uid,
        defaults={"name": entry.name, "manifest": entry.manifest},
    )


def values_of(*, parallelism: int, memory: str) -> dict[str, object]:
    """Values as a release has them: texts of many lines among them, as Argo's configuration is."""
    defaults = {
        "activeDeadlineSeconds": 3600 * parallelism,
        "serviceAccountName": "workflow-runner",
    }
    return {
        "config": {
            "parallelism": str(parallelism),
            "nodeEvents": "enabled: false\n",
            "workflowDefaults": yaml.safe_dump(
                {"spec": defaults | {"podGC": {"strategy": "OnPodSuccess"}}}
            ),
        },
        "controller": {
            "image": {"repository": "quay.io/argoproj/workflow-controller", "tag": "v4.1.2"},
            "resources": {
                "limits": {"cpu": "500m", "memory": memory},
                "requests": {"cpu": "100m", "memory": "128Mi"},
            },
        },
        "team": "payments",
    }


def _revision(namespace: str, number: int, status: str, values: dict[str, object]) -> Manifest:
    """One revision of the release, as helm keeps it."""
    record = {"info": {"description": "as approved"}, "config": values, "version": number}
    packed = base64.b64encode(base64.b64encode(gzip.compress(orjson.dumps(record)))).decode()
    secret = _object("v1", "Secret", namespace, f"sh.helm.release.v1.{RELEASE}.v{number}")
    labels = {"owner": "helm", "name": RELEASE, "status": status, "version": str(number)}
    secret["metadata"]["labels"] = labels
    return {**secret, "type": "helm.sh/release.v1", "data": {"release": packed}}


def _object(version: str, kind: str, namespace: str, name: str) -> Manifest:
    where = {"namespace": namespace} if namespace else {}
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, **where}}
