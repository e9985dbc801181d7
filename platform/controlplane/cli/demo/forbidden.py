"""The demo's forbidden image: refused where it is submitted, and on its team's page within seconds."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from controlplane.cli.client import Answer, ApiError, Client
from controlplane.cli.show import console

POLICY = "demo-no-miners"
IMAGE = "forbidden.example/miner:1"
ACTS_SECONDS = 15.0  # until the cluster acts on a policy: it is told within a few
SEEN_SECONDS = 5.0  # until a refusal is on the violations page
LOOK_EVERY = 0.2
OURS = "image policy"  # what every denial of ours says of itself, whoever in the cluster wrote it


def deny(admin: Client, team: str) -> None:
    """Say that this team may run nothing of that registry; said once, it stays said."""
    if admin.get("policies/", name=POLICY)["results"]:
        return
    body = {
        "name": POLICY,
        "description": "Of the demo: what its forbidden image is refused by.",
        "scope": "team",
        "team": team,
        "settings": {"deny": [{"registry": IMAGE.partition("/")[0]}]},
    }
    admin.post("policies/", body)


def show(member: Client, namespace: Answer) -> None:
    """Submit the image, and show the refusal and where it stands. Anything else is an error.

    Where the rules themselves let it in, by what somebody decided since, there is no refusal to wait for.
    """
    tried = _tried(member, namespace)
    if tried["allowed"]:
        console.print(_why_admitted(member, namespace, tried))
        return
    path = f"namespaces/{namespace['id']}/workflows/"
    if not _within(ACTS_SECONDS, lambda: _refusal(member, path, dry_run=True)):
        console.print(
            f"Nothing in this cluster refuses {IMAGE}: no agent has brought it the image policy within "
            f"{ACTS_SECONDS:.0f} s. The rules themselves say:"
        )
        console.print(str(tried["sentence"]))
        return
    before = _seen(member, namespace)
    said = _refusal(member, path, dry_run=False)
    if not said:
        raise ApiError(f"A workflow with {IMAGE} was let in, although a dry run of it was refused.")
    console.print(f"member submitted {IMAGE}, and the cluster refused it:")
    console.print(f"  {said}")
    began = time.monotonic()
    link = _within(SEEN_SECONDS, lambda: _new(before, _seen(member, namespace)))
    if not link:
        raise ApiError(
            f"The refusal is not on the violations page after {SEEN_SECONDS:.0f} s. Look at the agent's "
            f"log beside the cluster, and at {member.url}/violations/"
        )
    console.print(f"It is on the violations page after {time.monotonic() - began:.1f} s: {link}")


def manifest() -> Answer:
    """One step with the forbidden image."""
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": "forbidden-"},
        "spec": {
            "entrypoint": "dig",
            "templates": [{"name": "dig", "container": {"image": IMAGE, "command": ["/dig"]}}],
        },
    }


def _refusal(member: Client, path: str, *, dry_run: bool) -> str:
    """What the cluster says to it; '' if it lets it in."""
    try:
        member.post(path, {"manifest": manifest(), "dry_run": dry_run})
    except ApiError as refusal:
        if OURS not in str(refusal):
            raise
        return str(refusal)
    return ""


def _tried(member: Client, namespace: Answer) -> Answer:
    wish = {"team": namespace["team"], "image": IMAGE, "namespace": namespace["name"]}
    tried: Answer = member.post("policies/try/", wish)
    return tried


def _why_admitted(member: Client, namespace: Answer, tried: Answer) -> str:
    """What somebody decided that lets the image in."""
    if tried["mode"] == "audit":
        return (
            f"Of {namespace['team']} image rules are in audit: {IMAGE} is noted and let in, so nothing "
            "refuses it here."
        )
    asked = {"team": namespace["team"], "image": IMAGE, "state": "approved"}
    for each in member.every("exemptions/", **asked):
        if each["holds"] and each["namespace"] in {None, namespace["name"]}:
            until = datetime.fromisoformat(each["not_after"]).astimezone(UTC)
            return (
                f"{IMAGE} is exempted until {until:%d %b %Y %H:%M} UTC (#{each['id']}), so nothing refuses "
                f"it here. `argosy exemption end {each['id']}` ends that."
            )
    return f"The image rules let {IMAGE} in here: {tried['sentence']}"


def _seen(member: Client, namespace: Answer) -> dict[int, Answer]:
    """The rows of this image there, by their number."""
    query = {"namespace": namespace["name"], "image": IMAGE}
    return {row["id"]: row for row in member.get("violations/", **query)["results"]}


def _new(before: dict[int, Answer], after: dict[int, Answer]) -> str:
    """The link of a row that was not there before, or was seen again since; '' for none."""
    for number, row in after.items():
        if number not in before or row["count"] > before[number]["count"]:
            return str(row["link"])
    return ""


def _within(seconds: float, found: Callable[[], Any]) -> Any:
    """What is found, as soon as it is; None when the time is over."""
    deadline = time.monotonic() + seconds
    while not (answer := found()):
        if time.monotonic() > deadline:
            return None
        time.sleep(LOOK_EVERY)
    return answer
