"""`argosy secret`: a team's secrets, written and tried here and read back nowhere."""

from typing import Annotated

import typer

from . import client, namespace
from .secret_given import Sources, given
from .show import Json, complain, console, one, rows, told

app = typer.Typer(
    help="A team's secrets: written, tried and removed, never read back. (The keys that all of them rest "
    "under are the platform's: `argosy secrets`.)",
    no_args_is_help=True,
)

Team = Annotated[str, typer.Option(help="Of this team, where several have one of that name.")]
Where = Annotated[str, typer.Option("--namespace", help="The one for this namespace alone.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=TEXT", help="What may be shown: endpoint, bucket, host …"),
]
Files = Annotated[
    list[str] | None,
    typer.Option("--from-file", metavar="KEY=PATH", help="What is secret, from a file."),
]
Stdin = Annotated[
    str,
    typer.Option("--value-from-stdin", metavar="KEY", help="What is secret, as it is sent here."),
]
Asked = Annotated[
    list[str] | None,
    typer.Option("--ask", metavar="KEY", help="What is secret, typed without being shown."),
]
Until = Annotated[
    str, typer.Option(metavar="DATE", help="Its last day, as 2027-01-31; warned of before.")
]


@app.command()
def kinds(*, as_json: Json = False) -> None:
    """The kinds there are: what --set tells of each, and what it keeps secret."""
    with told():
        found = client.signed_in().get("secrets/kinds/")["kinds"]
    if not as_json:
        found = [
            {**each, "set": _asks(each, secret=False), "secret": _asks(each, secret=True)}
            for each in found
        ]
    rows(found, ("kind", "title", "set", "secret", "tested"), as_json=as_json)


@app.command("list")
def list_(team: Team = "", kind: str = "", *, as_json: Json = False) -> None:
    """The secrets of your teams, and how far each has come; never what they hold."""
    narrowed = {key: value for key, value in (("team", team), ("kind", kind)) if value}
    with told():
        found = client.signed_in().every("secrets/", **narrowed)
    if not as_json:
        found = [{**each, "namespace": _where(each), "delivered": _there(each)} for each in found]
    columns = ("name", "team", "kind", "version", "standing", "namespace", "delivered")
    rows(found, columns, as_json=as_json)


@app.command()
def show(name: str, *, team: Team = "", where: Where = "", as_json: Json = False) -> None:
    """One secret: its versions, where it is, and which pods get to what it opens."""
    with told():
        one(_named(client.signed_in(), name, team, where), as_json=as_json)


@app.command()
def add(
    name: str,
    team: Annotated[str, typer.Option(help="Whose it is; you own it.")],
    kind: Annotated[str, typer.Option(help="One of `argosy secret kinds`.")] = "opaque",
    *,
    where: Annotated[
        str, typer.Option("--namespace", help="Only there; in all of the team's, if left out.")
    ] = "",
    settings: Settings = None,
    files: Files = None,
    stdin: Stdin = "",
    asked: Asked = None,
    until: Until = "",
    note: str = "",
    as_json: Json = False,
) -> None:
    """A new one. Example: argosy secret add ci --team payments --from-file token=./token

    With --kind s3 --set endpoint=s3.example.com --set bucket=payments you are asked for its keys.
    """
    sources = Sources(settings or (), files or (), stdin, asked or ())
    with told():
        api = client.signed_in()
        said = given(_kind(api, kind), sources) | {"name": name, "team": team, "kind": kind}
        if where:
            said["namespace"] = namespace.named(api, where)["id"]
        made = api.post("secrets/", said | {"note": note, **_ending(until)})
    _kept(made, as_json=as_json)


@app.command()
def renew(
    name: str,
    *,
    team: Team = "",
    where: Where = "",
    settings: Settings = None,
    files: Files = None,
    stdin: Stdin = "",
    asked: Asked = None,
    until: Until = "",
    as_json: Json = False,
) -> None:
    """A new version, whole: nothing of the one before is taken over."""
    sources = Sources(settings or (), files or (), stdin, asked or ())
    with told():
        api = client.signed_in()
        found = _named(api, name, team, where)
        said = given(_kind(api, found["kind"]), sources) | _ending(until)
        made = api.post(f"secrets/{found['id']}/renew/", said)
    _kept(made, as_json=as_json)


@app.command("bring-back")
def bring_back(
    name: str, version: int, *, team: Team = "", where: Where = "", as_json: Json = False
) -> None:
    """An older version once more, as the newest; the values of the last five are kept."""
    with told():
        api = client.signed_in()
        found = _named(api, name, team, where)
        made = api.post(f"secrets/{found['id']}/bring-back/", {"version": version})
    _kept(made, as_json=as_json)


@app.command("test")
def try_(name: str, *, team: Team = "", where: Where = "", as_json: Json = False) -> None:
    """Try it where it is used; exit 1 if it does not work there."""
    with told():
        api = client.signed_in()
        tried = api.post(f"secrets/{_named(api, name, team, where)['id']}/test/")
    if as_json:
        one(tried, as_json=True)
    elif tried["works"]:
        console.print(tried["sentence"], soft_wrap=True)
    else:
        complain(tried["sentence"])
    if not tried["works"]:
        raise typer.Exit(1)


@app.command()
def remove(
    name: str,
    *,
    team: Team = "",
    where: Where = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do it, without being asked.")] = False,
) -> None:
    """Forget it, all versions, and take it from every namespace. Workflows that need it fail."""
    with told():
        api = client.signed_in()
        found = _named(api, name, team, where)
        said = f"{found['name']} of {found['team']}, in {_where(found)}"
        if not yes and not typer.confirm(f"Forget {said}?"):
            raise typer.Exit(1)
        api.delete(f"secrets/{found['id']}/")
    console.print(f"{name} is forgotten, and is being taken from its namespaces.", soft_wrap=True)


def _named(api: client.Client, name: str, team: str, where: str) -> client.Answer:
    """The one of that name. A name may be there twice: in two teams, or for two namespaces."""
    narrowed = {"name": name, **({"team": team} if team else {})}
    found = [each for each in api.every("secrets/", **narrowed) if not each["removed_at"]]
    if where:
        found = [each for each in found if each["namespace"] == where.rpartition("/")[2]]
    if len(found) > 1:
        places = "; ".join(f"{each['team']}, {_where(each)}" for each in found)
        raise client.ApiError(
            f"Several secrets are called {name} ({places}): say which by --team or --namespace."
        )
    if not found:
        raise client.ApiError(f"There is no secret {name} there that you may see.")
    return found[0]


def _kind(api: client.Client, name: str) -> client.Answer:
    offered: list[client.Answer] = api.get("secrets/kinds/")["kinds"]
    for each in offered:
        if each["kind"] == name:
            return each
    known = ", ".join(each["kind"] for each in offered)
    raise client.ApiError(f"There is no kind of secret {name}; there is: {known}.")


def _kept(made: client.Answer, *, as_json: bool) -> None:
    if as_json:
        one(made, as_json=True)
        return
    console.print(
        f"Version {made['version']} of {made['name']} is kept, and on its way to {_where(made)}. "
        f"`argosy secret show {made['name']}` tells how far it is.",
        soft_wrap=True,
    )
    if made["reach"]:
        console.print(made["reach"], soft_wrap=True)


def _ending(until: str) -> client.Answer:
    return {"expires_on": until} if until else {}


def _where(found: client.Answer) -> str:
    return found["namespace"] or "all of the team's namespaces"


def _there(found: client.Answer) -> str:
    there = [each for each in found["deliveries"] if each["state"] == "delivered"]
    return f"{len(there)} of {len(found['deliveries'])}"


def _asks(kind: client.Answer, *, secret: bool) -> str:
    """`endpoint, region (optional), tls (yes/no)`."""
    if not kind["asks"]:
        return "keys of your own" if secret else ""
    return ", ".join(_shown(each) for each in kind["asks"] if each["secret"] is secret)


def _shown(field: client.Answer) -> str:
    if field["choices"]:
        return f"{field['name']} ({'/'.join(field['choices'])})"
    return field["name"] if field["needed"] else f"{field['name']} (optional)"
