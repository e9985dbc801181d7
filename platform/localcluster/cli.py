"""`argosy local`: clusters of this machine from a terminal."""

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from localcluster import build as programs
from localcluster import clusters, debian, images
from localcluster.clusters import ClusterStatus, RunningCluster
from localcluster.errors import LocalClusterError
from localcluster.home import Home

app = typer.Typer(
    help="Real Kubernetes clusters on this machine, as plain processes.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
output = Console(highlight=False, markup=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)

STATES = {"running": "running", "half": "half running: `up` mends it", "stopped": "stopped"}
Name = Annotated[str, typer.Argument(help="The cluster's name.")]
Archives = Annotated[list[Path], typer.Argument(help="Archives as `docker save` writes them.")]


class Node(StrEnum):
    """What pods run on."""

    AUTO = "auto"
    REAL = "real"
    SIMULATED = "simulated"


@app.command()
def build() -> None:
    """Build the Kubernetes programs and the metrics engine, unless they are there."""
    with told():
        output.print(f"programs: {programs.programs(errors)}")
        output.print(f"metrics: {programs.metrics_programs(errors)}")


@app.command()
def prepare() -> None:
    """Install the Debian packages that a real node needs; starts no daemon."""
    with told():
        debian.ensure(errors.print)
        output.print("all packages of a real node are here")


@app.command()
def up(
    name: Name = "local",
    node: Annotated[Node, typer.Option(help="What pods run on.")] = Node.AUTO,
) -> None:
    """Start a cluster; what runs already stays."""
    with told():
        programs.programs(errors)
        running = clusters.up(name, node=node.value, say=errors.print)
        output.print(summary(running))


@app.command()
def down(
    name: Annotated[str | None, typer.Argument(help="Its name; all clusters without.")] = None,
) -> None:
    """Stop a cluster, or all of them, and keep their data."""
    with told():
        if name is None:
            clusters.down_all(say=errors.print)
        else:
            clusters.down(name, say=errors.print)
        output.print(f"{name or 'all clusters'}: stopped, data kept")


@app.command()
def wipe(name: Name) -> None:
    """Stop a cluster and delete all its data."""
    with told():
        clusters.wipe(name)
        output.print(f"{name}: deleted")


@app.command()
def status(
    *, as_json: Annotated[bool, typer.Option("--json", help="For programs to read.")] = False
) -> None:
    """Tell which clusters there are and how they do."""
    with told():
        found = clusters.status()
        if as_json:
            output.print(json.dumps([_plain(cluster) for cluster in found], indent=1))
        elif found:
            output.print(_table(found))
        else:
            output.print(f"no clusters in {Home.default().path}; `argosy local up` makes one")


@app.command()
def kubeconfig(name: Name = "local") -> None:
    """Print the path of a cluster's kubeconfig."""
    with told():
        output.print(str(clusters.kubeconfig(name)))


@app.command("load-image")
def load_image(archives: Archives) -> None:
    """Keep image archives for every real node of these clusters, now and later."""
    with told():
        for ref in clusters.load_images(archives):
            output.print(f"loaded {ref}")
        if lacking := sorted(set(images.ARGO) - images.kept_refs(Home.default())):
            output.print(f"not loaded yet for Argo: {', '.join(lacking)}")


def summary(running: RunningCluster) -> str:
    """What a person wants to know of a cluster that just came up."""
    kind = (
        "a real node" if running.node == "real" else "simulated nodes: nothing runs in their pods"
    )
    return (
        f"{running.name} is up at {running.server}, with {kind} ({running.why})\n"
        f"export KUBECONFIG={running.kubeconfig}"
    )


@contextmanager
def told() -> Iterator[None]:
    """A failure is a sentence and exit code 1, never a traceback."""
    try:
        yield
    except LocalClusterError as exc:
        errors.print(f"error: {exc}")
        raise typer.Exit(1) from exc


def _table(found: tuple[ClusterStatus, ...]) -> Table:
    table = Table("cluster", "state", "nodes", "server", "not running", box=None)
    for cluster in found:
        fallen = [name for name, runs in cluster.programs.items() if not runs]
        table.add_row(
            cluster.name,
            STATES[cluster.state],
            cluster.node,
            cluster.server,
            ", ".join(fallen) if cluster.state == "half" else "",
        )
    return table


def _plain(cluster: ClusterStatus) -> dict[str, object]:
    return {**dataclasses.asdict(cluster), "kubeconfig": str(cluster.kubeconfig)}
