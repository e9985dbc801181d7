"""`argosy metrics`: the files of engines and of Grafana."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from . import client
from .show import complain, console, told

app = typer.Typer(help="Files for metrics engines and Grafana.", no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(help="Where to write them; made if it is not there.")]


@app.command()
def files(folder: Folder) -> None:
    """Write recording rules, alert rules and Grafana dashboards. Example: argosy metrics files ./metrics"""
    from controlplane.metrics import files as made  # noqa: PLC0415 - only this command needs them

    _write(folder, made.shipped())


@app.command()
def agent(
    cluster: Annotated[str, typer.Argument(help="A registered cluster.")],
    folder: Folder,
    *,
    write: Annotated[str, typer.Option(help="The receiver's remote-write URL.")],
    mounted: Annotated[
        str, typer.Option(help="Where the files will be in the engine's pod.")
    ] = "/etc/argosy-metrics",
) -> None:
    """Write what a Prometheus inside a cluster is started with, so that only what it recorded leaves.

    Put the receiver's credential beside them in a file called `write`. For the platform's admins.
    """
    with told():
        asked = {"cluster": cluster, "write": write, "folder": mounted}
        answer = client.signed_in().post("metrics/agents/", asked)
    _write(folder, answer["files"])
    complain(f"{folder / 'discovery'} is a credential: keep it in a Secret.")


def _write(folder: Path, made: Mapping[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in made.items():
        file = folder / name
        file.touch(mode=0o600)
        file.write_text(content, encoding="utf-8")
        console.print(f"wrote {file}")
