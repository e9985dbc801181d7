"""`argosy workflow`: as your level's account of that namespace, the cluster's RBAC decides."""

from pathlib import Path
from typing import Annotated

import typer
import yaml

from . import client
from .acting import act
from .namespace import named
from .show import Json, complaints, console, one, rows, told

OVER_ALL = ("cluster", "namespace", "name", "phase", "progress", "created_at", "message")

app = typer.Typer(help="Workflows of a namespace.", no_args_is_help=True)


@app.command("list")
def list_(
    live: Annotated[
        str, typer.Argument(metavar="[NAMESPACE]", help="Asked live; without it, the index of all.")
    ] = "",
    *,
    phase: Annotated[str, typer.Option(help="Such as Running or Failed.")] = "",
    outcome: Annotated[str, typer.Option(help="good, or bad: Failed or Error.")] = "",
    team: Annotated[str, typer.Option(help="A team's slug.")] = "",
    namespace: Annotated[str, typer.Option(help="Of all clusters' namespaces of this name.")] = "",
    cluster: Annotated[str, typer.Option(help="A cluster's name.")] = "",
    template: Annotated[str, typer.Option(help="The template it was made from.")] = "",
    text: Annotated[str, typer.Option(help="Part of the name or of the message.")] = "",
    since: Annotated[str, typer.Option(help="Created then or later: 2026-11-21T12:00Z.")] = "",
    until: Annotated[str, typer.Option(help="Created before then.")] = "",
    finished_since: Annotated[str, typer.Option(help="Ended then or later.")] = "",
    order: Annotated[str, typer.Option(help="Such as name, or -took for the longest first.")] = "",
    as_json: Json = False,
) -> None:
    """The workflows of all your teams, newest first, or those of one namespace; a page of them."""
    said = _said(
        phase=phase,
        outcome=outcome,
        team=team,
        namespace=namespace,
        cluster=cluster,
        template=template,
        text=text,
        since=since,
        until=until,
        finished_since=finished_since,
        order=order,
    )
    with told():
        api = client.signed_in()
        if not live:
            found = api.get("workflows/", **said)["results"]
            rows(found if as_json else _named_phases(found), OVER_ALL, as_json=as_json)
            return
        if said:
            raise client.ApiError(
                "Options narrow the list over all namespaces: name this one by --namespace too."
            )
        found = _newest_first(api, named(api, live)["id"])
    columns = ("name", "phase", "progress", "created_at", "message")
    rows(found if as_json else _named_phases(found), columns, as_json=as_json)


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
    one({k: v for k, v in found.items() if as_json or k != "warnings"}, as_json=as_json)
    for warning in found.get("warnings", ()) if not as_json else ():
        complaints.print(
            f"{warning['path']}: {warning['sentence']}", style="yellow", soft_wrap=True
        )
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


def _newest_first(api: client.Client, namespace_id: int) -> list[client.Answer]:
    """All of a namespace's: the cluster gives them in the order of their names, a page at a time."""
    found: list[client.Answer] = []
    path, cursor = f"namespaces/{namespace_id}/workflows/", ""
    while True:
        page = api.get(path, limit="500", cursor=cursor)
        found += page["items"]
        cursor = page["next_cursor"]
        if not cursor:
            break
    return sorted(found, key=lambda each: str(each["created_at"]), reverse=True)


def _named_phases(found: list[client.Answer]) -> list[client.Answer]:
    """For people: what no controller has looked at yet is Pending."""
    return [{**each, "phase": each["phase"] or "Pending"} for each in found]


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


@app.command()
def delete(
    namespace: str,
    name: str,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Take it away, with its pods and their logs."""
    with told():
        api = client.signed_in()
        where = named(api, namespace)
        if not yes and not typer.confirm(f"Delete {name}, its pods and their logs?"):
            raise typer.Exit(1)
        api.delete(f"namespaces/{where['id']}/workflows/{name}/")
    console.print(f"{name} is deleted.")


def _act(verb: str, namespace: str, name: str, *, as_json: bool) -> None:
    act("workflows", verb, namespace=namespace, name=name, as_json=as_json, say=_sentence)


def _sentence(found: client.Answer) -> str:
    return str(found["sentence"])


def _read(file: Path) -> object:
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        raise client.ApiError(f"{file} is not valid YAML.") from exc
