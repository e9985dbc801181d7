"""`argosy up`, `down`, and the processes one by one: how the platform is run."""

import os
import signal
import sys
import threading
from typing import Annotated

import typer

from controlplane.environment import folder
from controlplane.processes import background

app = typer.Typer(help="Run the platform.")

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(envvar="ARGOSY_PORT", help="Port to listen on.")]


def _django() -> None:
    """Only the commands that need Django pay for it."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
    import django  # noqa: PLC0415

    django.setup()


def end_cleanly() -> None:
    """A SIGTERM ends this process as Ctrl-C does: what it keeps in files for itself is taken away."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))


@app.command()
def up(host: Host = "127.0.0.1", port: Port = 8080) -> None:
    """Run web, worker, scheduler and watch in this one process, until Ctrl-C."""
    os.environ.setdefault("ARGOSY_URL", f"http://{host}:{port}")
    _django()
    from controlplane.processes import embedded  # noqa: PLC0415

    try:
        embedded.serve(host=host, port=port)
    except embedded.AlreadyRunning as exc:
        typer.echo(exc.sentence, err=True)
        raise typer.Exit(1) from exc
    except OSError as exc:
        typer.echo(
            f"Cannot listen on {host}:{port}: {exc.strerror}. Choose another --port.", err=True
        )
        raise typer.Exit(1) from exc


@app.command()
def down() -> None:
    """Stop what `argosy demo` started: the platform in the background, then its local clusters."""
    from localcluster import clusters  # noqa: PLC0415
    from localcluster.processes import Daemon  # noqa: PLC0415

    was_there = background.stop()
    # One that was killed could not end its engine.
    Daemon(folder("ARGOSY_HOME", default=".argosy") / "metrics", "prometheus").stop()
    clusters.down_all()
    typer.echo(
        "Stopped."
        if was_there
        else f"No platform was running from {folder('ARGOSY_HOME', default='.argosy')}, and its local "
        "clusters are down. Another one? Run this in its folder, or set ARGOSY_HOME."
    )


@app.command()
def web(host: Host = "127.0.0.1", port: Port = 8080, threads: int = 16) -> None:
    """Run the web face alone: consoles and API."""
    _django()
    import waitress  # noqa: PLC0415

    from controlplane.environment import proxied  # noqa: PLC0415
    from controlplane.wsgi import application  # noqa: PLC0415

    end_cleanly()
    waitress.serve(application, host=host, port=port, threads=threads, ident=None, **proxied())


@app.command()
def worker() -> None:
    """Run the turns of the loop (Celery, threads)."""
    _django()
    from controlplane.celery import app as celery  # noqa: PLC0415

    celery.worker_main(["worker", "--pool=threads", "--without-gossip", "--without-mingle"])


@app.command()
def beat() -> None:
    """Run the clock: the sweep and the probes. One of it."""
    _django()
    from celery.beat import Scheduler, Service  # noqa: PLC0415

    from controlplane.celery import app as celery  # noqa: PLC0415

    end_cleanly()
    Service(celery, scheduler_cls=Scheduler).start()


@app.command()
def watch() -> None:
    """Run the watch of all clusters, which keeps the index of workflows and quotas. One of it."""
    _django()
    from controlplane.processes import watch as watching  # noqa: PLC0415

    ended = threading.Event()
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: ended.set())
    watching.run(ended)


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
