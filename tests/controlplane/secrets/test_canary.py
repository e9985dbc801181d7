"""Planted values, searched for wherever something is written, sent or shown: found nowhere but sealed.

What is told of a value in its own Kubernetes Secret is the one place where it is meant to be.
"""

import logging
from base64 import b64encode
from typing import Any

import orjson
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.utils import timezone

from controlplane.clusters.rights import needed
from controlplane.identity.models import User
from controlplane.metrics import snapshot
from controlplane.secrets import delivering, rotation, services, tasks
from controlplane.secrets.models import Round, Secret
from provisioning.render import render
from tenants.models import Team, TenantNamespace
from tests.browsing import browser
from tests.controlplane.api.conftest import client_of
from tests.factories import TeamFactory, member_of, owner_of, platform_admin
from tests.fakes import FakeCluster

pytestmark = pytest.mark.django_db

CANARIES = {name: f"canary-{name}-5b1e9c" for name in ("s3", "archive", "oidc", "pull", "opaque")}
FORMS: dict[str, dict[str, str]] = {
    "s3": {
        "endpoint": "127.0.0.1:1", "bucket": "atlas", "tls": "yes",
        "access_key": f"{CANARIES['s3']}-a", "secret_key": CANARIES["s3"],
    },
    "archive": {
        "host": "127.0.0.1", "port": "1", "database": "atlas", "user": "atlas", "sslmode": "require",
        "password": CANARIES["archive"],
    },
    "oidc": {
        "issuer": "https://127.0.0.1:1", "client_id": "atlas", "client_secret": CANARIES["oidc"],
    },
    "pull": {"registry": "127.0.0.1:1", "username": "atlas", "password": CANARIES["pull"]},
    "opaque": {"key-0": "token", "value-0": CANARIES["opaque"]},
}  # fmt: skip


def hiding_places(text: str) -> list[str]:
    """The value as it is, and as it would be in a Secret, a header or a URL."""
    return [text, b64encode(text.encode()).decode().rstrip("=")[:-1], text[::-1]]


def found_in(what: object) -> list[str]:
    said = what if isinstance(what, str) else repr(what)
    return [c for c in CANARIES.values() if any(hidden in said for hidden in hiding_places(c))]


def everything_in_the_database() -> str:
    with connection.cursor() as cursor:
        rows = []
        for table in connection.introspection.table_names():
            cursor.execute(f'SELECT * FROM "{table}"')
            rows += cursor.fetchall()
    return repr(rows)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Whatever is given to the broker."""
    messages: list[Any] = []
    monkeypatch.setattr(tasks.deliver, "delay", lambda *a, **k: messages.append((a, k)))
    return messages


def test_what_is_planted_is_found_nowhere(
    team: Team, owner: User, namespace: TenantNamespace, there: FakeCluster, sent: list[Any],
    caplog: pytest.LogCaptureFixture, django_capture_on_commit_callbacks: Any,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    people = [owner, member_of(team), platform_admin(), owner_of(TeamFactory())]
    clients = [browser(person) for person in people]
    shown: list[str] = []

    def look(answer: Any) -> Any:
        shown.append(answer.content.decode())
        return answer

    with django_capture_on_commit_callbacks(execute=True):
        for kind, form in FORMS.items():
            about = {"kind": kind, "team": "atlas", "name": f"my-{kind}", "note": "for tests"}
            # Refused first: the form comes back without what was secret.
            look(clients[0].post("/secrets/new/", {**about, **form, "name": "argo-x"}))
            look(clients[0].post("/secrets/new/", {**about, **form, "expires_on": "then"}))
            look(clients[1].post("/secrets/new/", {**about, **form}))
            made = look(clients[0].post("/secrets/new/", {**about, **form}))
            assert made.status_code == 302, made.content.decode()
    delivering.deliver(namespace.pk)
    for secret in Secret.objects.all():
        for client in clients:
            look(client.get(f"/secrets/{secret.pk}/"))
        look(clients[0].post(f"/secrets/{secret.pk}/", {"act": "test"}))
        look(
            clients[0].post(
                f"/secrets/{secret.pk}/", {"act": "renew", **FORMS[secret.kind], "expires_on": "x"}
            )
        )
        for person in people:
            look(client_of(person).get(f"/api/v1/secrets/{secret.pk}/"))
    for client in clients:
        for path in ("/secrets/", "/secrets/new/?kind=s3", "/", "/search/?q=my", "/metrics"):
            look(client.get(path))
    look(client_of(owner).get("/api/v1/audit/"))
    snapshot_said = repr(vars(snapshot))
    rotation.rotate()
    namespace.refresh_from_db()
    desired = render(namespace.spec())
    helm = orjson.dumps([w.release.values for w in desired.releases]).decode()

    assert {s.kind for s in Secret.objects.all()} == set(CANARIES)
    # The search finds what is there: each value is in its Secret, and each Secret named to Argo.
    kept = repr([s.manifest for ref, s in there.objects.items() if ref.kind == "Secret"])
    assert found_in(kept) or "Y2FuYXJ5" in kept
    assert "my-s3" in helm
    assert "my-archive" in helm
    for where, what in {
        "pages and answers": "\n".join(shown),
        "logs": caplog.text,
        "database": everything_in_the_database(),
        "broker": sent,
        "helm's values": helm,
        "what is rendered": desired,
        "calls of the cluster": there.calls,
        "rights": needed(),
        "metrics": snapshot_said,
    }.items():
        assert not found_in(what), where


def test_an_error_page_and_its_log_hold_nothing_of_what_was_sent(
    team: Team, owner: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(**_: object) -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr(services, "add", broken)
    client = Client(raise_request_exception=False)
    client.force_login(owner, backend="django.contrib.auth.backends.ModelBackend")
    api = client_of(owner)
    body = {"team": "atlas", "name": "x", "kind": "opaque", "values": {"a": CANARIES["opaque"]}}

    page = client.post("/secrets/new/", {"kind": "s3", "team": "atlas", "name": "x", **FORMS["s3"]})
    answer = api.post("/api/v1/secrets/", body, format="json")

    assert (page.status_code, answer.status_code) == (500, 500)
    assert not found_in(page.content.decode() + answer.content.decode() + caplog.text)


def test_a_file_is_kept_byte_for_byte_and_shown_by_its_size(
    team: Team, owner: User, namespace: TenantNamespace
) -> None:
    blob = bytes(range(256)) * 8
    form = {"kind": "opaque", "team": "atlas", "name": "files", "key-1": "blob.bin"}

    made = browser(owner).post(
        "/secrets/new/", {**form, "file-1": SimpleUploadedFile("blob.bin", blob)}
    )

    secret = Secret.objects.get()
    assert made["Location"] == f"/secrets/{secret.pk}/"
    assert services.held_of(secret, by=owner).values == {"blob.bin": blob}
    assert "2048 bytes" in browser(owner).get(f"/secrets/{secret.pk}/").content.decode()
    assert Round.objects.get().due_at <= timezone.now()
