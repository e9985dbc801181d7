"""Does the webhook stay as small as it was? SOAK reviews (default 1,000,000) over re-dialled TLS."""

import os
import sys
import tempfile
from pathlib import Path

import uvloop

from benches import reviews
from benches.fleet import fleet
from tests.webhook import Process

CALLS = int(os.environ.get("SOAK", "1000000"))
STEPS = 10
REDIAL = 5  # calls a connection
ALLOWED_GROWTH = 8  # MiB, from the end of the first tenth to the end
CEILING = 90  # MiB


def soak(calls: int) -> list[int]:
    """Resident memory of the process after each tenth, in MiB."""
    with tempfile.TemporaryDirectory() as folder, Process(fleet(Path(folder))) as webhook:
        bodies = [reviews.pod(team) for team in range(18)]
        bodies += [reviews.pod(18, "evil.io/x:1"), reviews.workflow(19)]
        context = webhook.trusting()
        memory = []
        for _ in range(STEPS):
            before = webhook.cpu()
            calling = reviews.closed_loop(
                webhook.port,
                context,
                bodies,
                calls=calls // STEPS,
                redial=REDIAL,
                width=2 * reviews.IDLE,
            )
            count = uvloop.run(calling)
            memory.append(webhook.rss())
            cpu = (webhook.cpu() - before) / count.answered * 1000
            print(
                f"{count.answered:>8,} reviews, {count.dialled:,} dialled: "
                f"{memory[-1]} MiB, {cpu:.3f} ms CPU each",
                flush=True,
            )
    return memory


if __name__ == "__main__":
    measured = soak(CALLS)
    grown = measured[-1] - measured[0]
    print(f"{measured[0]} MiB after the first tenth, {measured[-1]} at the end")
    if grown > ALLOWED_GROWTH or max(measured) > CEILING:
        sys.exit(f"memory is not flat: +{grown} MiB, or above {CEILING} MiB")
