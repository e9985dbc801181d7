"""Three teams that have one of everything each, people of every standing, and clusters in memory.

All that is the foreign team's has FOREIGN in its name: where that word comes up, something leaked.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from axes.models import AccessAttempt
from django.conf import settings
from django.test import Client
from django.test.client import ClientHandler
from django.utils import timezone

from controlplane.access.bindings import PEOPLE
from controlplane.access.models import Account, Kubeconfig
from controlplane.audit import record
from controlplane.audit.models import Event
from controlplane.clusters.models import Cluster, Scheduling
from controlplane.identity import tokens
from controlplane.identity.models import User
from controlplane.index import services as index
from controlplane.index.kinds import CRON, WORKFLOW
from controlplane.metrics import prices
from controlplane.metrics.models import Price
from controlplane.objects import ref_of
from controlplane.placement import services as rooms
from controlplane.policies import agents, pushes, services, sightings
from controlplane.policies.models import Delivery, ImagePolicy, Scan, SigningKey, Violation
from controlplane.policies.sightings import Scanned
from controlplane.secrets import services as secrets
from controlplane.secrets.services import Given
from provisioning.models import Turn
from tenants import drafts, requests
from tenants import tokens as keeping
from tenants.models import Request, Team, TenantNamespace
from tests import images
from tests.factories import (
    ClusterFactory,
    NamespaceFactory,
    PersonFactory,
    TeamFactory,
    approver,
    member_of,
    owner_of,
    platform_admin,
    tier,
    viewer_of,
)
from tests.fakes import FakeCluster

from .roles import TEAM, Role, Whose

OWN, FOREIGN, FROZEN, NOBODYS = "harbour", "zebra", "glacier", "nimbus"
NOWHERE = 987_654_321
# Clusters' names, which are no secret: the foreign team's own, and one that there is not.
SHORES = REEF, DEEP = "reef", "deep"
# Each client would make one of its own, with all its middleware.
HANDLER = ClientHandler(enforce_csrf_checks=False)
BACKEND = "django.contrib.auth.backends.ModelBackend"
OF_TEAM = {Role.VIEWER: viewer_of, Role.MEMBER: member_of, Role.OWNER: owner_of}
STEPS: dict[str, Any] = {
    "entrypoint": "main",
    "templates": [{"name": "main", "suspend": {}}],
}


@dataclass
class Side:
    """One team, with one of everything."""

    word: str  # what all its names begin with
    team: Any
    cluster: Any
    people: dict[Role, User] = field(default_factory=dict)
    things: dict[str, Any] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["things"][name]
        except KeyError:
            raise AttributeError(f"nothing is called {name} on a side of the world") from None

    @property
    def workflow(self) -> str:
        return f"{self.word}-run"

    @property
    def cron(self) -> str:
        return f"{self.word}-nightly"

    @property
    def free(self) -> str:
        """A name that no namespace has."""
        return f"{self.word}-next"


@dataclass
class World:
    """All of it."""

    sides: dict[Whose, Side]
    nowhere: Side  # a team that there is not
    platform: dict[Role, User]
    fake: FakeCluster
    sessions: dict[int, str] = field(default_factory=dict)

    @property
    def own(self) -> Side:
        return self.sides[Whose.OWN]

    @property
    def foreign(self) -> Side:
        return self.sides[Whose.FOREIGN]

    def person(self, role: Role, whose: Whose) -> User | None:
        """Who has that role; at what is another team's, people of the own team knock."""
        if role in TEAM:
            return self.sides[Whose.FROZEN if whose is Whose.FROZEN else Whose.OWN].people[role]
        return self.platform.get(role)

    def client(self, user: User | None) -> Client:
        """Their browser, as new as on the first day."""
        client = Client(raise_request_exception=False)
        client.handler = HANDLER
        if user is not None:
            client.cookies[settings.SESSION_COOKIE_NAME] = self._session(user)
        return client

    def _session(self, user: User) -> str:
        if user.pk not in self.sessions:
            client = Client()
            client.force_login(user, backend=BACKEND)
            self.sessions[user.pk] = client.cookies[settings.SESSION_COOKIE_NAME].value
        return self.sessions[user.pk]


def roles() -> tuple[Role, ...]:
    """Those that the platform knows."""
    return tuple(r for r in Role if r is not Role.AUDITOR or _auditor_group())


def built(fake: FakeCluster) -> World:
    """A new one."""
    ana = images.signer()
    ana.known("ci")
    platform = {
        Role.STRANGER: PersonFactory(username="stranger"),
        Role.APPROVER: approver(),
        Role.ADMIN: platform_admin(),
    }
    if _auditor_group():
        platform[Role.AUDITOR] = PersonFactory(claimed_groups=[_auditor_group()])
    fake.apply(_space(PEOPLE))
    open_cluster = ClusterFactory(name="pier")
    cordoned = ClusterFactory(
        name="iceberg", scheduling=Scheduling.CORDONED, scheduling_reason="ice"
    )
    sides = {
        Whose.OWN: _side(OWN, open_cluster, platform, ana, fake),
        Whose.FOREIGN: _side(FOREIGN, open_cluster, platform, ana, fake),
        Whose.FROZEN: _side(FROZEN, cordoned, platform, ana, fake),
    }
    # Where each has a level: pier is shared, the others are one team's alone.
    sides[Whose.OWN].things["shore"] = open_cluster
    sides[Whose.FROZEN].things["shore"] = cordoned
    sides[Whose.FOREIGN].things["shore"] = _shore(sides[Whose.FOREIGN].team, fake)
    of_the_platform = _of_the_platform(open_cluster, platform)
    for side in sides.values():
        side.things |= of_the_platform
    TenantNamespace.objects.filter(team=sides[Whose.FROZEN].team).update(paused=True)
    sides[Whose.FROZEN].namespace.refresh_from_db()
    found = World(sides, _nowhere(open_cluster, ana), platform, fake)
    for user in [*platform.values(), *(p for s in sides.values() for p in s.people.values())]:
        found.client(user)
    return found


def _side(
    word: str, cluster: Cluster, platform: dict[Role, User], ana: images.Signer, fake: FakeCluster
) -> Side:
    now, team = timezone.now(), TeamFactory(slug=word)
    side = Side(word, team, cluster, {role: make(team) for role, make in OF_TEAM.items()})
    namespace = NamespaceFactory(
        name=f"{word}-prod",
        team=team,
        cluster=cluster,
        begun_at=now,
        applied_at=now,
        ready_at=now,
        observed_generation=1,
        phase="Ready",
    )
    _fill(fake, side, namespace)
    colleague = owner_of(team)
    repository = f"harbor.corp.example/{word}/api"
    admin = platform[Role.ADMIN]
    with _uncordoned(cluster):
        request = _asked(team, colleague, f"{word}-new", cluster)
        draft = drafts.keep(
            by=side.people[Role.OWNER],
            kind="create",
            team=team,
            fields={"name": f"{word}-draft", "tier": "small", "cluster": cluster.name},
        )
    sightings.record(
        cluster=cluster,
        now=now,
        sightings=[images.sighting(namespace.name, name=f"{word}-pod")],
        scanned=[Scanned(namespace.name, now)],
    )
    side.things.update(
        namespace=namespace,
        request=request,
        draft=draft,
        exemption=images.asked(
            team, image=f"{word}.example/miner:1", reason=f"{word} asks", now=now
        ),
        artifact=pushes.push(
            team=team,
            by=side.people[Role.MEMBER],
            repository=repository,
            digest=images.DIGEST,
            envelope=images.envelope(ana, said=images.statement(repository)),
            now=now,
        ),
        envelope=images.envelope(ana, said=images.statement(repository)),
        repository=repository,
        violation=Violation.objects.get(namespace=namespace.name),
        scan=Scan.objects.get(namespace=namespace.name),
        policy=services.save_policy(_policy(f"{word}-rules", team), now=now),
        secret=secrets.add(
            team=team,
            by=side.people[Role.OWNER],
            name=f"{word}-key",
            kind="opaque",
            note=f"{word} needs it",
            given=Given({}, {"password": b"kept"}, None),
            now=now,
        ),
        event=_event(word),
        team_token=keeping.make(by=colleague, name=f"{word}-ci", days=7, team=team, now=now)[0],
        kubeconfig=_kubeconfig(side.people[Role.OWNER], cluster),
        roll_out=services.roll_out(
            team=team, mode="audit", by=admin, reason=f"{word} first", now=now
        ),
        turn=Turn.objects.create(
            namespace=namespace, generation=1, steps=[], message=f"{word} turned"
        ),
    )
    return side


def _shore(team: Team, fake: FakeCluster) -> Cluster:
    """A cluster where nobody but this team has a namespace."""
    cluster, name = ClusterFactory(name=REEF), f"{team.slug}-far"
    fake.apply(_space(name))
    NamespaceFactory(name=name, team=team, cluster=cluster, applied_at=timezone.now())
    return cluster


def _event(word: str) -> Event:
    """Something that was done in that team."""
    record("tried", actor=f"{word}-somebody", target=f"{word}-thing", team=word)
    return Event.objects.get(target=f"{word}-thing")


def _kubeconfig(user: User, cluster: Cluster) -> Kubeconfig:
    """One that they were given."""
    now, who = timezone.now(), user.get_username()
    account = Account.objects.create(
        user=user, username=who, cluster=cluster, name=f"account-of-{who}"
    )
    ends = now + timedelta(hours=1)
    return Kubeconfig.objects.create(account=account, issued_at=now, expires_at=ends)


def _of_the_platform(cluster: Cluster, platform: dict[Role, User]) -> dict[str, Any]:
    """What is no team's: one of each, the same for all."""
    now, admin = timezone.now(), platform[Role.ADMIN]
    rates = dict.fromkeys(("cpu_hour", "memory_gib_hour", "workflow", "shared_month"), Decimal(1))
    return {
        "tier": tier(),
        "signing_key": SigningKey.objects.get(),
        "stand_down": services.stand_down(
            cluster=cluster, until=now + timedelta(hours=1), by=admin, reason="it fails", now=now
        ),
        "user": admin,
        "api_token": tokens.issue(user=admin, name="laptop")[0],
        "attempt": AccessAttempt.objects.create(
            username="guessed", ip_address="192.0.2.1", failures_since_start=1
        ),
        "price": prices.put(Price(since=now.date().replace(day=1), **rates), today=now.date()),
        "room": rooms.save_room(cluster, cpu=Decimal(64), memory_gib=Decimal(256)),
        "delivery": Delivery.objects.create(cluster=cluster),
        "agent_token": agents.issue(cluster)[0],
    }


def _policy(name: str, team: Team) -> ImagePolicy:
    deny = {"deny": [{"registry": f"{name}.example"}]}
    return ImagePolicy(name=name, scope="team", team=team, settings=deny)


def _asked(team: Team, by: User, name: str, cluster: Cluster) -> Request:
    wish = {"name": name, "tier": "small", "cluster": cluster.name}
    return requests.file(kind="create", team=team, by=by, fields=wish, reason=f"{name}, please")


@contextmanager
def _uncordoned(cluster: Cluster) -> Iterator[None]:
    """Nothing is asked of a cluster that is cordoned: it was asked before."""
    was, cluster.scheduling = cluster.scheduling, Scheduling.OPEN
    cluster.save()
    yield
    cluster.scheduling = was
    cluster.save()


def _fill(fake: FakeCluster, side: Side, namespace: TenantNamespace) -> None:
    """What is in its namespace: a workflow that waits and a schedule, and both in the index."""
    fake.apply(_space(namespace.name))
    run = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": side.workflow, "namespace": namespace.name},
        "spec": STEPS,
    }
    nightly = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "CronWorkflow",
        "metadata": {"name": side.cron, "namespace": namespace.name},
        "spec": {"schedules": ["0 3 * * *"], "workflowSpec": STEPS},
    }
    for kind, manifest in ((WORKFLOW, run), (CRON, nightly)):
        fake.apply(manifest)
        kept = fake.objects[ref_of(manifest)].manifest
        if kind is WORKFLOW:
            kept["status"] = {"phase": "Running", "nodes": {side.workflow: _node(side.workflow)}}
        entry = kind.entry(kept)
        assert entry is not None
        index.put(namespace.cluster, kind, [entry], now=timezone.now())


def _space(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _node(name: str) -> dict[str, Any]:
    """The one step of a workflow."""
    return {"id": name, "name": name, "displayName": name, "type": "Pod", "phase": "Running"}


def _nowhere(cluster: Cluster, ana: images.Signer) -> Side:
    """One of everything that is not there, as long as what is the foreign team's."""
    thing = SimpleNamespace(pk=NOWHERE, id=NOWHERE, name=f"{NOBODYS}-prod", same="0" * 32)
    team = SimpleNamespace(pk=NOWHERE, slug=NOBODYS, name=NOBODYS.title())
    names = (
        "namespace request draft exemption artifact violation scan policy roll_out turn tier "
        "secret event signing_key stand_down user api_token attempt price room delivery agent_token"
    )
    things: dict[str, Any] = dict.fromkeys(names.split(), thing)
    things |= {
        "team_token": thing,
        "kubeconfig": SimpleNamespace(pk=UUID(int=0)),
        "shore": SimpleNamespace(name=DEEP),
    }
    repository = f"harbor.corp.example/{NOBODYS}/api"
    signed = images.envelope(ana, said=images.statement(repository))
    return Side(NOBODYS, team, cluster, {}, things | {"repository": repository, "envelope": signed})


def _auditor_group() -> str:
    return str(getattr(settings, "AUDITOR_GROUP", ""))


def soon() -> str:
    """A moment of next week, as forms write it."""
    return (timezone.now() + timedelta(days=7)).isoformat()
