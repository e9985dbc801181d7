"""Passwords cannot be guessed, by whichever door; and nobody is locked out by somebody else's guessing."""

import pytest
from django.conf import settings
from django.test import Client

from controlplane.identity.models import User
from tests.factories import PASSWORD, PersonFactory

pytestmark = pytest.mark.django_db

FORM, TOKEN = "/sign-in/", "/api/v1/token/"  # the desk has no door of its own
FOUND, MADE, TOO_MANY = 302, 201, 429


@pytest.fixture
def operator() -> User:
    return PersonFactory(password=PASSWORD, is_staff=True, is_superuser=True)


def knock(door: str, who: User, password: str, address: str = "10.0.0.7") -> int:
    said = {"username": who.username, "password": password}
    kind = "application/json" if door == TOKEN else None
    client = Client(REMOTE_ADDR=address)
    answer = client.post(door, said, content_type=kind) if kind else client.post(door, said)
    return answer.status_code


@pytest.mark.parametrize("guessed_at", [FORM, TOKEN])
def test_after_too_many_wrong_passwords_even_the_right_one_waits_at_both_doors(
    guessed_at: str, operator: User
) -> None:
    for number in range(settings.AXES_FAILURE_LIMIT):
        knock(guessed_at, operator, f"wrong {number}")

    assert knock(FORM, operator, PASSWORD) == TOO_MANY
    assert knock(TOKEN, operator, PASSWORD) == TOO_MANY


def test_who_guesses_locks_nobody_else_out(operator: User) -> None:
    for number in range(settings.AXES_FAILURE_LIMIT):
        knock(FORM, operator, f"wrong {number}")

    assert knock(FORM, operator, PASSWORD, address="10.0.0.8") == FOUND
    assert knock(TOKEN, operator, PASSWORD, address="10.0.0.8") == MADE


def test_a_new_password_given_by_an_admin_ends_the_tokens_made_with_the_old_one(
    operator: User,
) -> None:
    person = PersonFactory(password=PASSWORD)
    assert knock(TOKEN, person, PASSWORD) == MADE
    client = Client()
    client.force_login(operator, backend="django.contrib.auth.backends.ModelBackend")

    new = "another battery staple"
    client.post(
        f"/admin/identity/user/{person.pk}/password/",
        {"password1": new, "password2": new, "usable_password": "true"},
    )

    person.refresh_from_db()
    assert person.check_password(new)
    assert not person.api_tokens.exists()
