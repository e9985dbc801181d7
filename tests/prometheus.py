"""A real Prometheus by our own configuration, only faster, and controllers that behave in every way.

Used by tests and by `benches/metrics.py`: one stub plays the API servers of all clusters, by plain HTTP.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from controlplane.metrics import alerts, files, recording, scraping
from controlplane.metrics.engine import Engine, Found
from controlplane.metrics.targets import PROXIED, Target, through_the_api_server
from controlplane.processes.metrics import Keeper
from localcluster.build import metrics_programs

TEXT = "text/plain; version=0.0.4; charset=utf-8"
WITHIN = 30.0
LOOK_EVERY = 0.1
DISCOVERY = "/targets/"
CONTROLLER = re.compile(f"/api/v1/namespaces/([a-z0-9-]+)-argo/services/{PROXIED}/proxy/metrics")

Answering = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Controllers:
    """What each controller answers, by namespace; and what http_sd lists, by cluster."""

    answers: dict[str, Answering] = field(default_factory=dict)
    targets: dict[str, list[Target]] = field(default_factory=dict)
    url: str = ""
    alone: bool = False  # what is asked for without a name is the one that there is

    def add(self, cluster: str, team: str, namespace: str, answer: Answering) -> Target:
        """One controller more."""
        target = Target(cluster, team, namespace)
        self.answers[namespace] = answer
        self.targets.setdefault(cluster, []).append(target)
        return target

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Whatever was asked."""
        path = request.path
        if self.alone and path == "/metrics":  # by way of a real API server
            next(iter(self.answers.values()))(request)
            return
        if path.startswith(DISCOVERY):
            found = self.targets.get(path.removeprefix(DISCOVERY), [])
            body = json.dumps(through_the_api_server(found, self.url)).encode()
            said(body, "application/json")(request)
            return
        found = CONTROLLER.fullmatch(path)
        answer = self.answers.get(found[1]) if found else None
        if answer is None:
            request.send_error(503)
        else:
            answer(request)


@contextmanager
def controllers(host: str = "127.0.0.1") -> Iterator[Controllers]:
    """A server for them."""
    story = Controllers()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            story.answer(self)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 256

        def handle_error(self, *_: object) -> None:
            """Whoever asks may go away in the middle: that is what is tested."""

    with Server((host, 0), Handler) as server:
        story.url = f"http://{host}:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield story
        finally:
            server.shutdown()
            thread.join()


def said(body: bytes, content_type: str = TEXT) -> Answering:
    """A whole answer."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", content_type)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    return answer


def without_end(pause: float, piece: bytes = b"# more\n") -> Answering:
    """An answer that goes on and on: slowly, or (with no pause) as fast as it is taken."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", TEXT)
        request.send_header("Connection", "close")
        request.end_headers()
        request.close_connection = True
        waiting = threading.Event()
        while True:
            request.wfile.write(piece)
            request.wfile.flush()
            waiting.wait(pause)

    return answer


def controller(**gauges: int) -> Answering:
    """A controller of Argo 4.1 with workflows in these phases; its counters grow."""
    began = time.monotonic()

    def answer(request: BaseHTTPRequestHandler) -> None:
        said(exposition(gauges, time.monotonic() - began).encode())(request)

    return answer


def exposition(gauges: dict[str, int], seconds: float) -> str:
    """The text of a controller that has been up for so long."""
    grown = int(seconds * 10)
    lines = [f'argo_workflows_gauge{{phase="{phase}"}} {n}' for phase, n in gauges.items()]
    lines += [
        f'argo_workflows_total_count{{phase="Succeeded",namespace="own"}} {grown * 3}',
        f'argo_workflows_total_count{{phase="Failed",namespace="own"}} {grown}',
        'argo_workflows_pods_gauge{phase="Running"} 3',
        f'argo_workflows_pod_pending_count{{reason="Unschedulable",namespace="own"}} {grown}',
        f'argo_workflows_pod_pending_count{{reason="A word of its own",namespace="own"}} {grown}',
        f'argo_workflows_error_count{{cause="OperationPanic"}} {grown}',
        'argo_workflows_queue_depth_gauge{queue_name="workflow_queue"} 7',
        f'argo_workflows_k8s_request_total{{kind="pods",verb="Get",status_code="500"}} {grown}',
        f'argo_workflows_k8s_request_total{{kind="secrets",verb="Get",status_code="429"}} {grown}',
        f'argo_workflows_k8s_request_total{{kind="pods",verb="Get",status_code="200"}} {grown * 50}',
        'argo_workflows_version{version="v4.1.2",platform="linux/amd64",git_tag="v4.1.2"} 1',
        'argo_workflows_workflowtemplate_runtime_count{name="secret-project",namespace="own"} 1',
        "go_goroutines 80",
    ]
    for bound, share in (("1", 0.5), ("5", 0.9), ("20", 1.0), ("+Inf", 1.0)):
        count = int(grown * share)
        lines.append(
            f'argo_workflows_queue_latency_bucket{{queue_name="workflow_queue",le="{bound}"}} {count}'
        )
    return "\n".join(lines) + "\n"


@dataclass
class Running:
    """An engine that runs, and where its files are."""

    engine: Engine
    keeper: Keeper
    folder: Path

    def until(self, expression: str, *, within: float = WITHIN) -> Found:
        """Ask until there is something. Raises TimeoutError."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            found = self.engine.instant(expression, at=datetime.now(UTC))
            if isinstance(found, tuple) and found:
                return found
            time.sleep(LOOK_EVERY)
        raise TimeoutError(f"nothing came of {expression}; the last answer was {found}")


@contextmanager
def prometheus(
    folder: Path,
    clusters: list[str],
    story: Controllers,
    *,
    programs: Path | None = None,
    every: str = "1s",
    options: tuple[str, ...] = (),
) -> Iterator[Running]:
    """An engine that scrapes these clusters by our own configuration, every so often."""
    keeper = Keeper(programs or metrics_programs(), folder, story.url)
    members = [_member(folder, name, story) for name in clusters]
    (folder / "own.token").write_text("own", encoding="utf-8")
    address = f"127.0.0.1:{keeper._port()}"
    own = scraping.Self(urlsplit(story.url).netloc, folder / "own.token", address)
    config = scraping.embedded(members, own, rules=[files.RULES, files.ALERTS])
    with started(keeper, hurried(config, every), every=every, options=options) as running:
        yield running


@contextmanager
def agent(folder: Path, cluster: str, story: Controllers, *, write: str) -> Iterator[Running]:
    """An engine in a cluster, by what an agent is given, which sends to a receiver."""
    keeper = Keeper(metrics_programs(), folder, story.url)
    for file in ("discovery", "write"):
        (folder / file).write_text(f"{file} of {cluster}", encoding="utf-8")
    made = files.of_an_agent(
        cluster, discovery=f"{story.url}{DISCOVERY}{cluster}", write=write, folder=str(folder)
    )
    with started(keeper, hurried(yaml.safe_load(made[files.CONFIG]), "1s"), every="1s") as running:
        yield running


@contextmanager
def started(
    keeper: Keeper, config: dict[str, Any], *, every: str, options: tuple[str, ...] = ()
) -> Iterator[Running]:
    """An engine by this configuration, from when it is ready until the end of the block."""
    folder, port = keeper.folder, keeper._port()
    _write(folder / files.CONFIG, config)
    _write(folder / files.RULES, hurried_rules(recording.rule_file(), every))
    _write(folder / files.ALERTS, hurried_rules(alerts.alert_file(), every))
    keeper._check(folder / files.CONFIG)
    keeper.daemon.start([*keeper.command(port), *options])
    engine = Engine(f"http://127.0.0.1:{port}")
    try:
        deadline = time.monotonic() + WITHIN
        while (why := engine.ready()) and time.monotonic() < deadline:
            time.sleep(LOOK_EVERY)
        if why is not None:
            raise TimeoutError(
                f"{why.why}\n{keeper.daemon.log.read_text(encoding='utf-8')[-2000:]}"
            )
        yield Running(engine, keeper, folder)
    finally:
        engine.close()
        keeper.daemon.stop()


def hurried(config: dict[str, Any], every: str) -> dict[str, Any]:
    """The same by plain HTTP, and faster."""
    for job in config["scrape_configs"]:
        job["scheme"] = "http"
        job.pop("tls_config", None)
        for discovery in job.get("http_sd_configs", ()):
            discovery["refresh_interval"] = "1s"
    clock = {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every}
    return {**config, "global": {**config["global"], **clock}}


def hurried_rules(rules: dict[str, Any], every: str) -> dict[str, Any]:
    """The same rules, more often."""
    return {"groups": [{**group, "interval": every} for group in rules["groups"]]}


def _member(folder: Path, name: str, story: Controllers) -> scraping.Member:
    place = folder / "clusters" / name
    place.mkdir(parents=True, exist_ok=True)
    for file in ("token", "discovery"):
        (place / file).write_text(f"{file} of {name}", encoding="utf-8")
    return scraping.Member(name, f"{story.url}{DISCOVERY}{name}", place)


def _write(file: Path, document: dict[str, Any]) -> None:
    file.write_text(files.as_yaml(document), encoding="utf-8")
