"""The demo's steps, in the order a team would live them."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

import typer

from controlplane.cli.client import Answer, ApiError, Client, keep
from controlplane.cli.namespace import reason_of
from controlplane.cli.request import print_placed, print_plan
from controlplane.cli.show import console, told
from controlplane.clusters import base_release
from controlplane.kube.errors import KubeError
from controlplane.processes import background, local_accounts
from localcluster import clusters
from localcluster.cli import told as told_locally

from . import accounts, evidence, forbidden, hello, sso

READY_SECONDS = (
    300.0  # what was in vain is tried again after a minute: time for that on a slow machine
)
LOOK_EVERY = 0.3
UNDER_WAY = "its first turn is under way"


@dataclass(frozen=True)
class Place:
    """A cluster of the demo's, the label by which it is found, and the team that asks for it."""

    cluster: str
    region: str
    team: str
    title: str

    @property
    def namespace(self) -> str:
        """The team's first one, called as itself."""
        return self.team


PLACES = (Place("eu", "eu", "payments", "Payments"), Place("us", "us", "reports", "Reports"))


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
    with_sso: Annotated[
        bool, typer.Option("--sso", help="Start a Keycloak too, for people to sign in by.")
    ] = False,
) -> None:
    """Start two clusters and the platform, and bring a team on each from nothing to Ready."""
    started = time.monotonic()
    with told(), told_locally(), _interruptible():
        console.rule("1. Two real Kubernetes on this machine")
        running = _clusters(node)
        if with_sso:
            console.rule("An identity provider")
            sso.show(sso.begin(port=port))
        console.rule("2. The platform")
        url = background.ensure_running(port=port)
        keys, made = accounts.tokens(reset=reset_passwords)
        _show_passwords(made)
        people = {name: Client(url, key) for name, key in keys.items()}
        for place in PLACES:
            _prepare(people["admin"], place, running[place.cluster])
            console.print(f"cluster `{place.cluster}` is registered; team `{place.team}` is there")
        # Early, so that the cluster acts on it by the time it is shown.
        forbidden.deny(people["admin"], PLACES[0].team)
        console.print(f"{url} answers")
        console.rule("3. `owner` asks by label, `approver` reads the plan and approves")
        first, *_ = [_ready(people, place) for place in PLACES]
        console.rule("4. What is there now")
        for place in PLACES:
            evidence.show(running[place.cluster].kubeconfig, place.namespace)
        console.rule("5. A workflow")
        if running[PLACES[0].cluster].node == "real":
            hello.run(people["member"], first["id"])
        else:
            console.print(
                "Pods are simulated here: they are placed on nodes that run nothing, so no workflow "
                "can run and the demo stops at Ready."
            )
        console.rule("6. An image that the team may not run")
        forbidden.show(people["member"], first)
        keep(people["owner"])
    _goodbye(url, time.monotonic() - started)


def _clusters(node: str) -> dict[str, clusters.RunningCluster]:
    """All of them by name. Of one machine's clusters one can have its real node: the first."""
    found: dict[str, clusters.RunningCluster] = {}
    for place in PLACES:
        wish = "simulated" if found else node
        up = clusters.up(
            place.cluster,
            node=wish,  # type: ignore[arg-type]
            crds=base_release.crds(),
            say=console.print,
        )
        console.print(f"{up.name}: {up.server} with {up.node} nodes")
        found[place.cluster] = up
    return found


def _prepare(admin: Client, place: Place, running: clusters.RunningCluster) -> None:
    admin.post(
        "clusters/",
        {
            "name": place.cluster,
            "kubeconfig": _credential(admin, running),
            "labels": {"region": place.region},
            "simulated": running.node == "simulated",
            # It is the demo's own: after `argosy local wipe` it is another Kubernetes.
            "rebuilt": True,
        },
    )
    if not any(team["slug"] == place.team for team in admin.every("teams/")):
        # The same people in both: five accounts are enough to try everything.
        groups = {f"{level}_group": f"payments-{level}s" for level in ("owner", "member", "viewer")}
        admin.post("teams/", {"slug": place.team, "name": place.title, "confirm": True, **groups})


def _credential(admin: Client, running: clusters.RunningCluster) -> str:
    """For the role that the platform prints, as its cluster's administrator gives it anywhere; no more."""
    try:
        return local_accounts.of_the_platform(running.kubeconfig, admin.get("clusters/role/"))
    except KubeError as exc:
        raise ApiError(f"{running.name} gives the platform no account: {exc.sentence}") from exc


def _ready(people: dict[str, Client], place: Place) -> Answer:
    """The namespace, asked for and approved if it is not there yet, and Ready."""
    owner, approver = people["owner"], people["approver"]
    before = 0
    if (known := _found(owner, place)) is None:
        waiting = [r for r in owner.every("requests/") if r["state"] == "pending"]
        request = next((r for r in waiting if r["asked"].get("name") == place.namespace), None)
        if request is None:
            asked = {"name": place.namespace, "tier": "small", "labels": {"region": place.region}}
            request = owner.post(
                "requests/", {"kind": "create", "team": place.team, "asked": asked}
            )
            print_placed(request["placed"])
        plan = approver.get(f"requests/{request['id']}/plan/")
        print_plan(plan)
        approver.post(f"requests/{request['id']}/approve/", {"plan_hash": plan["plan_hash"]})
        console.print(f"approver approved request #{request['id']}, bound to that plan")
    else:
        console.print(f"`{place.namespace}` was asked for and approved before; looking at it anew")
        turns = owner.get(f"namespaces/{known['id']}/turns/")["results"]
        before = max((turn["id"] for turn in turns), default=0)
        owner.post(f"namespaces/{known['id']}/try-now/")
    return _watched(owner, place, since=before)


def _watched(owner: Client, place: Place, *, since: int) -> Answer:
    """Show the steps of the turns after `since` while they happen, until Ready or the deadline."""
    deadline, shown, last = time.monotonic() + READY_SECONDS, set[str](), ""
    while time.monotonic() < deadline:
        namespace = _need(owner, place)
        for turn in owner.get(f"namespaces/{namespace['id']}/turns/")["results"][:3]:
            for step in turn["steps"] if turn["id"] > since else ():
                line = f"  {step['state']:7} {step['step']}"
                if step["state"] != "waiting" and (key := f"{turn['id']}{line}") not in shown:
                    shown.add(key)
                    console.print(line, style="red" if step["state"] == "failed" else None)
        why = reason_of(namespace) if namespace["conditions"] or not shown else UNDER_WAY
        if (now := f"{namespace['phase']}: {why}") != last:
            console.print(f"{place.namespace} is {now}", markup=False)
            last = now
        if namespace["phase"] == "Ready":
            return namespace
        time.sleep(LOOK_EVERY)
    raise ApiError(
        f"{place.namespace} is still {last.rstrip('.')}. The platform goes on trying, and `make demo` "
        "goes on where it was. Its log is .argosy/platform.log."
    )


def _found(owner: Client, place: Place) -> Answer | None:
    named = [n for n in owner.every("namespaces/") if n["name"] == place.namespace]
    return next((n for n in named if not n["deleted_at"]), None)


def _need(owner: Client, place: Place) -> Answer:
    if (found := _found(owner, place)) is None:
        raise ApiError(
            f"{place.namespace} was approved, but is not listed: look at .argosy/platform.log"
        )
    return found


def _goodbye(url: str, seconds: float) -> None:
    console.rule("Where to look")
    console.print(f"Done after {seconds:.0f} s. You are signed in as `owner`; try:")
    console.print("  .venv/bin/argosy namespace show payments")
    console.print("  .venv/bin/argosy request list")
    console.print(f"  {url}/ as `owner` or `approver`, {url}/admin/ as `admin`")
    console.print(f"  {url}/fleet/ as `approver` or `admin`: both clusters, with what teams use")
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
