"""`argosy cluster cordon, uncordon, drain`: whether new namespaces come to a cluster."""

from typing import Annotated

import typer

from . import client
from .show import console, told

app = typer.Typer()

Why = Annotated[str, typer.Option("--reason", help="Teams read it where they are refused.")]


@app.command()
def cordon(name: str, *, reason: Why) -> None:
    """No new namespace comes to it. Example: argosy cluster cordon eu --reason "New nodes tonight"."""
    _switch(name, "cordon", reason)


@app.command()
def uncordon(name: str, *, reason: Why = "") -> None:
    """New namespaces come to it again."""
    _switch(name, "uncordon", reason)


@app.command()
def drain(name: str, *, reason: Why) -> None:
    """No new namespace comes to it, and those that are there are to go elsewhere."""
    _switch(name, "drain", reason)


def _switch(name: str, act: str, reason: str) -> None:
    with told():
        api = client.signed_in()
        found = api.every("clusters/", name=name)
        if not found:
            raise client.ApiError(f"There is no cluster {name}. `argosy cluster list` has all.")
        row = api.post(f"clusters/{found[0]['id']}/{act}/", {"reason": reason})
    left = row["namespaces"]
    there = f" {left} namespace{' is' if left == 1 else 's are'} there still." if left else ""
    console.print(f"{name} is {row['scheduling']}.{there if act == 'drain' else ''}")
