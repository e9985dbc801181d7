"""`argosy placement`: where a namespace would go, and how much each cluster may promise."""

from typing import Annotated

import typer

from . import client
from .request import Labels, pairs, print_placed
from .show import Json, one, rows, told

app = typer.Typer(help="Where namespaces go, and why.", no_args_is_help=True)


@app.command("try")
def try_(
    team: str,
    tier: Annotated[str, typer.Option(help="Which size.")] = "small",
    label: Labels = None,
    *,
    as_json: Json = False,
) -> None:
    """Where it would go now. Example: argosy placement try payments --label region=eu"""
    labels = [f"{key}={value}" for key, value in pairs(label).items()]
    with told():
        found = client.signed_in().get("placement/", team=team, tier=tier, label=labels)
    if as_json:
        one(found, as_json=True)
    else:
        print_placed(found)


@app.command()
def rooms(*, as_json: Json = False) -> None:
    """How much each cluster may promise, and what its nodes have. For the platform's people."""
    with told():
        found = client.signed_in().every("rooms/")
    rows(found, ("cluster", "cpu", "memory_gib", "seen_cpu", "seen_memory_gib"), as_json=as_json)


@app.command()
def room(
    cluster: str,
    cpu: Annotated[float | None, typer.Option(help="Cores, all quotas together.")] = None,
    memory: Annotated[float | None, typer.Option(help="GiB, all quotas together.")] = None,
    *,
    no_limit: Annotated[
        bool, typer.Option("--no-limit", help="Promise whatever is asked.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Say how much a cluster may promise. Example: argosy placement room eu --cpu 64 --memory 256"""
    if no_limit == (cpu is not None or memory is not None):
        raise typer.BadParameter("Give --cpu and --memory, or --no-limit.")
    said = {"cluster": cluster, "cpu": cpu, "memory_gib": memory}
    with told():
        one(client.signed_in().post("rooms/", said), as_json=as_json)
