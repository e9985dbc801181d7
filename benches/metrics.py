"""What the embedded engine costs: `make bench`.

A real Prometheus by our own configuration scrapes 1,000 controllers of 300 series each, every 15 s, on ten
clusters: its CPU and memory while it does, how many series it keeps and records, and how long each named
query takes, for one team (10 namespaces) and for who sees everything (the fleet, and a cluster of 100).
Prints JSON and keeps it.
"""

import multiprocessing
import os
import platform
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benches.kept import keep

if __name__ == "__main__":
    os.environ |= {
        "ARGOSY_HOME": tempfile.mkdtemp(prefix="argosy-bench-"),
        "DJANGO_SETTINGS_MODULE": "controlplane.settings",
        "ARGOSY_LOG_LEVEL": "ERROR",
    }
    import django

    django.setup()

from controlplane.metrics import queries
from controlplane.metrics.identity import BUDGET, INTERVAL
from controlplane.metrics.queries import CATALOGUE, Scope
from controlplane.metrics.recording import OF_CONTROLLERS, RECORDED
from tests.processes import cpu_seconds
from tests.prometheus import Controllers, Running, controllers, exposition, prometheus, said

ENDPOINTS = int(os.environ.get("BENCH_ENDPOINTS", "1000"))
SERIES = 300
CLUSTERS, TEAMS = 10, 100
SECONDS = int(os.environ.get("BENCH_SECONDS", "120"))
CALLS = 15
PROMISED_MS = 100
SAMPLES = f"scrape_samples_post_metric_relabeling{OF_CONTROLLERS}"
RANGES = ("", "1h", "24h")


def main() -> None:
    """All of it."""
    folder = Path(tempfile.mkdtemp(prefix="argosy-bench-engine-"))
    with _elsewhere() as story:
        clusters = [f"cluster-{number}" for number in range(CLUSTERS)]
        with prometheus(folder, clusters, story, every=f"{INTERVAL}s") as there:
            there.until(f"count(namespace:workflows:sum) >= {ENDPOINTS * 5}", within=180)
            figures = {
                "machine": _machine(),
                **_scraping(there),
                "queries": _queries(there, clusters),
            }
    slow = {name: ms for name, ms in figures["queries"].items() if ms["p95_ms"] > PROMISED_MS}
    keep("metrics", {**figures, "over_the_promise": slow})


@contextmanager
def _elsewhere() -> Iterator[Controllers]:
    """The controllers in a process of their own: who asks must not wait for who answers."""
    told, tells = multiprocessing.Pipe(duplex=False)
    serving = multiprocessing.get_context("fork").Process(target=_serve, args=(tells,), daemon=True)
    serving.start()
    try:
        yield Controllers(url=told.recv())
    finally:
        serving.terminate()
        serving.join()


def _serve(tells: Connection) -> None:
    with controllers() as story:
        _filled(story)
        tells.send(story.url)
        threading.Event().wait()


def _filled(story: Controllers) -> None:
    """The controllers: ten teams a cluster, ten namespaces a team."""
    began = time.monotonic()
    for number in range(ENDPOINTS):
        team = number % TEAMS
        cluster = f"cluster-{team % CLUSTERS}"

        def answer(request: Any, number: int = number) -> None:
            text = exposition({"Running": number % 7, "Failed": 1, "Pending": 2, "Succeeded": 40,
                               "Error": 0}, time.monotonic() - began)  # fmt: skip
            said("\n".join(_padded(text)).encode() + b"\n")(request)

        story.add(cluster, f"team-{team:03}", f"ns-{number:04}", answer)


def _padded(text: str) -> Iterator[str]:
    """As many series as a busy controller has: most are of Argo's other families, and are not kept."""
    lines = text.splitlines()
    yield from lines
    for number in range(SERIES - len(lines)):
        yield (
            f'argo_workflows_queue_duration_bucket{{queue_name="workflow_queue",le="{number}"}} {number}'
        )


def _scraping(there: Running) -> dict[str, Any]:
    """What it costs to scrape them and to add them up, and what there is then."""
    identity = there.keeper.daemon.running()
    assert identity is not None
    before, began = cpu_seconds(identity.pid), time.monotonic()
    time.sleep(SECONDS)
    spent, seconds = cpu_seconds(identity.pid) - before, time.monotonic() - began
    rounds = seconds / INTERVAL
    recorded = _value(there, f'count({{__name__=~"{RECORDED}"}})')
    most = _value(there, f'max(count by (cluster) ({{__name__=~"{RECORDED}"}}))')
    return {
        "endpoints": ENDPOINTS,
        "heard": _value(there, "sum(cluster:controllers_up:sum)"),
        "series_an_endpoint": SERIES,
        "cpu_percent_of_a_core": round(100 * spent / seconds, 1),
        "cpu_ms_a_round": round(1000 * spent / rounds),
        "memory_mib": round(_value(there, "process_resident_memory_bytes") / 2**20),
        "head_series": _value(there, "prometheus_tsdb_head_series"),
        "kept_of_an_endpoint": _value(
            there, 'max(scrape_samples_post_metric_relabeling{job="argo-controller"})'
        ),
        "recorded_series": recorded,
        "recorded_of_the_largest_cluster": most,
        "budget_of_a_cluster": BUDGET,
        "slowest_rule_group_ms": round(
            1000 * _value(there, "max(prometheus_rule_group_last_duration_seconds)"), 1
        ),
    }


def _queries(there: Running, clusters: list[str]) -> dict[str, dict[str, float]]:
    """How long each takes as a page asks it: the answer and its coverage."""
    everywhere = frozenset(clusters)
    scopes = {
        "team": Scope(frozenset({"team-007"}), frozenset({"cluster-7"}), frozenset({"cluster-7"})),
        "platform": Scope(None, frozenset(), everywhere),
    }
    return {
        f"{name} {whose} {span or 'now'}": _timed(there, name, scope, span)
        for whose, scope in scopes.items()
        for name, query in CATALOGUE.items()
        if whose == "platform" or not query.platform_only
        for span in RANGES
    }


def _timed(there: Running, name: str, scope: Scope, span: str) -> dict[str, float]:
    of_namespaces = scope.teams is None and not CATALOGUE[name].platform_only
    params = {"range": span, **({"cluster": "cluster-7"} if of_namespaces else {})}
    identity = there.keeper.daemon.running()
    assert identity is not None
    took, before = [], cpu_seconds(identity.pid)
    for _ in range(CALLS):
        began = time.perf_counter()
        answer = queries.run(name, params, scope, engine=there.engine)
        took.append(1000 * (time.perf_counter() - began))
        assert not answer.trouble, answer.trouble
    return {
        "median_ms": round(statistics.median(took), 1),
        # With what it scrapes meanwhile: to be read where the machine does other work, too.
        "engine_cpu_ms": round(1000 * (cpu_seconds(identity.pid) - before) / CALLS, 1),
        "p95_ms": round(sorted(took)[-2], 1),
        "series": len(answer.series),
    }


def _value(there: Running, expression: str) -> float:
    found = there.engine.instant(expression, at=datetime.now(UTC))
    return found[0].points[0][1] if isinstance(found, tuple) and found else float("nan")


def _machine() -> str:
    return f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {platform.platform()}"


if __name__ == "__main__":
    main()
