"""Signing in and out from a terminal."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from controlplane.identity.models import ApiToken
from tests.controlplane.api.conftest import client_of
from tests.factories import PASSWORD, PersonFactory

pytestmark = pytest.mark.django_db

TOKEN = "/api/v1/token/"


def sign_in(username: str, password: str = PASSWORD, **more: Any) -> Any:
    return client_of().post(TOKEN, {"username": username, "password": password, **more}, "json")


def bearer(token: str) -> APIClient:
    return APIClient(headers={"authorization": f"Bearer {token}"})


def test_a_name_and_its_password_give_a_token_that_works() -> None:
    person = PersonFactory(password=PASSWORD)

    answer = sign_in(person.username)

    assert answer.status_code == 201
    me = bearer(answer.json()["token"]).get("/api/v1/me/")
    assert me.json()["username"] == person.username


def test_the_token_is_kept_as_a_hash_only() -> None:
    token = sign_in(PersonFactory(password=PASSWORD).username).json()["token"]

    kept = ApiToken.objects.get()

    assert token not in {str(value) for value in vars(kept).values()}
    assert len(kept.digest) == 64


@pytest.mark.parametrize("password", ["wrong", " " + PASSWORD])
def test_a_wrong_password_is_a_401_that_does_not_say_what_is_wrong(password: str) -> None:
    person = PersonFactory(password=PASSWORD)

    known, unknown = sign_in(person.username, password), sign_in("nobody", password)

    assert known.status_code == unknown.status_code == 401
    assert known.json() == unknown.json()


def test_who_is_no_longer_active_gets_none() -> None:
    assert sign_in(PersonFactory(password=PASSWORD, is_active=False).username).status_code == 401


def test_an_old_token_sent_along_does_not_keep_anybody_out() -> None:
    person = PersonFactory(password=PASSWORD)
    wish = {"username": person.username, "password": PASSWORD}

    answer = bearer("argosy_ended").post(TOKEN, wish, format="json")

    assert answer.status_code == 201


def test_the_twenty_first_try_in_a_minute_is_refused_whatever_header_it_brings() -> None:
    answers = [
        APIClient(headers={"x-forwarded-for": f"10.0.0.{i}"}).post(
            TOKEN, {"username": f"x{i}", "password": "y"}, format="json"
        )
        for i in range(21)
    ]

    assert [a.status_code for a in answers] == [401] * 20 + [429]
    assert answers[-1].json()["error"]["code"] == "throttled"
    assert answers[-1]["Retry-After"]


def test_ending_a_token_ends_that_one_only() -> None:
    person = PersonFactory(password=PASSWORD)
    first, second = (sign_in(person.username).json()["token"] for _ in range(2))

    assert bearer(first).delete(TOKEN).status_code == 204

    assert bearer(first).get("/api/v1/me/").status_code == 401
    assert bearer(second).get("/api/v1/me/").status_code == 200


def test_there_is_no_token_to_end_without_one() -> None:
    assert client_of(PersonFactory()).delete(TOKEN).status_code == 400
    assert client_of().delete(TOKEN).status_code == 401


@pytest.mark.parametrize("days", [0, 367, "many"])
def test_a_token_lasts_a_day_to_a_year(days: object) -> None:
    assert sign_in(PersonFactory(password=PASSWORD).username, days=days).status_code == 400
