"""The product, served as it serves itself, over rows that are there again for every test."""

import copy
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import waitress
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.db import connections
from django.test import Client, override_settings
from django.utils import timezone

from controlplane.access.bindings import PEOPLE
from controlplane.identity.models import User
from controlplane.index.models import Watch
from controlplane.objects import Ref
from tenants.models import TenantNamespace
from tests.fakes import FakeCluster
from tests.fakes.cluster import Stored

from . import api_server, world
from .world import Places

BACKEND = "django.contrib.auth.backends.ModelBackend"
THREADS = 8  # as embedded mode has
STOP_SECONDS = 10.0
NOTHING = "nothing"


@dataclass(frozen=True)
class Made:
    """A state as it was written: where its rows are, its cluster, and what that held."""

    places: Places
    fake: FakeCluster
    held: dict[Ref, Stored]


class Platform:
    """A running platform; `show` puts it into a state, `cookie_of` signs somebody in."""

    def __init__(self, url: str, folder: Path, stack: ExitStack) -> None:
        self.url = url
        self._folder, self._stack = folder, stack
        self._made: dict[str, Made] = {}
        self._shown = ""
        _save(folder / NOTHING)

    def show(self, state: str, *, afresh: bool = False) -> Places:
        """Have the rows of this state, and say where they are; `afresh` if something wrote to them."""
        if state not in self._made:
            self._made[state] = self._make(state)
        elif afresh or self._shown != state:
            _restore(self._folder / state)
            made = self._made[state]
            made.fake.objects = copy.deepcopy(made.held)
        self._shown = state
        # The watches of a platform that runs live on, however long ago its rows were written.
        Watch.objects.filter(in_step=True).update(heard_at=timezone.now())
        return self._made[state].places

    def cluster_of(self, state: str) -> FakeCluster:
        """What stands behind this state's pages, for a test in which something happens there."""
        return self._made[state].fake

    def blank(self) -> None:
        """Have nothing but what a new installation has."""
        _restore(self._folder / NOTHING)
        self._shown = ""

    def cookie_of(self, username: str) -> str:
        """The session of somebody who has just signed in."""
        client = Client()
        client.force_login(User.objects.get(username=username), backend=BACKEND)
        return client.cookies["sessionid"].value

    def _make(self, state: str) -> Made:
        self.blank()
        fake = FakeCluster()
        server = self._stack.enter_context(api_server.serving(fake))
        places = world.seed(state, server, fake)
        _with_namespaces(fake)
        _save(self._folder / state)
        return Made(places, fake, copy.deepcopy(fake.objects))


def _with_namespaces(fake: FakeCluster) -> None:
    """The cluster has what the rows say it has, so that something can be made there."""
    names = {*TenantNamespace.objects.live().values_list("name", flat=True), PEOPLE}
    there = {ref.name for ref in fake.objects if ref.kind == "Namespace"}
    for name in sorted(names - there):
        fake.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})


@contextmanager
def platform(folder: Path) -> Iterator[Platform]:
    """The product on a free port, with a database in this folder."""
    with ExitStack() as stack:
        stack.enter_context(_own_database(folder / "live.sqlite3"))
        url = stack.enter_context(_web())
        yield Platform(url, folder, stack)


@contextmanager
def _web() -> Iterator[str]:
    """The same server and application as `argosy up` runs."""
    with override_settings(WHITENOISE_USE_FINDERS=True):
        application = get_wsgi_application()
    server = waitress.create_server(
        application, host="127.0.0.1", port=0, threads=THREADS, ident=None
    )
    thread = threading.Thread(target=server.run, name="web", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        server.close()
        thread.join(STOP_SECONDS)


@contextmanager
def _own_database(path: Path) -> Iterator[None]:
    """Every thread's rows are in this file while it lasts; what was used before comes back after it.

    A file, because the tests' own database is in memory: one connection for all threads, on which two
    requests at once would share a transaction.
    """
    settings, kept = connections.settings["default"], connections["default"]
    connections.settings["default"] = {**settings, "NAME": str(path)}
    del connections["default"]
    try:
        call_command("migrate", verbosity=0)
        yield
    finally:
        connections["default"].close()
        connections.settings["default"] = settings
        connections["default"] = kept


def _save(path: Path) -> None:
    """Keep the rows there are now."""
    connection = connections["default"]
    connection.ensure_connection()
    with closing(sqlite3.connect(path)) as kept:
        connection.connection.backup(kept)


def _restore(path: Path) -> None:
    """Have the rows that were kept."""
    connection = connections["default"]
    connection.ensure_connection()
    with closing(sqlite3.connect(path)) as kept:
        kept.backup(connection.connection)
