"""`argosy workflow`: as your level's account of that namespace, the cluster's RBAC decides."""

from pathlib import Path
from typing import Annotated

import typer
import yaml

from . import client
from .namespace import named
from .show import Json, complaints, one, rows, told

app = typer.Typer(help="Workflows of a namespace.", no_args_is_help=True)


@app.command("list")
def list_(namespace: str, *, as_json: Json = False) -> None:
    """The workflows of a namespace, a page of them."""
    with told():
        api = client.signed_in()
        found = api.get(f"namespaces/{named(api, namespace)['id']}/workflows/")["items"]
    rows(found, ("name", "phase", "progress", "message"), as_json=as_json)


@app.command()
def submit(
    namespace: str,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    *,
    as_json: Json = False,
) -> None:
    """Submit a workflow. Example: argosy workflow submit payments hello.yaml"""
    with told():
        api = client.signed_in()
        said = {"manifest": _read(file)}
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


def _read(file: Path) -> object:
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        raise client.ApiError(f"{file} is not valid YAML.") from exc
