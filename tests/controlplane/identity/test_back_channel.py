"""The provider may end a session here by its own word, and nobody else's."""

import time
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from controlplane.identity import guessing
from controlplane.identity.models import Grant, User
from tests.provider import Provider, provider
from tests.signing_on import come, told

pytestmark = pytest.mark.django_db

SAID_OVER = "/sign-out/said-over/"


@pytest.fixture
def idp(settings: Settings) -> Iterator[Provider]:
    with provider() as running:
        for name, value in told(running).items():
            setattr(settings, name, value)
        for who in ("dana", "eve"):
            running.add(who, groups=["argosy-approvers"])
        cache.clear()
        yield running
        cache.clear()


@pytest.fixture
def browser(idp: Provider) -> Client:
    return browser_of("dana", idp)


def browser_of(who: str, idp: Provider) -> Client:
    client = Client()
    come(client, idp, who)
    return client


def is_in(client: Client) -> bool:
    return client.get("/api/v1/me/").status_code == 200


def say(token: str) -> Any:
    """As the provider does: no browser, no cookie, no form of ours."""
    return Client(enforce_csrf_checks=True).post(SAID_OVER, {"logout_token": token})


def test_a_session_that_ends_there_ends_here_and_no_other(browser: Client, idp: Provider) -> None:
    (sid,) = idp.sessions_of("dana")
    other, eve = browser_of("dana", idp), browser_of("eve", idp)

    answer = say(idp.logout_token("dana", sid=sid))

    assert (answer.status_code, answer["Cache-Control"].count("no-store")) == (200, 1)
    assert [is_in(client) for client in (browser, other, eve)] == [False, True, True]


def test_without_a_session_it_is_all_of_the_persons(browser: Client, idp: Provider) -> None:
    other, eve = browser_of("dana", idp), browser_of("eve", idp)

    say(idp.logout_token("dana"))

    assert [is_in(client) for client in (browser, other, eve)] == [False, False, True]


def test_the_provider_is_asked_at_once_about_what_else_it_gave(
    browser: Client, idp: Provider
) -> None:
    say(idp.logout_token("dana"))

    assert Grant.objects.get().due_at <= timezone.now()


def test_the_same_word_again_does_not_end_a_session_that_began_since(
    browser: Client, idp: Provider
) -> None:
    said = idp.logout_token("dana", iat=int(time.time()) - 100)
    Grant.objects.update(made_at=timezone.now() - timedelta(minutes=5))
    assert say(said).status_code == 200
    assert not is_in(browser)
    again = browser_of("dana", idp)

    assert say(said).status_code == 200

    assert is_in(again)


@pytest.mark.parametrize(
    "instead",
    [
        {"iss": "https://evil.example"},
        {"aud": "another"},
        {"exp": 1},
        {"iat": 1_000_000},
        {"events": {}},
        {"events": {"http://schemas.openid.net/event/other": {}}},
        {"events": None},
        {"nonce": "n"},  # an ID token is none
        {"sub": None},
        {"sub": 7},
        {"jti": None},
    ],
)
def test_what_is_no_logout_token_of_our_provider_for_us_ends_nothing(
    browser: Client, idp: Provider, instead: dict[str, Any]
) -> None:
    answer = say(idp.logout_token("dana", **instead))

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert is_in(browser)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "e30.e30.", "x" * 100_000])
def test_nonsense_ends_nothing(browser: Client, token: str) -> None:
    assert say(token).status_code == 400
    assert is_in(browser)


def test_an_unsigned_one_ends_nothing(browser: Client, idp: Provider) -> None:
    header, body, _ = idp.logout_token("dana").split(".")

    assert say(f"eyJhbGciOiJub25lIn0.{body}.").status_code == 400
    assert say(f"{header}.{body}.").status_code == 400
    assert is_in(browser)


def test_an_id_token_is_no_logout_token(browser: Client, idp: Provider) -> None:
    assert say(idp.grant("dana")["id_token"]).status_code == 400
    assert is_in(browser)


def test_a_key_that_the_provider_took_back_ends_nothing(browser: Client, idp: Provider) -> None:
    from controlplane.identity.provider import published

    old = idp.logout_token("dana")
    idp.rotate_keys()
    published._keys = {}

    assert say(old).status_code == 400
    assert is_in(browser)
    assert say(idp.logout_token("dana")).status_code == 200
    assert not is_in(browser)


def test_without_its_keys_the_provider_is_told_to_come_again(
    browser: Client, idp: Provider
) -> None:
    from controlplane.identity.provider import published

    said = idp.logout_token("dana")
    published._keys = {}
    idp.failing = True

    assert say(said).status_code == 503


def test_wrong_ones_from_one_address_find_an_end(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    # They are counted by the minute: the next one must not begin among them.
    monkeypatch.setattr(guessing, "time", SimpleNamespace(time=lambda: 30.0))

    answers = [say("a.b.c").status_code for _ in range(31)]

    assert answers == [400] * 30 + [429]


def test_there_is_no_such_page_without_a_provider(settings: Settings) -> None:
    settings.OIDC_ISSUER = ""

    assert say("x").status_code == 404
    assert Client().get(SAID_OVER).status_code == 405


def test_another_issuers_people_are_not_meant(browser: Client, idp: Provider) -> None:
    User.objects.filter(username="dana").update(issuer="https://older.example")

    say(idp.logout_token("dana"))

    assert Grant.objects.get().signed_out_at is None
