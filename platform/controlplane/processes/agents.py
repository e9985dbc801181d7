"""The agents of local clusters: processes of this machine, kept running beside the clusters they are for.

On a cluster of its own an agent is a Deployment (charts/cluster-agent). A local cluster has no image of
it, and its simulated nodes would run none: so the embedded platform starts it here, finds it again after
a restart, and starts it again where it fell. It ends with its cluster, not with the platform: while that
is away the policies hold.
"""

import base64
import json
import logging
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.db import Error, close_old_connections, connections
from django.utils import timezone

from controlplane.admission import certificates
from controlplane.admission.app import PATH
from controlplane.clusters import recording, rights
from controlplane.clusters.models import Cluster
from controlplane.errors import DomainError
from controlplane.kube.errors import KubeError
from controlplane.objects import Manifest, ref_of
from controlplane.policies import agents, bundles, delivering
from localcluster import clusters
from localcluster.beside import Beside, beside
from localcluster.clusters import ClusterStatus
from localcluster.errors import LocalClusterError
from localcluster.home import Home
from localcluster.processes import Daemon
from provisioning import render

from . import local_accounts

LOOK_EVERY = 1.0
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
PULL_EVERY = 3.0  # the platform is on the same machine
CHART = "cluster-agent"
NAMESPACE, ACCOUNT = "argosy-system", "argosy-agent"  # as the chart has them
# What makes the chart's pods somebody; the pods themselves are a process here.
OF_AN_ACCOUNT = {
    "ServiceAccount",
    "ClusterRole",
    "ClusterRoleBinding",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
}
FORESEEN = (Error, OSError, LocalClusterError, DomainError, KubeError)
DRAIN = 0.2  # it goes with its API server: nobody is left who would call

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """Where one agent keeps what."""

    beside: Beside

    @property
    def daemon(self) -> Daemon:
        return Daemon(self.beside.folder, "agent")

    @property
    def token(self) -> Path:
        return self.beside.folder / "token"

    @property
    def keys(self) -> Path:
        return self.beside.folder / "bundle.pem"

    @property
    def kubeconfig(self) -> Path:
        """Its own way into the cluster, with the rights of its chart's account."""
        return self.beside.folder / "kubeconfig"

    @property
    def data(self) -> Path:
        return self.beside.folder / "agent"

    @property
    def started_as(self) -> Path:
        return self.beside.folder / "agent.command.json"

    @property
    def webhook(self) -> str:
        """Where the API server calls it."""
        return f"https://{self.beside.address}:{self.beside.port}{PATH}"

    @property
    def authorities(self) -> Path:
        """Whom the API server believes there."""
        return self.data / "certificates" / certificates.BUNDLE_FILE

    def client(self) -> dict[str, str] | None:
        """What delivery puts into the webhook configuration; none before there is a webhook."""
        try:
            bundle = self.authorities.read_bytes()
        except FileNotFoundError:
            return None
        return {"url": self.webhook, "caBundle": base64.b64encode(bundle).decode()}


def run(ended: threading.Event, *, url: str) -> None:
    """Keep the agents of this home's clusters running until `ended`; they themselves go on."""
    keeper = Keeper(url, Home(settings.HOME))
    while not ended.wait(LOOK_EVERY):
        close_old_connections()
        keeper.step()
    connections.close_all()


def places(home: Home) -> Iterator[tuple[Cluster, ClusterStatus, Place]]:
    """The local clusters that run and are registered here, by the address of their API server."""
    known = Cluster.objects.only("name", "server", "reachable")
    registered = {cluster.server: cluster for cluster in known}
    if not registered or not home.clusters.is_dir():
        return
    for status in clusters.status(home=home):
        cluster = registered.get(status.server)
        if cluster is not None and status.state != "stopped":
            yield cluster, status, Place(beside(status))


def kubeconfig_of(admin: Path, cluster: str) -> str:
    """The agent's kubeconfig, with the rights that its chart gives and no others. Raises KubeError."""
    secret = rights.token_of(NAMESPACE, ACCOUNT)
    return local_accounts.made(admin, [*account_of(cluster), secret], ref_of(secret))


def account_of(cluster: str) -> list[Manifest]:
    """The agent's account, its role, and the policy that bounds it, as its chart has them."""
    said = {
        "cluster": cluster,
        "platform": {"url": "https://argosy.invalid"},
        "apiServer": {"endpoints": [{"ip": "127.0.0.1", "port": 6443}]},
    }
    objects = render.rendered(render.chart(CHART), CHART, NAMESPACE, said)
    return [each for each in objects if each["kind"] in OF_AN_ACCOUNT]


@dataclass
class Keeper:
    """Has an agent running beside each."""

    url: str
    home: Home
    account: Callable[[Path, str], str] = kubeconfig_of  # from its administrator's, and its name
    _next: dict[Path, float] = field(default_factory=dict)
    _waits: dict[Path, float] = field(default_factory=dict)
    _told: dict[str, str] = field(default_factory=dict)

    def step(self) -> None:
        """Look after each of them once. What goes wrong with one is said, and is the others' no trouble."""
        try:
            found = list(places(self.home))
        except Exception as problem:  # noqa: BLE001 - the edge: nobody else would start an agent again
            self._say("local clusters", problem)
            return
        self._told.pop("local clusters", None)
        for cluster, status, place in found:
            try:
                self._look_after(cluster, status, place)
            except Exception as problem:  # noqa: BLE001 - the edge, as above
                self._say(status.name, problem)
            else:
                self._told.pop(status.name, None)

    def _look_after(self, cluster: Cluster, status: ClusterStatus, place: Place) -> None:
        if cluster.reachable is False and status.state == "running":
            recording.ask_often(cluster, now=timezone.now())
        place.beside.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _credentials(cluster, place)
        # Without its API server it is on its way down, or up: an agent would have nobody to serve.
        if status.programs.get("kube-apiserver", True):
            self._running(cluster, status, place)
        delivering.webhook_at(cluster, place.client())

    def _say(self, about: str, problem: Exception) -> None:
        """Once, until it is another problem; of one that nobody foresaw, where in the code it was."""
        said = f"{type(problem).__name__}: {problem}"
        if self._told.get(about) == said:
            return
        self._told[about] = said
        logger.warning(
            "the agent of %s was not looked after, which is tried again each second: %s",
            about,
            problem if isinstance(problem, FORESEEN) else said,
            exc_info=None if isinstance(problem, FORESEEN) else problem,
        )

    def _running(self, cluster: Cluster, status: ClusterStatus, place: Place) -> None:
        daemon, now = place.daemon, time.monotonic()
        wanted = command(cluster, place, self.url)
        if daemon.running() is not None:
            if _text(place.started_as) == json.dumps(wanted):
                return
            # Another port of the platform, or another Argosy.
            daemon.stop()
        elif now < self._next.get(daemon.folder, 0.0):
            return
        wait = self._waits.get(daemon.folder, FIRST_WAIT)
        self._next[daemon.folder] = now + wait
        self._waits[daemon.folder] = min(wait * 2, LONGEST_WAIT)
        try:
            _keep(place.kubeconfig, self.account(status.kubeconfig, cluster.name))
        except (KubeError, DomainError) as problem:
            logger.warning("the agent beside %s cannot be started yet: %s", status.name, problem)
            return
        _keep(place.started_as, json.dumps(wanted))
        daemon.start(wanted)
        logger.info("the agent beside %s was started", daemon.folder.parent.name)


def command(cluster: Cluster, place: Place, url: str) -> list[str]:
    """The agent's command line."""
    options = {
        "--cluster": cluster.name,
        "--platform": url,
        "--token-file": place.token,
        "--keys": place.keys,
        "--folder": place.data,
        "--kubeconfig": place.kubeconfig,
        "--audit-log": place.beside.audit_log,
        "--pull-every": PULL_EVERY,
        "--listen": f"{place.beside.address}:{place.beside.port}",
        "--name": place.beside.address,
        "--drain": DRAIN,
        "--link": f"{url}/v/{{same}}/",
    }
    words = [sys.executable, "-m", "controlplane.agent"]
    return words + [f"{option}={value}" for option, value in options.items()]


def _credentials(cluster: Cluster, place: Place) -> None:
    """A token that this platform knows, and the key that its bundles are believed by."""
    if agents.known(_text(place.token), now=timezone.now()) is None:
        # Another platform's agent, or none yet: what that one was told says nothing here.
        place.daemon.stop()
        shutil.rmtree(place.data / "bundle", ignore_errors=True)
        _keep(place.token, agents.issue(cluster)[1])
    if _text(place.keys) != (key := bundles.public_key()):
        _keep(place.keys, key)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def _keep(file: Path, text: str) -> None:
    """For our own eyes, and whole."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(text, encoding="utf-8")
    draft.replace(file)
