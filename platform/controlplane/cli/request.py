"""`argosy request` and `argosy approve`: asking, and deciding about exactly what was shown."""

from typing import Annotated

import typer
import yaml

from . import client
from .show import Json, console, one, rows, told

app = typer.Typer(help="Ask for things and see what became of it.", no_args_is_help=True)

Labels = Annotated[
    list[str] | None,
    typer.Option(
        "--label", help="Any cluster that has it: key=value, as region=eu. May be repeated."
    ),
]
Note = Annotated[str, typer.Option(help="A sentence for the other side.")]


@app.command("list")
def list_(*, as_json: Json = False) -> None:
    """The requests you may see, newest first."""
    with told():
        found = client.signed_in().every("requests/")
    rows(found, ("id", "state", "team", "sentence", "requested_by"), as_json=as_json)


@app.command("new")
@app.command("create")
def create(
    team: str,
    name: str,
    cluster: Annotated[str, typer.Option(help="Where; without it, where the labels fit.")] = "",
    label: Labels = None,
    tier: Annotated[str, typer.Option(help="Which size.")] = "small",
    *,
    reason: Note = "",
    as_json: Json = False,
) -> None:
    """Ask for a namespace. Example: argosy request new payments payments-test --label region=eu"""
    asked: client.Answer = {"name": name, "tier": tier}
    if cluster:
        asked["cluster"] = cluster
    if label or not cluster:
        asked["labels"] = pairs(label)
    said = {"kind": "create", "team": team, "asked": asked, "reason": reason}
    with told():
        made = client.signed_in().post("requests/", said)
    if as_json:
        one(made, as_json=True)
    else:
        one({key: value for key, value in made.items() if key != "placed"}, as_json=False)
        print_placed(made["placed"])
        console.print(f"An approver now reads its plan and decides: argosy approve {made['id']}")


@app.command("file")
def file_(
    document: Annotated[typer.FileText, typer.Argument(help="YAML or JSON; - for standard input.")],
    *,
    as_json: Json = False,
) -> None:
    """Ask for what a file says: kind, team, asked, reason. Example: argosy request file wish.yaml"""
    try:
        said = yaml.safe_load(document)
    except yaml.YAMLError as exc:
        raise typer.BadParameter(f"{document.name} is not YAML: {exc}") from exc
    if not isinstance(said, dict):
        raise typer.BadParameter(f"{document.name} holds no request: kind, team, asked, reason.")
    with told():
        one(client.signed_in().post("requests/", said), as_json=as_json)


@app.command()
def amend(
    number: int,
    note: Annotated[str, typer.Option(prompt=True, help="Why, for the team.")],
    name: Annotated[str, typer.Option(help="Another name.")] = "",
    cluster: Annotated[str, typer.Option(help="Another cluster.")] = "",
    *,
    label: Labels = None,
    tier: Annotated[str, typer.Option(help="Another size.")] = "",
) -> None:
    """Change what is asked before deciding. Example: argosy request amend 7 --tier small"""
    wanted = {"name": name, "cluster": cluster, "tier": tier}
    with told():
        api = client.signed_in()
        asked = api.get(f"requests/{number}/")["asked"]
        changed = {**asked, **{key: value for key, value in wanted.items() if value}}
        if label:
            changed = {**changed, "labels": pairs(label), "cluster": cluster}
        elif cluster:
            changed.pop("labels", None)  # a cluster that is named needs no choosing
        found = api.post(f"requests/{number}/amend/", {"asked": changed, "note": note})
    console.print(f"Request #{number} is amended: {found['sentence']}")


@app.command()
def place(number: int) -> None:
    """Choose another cluster, where the one that was chosen by labels takes it no more."""
    with told():
        found = client.signed_in().post(f"requests/{number}/place/")
    console.print(f"Request #{number} goes to {found['cluster']} now.")
    print_placed(found["placed"])


@app.command()
def comment(number: int, words: str) -> None:
    """Say something about a request. Example: argosy request comment 7 "until when?" (both sides read it)"""
    with told():
        client.signed_in().post(f"requests/{number}/comment/", {"note": words})
    console.print(f"Your comment is on request #{number}.")


@app.command()
def show(number: int, *, as_json: Json = False) -> None:
    """One request with all that happened to it."""
    with told():
        one(client.signed_in().get(f"requests/{number}/"), as_json=as_json)


@app.command()
def plan(number: int, *, as_json: Json = False) -> None:
    """The exact objects it would make, checked by the cluster."""
    with told():
        found = client.signed_in().get(f"requests/{number}/plan/")
    if as_json:
        one(found, as_json=True)
    else:
        print_plan(found)


@app.command()
def reject(number: int, note: Annotated[str, typer.Option(prompt=True)]) -> None:
    """Say no, and why."""
    with told():
        client.signed_in().post(f"requests/{number}/reject/", {"note": note})
    console.print(f"Request #{number} is rejected.")


@app.command()
def withdraw(number: int, note: Note = "") -> None:
    """Take back what your team asked."""
    with told():
        client.signed_in().post(f"requests/{number}/withdraw/", {"note": note})
    console.print(f"Request #{number} is withdrawn.")


def approve(
    number: int,
    note: Note = "",
    plan_hash: Annotated[
        str, typer.Option(help="The plan you read before, from `argosy request plan`: no question.")
    ] = "",
) -> None:
    """Read the plan of a request and approve exactly that. Example: argosy approve 7"""
    with told():
        api = client.signed_in()
        found, me = api.get(f"requests/{number}/"), api.get("me/")
        if not me["is_approver"]:
            raise client.ApiError(
                f"Only approvers of the platform decide, and you are signed in as {me['username']}: "
                "sign in as one with `argosy login`."
            )
        if found["requested_by"] == me["username"]:
            raise client.ApiError("Nobody decides on their own request; ask another approver.")
        if not plan_hash:
            found = api.get(f"requests/{number}/plan/")
            print_plan(found)
            plan_hash = found["plan_hash"]
            if not typer.confirm("Approve exactly this?"):
                raise typer.Exit(1)
        api.post(f"requests/{number}/approve/", {"plan_hash": plan_hash, "note": note})
    console.print(f"Request #{number} is approved, bound to plan {plan_hash}.")


def pairs(labels: list[str] | None) -> dict[str, str]:
    """`region=eu` as a key and its value."""
    found: dict[str, str] = {}
    for label in labels or ():
        key, equals, value = label.partition("=")
        if not equals:
            raise typer.BadParameter(f"{label!r} is no label: write key=value, as region=eu.")
        found[key] = value
    return found


def print_placed(placed: client.Answer | None) -> None:
    """Where it goes, and why there and not elsewhere; nothing where a person named the cluster."""
    if placed is None:
        return
    console.print(f"It goes to {placed['cluster']}.")
    others = [each["sentence"] for each in placed.get("kept_out", ())]
    for sentence in (*placed.get("why", ()), *others, placed.get("others"), placed.get("figures")):
        if sentence:
            console.print(f"  {sentence}", soft_wrap=True)


def print_plan(found: client.Answer) -> None:
    """A plan on one screen: how many of which kind, which charts, what is wrong with it."""
    kinds: dict[str, int] = {}
    for planned in found["objects"]:
        kinds[planned["kind"]] = kinds.get(planned["kind"], 0) + 1
    console.print(found["sentence"])
    console.print(f"  {len(found['objects'])} objects, each checked by the cluster's API server:")
    console.print("  " + ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())))
    for chart in found["charts"]:
        console.print(f"  chart {chart['name']} {chart['version']}")
    for problem in found["problems"]:
        console.print(f"  refused: {problem}", style="red", markup=False)
    console.print(f"  plan {found['plan_hash']}")
