"""`argosy usage`: what a team uses, what it costs, and how every cluster is."""

from itertools import dropwhile
from typing import Annotated, Any

import typer

from . import client
from .show import Json, ago, complain, console, one, rows, told

app = typer.Typer(help="What teams use, what it costs, and how the fleet is.", no_args_is_help=True)
GIB_HOUR = 1024 * 3600


@app.command("show")
def show(
    team: Annotated[str, typer.Argument(help="The team's slug.")],
    *,
    namespace: Annotated[str, typer.Option(help="Only this namespace.")] = "",
    cluster: Annotated[str, typer.Option(help="Only what is on this cluster.")] = "",
    within: Annotated[str, typer.Option("--range", help="24h, 7d, 30d or 90d.")] = "24h",
    first: Annotated[str, typer.Option("--from", help="From this day on (UTC).")] = "",
    last: Annotated[str, typer.Option("--to", help="Up to this day (UTC).")] = "",
    as_json: Json = False,
) -> None:
    """What it reserved and what its workflows used. Example: argosy usage show payments --range 7d"""
    asked = {"namespace": namespace, "cluster": cluster, "from": first, "to": last, "range": within}
    query = {key: value for key, value in asked.items() if value}
    with told():
        found = client.signed_in().get("usage/", team=team, **query)
    if as_json:
        one(found, as_json=True)
        return
    covered = found["coverage"]
    if covered["seen"] < covered["of"]:
        complain(f"Not every cluster is followed now: {covered['words']}.")
    used = {point["at"]: point for point in found["used"]}
    seen = list(dropwhile(lambda point: _is_unknown(point, used), found["quota"]))
    if len(seen) < len(found["quota"]):
        before = _moment(seen[0]["at"]) if seen else "now"
        console.print(f"Nobody looked before {before}: for that time there are no numbers.")
    rows(
        [_step(point, used.get(point["at"], {})) for point in seen],
        ("at", "promised", "limit", "reserved", "core hours", "GiB hours", "workflows", "failed"),
        as_json=False,
        whole=("at",),
    )
    console.print(f"CPU in cores, of {covered['words']}; hours are what workflows that ended used.")


@app.command("chargeback")
def chargeback(
    month: Annotated[str, typer.Option(help="As 2026-03; without it, this one.")] = "",
    by: Annotated[str, typer.Option(help="team, namespace or template.")] = "team",
    team: Annotated[str, typer.Option(help="Only this team's.")] = "",
    *,
    as_json: Json = False,
) -> None:
    """What a month costs. Example: argosy usage chargeback --by namespace --month 2026-03"""
    query = {key: value for key, value in {"month": month, "by": by, "team": team}.items() if value}
    with told():
        api = client.signed_in()
        found = api.get("usage/chargeback/", page_size="500", **query)
        for page in range(2, 2 + (found["count"] - 1) // 500):
            more = api.get("usage/chargeback/", page_size="500", page=str(page), **query)
            found["results"] += more["results"]
    if as_json:
        one(found, as_json=True)
        return
    names = [key for key in ("team", "cluster", "namespace", "template") if _has(found, key)]
    money = ("cost", "share") if found["currency"] else ()
    rows(
        found["results"],
        (*names, "workflows", "cpu_hours", "memory_gib_hours", *money),
        as_json=False,
    )
    if found["currency"]:
        console.print(
            f"{found['month']}: usage {found['used']}, shared cost of the platform {found['shared']}, "
            f"together {found['total']} {found['currency']}"
        )
    else:
        complain(f"No price is set for {found['month']}: an admin sets them at the desk.")


@app.command("fleet")
def fleet(
    state: Annotated[str, typer.Option(help="broken, stale, warning, cordoned or fine.")] = "",
    text: Annotated[str, typer.Option("--text", help="Of the name or a label: region=eu")] = "",
    argo: Annotated[str, typer.Option(help="On which this Argo runs.")] = "",
    *,
    as_json: Json = False,
) -> None:
    """Every cluster, the worst first (platform). Example: argosy usage fleet --state broken"""
    query = {
        key: value for key, value in {"state": state, "q": text, "argo": argo}.items() if value
    }
    with told():
        api = client.signed_in()
        found = api.get("fleet/", page_size="500", **query)
        for page in range(2, 2 + (found["count"] - 1) // 500):
            found["results"] += api.get("fleet/", page_size="500", page=str(page), **query)[
                "results"
            ]
    if as_json:
        one(found, as_json=True)
        return
    shown = [{**each, "heard": ago(each["heard_at"]) or "never"} for each in found["results"]]
    columns = ("name", "standing", "namespaces", "heard", "why")
    rows(shown, columns, as_json=False)
    console.print(f"Followed now: {found['coverage']['words']}")


def _has(found: client.Answer, key: str) -> bool:
    return any(key in line for line in found["results"])


def _is_unknown(held: dict[str, Any], used: dict[str, Any]) -> bool:
    return held["cpu_promised"] is None and not used.get(held["at"], {}).get("workflows")


def _moment(at: str) -> str:
    """Without the year and the zone: a table is narrow, and all of it is of one span."""
    return f"{at[5:10]} {at[11:16]}"


def _step(held: dict[str, Any], used: dict[str, Any]) -> dict[str, Any]:
    """One line: nothing where nothing is known."""
    known = {
        "core hours": round(used["cpu_seconds"] / 3600, 3),
        "GiB hours": round(used["memory_mib_seconds"] / GIB_HOUR, 3),
        "workflows": used["workflows"],
        "failed": used["failed"],
    } if used else {}  # fmt: skip
    reserved = {"promised": "cpu_promised", "limit": "cpu_hard", "reserved": "cpu_used"}
    return {
        "at": _moment(held["at"]),
        **{name: "" if held[key] is None else held[key] for name, key in reserved.items()},
        **known,
    }
