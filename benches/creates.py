"""What a rule on images costs each pod that is made, with 500 teams' policies loaded: `make bench`.

Pods really made on an API server of its own, by 1, 25 and 200 at a time, under: no policy; the
smallest webhook there could be, in Go, which allows everything; the policies inside the API server
alone; all of it as shipped, for a team that asks for no signatures and for one that does. Webhooks are
called at an address that is not this machine's loopback: there an API server speaks HTTP/1.1, as it
does to a Service. CPU is that of API server, etcd and webhook. Every round goes through all of them,
and what each adds is held against the rounds' own creates without a policy, before and after it.
Prints JSON and keeps it.
"""

import base64
import os
import platform
import shutil
import socket
import ssl
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvloop
import yaml

from benches import creators, fleet, noop, reviews
from benches.kept import keep
from benches.noop import Noop
from benches.paired import interval, spread
from controlplane.admission import certificates
from controlplane.clusters import base_release
from controlplane.kube.errors import KubeError
from controlplane.kube.gateway import KubeGateway
from controlplane.policies import delivery
from controlplane.policies.compile import probes
from controlplane.policies.compile.cluster import Held, held
from controlplane.policies.compile.shapes import TEAM_LABEL
from controlplane.policies.engines.api_server import ApiServer, connected
from localcluster import clusters, etcd
from localcluster.clusters import RunningCluster
from localcluster.home import Home
from localcluster.processes import Daemon
from tests.processes import cpu_seconds
from tests.webhook import Process, within

CLUSTER = "bench"
PLAIN, SIGNED = 250, 9  # teams; of the fleet's every tenth asks for signatures
COUNTS = {1: 300, 25: 800, 200: 1200}  # creates at this width
WARM = 5  # a fifth as many before them, that are not counted
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "6"))
SCALE = float(os.environ.get("BENCH_SCALE", "1"))  # of the counts
SECONDS = float(os.environ.get("BENCH_SECONDS", "300"))  # no round begins that would end later
ACTS_WITHIN = 60.0
TRIES = 3
NONE, NOOP, POLICIES = "none", "minimal Go webhook", "policies alone"
UNSIGNED, WITH_SIGNATURES = "as shipped, no signatures", "as shipped, with signatures"
EMPTY = Held(policies=(), configuration=None, revision="", probes=())

Manifest = dict[str, Any]


@dataclass(frozen=True)
class One:
    """What one lot of creates came to."""

    seconds: float
    took: list[float]
    failed: int
    cpu_ms: dict[str, float]  # of one create, by process

    @property
    def all_ms(self) -> float:
        return sum(self.cpu_ms.values())


Round = dict[int, One]  # by width


@dataclass
class Bench:
    """The cluster under test, and who is asked."""

    api: ApiServer
    kube: KubeGateway
    home: Home
    running: RunningCluster
    context: ssl.SSLContext
    pids: dict[str, int]
    noop: Noop
    webhook: Process
    rounds: dict[str, list[Round]] = field(default_factory=dict)

    def measure(self, name: str, team: int = PLAIN, *, webhook: int = 0) -> None:
        """Make the pods of this team, at each width; keep what it cost under this name."""
        found = {width: self._made(team, width, webhook) for width in COUNTS}
        self.rounds.setdefault(name, []).append(found)

    def _made(self, team: int, width: int, webhook: int) -> One:
        pids = {**self.pids, **({"webhook": webhook} if webhook else {})}
        target = creators.Target(self.running.server, self.context, name_of(team))
        count = max(width, int(COUNTS[width] * SCALE))

        def make(many: int) -> creators.Made:
            return uvloop.run(creators.create(target, pod(team), count=many, width=width))

        make(max(width, count // WARM))
        before = {name: cpu_seconds(pid) for name, pid in pids.items()}
        begun = time.perf_counter()
        made = make(count)
        seconds = time.perf_counter() - begun
        spent = {name: (cpu_seconds(pid) - before[name]) * 1000 for name, pid in pids.items()}
        # Straight in the store: no pod's end is among the figures.
        etcd.forget(self.home, f"/{CLUSTER}/pods/{target.namespace}")
        each = {name: ms / count for name, ms in spent.items()}
        for sentence in made.failed[:1]:
            print(f"{len(made.failed)} of {count} failed: {sentence[:300]}", file=sys.stderr)
        return One(seconds, made.took, len(made.failed), each)

    def tried(self, team: int, image: str) -> str:
        """What the API server says against it; nothing if it would take it."""
        path = f"/api/v1/namespaces/{name_of(team)}/pods"
        said = self.api.call("POST", path, pod(team, image), dry_run=True)
        return "" if said.taken else said.message


def main() -> None:
    begun = time.monotonic()
    home = Home(Path(tempfile.mkdtemp(prefix="argosy-bench-")))
    try:
        with prepared(home) as bench:
            took = [time.monotonic() - begun]
            bench.measure(NONE)
            while len(took) <= ROUNDS and time.monotonic() - begun + max(took) < SECONDS:
                took.append(one_round(bench))
            figures = figures_of(bench)
    finally:
        clusters.down_all(home=home)
        shutil.rmtree(home.path, ignore_errors=True)
    keep("creates", {**figures, "seconds": round(time.monotonic() - begun)})


def one_round(bench: Bench) -> float:
    """Everything once, and no policy again at the end. Gives how long it took."""
    begun = time.monotonic()
    with_noop(bench)
    with_policies(bench, client=None)
    bench.measure(POLICIES)
    with_policies(bench, client=called(bench.webhook))
    before = asked(bench.webhook)
    bench.measure(UNSIGNED, webhook=bench.webhook.popen.pid)
    assert asked(bench.webhook) == before, "an image that nobody had to ask about was asked about"
    bench.measure(WITH_SIGNATURES, SIGNED, webhook=bench.webhook.popen.pid)
    assert asked(bench.webhook) > before, "nobody asked the webhook"
    brought(bench, EMPTY)
    within(ACTS_WITHIN, lambda: not bench.tried(PLAIN, "evil.test/x:1"))
    bench.measure(NONE)
    return time.monotonic() - begun


def with_noop(bench: Bench) -> None:
    """Every pod of the team is asked about, and allowed."""
    bench.kube.apply(bench.noop.configuration(selecting(PLAIN)))
    before = bench.noop.calls()
    within(ACTS_WITHIN, lambda: not bench.tried(PLAIN, "any/x:1") and bench.noop.calls() > before)
    bench.measure(NOOP, webhook=bench.noop.pid)
    bench.kube.delete(noop.CONFIGURATION)

    def quiet() -> bool:
        before = bench.noop.calls()
        return not bench.tried(PLAIN, "any/x:1") and bench.noop.calls() == before

    within(ACTS_WITHIN, quiet)


def with_policies(bench: Bench, *, client: Manifest | None) -> None:
    """The policies of 500 teams, brought as the platform brings them, and seen to act."""
    bundle = fleet.bundle()
    brought(bench, held(bundle.documents, bundle.namespaces, client=client))
    assert "not-allowed" in bench.tried(PLAIN, f"evil.test/x@{reviews.DIGEST}")
    for team in (PLAIN, SIGNED) if client else (PLAIN,):
        assert not bench.tried(team, image(team)), bench.tried(team, image(team))
    if client:  # a digest that nobody signed
        assert "unknown-digest" in bench.tried(SIGNED, reviews.image(SIGNED))


def brought(bench: Bench, wanted: Held) -> None:
    """As the platform does: what a busy API server did not take in time it is told again."""
    for left in reversed(range(TRIES)):
        try:
            delivery.deliver(bench.kube, wanted)
        except KubeError:
            if not left:
                raise
        else:
            return


def figures_of(bench: Bench) -> dict[str, Any]:
    return {
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "teams": fleet.TEAMS,
        "bytes of a pod": len(creators.Target("", bench.context, "").request(pod(PLAIN))),
        "rounds": len(bench.rounds[NOOP]),
        "goals": {
            f"{UNSIGNED}, added ms": 0.3,
            f"{WITH_SIGNATURES}, added ms": f"no more than {NOOP}",
            "own process ms a pod": 0.35,
        },
        **{name: summary(rounds, bench.rounds[NONE]) for name, rounds in bench.rounds.items()},
    }


def summary(rounds: list[Round], without: list[Round]) -> dict[str, Any]:
    said: dict[str, Any] = {
        f"{width} at a time": at_width([each[width] for each in rounds]) for width in COUNTS
    }
    if rounds is without:
        return said
    for width in COUNTS:
        added = list(added_ms(rounds, without, width))
        said[f"{width} at a time"]["added CPU ms"] = interval(added)
    everywhere = [one for width in COUNTS for one in added_ms(rounds, without, width)]
    return {"added CPU ms": interval(everywhere), **said}


def added_ms(rounds: list[Round], without: list[Round], width: int) -> Iterator[float]:
    """Of each round, against the creates without a policy just before it and just after it."""
    for number, each in enumerate(rounds):
        beside = (without[number][width].all_ms + without[number + 1][width].all_ms) / 2
        yield each[width].all_ms - beside


def at_width(lots: list[One]) -> dict[str, Any]:
    took = [seconds for one in lots for seconds in one.took]
    if len(took) < 2:
        raise SystemExit("No pod could be made: nothing was measured.")
    cuts = statistics.quantiles(took, n=100)
    return {
        "creates a second": spread([len(one.took) / one.seconds for one in lots]),
        "p50 ms": round(cuts[49] * 1000, 1),
        "p99 ms": round(cuts[98] * 1000, 1),
        "failed": sum(one.failed for one in lots),
        "CPU ms": {
            **{name: spread([one.cpu_ms[name] for one in lots]) for name in lots[0].cpu_ms},
            "all": spread([one.all_ms for one in lots]),
        },
    }


@contextmanager
def prepared(home: Home) -> Iterator[Bench]:
    """An API server with two teams' namespaces and nothing beside it that spends, and both webhooks."""
    # 500 teams' policies and thousands of pods: with a small aim its collector would be measured.
    os.environ["ARGOSY_API_SERVER_MEMORY"] = "6GiB"
    crds = base_release.crds()
    running = clusters.up(CLUSTER, node="simulated", home=home, durable=False, crds=crds)
    config = yaml.safe_load(running.kubeconfig.read_text(encoding="utf-8"))
    with ExitStack() as stack:
        api = stack.enter_context(connected(running.kubeconfig))
        for team in (PLAIN, SIGNED):
            labels = {TEAM_LABEL: name_of(team), "argosy.dev/managed": "true"}
            make_namespace(api, {"metadata": {"name": name_of(team), "labels": labels}})
        make_namespace(api, probes.namespace())
        folder = home.cluster(CLUSTER)
        for name in ("kwok", "kube-scheduler", "kube-controller-manager"):
            Daemon(folder, name).stop()
        folders = fleet.fleet(home.path / "webhook")
        here = address()
        webhook = stack.enter_context(Process(folders, host=here, names=(here,)))
        yield Bench(
            api=api,
            kube=KubeGateway.from_kubeconfig(config),
            home=home,
            running=running,
            context=as_admin(folder / "pki"),
            pids={
                "API server": pid_of(Daemon(folder, "kube-apiserver")),
                "etcd": pid_of(etcd.daemon(home)),
            },
            noop=stack.enter_context(noop.started(webhook, home.path / "noop")),
            webhook=webhook,
        )


def make_namespace(api: ApiServer, namespace: Manifest) -> None:
    """One in which pods can be made: its account comes from a controller that is stopped later."""
    api.call("POST", "/api/v1/namespaces", namespace)
    account = f"/api/v1/namespaces/{namespace['metadata']['name']}/serviceaccounts/default"
    within(ACTS_WITHIN, lambda: api.call("GET", account).taken)


def name_of(team: int) -> str:
    return f"team-{team:03}"


def selecting(team: int) -> Manifest:
    return {"matchLabels": {TEAM_LABEL: name_of(team)}}


def image(team: int) -> str:
    """One that the team may run; of the team with signatures, one that was signed."""
    signed = fleet.verified(team).digest if team == SIGNED else reviews.DIGEST
    return reviews.image(team, digest=signed)


def pod(team: int, of: str = "") -> Manifest:
    """Three containers, 3.7 KB: as large as Argo's."""
    containers = [reviews.container(of or image(team), name) for name in ("main", "wait", "beside")]
    for each in containers:
        each["env"] += [{"name": f"ARGO_{i}", "value": f"what step {i} is told"} for i in range(9)]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"generateName": "step-", "labels": {"app": "step"}},
        "spec": {
            "automountServiceAccountToken": False,
            "containers": containers,
            "volumes": [{"name": "token", "emptyDir": {}}],
        },
    }


def called(webhook: Process) -> Manifest:
    """Where the API server finds it, and whom it believes there."""
    authority = (webhook.folders.certificates / certificates.BUNDLE_FILE).read_bytes()
    return {
        "url": f"https://{webhook.host}:{webhook.port}/review",
        "caBundle": base64.b64encode(authority).decode(),
    }


def asked(webhook: Process) -> int:
    """How many reviews it has answered."""
    lines = webhook.get("/metrics")[2].decode().splitlines()
    return sum(int(line.split()[-1]) for line in lines if "_reviews_total{" in line)


def address() -> str:
    """One of this machine's own, that is not its loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        # Nothing is sent: the kernel says from where it would be.
        asking.connect(("192.0.2.1", 9))
        found = str(asking.getsockname()[0])
    if found.startswith("127."):
        raise SystemExit("This bench needs an address of the machine that is not its loopback.")
    return found


def as_admin(pki: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=pki / "ca.crt")
    context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
    return context


def pid_of(daemon: Daemon) -> int:
    running = daemon.running()
    assert running is not None
    return running.pid


if __name__ == "__main__":
    main()
