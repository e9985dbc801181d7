"""`argosy audit`: what was done, and whether what was recorded is still what was sealed."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import client
from .serve import begin
from .show import Json, complain, console, one, rows, told

if TYPE_CHECKING:
    from controlplane.audit.verifying import Found

app = typer.Typer(help="Who did what, and whether its record is whole.", no_args_is_help=True)

BROKEN, UNREADABLE = 1, 2
FILTERS = ("actor", "team", "action", "outcome", "target", "since", "until")


@app.command("list")
def list_(  # noqa: PLR0917 - typer's way to options
    actor: Annotated[str, typer.Option(help="Who did it.")] = "",
    team: Annotated[str, typer.Option(help="In this team.")] = "",
    action: Annotated[str, typer.Option(help="Such as request.approved.")] = "",
    outcome: Annotated[str, typer.Option(help="done, denied or failed.")] = "",
    target: Annotated[str, typer.Option(help="Part of what it was done to.")] = "",
    since: Annotated[str, typer.Option(help="From this day or time on, such as 2026-11-22.")] = "",
    until: Annotated[str, typer.Option(help="To this day's end, or this time.")] = "",
    most: Annotated[int, typer.Option(min=1, max=500, help="So many.")] = 100,
    *,
    as_json: Json = False,
) -> None:
    """What you may see, newest first. Example: argosy audit list --team payments --since 2026-11-01"""
    values = (actor, team, action, outcome, target, since, until)
    query = {key: value for key, value in zip(FILTERS, values, strict=True) if value}
    with told():
        found = client.signed_in().get("audit/", page_size=str(most), **query)["results"]
    columns = ("at", "actor", "action", "target", "team", "outcome", "through")
    rows(found, columns, as_json=as_json)


@app.command()
def verify(
    heads: Annotated[
        list[Path] | None,
        typer.Option(
            help="A file of heads as ARGOSY_AUDIT_HEADS_FILE keeps them, or lines of the log."
        ),
    ] = None,
    head: Annotated[
        list[str] | None, typer.Option(help="One head, as 12:9f2c…, that you know of elsewhere.")
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """Look at every record and every seal, in the database itself. Ends with 1 if something is wrong.

    Without heads that were kept elsewhere, a chain whose end was cut off looks whole.

    Example: argosy audit verify --heads /var/log/argosy/heads
    """
    begin()
    from django.utils import timezone  # noqa: PLC0415

    from controlplane.audit import verifying  # noqa: PLC0415
    from controlplane.audit.heads import NotAHead, parse, read  # noqa: PLC0415

    try:
        known = [each for file in heads or () for each in read(file.read_text(encoding="utf-8"))]
        known += [parse(word) for word in head or ()]
    except (OSError, UnicodeDecodeError, NotAHead) as exc:
        typer.echo(f"The heads cannot be read: {exc}", err=True)
        raise typer.Exit(UNREADABLE) from exc
    found = verifying.verify(known, now=timezone.now())
    if as_json:
        one(_as_json(found, len(known)), as_json=True)
    else:
        _print(found, len(known))
    if found.wrong:
        raise typer.Exit(BROKEN)


def _as_json(found: "Found", known: int) -> dict[str, Any]:
    return {
        "whole": not found.wrong,
        "wrong": list(found.wrong),
        "seals": found.seals,
        "waiting": found.waiting,
        "head": str(found.head) if found.head else None,
        "heads_known": known,
        "notes": list(found.notes),
    }


def _print(found: "Found", known: int) -> None:
    for sentence in found.wrong:
        complain(sentence)
    for note in found.notes:
        console.print(note, soft_wrap=True)
    if found.wrong:
        return
    console.print(
        f"{found.seals} records are as they were sealed; {found.waiting} wait for their seal."
    )
    if found.head:
        console.print(f"The head is {found.head}", soft_wrap=True)
    if not known:
        console.print(
            "No head that was kept elsewhere was given, so a chain cut off at its end would look whole "
            "too: give one by --heads or --head.",
            soft_wrap=True,
        )
