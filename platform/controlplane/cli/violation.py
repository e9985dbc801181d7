"""`argosy violation`: which images broke the policy, and where."""

from typing import Annotated

import typer

from . import client
from .show import Json, rows, told

app = typer.Typer(help="Images that broke the policy.", no_args_is_help=True)


@app.command("list")
def list_(
    namespace: Annotated[str, typer.Option(help="Only there.")] = "",
    state: Annotated[str, typer.Option(help="refused, admitted, running or gone.")] = "",
    image: Annotated[str, typer.Option(help="This one, written exactly so.")] = "",
    *,
    as_json: Json = False,
) -> None:
    """Those you may see, newest first. Example: argosy violation list --namespace payments"""
    asked = {"namespace": namespace, "state": state, "image": image}
    query = {key: value for key, value in asked.items() if value}
    with told():
        found = client.signed_in().every("violations/", **query)
    columns = ("state", "namespace", "kind", "name", "image", "reason", "count", "link")
    rows(found, columns, as_json=as_json)
