"""`argosy tokens`: keys to the API, of one's own and of the teams one owns."""

from typing import Annotated

import typer

from . import client
from .show import Json, console, one, rows, told

app = typer.Typer(help="Keys to the API: yours, and your teams'.", no_args_is_help=True)


@app.command("list")
def list_(
    team: Annotated[str, typer.Option(help="Only those of this team.")] = "",
    *,
    as_json: Json = False,
) -> None:
    """The tokens you may end, newest first; never the tokens themselves."""
    with told():
        found = client.signed_in().every("tokens/", **({"team": team} if team else {}))
    columns = ("id", "name", "hint", "username", "scopes", "expires_at", "last_used_at")
    shown = found if as_json else [{**row, "scopes": " ".join(row["scopes"])} for row in found]
    rows(shown, columns, as_json=as_json)


@app.command()
def make(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(help="read, submit, request, decide or admin; again for another. None: all."),
    ] = None,
    days: Annotated[int, typer.Option(min=1, help="How long it lasts.")] = 30,
    team: Annotated[str, typer.Option(help="Acts as this team, which you own.")] = "",
    *,
    as_json: Json = False,
) -> None:
    """A new one, shown this once. Example: argosy tokens make ci --team payments --scope submit"""
    said: client.Answer = {"name": name, "days": days, "scopes": scope or []}
    if team:
        said["team"] = team
    with told():
        made = client.signed_in().post("tokens/", said)
    one(made, as_json=as_json)
    if not as_json:
        console.print("Keep it now: it is not to be had again. It goes into ARGOSY_TOKEN.")


@app.command()
def end(number: int) -> None:
    """It opens nothing any more, from now on. Example: argosy tokens end 7"""
    with told():
        client.signed_in().delete(f"tokens/{number}/")
    console.print(f"Token {number} has ended.")
