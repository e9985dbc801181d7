"""`argosy workflow`: as your level's account of that namespace, the cluster's RBAC decides."""

from pathlib import Path
from typing import Annotated

import typer
import yaml

from . import client
from .acting import act
from .namespace import named
from .show import Json, complaints, one, rows, told

OVER_ALL = ("cluster", "namespace", "name", "phase", "progress", "created_at", "message")

app = typer.Typer(help="Workflows of a namespace.", no_args_is_help=True)


@app.command("list")
def list_(
    namespace: Annotated[str, typer.Argument(help="Asked live; without it, all of yours.")] = "",
    *,
    phase: Annotated[str, typer.Option(help="Such as Running or Failed.")] = "",
    text: Annotated[str, typer.Option(help="Part of the name.")] = "",
    as_json: Json = False,
) -> None:
    """The newest workflows of all your teams, or those of one namespace; a page of them."""
    with told():
        api = client.signed_in()
        if not namespace:
            found = api.get("workflows/", **_said(phase=phase, text=text))["results"]
            rows(found, OVER_ALL, as_json=as_json)
            return
        if phase or text:
            raise client.ApiError("--phase and --text are for the list over all namespaces.")
        found = api.get(f"namespaces/{named(api, namespace)['id']}/workflows/")["items"]
    rows(found, ("name", "phase", "progress", "message"), as_json=as_json)


@app.command()
def submit(
    namespace: str,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only ask the cluster whether it would take it.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Submit a workflow. Example: argosy workflow submit payments hello.yaml"""
    with told():
        api = client.signed_in()
        said = {"manifest": _read(file), "dry_run": dry_run}
        where = named(api, namespace)
        found = api.post(f"namespaces/{where['id']}/workflows/", said)
    one(found, as_json=as_json)
    if where["simulated"]:
        complaints.print(
            f"Pods are simulated on {where['cluster']}: nothing will run this workflow."
        )


@app.command()
def show(namespace: str, name: str, *, as_json: Json = False) -> None:
    """One workflow with its steps."""
    with told():
        api = client.signed_in()
        found = api.get(f"namespaces/{named(api, namespace)['id']}/workflows/{name}/")
    one(found, as_json=as_json)


def _said(**options: str) -> dict[str, str]:
    return {name: value for name, value in options.items() if value}


@app.command()
def stop(namespace: str, name: str, *, as_json: Json = False) -> None:
    """End it in order: no new step starts, exit handlers run."""
    _act("stop", namespace, name, as_json=as_json)


@app.command()
def terminate(namespace: str, name: str, *, as_json: Json = False) -> None:
    """End it at once: exit handlers do not run."""
    _act("terminate", namespace, name, as_json=as_json)


@app.command()
def suspend(namespace: str, name: str, *, as_json: Json = False) -> None:
    """Start no new step until it is resumed."""
    _act("suspend", namespace, name, as_json=as_json)


@app.command()
def resume(namespace: str, name: str, *, as_json: Json = False) -> None:
    """Let new steps start again."""
    _act("resume", namespace, name, as_json=as_json)


@app.command()
def resubmit(namespace: str, name: str, *, as_json: Json = False) -> None:
    """Make a new workflow from the same spec."""
    _act("resubmit", namespace, name, as_json=as_json)


def _act(verb: str, namespace: str, name: str, *, as_json: bool) -> None:
    act("workflows", verb, namespace=namespace, name=name, as_json=as_json, say=_sentence)


def _sentence(found: client.Answer) -> str:
    return str(found["sentence"])


def _read(file: Path) -> object:
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        raise client.ApiError(f"{file} is not valid YAML.") from exc
