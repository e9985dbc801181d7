"""Tokens: made once, kept as a hash, refused when they have ended."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.test import APIRequestFactory

from controlplane.identity import grants, tokens
from controlplane.identity.models import ApiToken, User
from controlplane.identity.tokens import PREFIX, TokenAuthentication, issue
from tests.factories import PersonFactory

pytestmark = pytest.mark.django_db


def authenticate(header: str) -> tuple[User, ApiToken] | None:
    call = APIRequestFactory().get("/", headers={"authorization": header} if header else {})
    return TokenAuthentication().authenticate(call)  # type: ignore[arg-type]


def test_a_token_stands_for_its_person() -> None:
    person = PersonFactory()
    token, plain = issue(user=person, name="mine")

    assert authenticate(f"Bearer {plain}") == (person, token)
    assert authenticate(f"bearer {plain}") == (person, token)


def test_only_its_hash_and_a_hint_are_kept() -> None:
    _, plain = issue(user=PersonFactory(), name="mine")

    kept = ApiToken.objects.values().get()

    assert plain.startswith(PREFIX)
    assert all(plain not in str(value) for value in kept.values())
    assert plain.startswith(kept["hint"])
    assert len(kept["hint"]) == len(PREFIX) + 4


@pytest.mark.parametrize("header", ["", "Basic dXNlcjpwYXNz", "Token argosy_abc", "argosy_abc"])
def test_another_scheme_is_somebody_elses_to_read(header: str) -> None:
    assert authenticate(header) is None


@pytest.mark.parametrize(
    "header", ["Bearer ", "Bearer argosy_unknown", "Bearer a b", "Bearer \xe9"]
)
def test_a_token_that_is_not_known_is_refused(header: str) -> None:
    with pytest.raises(AuthenticationFailed, match="not known"):
        authenticate(header)


def test_the_hash_is_no_token() -> None:
    token, _ = issue(user=PersonFactory(), name="mine")

    with pytest.raises(AuthenticationFailed):
        authenticate(f"Bearer {token.digest}")


def test_a_token_ends_at_its_time() -> None:
    now = timezone.now()
    _, ended = issue(user=PersonFactory(), name="old", expires_at=now - timedelta(seconds=1))
    _, good = issue(user=PersonFactory(), name="new", expires_at=now + timedelta(minutes=1))

    with pytest.raises(AuthenticationFailed, match="expired"):
        authenticate(f"Bearer {ended}")
    assert authenticate(f"Bearer {good}")


def test_a_person_who_left_has_no_token() -> None:
    _, plain = issue(user=PersonFactory(is_active=False), name="mine")

    with pytest.raises(AuthenticationFailed):
        authenticate(f"Bearer {plain}")


def test_its_use_is_noted_once_a_minute() -> None:
    token, plain = issue(user=PersonFactory(), name="mine")

    authenticate(f"Bearer {plain}")
    token.refresh_from_db()
    first = token.last_used_at
    authenticate(f"Bearer {plain}")
    token.refresh_from_db()

    assert first is not None
    assert token.last_used_at == first


@pytest.mark.parametrize(("issuer", "asks"), [("", 1), ("https://id.example.com", 2)])
def test_a_call_asks_for_the_token_and_for_the_providers_word_and_writes_once_a_minute(
    issuer: str, asks: int
) -> None:
    person = PersonFactory(issuer=issuer, subject="sub-1" if issuer else "")
    if issuer:
        grants.keep(user=person, refresh_token="r", sid="s", now=timezone.now())
    _, plain = issue(user=person, name="mine")

    counts = []
    for _ in range(3):
        with CaptureQueriesContext(connection) as asked:
            assert authenticate(f"Bearer {plain}")
        counts.append([query["sql"].split()[0] for query in asked])

    assert counts == [["SELECT"] * asks + ["UPDATE"], ["SELECT"] * asks, ["SELECT"] * asks]


def test_of_calls_that_come_at_once_one_notes_its_use(monkeypatch: pytest.MonkeyPatch) -> None:
    token, plain = issue(user=PersonFactory(), name="mine")
    read_at_once = ApiToken.objects.get(pk=token.pk)
    authenticate(f"Bearer {plain}")
    first = ApiToken.objects.get(pk=token.pk).last_used_at

    monkeypatch.setattr(tokens, "_known", lambda *_: read_at_once)
    authenticate(f"Bearer {plain}")

    assert first is not None
    assert ApiToken.objects.get(pk=token.pk).last_used_at == first


def test_a_token_is_made_by_issue_or_not_at_all() -> None:
    with pytest.raises(ValueError, match="issue"):
        ApiToken(user=PersonFactory(), name="mine").save()
    with pytest.raises(ValidationError):
        issue(user=PersonFactory(), name="")
