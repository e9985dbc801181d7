"""`argosy exemption`: asking that an image may run for a while, and deciding on it."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from . import client
from .show import Json, console, one, rows, told

app = typer.Typer(help="Images that may run for a while.", no_args_is_help=True)

Note = Annotated[str, typer.Option(help="A sentence for the other side.")]


@app.command("list")
def list_(
    state: Annotated[str, typer.Option(help="pending, approved, rejected or ended.")] = "",
    *,
    as_json: Json = False,
) -> None:
    """The exemptions you may see, newest first."""
    query = {"state": state} if state else {}
    with told():
        found = client.signed_in().every("exemptions/", **query)
    columns = ("id", "state", "holds", "team", "image", "not_after", "requested_by")
    rows(found, columns, as_json=as_json)


@app.command()
def ask(
    team: str,
    image: Annotated[str, typer.Argument(help="Exactly as it stands in the pod.")],
    reason: Annotated[str, typer.Option(prompt=True, help="Why, for who decides.")],
    days: Annotated[int, typer.Option(min=1, help="For how long, from now.")] = 7,
    namespace: Annotated[str, typer.Option(help="Only there; else in all of the team's.")] = "",
    *,
    as_json: Json = False,
) -> None:
    """Ask for one. Example: argosy exemption ask payments ghcr.io/vendor/tool:1.2 --days 7"""
    said: client.Answer = {
        "team": team,
        "image": image,
        "reason": reason,
        "not_after": (datetime.now(UTC) + timedelta(days=days)).isoformat(),
    }
    if namespace:
        said["namespace"] = namespace
    with told():
        made = client.signed_in().post("exemptions/", said)
    one(made, as_json=as_json)
    if not as_json:
        console.print(f"An approver now decides: argosy exemption approve {made['id']}")


@app.command()
def approve(number: int, note: Note = "") -> None:
    """Say yes. Never to one you asked for."""
    with told():
        done = client.signed_in().post(f"exemptions/{number}/approve/", {"note": note})
    console.print(f"{done['image']} may run for {done['team']} until {done['not_after']}.")


@app.command()
def reject(number: int, note: Annotated[str, typer.Option(prompt=True)]) -> None:
    """Say no, and why."""
    with told():
        client.signed_in().post(f"exemptions/{number}/reject/", {"note": note})
    console.print(f"Exemption #{number} is rejected.")


@app.command()
def end(number: int, note: Note = "") -> None:
    """It holds no longer, from now on."""
    with told():
        client.signed_in().post(f"exemptions/{number}/end/", {"note": note})
    console.print(f"Exemption #{number} has ended.")
