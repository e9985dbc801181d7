"""`argosy cluster`: member clusters."""

from pathlib import Path
from typing import Annotated

import orjson
import typer

from . import client
from .show import Json, ago, complain, one, rows, told

app = typer.Typer(help="Member clusters.", no_args_is_help=True)


COLUMNS = ("name", "answers", "since", "looked at", "namespaces", "version")


def _line(found: client.Answer) -> dict[str, object]:
    """A cluster as a line that fits in a terminal: what is long stands below the table."""
    return {
        "name": found["name"],
        "answers": found["answer"],
        "since": ago(found["since"]),
        "looked at": ago(found["checked_at"]),
        "namespaces": found["namespaces"],
        "version": found["kubernetes_version"],
    }


@app.command("list")
def list_(*, as_json: Json = False) -> None:
    """The clusters and whether they answer."""
    with told():
        api = client.signed_in()
        found = api.every("clusters/")
    if as_json:
        rows(found, (), as_json=True)
        return
    rows([_line(each) for each in found], COLUMNS, as_json=False)
    for each in found:
        if said := " ".join(filter(None, (each["message"], each["way_out"]))):
            complain(f"{each['name']}: {said}")
    if why := api.standstill():
        complain(why)


@app.command()
def show(name: str, *, as_json: Json = False) -> None:
    """One cluster: whether it answers, since when, and what to do if not."""
    with told():
        found = client.signed_in().every("clusters/", name=name)
        if not found:
            raise client.ApiError(f"There is no cluster {name}. `argosy cluster list` has all.")
    one(found[0], as_json=as_json)


@app.command()
def add(
    name: str,
    kubeconfig: Annotated[Path, typer.Option(exists=True, dir_okay=False)],
    *,
    simulated: Annotated[bool | None, typer.Option(help="Whether its pods run nothing.")] = None,
    rebuilt: Annotated[
        bool, typer.Option("--rebuilt", help="The one of that name is gone for good.")
    ] = False,
    placement: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="A JSON file: nodeSelector and tolerations."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Add a cluster, or replace its credential. Example: argosy cluster add eu --kubeconfig eu.yaml"""
    with told():
        said: client.Answer = {
            "name": name,
            "kubeconfig": kubeconfig.read_text(encoding="utf-8"),
            "rebuilt": rebuilt,
        }
        if simulated is not None:
            said["simulated"] = simulated
        if placement is not None:
            said["placement"] = _json(placement)
        one(client.signed_in().post("clusters/", said), as_json=as_json)


def _json(file: Path) -> object:
    try:
        return orjson.loads(file.read_bytes())
    except orjson.JSONDecodeError as exc:
        raise client.ApiError(f"{file} is not JSON: {exc}.") from exc
