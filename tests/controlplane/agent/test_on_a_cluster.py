"""The agent where it belongs: beside a real API server, with the real platform, on good days and bad ones."""

import base64
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import OperationalError
from pytest_django.live_server_helper import LiveServer

from controlplane.admission import certificates
from controlplane.clusters import base_release
from controlplane.identity.models import User
from controlplane.kube.door import Connection
from controlplane.kube.gateway import KubeGateway
from controlplane.policies import agents, bundles
from controlplane.policies.document import Document, Repositories, Scope
from controlplane.policies.models import AgentToken
from controlplane.processes.agents import Keeper, Place, kubeconfig_of, places
from localcluster.clusters import RunningCluster
from localcluster.home import Home
from tenants.models import TenantNamespace
from tests.charts.api import Answer, Api, connected
from tests.controlplane.api.conftest import client_of
from tests.factories import ClusterFactory, NamespaceFactory, member_of
from tests.fakes.cluster import FakeCluster
from tests.fakes.helm import FakeHelm
from tests.images import nothing_said, policy
from tests.street import TOKEN, Street
from tests.webhook import CLUSTER, free_port, within

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]

SLOW = 60.0  # a deadline, not a pause
GOOD, EVIL = "harbor.acme.test/payments/api:1", "evil.example/miner:1"
HOST = "127.0.0.1"
ADMISSION = "admissionregistration.k8s.io/v1"
READERS: dict[int, User] = {}  # who reads, by the namespace; made before the agent begins to post
HOOKS = f"/apis/{ADMISSION}/validatingwebhookconfigurations"


class Agent:
    """`python -m controlplane.agent` with its webhook, started and always ended."""

    def __init__(
        self,
        folder: Path,
        *,
        platform: str,
        token: Path,
        keys: Path,
        cluster: str,
        kubeconfig: Path,
        audit_log: Path,
    ) -> None:
        self.folder, self.port = folder, free_port()
        self.log = folder / "log"
        options = {
            "cluster": cluster, "platform": platform, "token-file": token, "keys": keys,
            "folder": folder / "data", "kubeconfig": kubeconfig, "audit-log": audit_log,
            "pull-every": 0.5, "scan-every": 5, "listen": f"{HOST}:{self.port}", "name": HOST,
        }  # fmt: skip
        words = [f"--{name}={value}" for name, value in options.items()]
        with self.log.open("wb") as log:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", "controlplane.agent", *words], stderr=log, stdout=log
            )

    def __enter__(self) -> Self:
        within(SLOW, lambda: "listening on" in self.said() or self.popen.poll() is not None)
        assert self.popen.poll() is None, self.said()
        return self

    def __exit__(self, *_: object) -> None:
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGKILL)
        self.popen.wait(20)

    def said(self) -> str:
        return self.log.read_text()

    @property
    def authorities(self) -> Path:
        return self.folder / "data" / "certificates" / certificates.BUNDLE_FILE


class TeamPlace:
    """A team's namespace, and what one tries in it."""

    def __init__(self, api: Api, name: str, team: str) -> None:
        self.api, self.name, self.team = api, name, team
        labels = {"argosy.dev/team": team, "argosy.dev/managed": "true"}
        meta = {"name": name, "labels": labels}
        api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": meta}).must()
        account = f"/api/v1/namespaces/{name}/serviceaccounts/default"
        within(SLOW, lambda: api.get(account).allowed)

    def workflow(self, image: str, **query: str) -> Answer:
        spec = {
            "entrypoint": "main",
            "templates": [{"name": "main", "container": {"image": image}}],
        }
        meta = {"namespace": self.name, "generateName": "hello-"}
        said = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Workflow",
            "metadata": meta,
            "spec": spec,
        }
        return self.api.create(said, **query)

    def pod(self, image: str, **query: str) -> Answer:
        meta = {"namespace": self.name, "generateName": "p-"}
        spec = {"containers": [{"name": "main", "image": image}]}
        said = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}
        return self.api.create(said, **query)

    def deployment(self, name: str, image: str) -> None:
        pod = {"containers": [{"name": "main", "image": image}]}
        template = {"metadata": {"labels": {"app": name}}, "spec": pod}
        spec = {"replicas": 1, "selector": {"matchLabels": {"app": name}}, "template": template}
        meta = {"namespace": self.name, "name": name}
        self.api.create(
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}
        ).must()

    def gone(self) -> None:
        self.api.delete(f"/api/v1/namespaces/{self.name}")


@pytest.fixture
def api(local_cluster: RunningCluster) -> Iterator[Api]:
    """By the cluster's administrator, who is its platform here, whoever was before."""
    kube = KubeGateway.from_kubeconfig(yaml.safe_load(local_cluster.kubeconfig.read_text()))
    base_release.install(
        Connection(kube=kube, helm=FakeHelm(FakeCluster(), render=lambda *_: ())), {}
    )
    with connected(local_cluster.kubeconfig) as api:
        yield api


@pytest.fixture
def name() -> str:
    return f"agents-{uuid.uuid4().hex[:6]}"


@pytest.fixture
def place(api: Api, name: str) -> Iterator[TeamPlace]:
    place = TeamPlace(api, name, name)
    yield place
    place.gone()


@pytest.fixture
def policies(api: Api, place: TeamPlace) -> Iterator[None]:
    """What delivery will bring: the policy inside the API server, here as little of it as a test needs."""
    made = [*api_servers_policy(place, "pods", "", "v1", "object.spec.containers[0].image"),
            *api_servers_policy(place, "workflows", "argoproj.io", "v1alpha1",
                                "object.spec.templates[0].container.image")]  # fmt: skip
    for manifest in made:
        api.apply(manifest).must()
    try:
        within(SLOW, lambda: "image policy" in place.workflow(EVIL, dryRun="All").message)
        within(SLOW, lambda: "image policy" in place.pod(EVIL, dryRun="All").message)
        yield
    finally:
        for manifest in reversed(made):
            plural = "policies" if manifest["kind"].endswith("Policy") else "policybindings"
            api.delete(
                f"/apis/{ADMISSION}/validatingadmission{plural}/{manifest['metadata']['name']}"
            )


def api_servers_policy(
    place: TeamPlace, plural: str, group: str, version: str, image: str
) -> list[dict[str, Any]]:
    named = f"argosy-images-{plural}-{place.name}"
    said = 'The image policy denies this. main: image "'
    rules = {
        "apiGroups": [group],
        "apiVersions": [version],
        "operations": ["CREATE"],
        "resources": [plural],
    }
    where = {"namespaceSelector": {"matchLabels": {"argosy.dev/team": place.team}}}
    check = {
        "expression": f"{image}.startsWith('harbor.acme.test/')",
        "reason": "Forbidden",
        "messageExpression": f"'{said}' + {image} + '\": no rule allows it [not-allowed] (rules 12ab)'",
    }
    meta = {"name": named}
    return [
        {"apiVersion": ADMISSION, "kind": "ValidatingAdmissionPolicy", "metadata": meta, "spec": {
            "failurePolicy": "Fail", "matchConstraints": {**where, "resourceRules": [rules]},
            "validations": [check]}},
        {"apiVersion": ADMISSION, "kind": "ValidatingAdmissionPolicyBinding", "metadata": meta, "spec": {
            "policyName": named, "validationActions": ["Deny"]}},
    ]  # fmt: skip


def client_config(agent: Agent) -> dict[str, str]:
    """As `processes.agents.Place.client` gives it to delivery."""
    authorities = base64.b64encode(agent.authorities.read_bytes()).decode()
    return {"url": f"https://{HOST}:{agent.port}/review", "caBundle": authorities}


def hooked(api: Api, place: TeamPlace, client: dict[str, str] | None) -> str:
    """The webhook's configuration, by hand here; delivery makes it of the same client. Where it is."""
    rules = {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": ["pods"],
    }
    hook = {
        "name": "asks.pods.images.argosy.dev",
        "clientConfig": client,
        "rules": [rules],
        "namespaceSelector": {"matchLabels": {"argosy.dev/team": place.team}},
        "failurePolicy": "Fail", "sideEffects": "None", "timeoutSeconds": 3,
        "admissionReviewVersions": ["v1"],
    }  # fmt: skip
    meta = {"name": f"argosy-test-{place.name}"}
    said = {"apiVersion": ADMISSION, "kind": "ValidatingWebhookConfiguration", "metadata": meta}
    api.call("POST", HOOKS, said | {"webhooks": [hook]}).must()
    return f"{HOOKS}/{meta['name']}"


@pytest.fixture
def row(name: str, local_cluster: RunningCluster) -> TenantNamespace:
    """The team's namespace as the platform knows it, with a policy that allows one registry."""
    nothing_said()
    row: TenantNamespace = NamespaceFactory(
        name=name, team__slug=name, cluster=ClusterFactory(name="east", server=local_cluster.server)
    )
    policy(allow=[{"registry": "harbor.acme.test", "repository": "payments/**"}])
    READERS[row.pk] = member_of(row.team)
    return row


@pytest.fixture
def audit_log(cluster_home: Home, local_cluster: RunningCluster) -> Path:
    return cluster_home.cluster(local_cluster.name) / "audit.log"


@pytest.fixture
def agents_kubeconfig(api: Api, local_cluster: RunningCluster, tmp_path: Path) -> Path:
    """With the account of charts/cluster-agent, and no more: its administrator made it."""
    path = tmp_path / "kubeconfig"
    path.write_text(kubeconfig_of(local_cluster.kubeconfig, "east"))
    return path


@pytest.fixture
def agent(
    row: TenantNamespace,
    live_server: LiveServer,
    agents_kubeconfig: Path,
    audit_log: Path,
    tmp_path: Path,
) -> Iterator[Agent]:
    """An agent of the platform that answers in this test."""
    token, keys = tmp_path / "token", tmp_path / "bundle.pem"
    token.write_text(agents.issue(row.cluster)[1])
    keys.write_text(bundles.public_key())
    with Agent(
        tmp_path,
        platform=live_server.url,
        token=token,
        keys=keys,
        cluster=row.cluster.name,
        kubeconfig=agents_kubeconfig,
        audit_log=audit_log,
    ) as agent:
        within(SLOW, lambda: "policy bundle 1" in agent.said())
        yield agent


def violations(row: TenantNamespace) -> list[dict[str, Any]]:
    """What a member of the team reads, over the API."""
    try:
        answer = client_of(READERS[row.pk]).get("/api/v1/violations/")
    except OperationalError:
        return []
    if answer.status_code == 503:
        return []  # the tests' database lives in memory, and locks whole tables while an agent posts
    assert answer.status_code == 200, answer.content
    return list(answer.json()["results"])


def seen(row: TenantNamespace, **wanted: str) -> dict[str, Any]:
    """The violation of that kind, once it is there; how long that took is its `after`."""
    begun = time.monotonic()
    found: list[dict[str, Any]] = []

    def there() -> bool:
        found[:] = [v for v in violations(row) if wanted.items() <= v.items()]
        return bool(found)

    within(SLOW, there)
    return found[0] | {"after": time.monotonic() - begun}


def test_a_forbidden_image_in_a_workflow_stands_on_the_teams_list_within_5_seconds(
    agent: Agent, place: TeamPlace, policies: None, row: TenantNamespace
) -> None:
    assert place.workflow(EVIL).code == 403

    found = seen(row, image=EVIL, kind="Workflow")

    assert found["after"] < 5
    assert (found["namespace"], found["container"], found["code"]) == (
        place.name,
        "main",
        "not-allowed",
    )
    assert (found["state"], found["source"]) == ("refused", "audit-log")


def test_a_pod_that_was_refused_to_a_controller_stands_there_too(
    agent: Agent, place: TeamPlace, policies: None, row: TenantNamespace
) -> None:
    place.deployment("web", EVIL)

    found = seen(row, image=EVIL, source="event")

    assert (found["kind"], found["state"]) == ("ReplicaSet", "refused")
    assert found["name"].startswith("web-")


def test_what_the_webhook_denies_stands_there_too(
    agent: Agent, api: Api, place: TeamPlace, row: TenantNamespace
) -> None:
    path = hooked(api, place, client_config(agent))
    try:
        within(SLOW, lambda: place.pod(EVIL).code == 403)

        found = seen(row, image=EVIL, source="webhook")
    finally:
        api.delete(path)

    assert found["after"] < 5
    assert found["path"] == "spec.containers[0].image"


def test_what_runs_already_is_found_by_the_scan_and_gone_when_it_is_gone(
    agent: Agent, api: Api, place: TeamPlace, row: TenantNamespace
) -> None:
    pod = place.pod(EVIL).must()["metadata"]["name"]

    found = seen(row, image=EVIL, source="scanner", state="running")
    api.call("DELETE", f"/api/v1/namespaces/{place.name}/pods/{pod}", gracePeriodSeconds="0")

    assert (found["kind"], found["name"]) == ("Pod", pod)
    assert seen(row, image=EVIL, state="gone")


def test_bad_bundles_and_a_platform_that_is_away_leave_the_last_good_one(
    platform: Street,
    api: Api,
    place: TeamPlace,
    agents_kubeconfig: Path,
    audit_log: Path,
    tmp_path: Path,
) -> None:
    def document(*registries: str) -> Document:
        allow = tuple(Repositories(registry, "**") for registry in registries)
        return Document(name=place.team, scopes=(Scope((place.name,), allow),))

    token = tmp_path / "token"
    token.write_text(TOKEN)
    platform.publish(document("harbor.acme.test"), version=5)
    with Agent(
        tmp_path,
        platform=platform.url,
        token=token,
        keys=platform.keys_in(tmp_path),
        cluster=CLUSTER,
        kubeconfig=agents_kubeconfig,
        audit_log=audit_log,
    ) as agent:
        path = hooked(api, place, client_config(agent))
        try:
            within(
                SLOW,
                lambda: (
                    "no rule" in place.pod(EVIL, dryRun="All").message
                    or "not-allowed" in place.pod(EVIL, dryRun="All").message
                ),
            )
            opened = document("harbor.acme.test", "evil.example")
            for bad in ("truncated", "unsigned", "older", "away"):
                asked = len(platform.asked)
                platform.status = 200
                match bad:
                    case "truncated":
                        platform.publish(opened, version=6)
                        platform.bundle = platform.bundle[:-40]
                    case "unsigned":
                        platform.publish(opened, version=7, key=Ed25519PrivateKey.generate())
                    case "older":
                        platform.publish(opened, version=4)
                    case _:
                        platform.status = 503
                within(SLOW, lambda asked=asked: len(platform.asked) > asked + 2)
                assert place.pod(EVIL, dryRun="All").code == 403, bad
                assert place.pod(GOOD, dryRun="All").allowed, bad
            platform.status = 200
            platform.publish(opened, version=8)

            within(SLOW, lambda: place.pod(EVIL, dryRun="All").allowed)
            said = agent.said()
        finally:
            api.delete(path)
    for part in ("truncated", "not signed", "an older one is not taken", "goes on to hold"):
        assert part in said


@pytest.fixture
def keeper(
    api: Api, row: TenantNamespace, live_server: LiveServer, cluster_home: Home
) -> Iterator[tuple[Keeper, Place]]:
    keeper = Keeper(live_server.url, cluster_home)
    _, _, place = next(iter(places(cluster_home)))
    yield keeper, place
    place.daemon.stop()


def test_a_killed_agent_is_started_again_and_meanwhile_the_api_server_refuses_by_itself(
    keeper: tuple[Keeper, Place], api: Api, place: TeamPlace, policies: None, row: TenantNamespace
) -> None:
    kept, beside = keeper
    kept.step()
    within(
        SLOW,
        lambda: beside.authorities.exists() and "listening on" in beside.daemon.log.read_text(),
    )
    path = hooked(api, place, beside.client())
    try:
        within(SLOW, lambda: place.pod(GOOD, dryRun="All").allowed)
        killed = beside.daemon.running()
        assert killed is not None
        os.kill(killed.pid, signal.SIGKILL)
        within(SLOW, lambda: "failed calling webhook" in place.pod(GOOD, dryRun="All").message)

        assert "ValidatingAdmissionPolicy" in place.pod(EVIL, dryRun="All").message

        def again() -> bool:
            kept.step()
            return place.pod(GOOD, dryRun="All").allowed

        within(SLOW, again)
    finally:
        api.delete(path)
    assert AgentToken.objects.filter(cluster=row.cluster).count() == 1


def test_an_agent_goes_with_its_way_out_and_nothing_of_it_stays(
    keeper: tuple[Keeper, Place],
) -> None:
    kept, beside = keeper
    kept.step()
    within(
        SLOW, lambda: beside.daemon.log.exists() and "listening on" in beside.daemon.log.read_text()
    )

    beside.daemon.stop()

    assert beside.daemon.running() is None
    assert "going: the webhook answers its last" in beside.daemon.log.read_text()
