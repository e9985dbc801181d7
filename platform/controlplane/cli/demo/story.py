"""The demo's steps, in the order a team would live them."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from controlplane.cli.client import Answer, ApiError, Client, keep
from controlplane.cli.namespace import reason_of
from controlplane.cli.request import print_plan
from controlplane.cli.show import console, told
from controlplane.clusters import base_release
from controlplane.processes import background
from localcluster import clusters
from localcluster.cli import told as told_locally

from . import accounts, evidence, forbidden, hello

TEAM = NAMESPACE = "payments"
READY_SECONDS = 120.0
LOOK_EVERY = 0.3
UNDER_WAY = "its first turn is under way"


def demo(
    port: Annotated[
        int | None,
        typer.Option(
            envvar="ARGOSY_PORT",
            help="Where the platform answers; the first free one from 8080 on if not said.",
        ),
    ] = None,
    node: Annotated[str, typer.Option(help="auto, real or simulated.")] = "auto",
    *,
    reset_passwords: Annotated[bool, typer.Option(help="Make and print new ones.")] = False,
) -> None:
    """Start a cluster and the platform, and bring one team from nothing to Ready."""
    started = time.monotonic()
    with told(), told_locally(), _interruptible():
        console.rule("1. A real Kubernetes on this machine")
        running = clusters.up("local", node=node, crds=base_release.crds(), say=console.print)  # type: ignore[arg-type]
        console.print(f"{running.server} with {running.node} nodes")
        console.rule("2. The platform")
        url = background.ensure_running(port=port)
        keys, made = accounts.tokens(reset=reset_passwords)
        _show_passwords(made)
        people = {name: Client(url, key) for name, key in keys.items()}
        _prepare(people["admin"], running)
        console.print(f"{url} answers; cluster `local` is registered; team `{TEAM}` is there")
        console.rule("3. `owner` asks, `approver` reads the plan and approves")
        namespace = _ready(people)
        console.rule("4. What is there now")
        evidence.show(running.kubeconfig, NAMESPACE)
        console.rule("5. A workflow")
        if running.node == "real":
            hello.run(people["member"], namespace["id"])
        else:
            console.print(
                "Pods are simulated here: they are placed on nodes that run nothing, so no workflow "
                "can run and the demo stops at Ready."
            )
        console.rule("6. An image that the team may not run")
        forbidden.show(people["member"], namespace)
        keep(people["owner"])
    _goodbye(url, time.monotonic() - started)


def _prepare(admin: Client, running: clusters.RunningCluster) -> None:
    admin.post(
        "clusters/",
        {
            "name": "local",
            "kubeconfig": running.kubeconfig.read_text(encoding="utf-8"),
            "simulated": running.node == "simulated",
            # `local` is the demo's own: after `argosy local wipe` it is another Kubernetes.
            "rebuilt": True,
        },
    )
    if not any(team["slug"] == TEAM for team in admin.every("teams/")):
        groups = {f"{level}_group": f"{TEAM}-{level}s" for level in ("owner", "member", "viewer")}
        admin.post("teams/", {"slug": TEAM, "name": "Payments", **groups})
    # Early, so that the cluster acts on it by the time it is shown.
    forbidden.deny(admin, TEAM)


def _ready(people: dict[str, Client]) -> Answer:
    """The namespace, asked for and approved if it is not there yet, and Ready."""
    owner, approver = people["owner"], people["approver"]
    before = 0
    if (known := _found(owner)) is None:
        waiting = [r for r in owner.every("requests/") if r["state"] == "pending"]
        request = next((r for r in waiting if r["asked"].get("name") == NAMESPACE), None)
        if request is None:
            asked = {"name": NAMESPACE, "tier": "small", "cluster": "local"}
            request = owner.post("requests/", {"kind": "create", "team": TEAM, "asked": asked})
        plan = approver.get(f"requests/{request['id']}/plan/")
        print_plan(plan)
        approver.post(f"requests/{request['id']}/approve/", {"plan_hash": plan["plan_hash"]})
        console.print(f"approver approved request #{request['id']}, bound to that plan")
    else:
        console.print(f"`{NAMESPACE}` was asked for and approved before; looking at it anew")
        turns = owner.get(f"namespaces/{known['id']}/turns/")["results"]
        before = max((turn["id"] for turn in turns), default=0)
        owner.post(f"namespaces/{known['id']}/try-now/")
    return _watched(owner, since=before)


def _watched(owner: Client, *, since: int) -> Answer:
    """Show the steps of the turns after `since` while they happen, until Ready or the deadline."""
    deadline, shown, last = time.monotonic() + READY_SECONDS, set[str](), ""
    while time.monotonic() < deadline:
        namespace = _need(owner)
        for turn in owner.get(f"namespaces/{namespace['id']}/turns/")["results"][:3]:
            for step in turn["steps"] if turn["id"] > since else ():
                line = f"  {step['state']:7} {step['step']}"
                if step["state"] != "waiting" and (key := f"{turn['id']}{line}") not in shown:
                    shown.add(key)
                    console.print(line, style="red" if step["state"] == "failed" else None)
        why = reason_of(namespace) if namespace["conditions"] or not shown else UNDER_WAY
        if (now := f"{namespace['phase']}: {why}") != last:
            console.print(f"{NAMESPACE} is {now}", markup=False)
            last = now
        if namespace["phase"] == "Ready":
            return namespace
        time.sleep(LOOK_EVERY)
    raise ApiError(f"{NAMESPACE} is still {last}. Look at the platform's log, .argosy/platform.log")


def _found(owner: Client) -> Answer | None:
    live = [n for n in owner.every("namespaces/") if n["name"] == NAMESPACE and not n["deleted_at"]]
    return live[0] if live else None


def _need(owner: Client) -> Answer:
    if (found := _found(owner)) is None:
        raise ApiError(f"{NAMESPACE} was approved, but is not listed: look at .argosy/platform.log")
    return found


def _goodbye(url: str, seconds: float) -> None:
    console.rule("Where to look")
    console.print(f"Done after {seconds:.0f} s. You are signed in as `owner`; try:")
    console.print("  .venv/bin/argosy namespace show payments")
    console.print("  .venv/bin/argosy request list")
    console.print(f"  {url}/ as `owner` or `approver`, {url}/admin/ as `admin`")
    console.print("For programs:")
    console.print(
        f"  POST {url}/api/v1/token/ gives a token; with it {url}/api/v1/schema/ lists every path"
    )
    console.print(
        "`make down` stops all of it and keeps the data; `rm -r .argosy` then forgets it."
    )


def _show_passwords(made: dict[str, str]) -> None:
    """At once when they are made: whoever interrupts the demo later has them."""
    if made:
        console.print("Accounts and passwords, shown this once:")
        for username, password in made.items():
            console.print(f"  {username:9} {password}", highlight=False, markup=False)
    else:
        console.print(
            "The accounts were made before; `.venv/bin/argosy demo --reset-passwords` makes new "
            "passwords."
        )


@contextmanager
def _interruptible() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        console.print("\nInterrupted: `make demo` goes on from here, `make down` stops what runs.")
        raise typer.Exit(130) from None
