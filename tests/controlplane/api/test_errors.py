"""Every error has one shape, whoever made it."""

from typing import Any, Never

import pytest
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation, ValidationError
from django.db import OperationalError
from rest_framework.views import APIView

from controlplane.api.errors import answer
from controlplane.errors import Changed, DomainError, NotAllowed
from controlplane.kube.errors import HelmFailed, Unreachable, refused
from tenants.errors import AlreadyDecided, OwnRequest
from tests.controlplane.api.conftest import client_of
from tests.factories import PersonFactory, TeamFactory, owner_of, platform_admin

pytestmark = pytest.mark.django_db


def error_of(response: Any) -> Any:
    body = response.json()
    assert set(body) == {"error"}
    assert {"code", "sentence", "fields"} <= set(body["error"])
    assert body["error"]["sentence"]
    return body["error"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("get", "/api/v1/teams/", 401, "not_authenticated"),
        ("get", "/api/v1/teams/999/", 404, "not_found"),
        ("get", "/api/v1/teams/99999999999999999999999/", 404, "not_found"),
        ("get", "/api/v1/teams/no-number/", 404, "not_found"),
        ("get", "/api/v1/teams", 404, "not_found"),
        ("get", "/api/v1/nothing/", 404, "not_found"),
        ("get", "/api/", 404, "not_found"),
        ("post", "/api/v1/nothing", 404, "not_found"),
        ("delete", "/api/v1/me/", 405, "method_not_allowed"),
        ("post", "/api/v1/clusters/", 403, "permission_denied"),
        ("post", "/api/v1/requests/", 400, "invalid"),
        ("get", "/api/v1/teams/?page=nope", 404, "not_found"),
        ("get", "/api/v1/teams/?slug=%00", 400, "invalid"),
    ],
)
def test_every_refusal_has_the_one_shape(method: str, path: str, status: int, code: str) -> None:
    client = client_of(None if status == 401 else PersonFactory())

    response = getattr(client, method)(path)

    assert response.status_code == status
    assert error_of(response)["code"] == code


def test_who_brings_nothing_is_told_which_scheme_to_bring() -> None:
    assert client_of().get("/api/v1/me/")["WWW-Authenticate"] == "Bearer"


def test_a_body_that_is_no_json_is_a_400() -> None:
    client = client_of(PersonFactory())

    response = client.post("/api/v1/requests/", b"{not json", content_type="application/json")

    assert (response.status_code, error_of(response)["code"]) == (400, "parse_error")


def test_a_body_that_is_no_object_is_a_400() -> None:
    client = client_of(PersonFactory())

    response = client.post("/api/v1/requests/", [1], format="json")

    assert (response.status_code, error_of(response)["code"]) == (400, "invalid")


def test_another_kind_of_body_is_a_415() -> None:
    client = client_of(PersonFactory())

    response = client.post("/api/v1/requests/", "a=b", content_type="text/plain")

    assert response.status_code == 415
    assert error_of(response)["code"] == "unsupported_media_type"


def test_a_mistake_of_ours_is_a_500_of_the_same_shape_and_says_nothing_of_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> Never:
        raise RuntimeError("the inner workings")

    monkeypatch.setattr(APIView, "check_permissions", broken)

    response = client_of(platform_admin()).get("/api/v1/me/")

    assert (response.status_code, error_of(response)["code"]) == (500, "mistake")
    assert "inner workings" not in response.content.decode()
    assert "inner workings" in caplog.text


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (DomainError("No."), 400, "refused"),
        (NotAllowed("No."), 403, "not_allowed"),
        (OwnRequest("No."), 403, "own_request"),
        (Changed("No."), 409, "changed"),
        (AlreadyDecided("No."), 409, "already_decided"),
        (ValidationError({"name": ["Taken."]}), 400, "invalid"),
        (ValidationError("Taken."), 400, "invalid"),
        (Unreachable("No answer."), 503, "cluster_unreachable"),
        (refused(403, {"message": "no"}), 403, "cluster_forbidden"),
        (refused(404, {"message": "no"}), 404, "cluster_missing"),
        (refused(409, {"message": "no"}), 409, "cluster_conflict"),
        (refused(422, {"message": "no"}), 400, "cluster_invalid"),
        (refused(410, {"message": "old"}), 410, "cluster_expired"),
        (refused(500, {"message": "oops"}), 502, "cluster_refused"),
        (HelmFailed("no"), 502, "cluster_helmfailed"),
        (RequestDataTooBig(), 413, "too_large"),
        (SuspiciousOperation(), 400, "parse_error"),
    ],
)
def test_each_error_has_its_status_and_code(error: Exception, status: int, code: str) -> None:
    response = answer(error, {})

    assert (response.status_code, response.data["error"]["code"]) == (status, code)
    assert response.data["error"]["sentence"]


def test_a_field_at_fault_is_named() -> None:
    response = answer(DomainError("No such tier.", field="tier"), {})

    assert response.data["error"]["fields"] == {"tier": ["No such tier."]}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "body",
    [
        '{"kind":"create","team":"t","asked":{"name":"a","tier":"\\ud800","cluster":"c"}}',
        "[" * 60_000,
    ],
)
def test_what_nothing_can_store_is_a_400(body: str) -> None:
    team = TeamFactory(slug="t")
    client = client_of(owner_of(team))

    answer = client.post("/api/v1/requests/", body, content_type="application/json")

    assert answer.status_code == 400


def test_a_database_that_cannot_be_used_is_a_503_that_says_so() -> None:
    response = answer(OperationalError("attempt to write a readonly database"), {"view": APIView()})

    assert response.status_code == 503
    assert "readonly" in response.data["error"]["sentence"]
