"""The processes of production, each by itself, on PostgreSQL, Redis and a real API server."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import redis
import yaml

from controlplane.kube.gateway import KubeGateway
from controlplane.objects import Ref
from localcluster.clusters import RunningCluster
from tests.production import stores
from tests.production.platform import Platform, running

pytestmark = [pytest.mark.production, pytest.mark.cluster]

PREFIX = "prod-"
SETUP = """
from pathlib import Path
from controlplane.clusters import services as clusters
from controlplane.identity import accounts, tokens
from tenants.models import Team
text = Path({kubeconfig!r}).read_text()
clusters.register(name="local", kubeconfig_text=text, simulated=True)
Team.objects.create(slug="payments", name="Payments", owner_group="payments-owners",
                    namespace_limit=50, cpu_budget=500, memory_budget_gib=2000)
for name, group in (("owner", "payments-owners"), ("approver", "argosy-approvers"), ("stranger", "none")):
    person = accounts.make_local(
        username=name, password="correct horse battery", claimed_groups=[group]
    )
    print(tokens.issue(user=person, name="test")[1])
"""
OVERLAPS = """
from itertools import combinations
from provisioning.models import Turn
turns = list(Turn.objects.exclude(ended_at=None).order_by("pk"))
print(len(turns), [
    (a.namespace.name, a.pk, b.pk) for a, b in combinations(turns, 2)
    if a.namespace_id == b.namespace_id and a.started_at < b.ended_at and b.started_at < a.ended_at
])
"""
HELD = """
from provisioning import tasks
for pk in range(100_000, 100_040):
    tasks.reconcile_namespace.apply_async((pk,), countdown=20)
"""
SEEN = """
from controlplane.index.models import Workflow
print(Workflow.objects.filter(namespace__name={name!r}).count())
"""


class People:
    """Tokens of somebody of the team, of who decides, and of somebody else."""

    def __init__(self, tokens: list[str]) -> None:
        self.owner, self.approver, self.stranger = tokens


@pytest.fixture(scope="module")
def kube(local_cluster: RunningCluster) -> KubeGateway:
    return KubeGateway.from_kubeconfig(yaml.safe_load(local_cluster.kubeconfig.read_text()))


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory, kube: KubeGateway) -> Iterator[Platform]:
    folder = tmp_path_factory.mktemp("platform")
    with stores.postgresql() as database, stores.redis() as broker:
        with running(folder, database, broker) as platform:
            yield platform
        # Not before it has ended: it would put them back.
        for made in kube.list("v1", "Namespace", labels="argosy.dev/managed=true"):
            if made["metadata"]["name"].startswith(PREFIX):
                kube.delete(Ref("v1", "Namespace", "", made["metadata"]["name"]))


@pytest.fixture(scope="module")
def people(platform: Platform, platform_kubeconfig: Path) -> People:
    said = platform.django(SETUP.format(kubeconfig=str(platform_kubeconfig)))
    return People(said.splitlines()[-3:])


@pytest.fixture
def approved(platform: Platform, people: People) -> Callable[[], dict[str, Any]]:
    """Has a team ask for a namespace and somebody approve it; gives the namespace."""

    def ask() -> dict[str, Any]:
        name = f"{PREFIX}{uuid.uuid4().hex[:8]}"
        asked = {"name": name, "tier": "small", "cluster": "local"}
        wish = {"kind": "create", "team": "payments", "asked": asked, "reason": ""}
        number = platform.call("POST", "requests/", people.owner, wish)["id"]
        plan = platform.call("GET", f"requests/{number}/plan/", people.approver)
        decision = {"plan_hash": plan["plan_hash"], "note": ""}
        platform.call("POST", f"requests/{number}/approve/", people.approver, decision)
        return named(platform, people, name)

    return ask


def named(platform: Platform, people: People, name: str) -> dict[str, Any]:
    found = platform.call("GET", f"namespaces/?name={name}", people.owner)["results"]
    (namespace,) = [one for one in found if one["name"] == name]
    return dict(namespace)


def ready(platform: Platform, people: People, name: str) -> bool:
    return bool(named(platform, people, name)["phase"] == "Ready")


def test_a_request_becomes_a_ready_namespace_and_another_team_sees_none(
    platform: Platform, people: People, approved: Callable[[], dict[str, Any]]
) -> None:
    namespace = approved()

    platform.until(lambda: ready(platform, people, namespace["name"]))

    path = f"{platform.url}/api/v1/namespaces/{namespace['id']}/"
    stranger = {"Authorization": f"Bearer {people.stranger}"}
    assert httpx.get(path, headers=stranger, trust_env=False).status_code == 404
    assert httpx.get(f"{platform.url}/readyz", trust_env=False).text == "ok"


def test_two_workers_never_take_a_turn_for_the_same_namespace_at_once(
    platform: Platform, people: People, approved: Callable[[], dict[str, Any]]
) -> None:
    names = [approved()["name"] for _ in range(6)]

    platform.until(lambda: all(ready(platform, people, name) for name in names))

    turns, overlapping = platform.django(OVERLAPS).split(" ", 1)
    assert int(turns) >= len(names)
    assert overlapping == "[]"


def test_what_two_watches_see_is_one_row(
    platform: Platform, people: People, approved: Callable[[], dict[str, Any]], kube: KubeGateway
) -> None:
    name = approved()["name"]
    platform.until(lambda: ready(platform, people, name))

    kube.create(
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Workflow",
            "metadata": {"name": "hello", "namespace": name},
            "spec": {"entrypoint": "main", "templates": [{"name": "main", "suspend": {}}]},
        }
    )

    platform.until(lambda: platform.django(SEEN.format(name=name)) == "1")


def test_a_broker_that_was_away_and_comes_back_empty_costs_no_wish(
    platform: Platform, people: People, approved: Callable[[], dict[str, Any]]
) -> None:
    web, *others = platform.processes
    needing = [p for p in others if not p.name.startswith("watch")]
    platform.django(HELD)  # a worker that holds messages has more to lose than one that waits
    holding = redis.Redis(port=platform.broker.port)
    platform.until(lambda: bool(holding.hlen("unacked")))
    platform.broker.stop()
    try:
        platform.until(lambda: all(p.asked(p.ready)[0] == 503 for p in needing))
        assert all("The broker does not answer." in p.asked(p.ready)[1] for p in needing)
        assert all(p.is_alive for p in platform.processes)
        assert web.is_ready

        began = time.monotonic()
        name = approved()["name"]
        assert time.monotonic() - began < 20, "people are not held by a broker that is away"
        assert not ready(platform, people, name)
    finally:
        platform.broker.start()

    platform.until(lambda: all(p.is_ready for p in platform.processes))
    platform.until(lambda: ready(platform, people, name))


def test_a_database_that_is_started_again_is_worked_with_again(
    platform: Platform, people: People, approved: Callable[[], dict[str, Any]]
) -> None:
    platform.database.stop()
    try:
        platform.until(lambda: all(p.asked(p.ready)[0] == 503 for p in platform.processes))
        assert all(p.is_alive for p in platform.processes)
    finally:
        platform.database.start()

    platform.until(lambda: all(p.is_ready for p in platform.processes))
    name = approved()["name"]
    platform.until(lambda: ready(platform, people, name))


def test_who_is_told_to_end_answers_who_has_asked_and_ends_well(
    platform: Platform, people: People
) -> None:
    web = platform.processes[0]
    answers: list[int] = []

    def ask() -> None:
        answer = httpx.get(
            f"{platform.url}/api/v1/namespaces/",
            headers={"Authorization": f"Bearer {people.owner}"},
            timeout=30,
            trust_env=False,
        )
        answers.append(answer.status_code)

    with psycopg.connect(platform.database.url) as holder:
        # Whoever asks waits for us, as for a slow query; of the processes the web alone reads tokens.
        holder.execute("lock table identity_apitoken in access exclusive mode")
        asking = threading.Thread(target=ask)
        asking.start()
        platform.until(lambda: waiting(platform.database.url) > 0)
        for process in platform.processes:
            process.popen.terminate()
        holder.execute("select pg_sleep(0.5)")
        assert web.popen.poll() is None, "it does not leave who has asked"
    asking.join(30)

    assert answers == [200]
    assert [p.popen.wait(60) for p in platform.processes] == [0] * len(platform.processes)


def waiting(url: str) -> int:
    """How many of the platform's queries wait for a lock."""
    with psycopg.connect(url) as db:
        found = db.execute("select count(*) from pg_locks where not granted").fetchone()
    return int(found[0]) if found else 0


@pytest.mark.parametrize("kind", ["web", "worker", "beat", "watch"])
def test_a_process_without_its_tables_ends_with_a_sentence(tmp_path: Path, kind: str) -> None:
    with stores.postgresql() as database:
        platform = Platform(tmp_path, database, stores.Redis(tmp_path))

        done = platform.argosy(kind)

        assert done.returncode == 1
        assert "run `argosy migrate` first" in done.stderr
        assert "Traceback" not in done.stderr
