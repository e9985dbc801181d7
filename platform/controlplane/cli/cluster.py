"""`argosy cluster`: member clusters."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import orjson
import typer
import yaml

from controlplane.clusters import labels as cluster_labels
from controlplane.clusters import rights

from . import client, cluster_scheduling
from .show import Json, ago, complain, console, one, rows, told

app = typer.Typer(help="Member clusters.", no_args_is_help=True)
app.add_typer(cluster_scheduling.app)


COLUMNS = ("name", "state", "since", "looked at", "namespaces", "version", "labels")

Kubeconfig = Annotated[Path, typer.Option(exists=True, dir_okay=False)]


def _line(found: client.Answer) -> dict[str, object]:
    """A cluster as a line that fits in a terminal: what is long stands below the table."""
    return {
        "name": found["name"],
        "state": found["state"],
        "since": ago(found["since"]),
        "looked at": ago(found["checked_at"]),
        "namespaces": found["namespaces"],
        "version": found["kubernetes_version"],
        "labels": " ".join(f"{key}={value}" for key, value in found["labels"].items()),
    }


def _said(found: client.Answer) -> Iterator[str]:
    """What is amiss with it, and what to do: who cordoned it said why, and so does each condition."""
    if found["scheduling"] != "open":
        yield f"{found['scheduling']}: {found['scheduling_reason'].rstrip('.')}."
    if found["reachable"] is False:
        yield from filter(None, (found["message"], found["way_out"]))
        return
    yield from (c["message"] for c in found["conditions"] if c["good"] is False and c["message"])


@app.command("list")
def list_(*, as_json: Json = False) -> None:
    """The clusters and whether they answer."""
    with told():
        api = client.signed_in()
        found = api.every("clusters/")
    if as_json:
        rows(found, (), as_json=True)
        return
    rows([_line(each) for each in found], COLUMNS, as_json=False, whole=("state",))
    for each in found:
        if said := " ".join(_said(each)):
            complain(f"{each['name']}: {said}")
    if why := api.standstill():
        complain(why)


@app.command()
def show(name: str, *, as_json: Json = False) -> None:
    """One cluster: whether it answers, since when, and what to do if not."""
    with told():
        found = _named(client.signed_in(), name)
    one(found, as_json=as_json)


@app.command()
def add(
    name: str,
    kubeconfig: Kubeconfig,
    *,
    region: Annotated[str, typer.Option(help="The label `region`.")] = "",
    zone: Annotated[str, typer.Option(help="The label `zone`.")] = "",
    environment: Annotated[str, typer.Option(help="The label `environment`.")] = "",
    label: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Another label; may be repeated.")
    ] = None,
    simulated: Annotated[bool | None, typer.Option(help="Whether its pods run nothing.")] = None,
    rebuilt: Annotated[
        bool, typer.Option("--rebuilt", help="The one of that name is gone for good.")
    ] = False,
    placement: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="A JSON file: nodeSelector and tolerations."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Add a cluster, or replace its credential. Example: argosy cluster add eu --kubeconfig eu.yaml

    The new credential is tried in all that it is needed for before anything is kept. Labels that are
    given take the place of all that were; without any they stay.
    """
    known = {"region": region, "zone": zone, "environment": environment}
    with told():
        said: client.Answer = {
            "name": name,
            "kubeconfig": kubeconfig.read_text(encoding="utf-8"),
            "rebuilt": rebuilt,
        }
        pairs = [f"{key}={value}" for key, value in known.items() if value]
        if labels := cluster_labels.parsed([*pairs, *(label or ())]):
            said["labels"] = labels
        if simulated is not None:
            said["simulated"] = simulated
        if placement is not None:
            said["placement"] = _json(placement)
        one(client.signed_in().post("clusters/", said), as_json=as_json)


@app.command()
def label(
    name: str,
    pairs: Annotated[
        list[str], typer.Argument(metavar="KEY=VALUE…", help="`KEY-` takes a label away.")
    ],
    *,
    as_json: Json = False,
) -> None:
    """Set or take away labels. Example: argosy cluster label eu zone=b environment-

    Labels choose where new namespaces come; those that are there stay where they are.
    """
    with told():
        api = client.signed_in()
        found = _named(api, name)
        gone = {pair[:-1] for pair in pairs if pair.endswith("-") and "=" not in pair}
        kept = {key: value for key, value in found["labels"].items() if key not in gone}
        new = cluster_labels.parsed(pair for pair in pairs if pair[:-1] not in gone)
        one(api.patch(f"clusters/{found['id']}/", {"labels": kept | new}), as_json=as_json)


@app.command()
def remove(
    name: str,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Forget a cluster that no team uses. Example: argosy cluster remove eu

    Its credential is deleted here. In the cluster nothing is touched: `kubectl delete
    clusterrolebinding argosy-platform` there ends what the credential may do.
    """
    with told():
        api = client.signed_in()
        found = _named(api, name)
        if not yes:
            typer.confirm(f"Forget the cluster {name} and its credential?", abort=True)
        api.delete(f"clusters/{found['id']}/")
    console.print(f"{name} is removed. What the platform made in it is still there.")


@app.command()
def preflight(
    name: Annotated[str, typer.Argument(help="A registered cluster, by its credential.")] = "",
    *,
    kubeconfig: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Or a cluster that could be added."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Whether a cluster can be the platform's, a line a verdict; ends with 1 if it cannot.

    What the account lacks is printed as YAML for the cluster's own administrator to apply.
    Example: argosy cluster preflight --kubeconfig eu.yaml
    """
    if bool(name) == bool(kubeconfig):
        raise typer.BadParameter("Say which: NAME, or --kubeconfig FILE.")
    with told():
        api = client.signed_in()
        found = (
            api.post(f"clusters/{_named(api, name)['id']}/preflight/")
            if kubeconfig is None
            else api.post(
                "clusters/preflight/", {"kubeconfig": kubeconfig.read_text(encoding="utf-8")}
            )
        )
    _print(found, as_json=as_json)
    if not found["fit"]:
        raise typer.Exit(1)


@app.command()
def role(
    *,
    account: Annotated[
        str,
        typer.Option(
            metavar="NAMESPACE/NAME",
            help="Print also a service account of that name, its token's Secret, and the binding.",
        ),
    ] = "",
) -> None:
    """Print the role that the platform's account needs in each cluster, as YAML.

    It is made of the calls that this platform and its charts make: print it again after an upgrade.
    Example: argosy cluster role --account kube-system/argosy | kubectl apply -f -
    """
    with told():
        found = client.signed_in().get("clusters/role/")
        if not account:
            typer.echo(yaml.safe_dump(found, sort_keys=False), nl=False)
            return
        namespace, slash, name = account.partition("/")
        if not (namespace and slash and name):
            raise client.ApiError(f"{account!r} is no account: write NAMESPACE/NAME.")
        made = rights.account_for(found, namespace=namespace, name=name)
    typer.echo(yaml.safe_dump_all(made, sort_keys=False), nl=False)


def _named(api: client.Client, name: str) -> client.Answer:
    found = api.every("clusters/", name=name)
    if not found:
        raise client.ApiError(f"There is no cluster {name}. `argosy cluster list` has all.")
    return found[0]


def _print(found: client.Answer, *, as_json: bool) -> None:
    if as_json:
        typer.echo(orjson.dumps(found))
        return
    for verdict in found["verdicts"]:
        console.print(f"{verdict['level']:6}  {verdict['about']}: {verdict['sentence']}")
    for yaml_to_apply in filter(None, (verdict["apply"] for verdict in found["verdicts"])):
        console.print(f"\n{yaml_to_apply}", end="", soft_wrap=True)


def _json(file: Path) -> object:
    try:
        return orjson.loads(file.read_bytes())
    except orjson.JSONDecodeError as exc:
        raise client.ApiError(f"{file} is not JSON: {exc}.") from exc
