"""`argosy login` and `logout`."""

from typing import Annotated

import typer

from . import client
from .show import console, told

app = typer.Typer()


@app.command()
def login(
    username: Annotated[str, typer.Option(prompt=True)],
    password: Annotated[str, typer.Option(prompt=True, hide_input=True)],
    url: Annotated[str, typer.Option(help="The platform's address.")] = "",
) -> None:
    """Sign in, and remember it. Example: argosy login --username owner"""
    address = url or client.known_url()
    with told():
        try:
            answer = client.Client(address).post(
                "token/", {"username": username, "password": password}
            )
        except client.ApiError as exc:
            if exc.exit_code == 1:
                raise client.ApiError(f"{address} says: {exc}") from exc
            raise
        client.keep(client.Client(address, answer["token"]))
    console.print(f"Signed in to {address} as {username}, until {answer['expires_at']}.")


@app.command()
def logout() -> None:
    """Sign out: the token ends at the platform too."""
    with told():
        client.signed_in().delete("token/")
    client.kept_file().unlink(missing_ok=True)
    console.print("Signed out.")
