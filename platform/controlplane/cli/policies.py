"""`argosy policy list`, `show`, `try` and `backtest`: what the platform itself says about images.

They stand beside `argosy policy test`, which needs no platform.
"""

from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from . import client
from .policy import app
from .show import Json, console, one, rows, told

__all__ = ["app"]


@app.command("list")
def list_(*, as_json: Json = False) -> None:
    """The policies there are. For approvers and the platform's admins."""
    with told():
        found = client.signed_in().every("policies/")
    shown = [{**row, "about": row["team"] or row["tier"] or ""} for row in found]
    rows(
        found if as_json else shown,
        ("name", "scope", "about", "enabled", "description"),
        as_json=as_json,
    )


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A policy's name, or with --team a team's.")],
    *,
    team: Annotated[bool, typer.Option("--team", help="What binds this team, composed.")] = False,
    as_json: Json = False,
) -> None:
    """One policy; or all that binds a team, as one. Example: argosy policy show payments --team"""
    with told():
        api = client.signed_in()
        if team:
            one(api.get("policies/effective/", team=name)["document"], as_json=as_json)
            return
        found = api.get("policies/", name=name)["results"]
        if not found:
            raise client.ApiError(
                f"There is no policy {name} that you may see; `argosy policy show TEAM --team` "
                "shows what binds your team."
            )
        one(found[0], as_json=as_json)


@app.command("try")
def try_(
    team: str,
    image: str,
    namespace: Annotated[str, typer.Option(help="One of the team's; else its first.")] = "",
    *,
    as_json: Json = False,
) -> None:
    """May a team run an image? Ends with 1 if not. Example: argosy policy try payments nginx:1.27"""
    said = {"team": team, "image": image, "namespace": namespace}
    with told():
        found = client.signed_in().post("policies/try/", said)
    if as_json:
        one(found, as_json=True)
    else:
        console.print(found["sentence"], soft_wrap=True)
    if not found["allowed"]:
        raise typer.Exit(1)


@app.command()
def backtest(
    policy: Annotated[str, typer.Argument(help="A policy by name, or a file with one.")] = "",
    team: Annotated[str, typer.Option(help="Only this team.")] = "",
    *,
    as_json: Json = False,
) -> None:
    """Who would break if it were enforced? Without a policy: what is in force, for who is in audit.

    A file (YAML or JSON) has name, scope, tier or team, and settings. Ends with 1 if somebody would
    break. Example: argosy policy backtest harbor-only
    """
    said: client.Answer = {"team": team or None}
    if policy:
        file = Path(policy)
        said |= {"draft": _draft(file)} if file.is_file() else {"policy": policy}
    with told():
        found = client.signed_in().post("policies/back-test/", said)
    if as_json:
        one(found, as_json=True)
    else:
        _print(found)
    if found["broken"]:
        raise typer.Exit(1)


def _draft(file: Path) -> Any:
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        raise typer.BadParameter(f"{file} is not YAML: {exc}") from exc
    if not isinstance(document, dict):
        raise typer.BadParameter(f"{file} holds no policy: name, scope, settings.")
    return document


def _print(found: client.Answer) -> None:
    if found["broken"]:
        columns = ("count", "team", "namespace", "cluster", "kind", "image", "reason")
        rows(found["broken"], columns, as_json=False)
        if found["more"]:
            console.print(f"and {found['more']} more.")
    else:
        console.print("Nobody would break.")
    console.print(
        f"{found['objects']} objects that run now and {found['admitted']} images admitted lately "
        "were looked at."
    )
    for read in found["coverage"]:
        if not read["whole"]:
            console.print(f"{read['cluster']} was not read whole: {read['why']}", soft_wrap=True)
