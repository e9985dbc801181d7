"""`argosy team` and `argosy tier`: who may have what."""

import typer

from . import client
from .show import Json, one, rows, told

app = typer.Typer(help="Teams you may see.", no_args_is_help=True)
tiers = typer.Typer(help="Sizes a namespace can have.", no_args_is_help=True)


@app.command("list")
def list_(*, as_json: Json = False) -> None:
    """Your teams, what you are in each, and their budget."""
    with told():
        found = client.signed_in().every("teams/")
    rows(found, ("slug", "name", "level", "namespace_limit", "used"), as_json=as_json)


@app.command()
def show(slug: str, *, as_json: Json = False) -> None:
    """One team, its budget and what is used of it. Example: argosy team show payments"""
    with told():
        found = client.signed_in().get("teams/", slug=slug)["results"]
        if not found:
            raise client.ApiError(f"There is no team {slug} that you may see.")
        one(found[0], as_json=as_json)


@tiers.command("list")
def list_tiers(*, as_json: Json = False) -> None:
    """The tiers and what each gives."""
    with told():
        found = client.signed_in().every("tiers/")
    rows(found, ("slug", "name", "description", "quota"), as_json=as_json)
