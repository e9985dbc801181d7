"""`argosy status`: is anything wrong, and where? What somebody types first."""

from collections.abc import Iterator
from typing import Any

import orjson
import typer

from . import client
from .show import Json, complain, console, told

app = typer.Typer()

SHOWN = 10  # of each list; the rest is counted
AMISS = ("broken", "stale", "warning")
UNDER_WAY = ("Pending", "Provisioning", "Terminating")


@app.command()
def status(*, as_json: Json = False) -> None:
    """What is amiss with the platform, its clusters and your namespaces; exits with 1 if anything is."""
    with told():
        found = _found(client.signed_in())
    amiss = list(_amiss(found))
    if as_json:
        typer.echo(orjson.dumps(found))
    else:
        for line in _lines(found):
            console.print(line, soft_wrap=True, markup=False)
        for line in amiss:
            complain(line)
    raise typer.Exit(int(bool(amiss)))


def _found(api: client.Client) -> dict[str, Any]:
    degraded = api.get("namespaces/", phase="Degraded", page_size=str(SHOWN))
    return {
        "platform": api.url,
        "standstill": api.standstill(),
        "fleet": _fleet(api),
        "namespaces": {
            "all": _count(api, "namespaces/"),
            "degraded": degraded["count"],
            "under_way": sum(_count(api, "namespaces/", phase=phase) for phase in UNDER_WAY),
            "results": degraded["results"],
        },
        "requests_waiting": _count(api, "requests/", state="pending"),
    }


def _fleet(api: client.Client) -> dict[str, Any] | None:
    """The worst of the clusters; None for who is not of the platform, to whom there is no fleet."""
    try:
        found = api.get("fleet/", page_size=str(SHOWN))
    except client.ApiError as exc:
        if exc.code == "not_found":
            return None
        raise
    worst = [each for each in found["results"] if each["standing"] in AMISS]
    return {
        "standings": found["standings"],
        "followed": found["coverage"]["words"],
        "results": worst,
    }


def _count(api: client.Client, path: str, **narrowed: str) -> int:
    return int(api.get(path, page_size="1", **narrowed)["count"])


def _lines(found: dict[str, Any]) -> Iterator[str]:
    """What there is, whether or not something is wrong."""
    yield f"{found['platform']} answers."
    if (fleet := found["fleet"]) is not None:
        each = ", ".join(f"{count} {word}" for word, count in fleet["standings"].items() if count)
        yield f"Clusters: {each or 'none yet'}. Followed now: {fleet['followed']}."
    spaces = found["namespaces"]
    yield (
        f"Namespaces you may see: {spaces['all']}, {spaces['degraded']} of them Degraded, "
        f"{spaces['under_way']} under way."
    )
    yield f"Requests that wait for a decision: {found['requests_waiting']}."


def _amiss(found: dict[str, Any]) -> Iterator[str]:
    """What is wrong, the widest first, each with the command that tells more."""
    if found["standstill"]:
        yield found["standstill"]
    fleet = found["fleet"] or {"standings": {}, "results": []}
    for each in fleet["results"]:
        yield " ".join(
            filter(None, (f"{each['name']}: {each['state']}.", each["why"], each["way_out"]))
        )
    wrong = sum(fleet["standings"].get(word, 0) for word in AMISS)
    if wrong > len(fleet["results"]):
        yield f"And {wrong - len(fleet['results'])} clusters more: argosy usage fleet"
    spaces = found["namespaces"]
    for each in spaces["results"]:
        yield f"{each['name']} on {each['cluster']}: {_why(each)} (argosy namespace show {each['name']})"
    if spaces["degraded"] > len(spaces["results"]):
        yield f"And {spaces['degraded'] - len(spaces['results'])} namespaces more: argosy namespace list"


def _why(namespace: dict[str, Any]) -> str:
    """What its condition `Ready` says."""
    said = (each["message"] for each in namespace["conditions"] if each["type"] == "Ready")
    return str(next(said, namespace["phase"]))
