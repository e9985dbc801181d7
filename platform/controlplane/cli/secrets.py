"""`argosy secrets`: the keys that everything sealed rests under; where the platform's database is reached.

A team's own secrets are `argosy secret`, over the API.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from .serve import begun

if TYPE_CHECKING:
    from controlplane.secrets.rotation import Unreadable

app = typer.Typer(
    help="The platform's keys, under which all secrets rest. (A team's own secrets: `argosy secret`.)",
    no_args_is_help=True,
)


@app.command()
def rotate() -> None:
    """Seal everything under the first of ARGOSY_ENCRYPTION_KEYS, while the platform runs.

    Add the new key last, deploy; make it the first, deploy; run this; remove the old one.
    """
    begun()
    from controlplane.audit import acting  # noqa: PLC0415
    from controlplane.secrets import rotation  # noqa: PLC0415

    with acting.under(acting.at_this_machine()):
        done = rotation.rotate()
    typer.echo(f"{done.moved} were sealed anew; {done.left} are under the newest key already.")
    if done.unreadable:
        typer.echo(rotation.told(list(rotation.unreadable())), err=True)
        raise typer.Exit(1)


@app.command()
def check() -> None:
    """Whether every key that is still needed is set. Run it before you remove one."""
    begun()
    from controlplane.secrets import rotation  # noqa: PLC0415

    _end_with(list(rotation.unreadable()))
    typer.echo("Everything that is sealed opens with the keys that are set.")


@app.command("forget-unreadable")
def forget_unreadable(
    *, yes: Annotated[bool, typer.Option("--yes", help="Do it, without being asked.")] = False
) -> None:
    """Empty what no key opens any more: the key is lost, and each is to be entered anew."""
    begun()
    from controlplane.audit import acting  # noqa: PLC0415
    from controlplane.secrets import rotation  # noqa: PLC0415

    found = list(rotation.unreadable())
    if not found:
        typer.echo("There is nothing that no key opens.")
        return
    typer.echo("\n".join(map(str, found)))
    if not yes and not typer.confirm(f"Forget what these {len(found)} hold?"):
        raise typer.Exit(1)
    with acting.under(acting.at_this_machine()):
        emptied = rotation.forget(found)
    typer.echo(f"{emptied} were emptied; enter each of them anew.")


def _end_with(found: "list[Unreadable]") -> None:
    if found:
        from controlplane.secrets import rotation  # noqa: PLC0415

        typer.echo(rotation.told(found), err=True)
        raise typer.Exit(1)
