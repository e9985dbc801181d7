"""The worker and the clock of production: Celery's own, with a pulse of their work."""

import logging
from typing import Any

from celery import Celery, bootsteps, signals
from celery.beat import Scheduler, SchedulingError, Service
from kombu.transport.redis import QoS

from .health import Pulse

logger = logging.getLogger(__name__)

BEAT_EVERY = 1.0
LONGEST_SLEEP = 5  # of the clock: so often it beats, whatever is due
WORKER = ["worker", "--pool=threads", "--without-gossip", "--without-mingle"]


def work(app: Celery, pulse: Pulse) -> None:
    """Take turns until told to end; those under way come to their end."""

    class Beating(bootsteps.StartStopStep):
        """Beats from within the loop that takes messages: in no other place is it known to go on."""

        requires = ("celery.worker.components:Timer",)

        def start(self, parent: Any) -> None:
            parent.timer.call_repeatedly(BEAT_EVERY, pulse.beat)

    # Heard by somebody, Celery leaves logging as the settings have it; else it would quieten every turn.
    signals.setup_logging.connect(_as_it_is)
    # What a worker held when its broker fell it would give back by a connection that is gone, and end of it
    # (kombu 5.7). The sweep finds those rows anyway, and the broker gives such messages to another in time.
    QoS.restore_at_shutdown = False
    app.steps["worker"].add(Beating)
    app.worker_main(WORKER)


def tick(app: Celery, pulse: Pulse) -> None:
    """Send what is due by the clock, until told to end."""

    class Beating(Scheduler):
        """The scheduler, which says when it has looked what is due."""

        def tick(self, *args: Any, **rest: Any) -> float:
            until_next: float = super().tick(*args, **rest)
            pulse.beat()
            return until_next

        def apply_entry(self, entry: Any, producer: Any = None) -> None:
            """One line for what cannot be sent, and not where in four libraries it could not."""
            try:
                self.apply_async(entry, producer=producer, advance=False)
            except SchedulingError as exc:
                logger.warning("the clock could not send now: %s", exc)

    # What `celery beat` does beside: without it no task is known here, and the clock has nothing to send.
    app.loader.init_worker()
    app.finalize()
    Service(app, scheduler_cls=Beating, max_interval=LONGEST_SLEEP).start()


def _as_it_is(**_: object) -> None:
    """Logging stays as it is."""
