"""`argosy cron`: what starts by the clock, and letting it rest."""

import typer

from . import client
from .acting import act
from .namespace import named
from .show import Json, rows, told

app = typer.Typer(help="CronWorkflows of a namespace.", no_args_is_help=True)


@app.command("list")
def list_(namespace: str, *, as_json: Json = False) -> None:
    """The CronWorkflows of a namespace: when they ran, run next, and did not run."""
    with told():
        api = client.signed_in()
        found = api.get(f"namespaces/{named(api, namespace)['id']}/crons/")["items"]
    columns = ("name", "schedules", "timezone", "suspended", "last_at", "next_at", "missed")
    rows(found, columns, as_json=as_json)


@app.command()
def suspend(namespace: str, name: str, *, as_json: Json = False) -> None:
    """Start no new workflow from it until it is resumed."""
    _act("suspend", namespace, name, as_json=as_json)


@app.command()
def resume(namespace: str, name: str, *, as_json: Json = False) -> None:
    """Start workflows by its schedule again."""
    _act("resume", namespace, name, as_json=as_json)


def _act(verb: str, namespace: str, name: str, *, as_json: bool) -> None:
    act("crons", verb, namespace=namespace, name=name, as_json=as_json, say=_state)


def _state(found: client.Answer) -> str:
    state = "suspended" if found["suspended"] else f"active, next at {found['next_at']}"
    return f"{found['name']} is {state}."
