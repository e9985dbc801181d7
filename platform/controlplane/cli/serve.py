"""`argosy up`, `down`, and the processes one by one: how the platform is run."""

import errno
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from controlplane.environment import folder
from controlplane.errors import DomainError
from controlplane.processes import background

if TYPE_CHECKING:
    from controlplane.processes.health import Pulse

app = typer.Typer(help="Run the platform.")

OF_AN_ADDRESS = {errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES}
Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(envvar="ARGOSY_PORT", help="Port to listen on.")]
HealthAt = Annotated[
    str,
    typer.Option(
        "--health", envvar="ARGOSY_HEALTH", metavar="HOST:PORT",
        help="Where to answer /livez and /readyz. Nowhere, if it is left out.",
    ),
]  # fmt: skip


def _django() -> None:
    """Only the commands that need Django pay for it."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
    import django  # noqa: PLC0415
    from django.core.exceptions import ImproperlyConfigured  # noqa: PLC0415

    try:
        django.setup()
    except ImproperlyConfigured as exc:
        typer.echo(f"{exc}.", err=True)
        raise typer.Exit(1) from exc
    except OSError as exc:
        # The home is made and narrowed, and keys are read or made there, by the settings themselves.
        typer.echo(_of_the_home(exc), err=True)
        raise typer.Exit(1) from exc


def _is_of_an_address(problem: OSError) -> bool:
    """Whether a port could not be had. A write to a full disk names no file, as that does not."""
    return isinstance(problem, socket.gaierror) or (
        problem.filename is None and problem.errno in OF_AN_ADDRESS
    )


def _of_the_home(problem: Exception) -> str:
    """What is kept there cannot be read or written: the disk is full, may not be written, or is another's."""
    home = folder("ARGOSY_HOME", default=".argosy")
    file = getattr(problem, "filename", None) or home
    said = getattr(problem, "strerror", None) or " ".join(str(problem).split())
    return (
        f"Argosy cannot keep its data at {file}: {said}. Free some space there or let this user write it, "
        "or set ARGOSY_HOME to another folder."
    )


def begun() -> None:
    """Django on a database that fits; what is sealed there may be under keys that are gone."""
    _django()
    from controlplane.processes import beginning  # noqa: PLC0415

    with _or_a_sentence():
        beginning.database_is_ours()


def end_cleanly() -> None:
    """A SIGTERM ends this process as Ctrl-C does: what it keeps in files for itself is taken away."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))


def begin(*, renders: bool = False) -> None:
    """Django, a database that fits, and what renders plans; else an end with a sentence."""
    _django()
    from controlplane.processes import beginning  # noqa: PLC0415

    with _or_a_sentence():
        beginning.database_is_ours()
        beginning.secrets_open()
        if renders:
            beginning.tools_are_there()


def _pulse_at(address: str, *, needs_broker: bool = True) -> "Pulse":
    """The pulse of this process' work, answered for at the address, if there is one."""
    from controlplane.processes import health  # noqa: PLC0415

    pulse = health.Pulse()
    if address:
        outside = [health.database, health.broker] if needs_broker else [health.database]
        health.serve(address, health.Health(pulse, outside))
    return pulse


@contextmanager
def _or_a_sentence() -> Iterator[None]:
    """What a person can mend ends the process with a sentence, and not with where in the code it was."""
    try:
        yield
    except DomainError as exc:
        typer.echo(exc.sentence, err=True)
        raise typer.Exit(1) from exc
    except OSError as exc:
        typer.echo(f"Cannot listen: {exc.strerror}. Choose another address or port.", err=True)
        raise typer.Exit(1) from exc


@app.command()
def up(host: Host = "127.0.0.1", port: Port = 8080) -> None:
    """Run web, worker, scheduler and watch in this one process, until Ctrl-C."""
    os.environ.setdefault("ARGOSY_URL", f"http://{host}:{port}")
    _django()
    from django.db import OperationalError  # noqa: PLC0415

    try:
        # What browsers are given is compressed into the home as this is imported.
        from controlplane.processes import embedded  # noqa: PLC0415

        embedded.serve(host=host, port=port)
    except DomainError as exc:
        typer.echo(exc.sentence, err=True)
        raise typer.Exit(1) from exc
    except (OSError, OperationalError) as exc:
        said = (
            f"Cannot listen on {host}:{port}: {exc.strerror}. Choose another --port."
            if isinstance(exc, OSError) and _is_of_an_address(exc)
            else _of_the_home(exc)
        )
        typer.echo(said, err=True)
        raise typer.Exit(1) from exc


@app.command()
def down() -> None:
    """Stop what `argosy demo` started: the platform in the background, then its local clusters."""
    from controlplane.cli.demo import sso  # noqa: PLC0415
    from localcluster import clusters  # noqa: PLC0415
    from localcluster.processes import Daemon  # noqa: PLC0415

    was_there = background.stop()
    # One that was killed could not end its engine.
    Daemon(folder("ARGOSY_HOME", default=".argosy") / "metrics", "prometheus").stop()
    sso.stop()
    clusters.down_all(say=partial(typer.echo, err=True))
    typer.echo(
        "Stopped."
        if was_there
        else f"No platform was running from {folder('ARGOSY_HOME', default='.argosy')}, and its local "
        "clusters are down. Another one? Run this in its folder, or set ARGOSY_HOME."
    )


@app.command()
def migrate() -> None:
    """Bring the database to this version: before each new version's processes, and once."""
    _django()
    from controlplane.processes import beginning  # noqa: PLC0415

    with _or_a_sentence():
        done = beginning.migrate()
    typer.echo(f"{done} migrations were made." if done else "Nothing to do.")


@app.command()
def admin(
    username: str,
    password: Annotated[
        str,
        typer.Option(
            prompt=True, hide_input=True, confirmation_prompt=True, envvar="ARGOSY_PASSWORD",
            help="Asked for where it is not given.",
        ),
    ],
) -> None:  # fmt: skip
    """Make the first admin of a new platform, in its database. Example: argosy admin ada"""
    _django()
    from django.conf import settings  # noqa: PLC0415
    from django.core.exceptions import ValidationError  # noqa: PLC0415

    from controlplane.audit import acting  # noqa: PLC0415
    from controlplane.identity import accounts  # noqa: PLC0415
    from controlplane.processes import beginning  # noqa: PLC0415

    with _or_a_sentence():
        beginning.database_is_ours()
    groups = [settings.ADMIN_GROUP]
    try:
        with acting.under(acting.at_this_machine()):
            accounts.make_local(
                username=username, password=password, claimed_groups=groups, superuser=True
            )
    except ValidationError as exc:
        typer.echo(" ".join(exc.messages), err=True)
        raise typer.Exit(1) from exc
    typer.echo(f"{username} is an admin, and signs in at {settings.BASE_URL}.")


@app.command()
def web(host: Host = "127.0.0.1", port: Port = 8080, threads: int = 16) -> None:
    """Run the web face alone: consoles and API. Any number of it."""
    begin(renders=True)
    import waitress  # noqa: PLC0415

    from controlplane.environment import proxied  # noqa: PLC0415
    from controlplane.wsgi import application  # noqa: PLC0415

    end_cleanly()
    with _or_a_sentence():
        server = waitress.create_server(
            application, host=host, port=port, threads=threads, ident=None, **proxied()
        )
    server.run()


@app.command()
def worker(health: HealthAt = "") -> None:
    """Run the turns of the loop (Celery, threads). Any number of it."""
    begin(renders=True)
    from controlplane.celery import app as celery  # noqa: PLC0415
    from controlplane.processes import working  # noqa: PLC0415

    with _or_a_sentence():
        pulse = _pulse_at(health)
    working.work(celery, pulse)


@app.command()
def beat(health: HealthAt = "") -> None:
    """Run the clock: the sweep and the probes. One of it; for a moment two do no harm."""
    begin()
    from controlplane.celery import app as celery  # noqa: PLC0415
    from controlplane.processes import working  # noqa: PLC0415

    end_cleanly()
    with _or_a_sentence():
        pulse = _pulse_at(health)
    working.tick(celery, pulse)


@app.command()
def watch(health: HealthAt = "") -> None:
    """Run the watch of all clusters, which keeps the index of workflows and quotas.

    One of it; for a moment two do no harm.
    """
    begin()
    from controlplane.processes import watch as watching  # noqa: PLC0415

    ended = threading.Event()
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: ended.set())
    with _or_a_sentence():
        pulse = _pulse_at(health, needs_broker=False)
    watching.run(ended, beat=pulse.beat)


@app.command(
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def admission(context: typer.Context) -> None:
    """Run the webhook that answers API servers out of a sealed bundle. Two or more a cluster."""
    # In the place of this process, and without what this one has loaded: it lives long, in many
    # copies, and has its own words (see its --help).
    os.execv(sys.executable, [sys.executable, "-m", "controlplane.admission", *context.args])


@app.command(
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def agent(context: typer.Context) -> None:
    """Run the agent of one cluster: policies there, what was seen back, and the webhook beside it."""
    os.execv(sys.executable, [sys.executable, "-m", "controlplane.agent", *context.args])
