"""The webhook where it belongs: called by a real API server, on good days and bad ones."""

import base64
import http.client
import itertools
import json
import signal
import ssl
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest

from controlplane.admission import certificates
from controlplane.policies.document import Document, Exemption, Repositories, Scope
from localcluster.api import Api
from localcluster.clusters import RunningCluster
from localcluster.home import Home
from tests.webhook import BAD, DIGEST, GOOD, Folders, Process, within

pytestmark = pytest.mark.cluster

CREATORS = 12
SLOW = 60.0  # a deadline, not a pause
MIB = 1024 * 1024
POD_RULES = {
    "apiGroups": [""],
    "apiVersions": ["v1"],
    "operations": ["CREATE", "UPDATE"],
    "resources": ["pods", "pods/ephemeralcontainers"],
    "scope": "Namespaced",
}
WORKFLOW_RULES = POD_RULES | {
    "apiGroups": ["argoproj.io"],
    "apiVersions": ["v1alpha1"],
    "resources": ["workflows"],
}


class Server:
    """The API server, over connections that are kept as a controller keeps them."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self._context = ssl.create_default_context(cafile=str(api.pki / "ca.crt"))
        self._context.load_cert_chain(api.pki / "admin.crt", api.pki / "admin.key")

    def connect(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(
            self.api.address, self.api.port, timeout=30, context=self._context
        )

    def call(self, method, path, body=None, connection=None):
        """Status, and the object or Status that came back."""
        used = connection or self.connect()
        data = None if body is None else json.dumps(body)
        used.request(method, path, body=data, headers={"Content-Type": "application/json"})
        answer = used.getresponse()
        said = json.loads(answer.read())
        if connection is None:
            used.close()
        return answer.status, said


class Place:
    """A namespace of one team, and pods in it."""

    def __init__(self, server: Server, name: str) -> None:
        self.server, self.name = server, name
        self._numbers = itertools.count()
        body = {"metadata": {"name": name, "labels": {"argosy.dev/team": name}}}
        assert server.call("POST", "/api/v1/namespaces", body)[0] == 201
        account = f"/api/v1/namespaces/{name}/serviceaccounts/default"
        within(SLOW, lambda: server.call("GET", account)[0] == 200)

    def create(self, image, connection=None, query=""):
        body = {
            "metadata": {"name": f"p-{next(self._numbers)}"},
            "spec": {"containers": [{"name": "main", "image": image}], "nodeName": "nowhere"},
        }
        path = f"/api/v1/namespaces/{self.name}/pods{query}"
        return self.server.call("POST", path, body, connection)

    def dry(self, image):
        """Status and message, of a create that has no effect."""
        status, said = self.create(image, query="?dryRun=All")
        return status, said.get("message", "")

    def gone(self):
        pods = f"/api/v1/namespaces/{self.name}/pods?gracePeriodSeconds=0"
        self.server.call("DELETE", pods)
        self.server.call("DELETE", f"/api/v1/namespaces/{self.name}")


@pytest.fixture(scope="module")
def server(bare_cluster: RunningCluster, cluster_home: Home) -> Server:
    where = urlsplit(bare_cluster.server)
    pki = cluster_home.cluster(bare_cluster.name) / "pki"
    return Server(Api(where.hostname, where.port, pki))


@pytest.fixture
def place(server) -> Iterator[Place]:
    place = Place(server, f"images-{uuid.uuid4().hex[:6]}")
    yield place
    place.gone()


def document(place, **changed):
    scope = Scope((place.name,), (Repositories("harbor.acme.test", "payments/**"),))
    return Document(name="payments", scopes=(scope,), **changed)


@pytest.fixture
def webhook(folders: Folders, place: Place, server: Server) -> Iterator[Process]:
    """A process, and an API server that has heard of it."""
    folders.publish(document(place))
    with Process(folders) as process:
        name = f"argosy-test-{place.name}"
        path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
        assert server.call("POST", path, configuration(name, process, place))[0] == 201
        try:
            within(SLOW, lambda: "image policy" in place.dry(BAD)[1])
            yield process
        finally:
            server.call("DELETE", f"{path}/{name}")
            # Before the process goes: or other tests' calls would fail closed.
            within(SLOW, lambda: place.dry(BAD)[0] == 201)


def configuration(name, process, place):
    bundle = (process.folders.certificates / certificates.BUNDLE_FILE).read_bytes()
    url = f"https://{process.host}:{process.port}/review"
    hook = {
        "name": "images.argosy.dev",
        "clientConfig": {"url": url, "caBundle": base64.b64encode(bundle).decode()},
        "rules": [POD_RULES, WORKFLOW_RULES],
        "namespaceSelector": {"matchLabels": {"argosy.dev/team": place.name}},
        "failurePolicy": "Fail",
        "matchPolicy": "Equivalent",
        "sideEffects": "None",
        "timeoutSeconds": 3,
        "admissionReviewVersions": ["v1"],
    }
    return {"metadata": {"name": name}, "webhooks": [hook]}


def test_a_person_reads_container_image_rule_and_way_out(webhook, place):
    status, message = place.dry(BAD)

    assert status == 403
    for part in ("spec.containers[0].image (main)", BAD, "[not-allowed]"):
        assert part in message
    assert place.dry(GOOD)[0] == 201


def test_p24_sigterm_under_load_and_not_one_create_fails(webhook, place, server, folders):
    """The old process goes while its successor listens; creators notice nothing."""
    created, failed, ended = [], [], threading.Event()

    def creating():
        connection = server.connect()
        while not ended.is_set():
            status, said = place.create(GOOD, connection)
            (created if status == 201 else failed).append(said.get("message"))
        connection.close()

    creators = [threading.Thread(target=creating) for _ in range(CREATORS)]
    with Process(folders, port=webhook.port):
        for each in creators:
            each.start()
        within(SLOW, lambda: len(created) > 100 or failed)
        webhook.popen.send_signal(signal.SIGTERM)
        assert webhook.popen.wait(SLOW) == 0
        before = len(created)
        within(SLOW, lambda: len(created) > before + 100 or failed)
        ended.set()
        for each in creators:
            each.join()
        assert failed == []
        assert len(created) > 200
        # The fixture takes its configuration away while somebody still answers.
        path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
        server.call("DELETE", f"{path}/argosy-test-{place.name}")
        within(SLOW, lambda: place.dry(BAD)[0] == 201)


def test_killed_it_fails_closed_where_it_is_asked_and_comes_back_without_a_hand(
    webhook, place, server, folders
):
    other = Place(server, f"others-{uuid.uuid4().hex[:6]}")
    webhook.popen.kill()
    webhook.popen.wait(10)

    status, message = place.dry(GOOD)
    assert status == 500
    assert "failed calling webhook" in message
    assert other.dry(BAD)[0] == 201
    other.gone()

    with Process(folders, port=webhook.port):
        within(SLOW, lambda: place.dry(GOOD)[0] == 201)
        assert place.dry(BAD)[0] == 403
        path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
        server.call("DELETE", f"{path}/argosy-test-{place.name}")
        within(SLOW, lambda: place.dry(BAD)[0] == 201)


def test_an_exemption_ends_at_its_second_without_anything_being_applied_again(
    webhook, place, folders
):
    ends = datetime.now(UTC) + timedelta(seconds=6)
    exemption = Exemption(image=BAD, not_after=ends, approved_by="ann", requested_by="bob")
    folders.publish(document(place, exemptions=(exemption,)), version=2)
    within(SLOW, lambda: place.dry(BAD)[0] == 201)
    assert datetime.now(UTC) < ends

    within(SLOW, lambda: place.dry(BAD)[0] == 403)

    assert datetime.now(UTC) - ends < timedelta(seconds=1)


def test_an_object_of_almost_3_mib_is_judged_in_time_to_its_last_image(webhook, place):
    def workflow(image, notes):
        templates = [
            {"name": f"t{i}", "container": {"image": GOOD, "args": ["<&>" * 1000]}}
            for i in range(100)
        ]
        templates.append({"name": "last", "container": {"image": image, "args": [notes]}})
        return {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Workflow",
            "metadata": {"name": "large"},
            "spec": {"entrypoint": "t0", "templates": templates},
        }

    path = f"/apis/argoproj.io/v1alpha1/namespaces/{place.name}/workflows?dryRun=All"
    notes = "x" * int(2.5 * MIB)
    begun = time.monotonic()

    status, said = place.server.call("POST", path, workflow(BAD, notes))

    assert status == 403, said
    assert "spec.templates[100].container.image" in said["message"]
    assert place.server.call("POST", path, workflow(GOOD, notes))[0] == 201
    assert time.monotonic() - begun < 6


def test_kubectl_debug_with_an_allowed_image_works_on_a_pod_that_was_there_before(
    webhook, place, folders
):
    folders.publish(document(place, mode="audit"), version=2)
    within(SLOW, lambda: place.dry(BAD)[0] == 201)
    _, pod = place.create(BAD)
    folders.publish(document(place), version=3)
    within(SLOW, lambda: place.dry(BAD)[0] == 403)
    path = f"/api/v1/namespaces/{place.name}/pods/{pod['metadata']['name']}"

    def debug(image):
        _, now = place.server.call("GET", path)
        now["spec"]["ephemeralContainers"] = [{"name": "debug", "image": image}]
        return place.server.call("PUT", f"{path}/ephemeralcontainers", now)[0]

    assert debug(f"evil.io/debug@{DIGEST}") == 403
    assert debug(GOOD) == 200
