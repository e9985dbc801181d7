"""`argosy namespace`: what a team has, how it is, and why it is not ready yet."""

import time
from typing import Annotated

import typer

from . import client
from .show import Json, console, one, rows, told

app = typer.Typer(help="Your teams' namespaces.", no_args_is_help=True)

LOOK_EVERY = 0.5


@app.command("list")
def list_(
    *,
    argo: Annotated[
        str, typer.Option(help="forbidden, vulnerable, end-of-life, ending or unknown.")
    ] = "",
    as_json: Json = False,
) -> None:
    """The namespaces you may see. Example: argosy namespace list --argo vulnerable"""
    narrowed = {"argo": argo} if argo else {}
    with told():
        found = client.signed_in().every("namespaces/", **narrowed)
    if not as_json:
        found = [{**each, "argo": _argo_of(each)} for each in found]
    rows(found, ("id", "name", "team", "cluster", "tier", "phase", "argo"), as_json=as_json)


@app.command()
def show(name: str, *, as_json: Json = False) -> None:
    """One namespace with its conditions."""
    with told():
        one(named(client.signed_in(), name), as_json=as_json)


@app.command()
def turns(name: str, *, as_json: Json = False) -> None:
    """What the platform did there lately."""
    with told():
        api = client.signed_in()
        found = api.get(f"namespaces/{named(api, name)['id']}/turns/")["results"]
    if not as_json:
        for turn in found:
            turn["steps"] = "\n".join(f"{s['state']}: {s['step']}" for s in turn["steps"])
    rows(found, ("started_at", "seconds", "outcome", "message", "steps"), as_json=as_json)


@app.command()
def retry(name: str) -> None:
    """Look at it now, whatever its schedule says."""
    with told():
        api = client.signed_in()
        said = api.post(f"namespaces/{named(api, name)['id']}/try-now/")["said"]
    console.print(f"{said} `argosy namespace show {name}` tells how it is.", soft_wrap=True)


@app.command()
def wait(
    name: str, seconds: Annotated[float, typer.Option(help="Give up after so long.")] = 120
) -> None:
    """Wait until it is Ready; exit 1 with the reason if it is not in time."""
    with told():
        api, deadline = client.signed_in(), time.monotonic() + seconds
        while (found := named(api, name))["phase"] != "Ready":
            if time.monotonic() > deadline:
                raise client.ApiError(f"{name} is {found['phase']}: {reason_of(found)}")
            time.sleep(LOOK_EVERY)
    console.print(f"{name} is Ready.")


@app.command()
def why(
    name: str,
    *,
    person: Annotated[str, typer.Option(help="Whom; you, if left out. Owners ask about all.")] = "",
    act: Annotated[
        str, typer.Option(help="see, submit-workflows, keep-templates or file-requests.")
    ] = "submit-workflows",
    as_json: Json = False,
) -> None:
    """Why somebody may do something there, or why not. Example: argosy namespace why payments --person ada"""
    with told():
        api = client.signed_in()
        asked = {"act": act, **({"person": person} if person else {})}
        found = api.get(f"namespaces/{named(api, name)['id']}/access/", **asked)
    if as_json:
        one(found, as_json=True)
        return
    console.print(found["sentence"])
    for step in found["steps"]:
        console.print(
            f"{'  ' if step['holds'] else 'x '}{step['link']}: {step['sentence']}", soft_wrap=True
        )


def named(api: client.Client, name: str) -> client.Answer:
    """The live namespace of this name, or of `cluster/name` where several clusters have one."""
    cluster, _, plain = name.rpartition("/")
    found = [
        each
        for each in api.every("namespaces/", name=plain)
        if each["name"] == plain and cluster in {"", each["cluster"]} and not each["deleted_at"]
    ]
    if not found:
        raise client.ApiError(f"There is no namespace {name} that you may see.")
    if len(found) > 1:
        choices = " or ".join(f"{each['cluster']}/{plain}" for each in found)
        raise client.ApiError(f"Several clusters have a namespace {plain}: say {choices}.")
    return found[0]


def _argo_of(found: client.Answer) -> str:
    """Which Argo runs there, and what is wrong with it in a word each."""
    argo = found["argo"]
    return " ".join((argo["version"], *argo["flags"]))


def reason_of(found: client.Answer) -> str:
    """Why a namespace is as it is, in one line."""
    for condition in found["conditions"]:
        if condition["type"] == "Ready":
            return f"{condition['reason']}: {condition['message']}"
    return "no turn was taken for it yet"
