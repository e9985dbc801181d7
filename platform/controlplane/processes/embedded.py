"""Everything in one process: web, worker, scheduler and watch as threads, SQLite, a broker in memory.

Nothing but settings differs from production: the same application, tasks and schedule.
"""

import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import waitress
from celery.beat import Scheduler, Service
from celery.worker import WorkController
from django.core.management import call_command

from controlplane.celery import app
from controlplane.environment import proxied
from controlplane.wsgi import application

from . import watch

logger = logging.getLogger(__name__)

WEB_THREADS = 8
STOP_SECONDS = 15.0


def serve(*, host: str, port: int) -> None:
    """Run until SIGTERM or Ctrl-C; turns under way get a moment to end."""
    call_command("migrate", interactive=False, verbosity=0)
    server = waitress.create_server(
        application, host=host, port=port, threads=WEB_THREADS, ident=None, **proxied()
    )
    ended = threading.Event()

    def end(*_: object) -> None:
        ended.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    with background_work(), _running("web", server.run, server.close):
        logger.info("Argosy answers at http://%s:%d", host, port)
        ended.wait()
    logger.info("Argosy has stopped")


@contextmanager
def background_work() -> Iterator[None]:
    """The worker, the scheduler and the watch, as threads of this process."""
    worker = WorkController(
        app=app,
        pool_cls="threads",
        concurrency=app.conf.worker_concurrency,
        # Nobody else is on this broker: nothing to greet, nothing to gossip with.
        without_heartbeat=True,
        without_mingle=True,
        without_gossip=True,
    )
    beat = Service(app, scheduler_cls=Scheduler, max_interval=1)
    ended = threading.Event()
    with (
        _running("watch", lambda: watch.run(ended), ended.set),
        _running("worker", worker.start, worker.stop),
        _running("beat", lambda: beat.start(embedded_process=True), beat.stop),
    ):
        yield


@contextmanager
def _running(name: str, start: Callable[[], object], stop: Callable[[], object]) -> Iterator[None]:
    thread = threading.Thread(target=start, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop()
        thread.join(STOP_SECONDS)
