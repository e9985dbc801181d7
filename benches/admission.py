"""What the webhook costs by itself, with 500 teams' policies loaded: `make bench`.

The 60 KB workflow with 44 images through the library; both bodies through the real process over TLS at
400 reviews a second, whatever it answers; its own CPU a review; and what it takes to seal, open and
hold the policies of 500 teams with 5,000 repositories, and what was verified of a million images.
Prints JSON and keeps it.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvloop

from benches import fleet, reviews
from benches.kept import keep
from controlplane.admission import review
from controlplane.policies.bundle import FACTS_IN_ONE_FILE, Fact, FactsDelta, open_sealed, seal
from controlplane.policies.decide import decide
from controlplane.policies.holding import policy_of
from controlplane.policies.verified import Verified
from tests.webhook import Process

ROUNDS = 5
RATE, SECONDS, WIDTH = 400, 10.0, 16
MILLION = int(os.environ.get("BENCH_VERIFIED", "1000000"))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        folders = fleet.fleet(Path(folder))
        figures: dict[str, Any] = {
            "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "library": library(),
            "policies of 500 teams": policies(),
            "process": process(folders),
            "a million verified images": million(),
        }
    keep("admission", figures)


def library() -> dict[str, Any]:
    """Microseconds a review, in this process: reading it, deciding it."""
    said = {}
    for name, body, team in (
        ("pod", reviews.pod(7), 7),
        ("workflow", reviews.workflow(7), 7),
        ("workflow denied", reviews.workflow(7, "evil.io/x:1"), 7),
    ):
        policy = fleet.document(team)
        policy_of(policy)
        question = review.read(body).question(datetime.now(UTC))
        said[name] = {
            "bytes": len(body),
            "read us": microseconds(lambda body=body: review.read(body)),
            "decide us": microseconds(lambda q=question, p=policy: decide(q, p)),
        }
    return said


def policies() -> dict[str, Any]:
    """Milliseconds to seal, open and make ready."""
    folder = Path(tempfile.mkdtemp())
    folders = fleet.Folders(folder)
    content = fleet.bundle()
    sealed = seal(content, folders.key)
    keys = [folders.key.public_key()]

    def ready() -> None:
        for document in open_sealed(sealed, keys).documents.values():
            policy_of(document)

    return {
        "sealed KiB": len(sealed) // 1024,
        "seal ms": microseconds(lambda: seal(content, folders.key), times=1) / 1000,
        "open ms": microseconds(lambda: open_sealed(sealed, keys), times=1) / 1000,
        "open and make ready ms": microseconds(ready, times=1) / 1000,
    }


def process(folders: fleet.Folders) -> dict[str, Any]:
    """The real process: memory, latency in the open loop, CPU of its own."""
    begun = time.monotonic()
    with Process(folders) as webhook:
        said: dict[str, Any] = {
            "ready after s": round(time.monotonic() - begun, 2),
            "MiB loaded": webhook.rss(),
        }
        for name, body in (("pod", reviews.pod(7)), ("workflow", reviews.workflow(7))):
            for burst in (False, True):
                how = f"in bursts of {WIDTH}" if burst else "evenly"
                said[f"{name} at {RATE}/s, {how}"] = [
                    open_loop(webhook, body, burst=burst) for _ in range(ROUNDS)
                ]
        said["pod, closed loop"] = [closed_loop(webhook) for _ in range(ROUNDS)]
        said["MiB at the end"] = webhook.rss()
    return said


def open_loop(webhook: Process, body: bytes, *, burst: bool) -> dict[str, float]:
    before = webhook.cpu()
    calling = reviews.open_loop(
        webhook.port,
        webhook.trusting(),
        body,
        rate=RATE,
        seconds=SECONDS,
        width=WIDTH,
        burst=burst,
    )
    count = uvloop.run(calling)
    cuts = statistics.quantiles(count.seconds, n=1000)
    return {
        "p50 ms": round(cuts[499] * 1000, 2),
        "p99 ms": round(cuts[989] * 1000, 2),
        "p99.9 ms": round(cuts[998] * 1000, 2),
        "own CPU ms": round((webhook.cpu() - before) / count.answered * 1000, 3),
    }


def closed_loop(webhook: Process) -> dict[str, float]:
    """25 kept connections that call as fast as they are answered."""
    before, begun = webhook.cpu(), time.perf_counter()
    calls = 10_000
    calling = reviews.closed_loop(
        webhook.port,
        webhook.trusting(),
        [reviews.pod(t) for t in range(9)],
        calls=calls,
        redial=calls,
        width=reviews.IDLE,
    )
    uvloop.run(calling)
    return {
        "reviews a second": round(calls / (time.perf_counter() - begun)),
        "own CPU ms": round((webhook.cpu() - before) / calls * 1000, 3),
    }


def million() -> dict[str, Any]:
    """In a process of its own, so that its memory is only this."""
    code = f"import benches.admission as b; b.hold({MILLION})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def hold(images: int) -> None:
    """The work of that process: takes them in, as deltas, and prints what it cost."""

    def rss() -> float:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4 / 1024

    verified, before, begun = Verified(), rss(), time.monotonic()
    now = datetime.now(UTC)
    step = min(images, FACTS_IN_ONE_FILE)
    for start in range(0, images, step):
        facts = tuple(
            Fact(f"harbor.acme.test/r{n % 5000}", f"sha256:{n:064x}", ("release",), 1, now)
            for n in range(start, start + step)
        )
        verified.add(FactsDelta(start + step, start, now, "east", facts))
        del facts
    taken = time.monotonic() - begun
    found = microseconds(lambda: verified.of("harbor.acme.test/r7", f"sha256:{7:064x}"))
    print(
        json.dumps(
            {
                "images": len(verified),
                "MiB of the table": len(verified._slots) // 2**20,  # noqa: SLF001 - its size is the figure
                "MiB of the process more": round(rss() - before),
                "seconds to take in": round(taken, 1),
                "look-up us": found,
            }
        )
    )


def microseconds(act: Callable[[], object], times: int = 200) -> float:
    """The median of rounds, of CPU: what others do on the machine meanwhile is not ours."""
    took = []
    for _ in range(ROUNDS):
        begun = time.thread_time()
        for _ in range(times):
            act()
        took.append((time.thread_time() - begun) / times * 1e6)
    return round(statistics.median(took), 1)


if __name__ == "__main__":
    main()
