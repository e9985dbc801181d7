"""`argosy kubeconfig` and `argosy token`: a person's own way into a cluster."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import orjson
import typer

from controlplane.access import kubeconfigs

from . import client
from .show import Json, console, rows, told

app = typer.Typer(help="Your own kubeconfigs, each for one cluster.", no_args_is_help=True)
plug_in = typer.Typer()

SPARE = timedelta(minutes=2)  # a token that ends sooner than that is exchanged for a new one


@app.command()
def new(
    cluster: str,
    *,
    minutes: Annotated[
        int | None, typer.Option(help="How long it is good; as long as is allowed, if left out.")
    ] = None,
    renewing: Annotated[
        bool,
        typer.Option(help="Hold no token: kubectl asks `argosy token` for one whenever it ends."),
    ] = False,
    to: Annotated[Path | None, typer.Option(help="Write it there, for your eyes only.")] = None,
) -> None:
    """A kubeconfig, shown once. Example: argosy kubeconfig new eu --to eu.yaml"""
    asked: dict[str, object] = {"cluster": cluster, "renewing": renewing}
    if minutes is not None:
        asked["minutes"] = minutes
    with told():
        found = client.signed_in().post("kubeconfigs/", asked)
    if to is None:
        typer.echo(found["kubeconfig"], nl=False)
        return
    _written(to, found["kubeconfig"].encode())
    until = (
        f"It is good until {found['expires_at']}." if found["expires_at"] else "It renews itself."
    )
    console.print(f"Written to {to}. {until}", soft_wrap=True)


@app.command("list")
def list_(*, as_json: Json = False) -> None:
    """What was issued to you, newest first, and how each stands."""
    with told():
        found = client.signed_in().every("kubeconfigs/")
    rows(found, ("id", "username", "cluster", "expires_at", "stands"), as_json=as_json)


@app.command()
def revoke(identity: str) -> None:
    """Take one back; all that a person has in a cluster ends when their last one does."""
    with told():
        api = client.signed_in()
        fitting = [each for each in api.every("kubeconfigs/") if each["id"].startswith(identity)]
        if len(fitting) != 1:
            raise client.ApiError(
                f"There is no kubeconfig {identity} that you may see."
                if not fitting
                else f"Several kubeconfigs begin with {identity}: say more of it."
            )
        found = api.post(f"kubeconfigs/{fitting[0]['id']}/revoke/")
    console.print(found["stands"], soft_wrap=True)


@plug_in.command()
def token(
    cluster: str,
    *,
    fresh: Annotated[bool, typer.Option(help="A new one, though the last is still good.")] = False,
) -> None:
    """What kubectl runs for a token, where a kubeconfig renews itself. The last one is kept until it ends."""
    with told():
        api = client.signed_in()
        kept = _kept(api, cluster)
        found = {} if fresh else _read(kept)
        if not found:
            found = api.post("kubeconfigs/", {"cluster": cluster})
            _written(kept, orjson.dumps({key: found[key] for key in ("token", "expires_at")}))
    shown = kubeconfigs.credential(found["token"], until=_second(found["expires_at"]))
    typer.echo(orjson.dumps(shown))


def _kept(api: client.Client, cluster: str) -> Path:
    """Where the last token is, for its owner only: of another sign-in it is another file."""
    return client.kept_file().parent / "tokens" / f"{api.mark()}-{cluster}.json"


def _read(kept: Path) -> client.Answer:
    """The last token while it is good; nothing else."""
    try:
        found: client.Answer = orjson.loads(kept.read_bytes())
        ends = datetime.fromisoformat(found["expires_at"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return found if ends - SPARE > datetime.now(UTC) else {}


def _written(path: Path, content: bytes) -> None:
    """Whole or not at all, and never for others to read."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_bytes(content)
    draft.replace(path)


def _second(moment: str) -> str:
    """As Kubernetes writes a time."""
    return datetime.fromisoformat(moment).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
