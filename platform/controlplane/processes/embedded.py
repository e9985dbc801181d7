"""Everything in one process: web, worker, scheduler and watch as threads, SQLite, a broker in memory.

Nothing but settings differs from production: the same application, tasks and schedule.
"""

import fcntl
import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import waitress
from celery.beat import Scheduler, Service
from celery.worker import WorkController
from django.conf import settings
from django.core.management import call_command
from kombu.exceptions import OperationalError

from controlplane.celery import app
from controlplane.clusters import recording
from controlplane.environment import proxied
from controlplane.errors import DomainError
from controlplane.policies import delivering
from controlplane.secrets.models import Round
from controlplane.wsgi import application
from provisioning import tasks
from tenants import services

from . import agents, beginning, metrics, watch


class AlreadyRunning(DomainError):
    """This home has a platform that runs."""

    code = "already_running"


logger = logging.getLogger(__name__)

WEB_THREADS = 8
STOP_SECONDS = 15.0
LOOPBACK = "127.0.0.1"
EVERYWHERE = {"0.0.0.0", "::", ""}  # noqa: S104 - compared with, not listened on


def serve(*, host: str, port: int) -> None:
    """Run until SIGTERM or Ctrl-C; turns under way get a moment to end.

    Raises AlreadyRunning if another one runs on the same database.
    """
    with _only_one():
        # Before what may take a while: a process that says nothing looks like one that hangs.
        logger.info("Argosy begins, with what it keeps in %s", settings.HOME)
        call_command("migrate", interactive=False, verbosity=0)
        beginning.secrets_open()
        # Whoever held a row was a worker of ours, and is gone.
        services.release_claims()
        recording.release_claims()
        delivering.release_claims()
        Round.objects.release_claims()
        _serve(host=host, port=port)


def _serve(*, host: str, port: int) -> None:
    server = waitress.create_server(
        application, host=host, port=port, threads=WEB_THREADS, ident=None, **proxied()
    )
    ended = threading.Event()

    def end(*_: object) -> None:
        ended.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    url = f"http://{LOOPBACK if host in EVERYWHERE else host}:{port}"
    with (
        background_work(),
        _running("web", server.run, server.close),
        _running("agents", lambda: agents.run(ended, url=url), ended.set),
        _running("metrics", lambda: metrics.run(ended, url=url), ended.set),
    ):
        logger.info("Argosy answers at http://%s:%d", host, port)
        ended.wait()
    logger.info("Argosy has stopped")


@contextmanager
def _only_one() -> Iterator[None]:
    """Hold the home: two platforms on one SQLite database would each think they are alone."""
    lock = settings.HOME / "platform.lock"
    with lock.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(
                f"Another Argosy runs from {settings.HOME} already. End it, or set ARGOSY_HOME to "
                "another folder."
            ) from None
        yield


@contextmanager
def background_work() -> Iterator[None]:
    """The worker, the scheduler and the watch, as threads of this process."""
    ended = threading.Event()
    with _running("watch", lambda: watch.run(ended), ended.set), turns():
        yield


@contextmanager
def turns() -> Iterator[None]:
    """The worker and the scheduler: what takes turns and asks clusters how they are."""
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
    with (
        _running("worker", worker.start, worker.stop),
        _running("beat", lambda: beat.start(embedded_process=True), beat.stop),
    ):
        _look_at_once()
        yield


def _look_at_once() -> None:
    """What is known of the clusters is as old as the last stop, and a turn may have been cut off by it.

    The clock alone would leave both so until its first rounds.
    """
    try:
        tasks.probe_clusters.delay()
        tasks.sweep.delay()
    except OperationalError as exc:
        logger.warning("the clusters are asked when the clock says so: the broker is away: %s", exc)


@contextmanager
def _running(name: str, start: Callable[[], object], stop: Callable[[], object]) -> Iterator[None]:
    thread = threading.Thread(target=start, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop()
        thread.join(STOP_SECONDS)
