"""People at the desk: those with a password here, and those whom the provider vouches for."""

import pytest
from django.test import Client

from controlplane.identity.models import User
from tests.browsing import browser
from tests.factories import PASSWORD, PersonFactory, platform_admin

pytestmark = pytest.mark.django_db

RESET = 'password/"'  # the end of the link to a new one


@pytest.fixture
def admin() -> Client:
    person = platform_admin()
    User.objects.filter(pk=person.pk).update(is_staff=True, is_superuser=True)
    return browser(User.objects.get(pk=person.pk))


@pytest.fixture
def of_provider() -> User:
    """Somebody who came by the provider, and of whom there is what looks like a password."""
    person: User = PersonFactory(
        username="mel",
        password=PASSWORD,
        issuer="https://id.example.com",
        subject="8c1",
        claimed_groups=["atlas"],
    )
    return person


def page_of(person: User) -> str:
    return f"/admin/identity/user/{person.pk}/change/"


def test_who_signs_in_by_the_provider_has_a_page_with_no_way_to_a_password(
    admin: Client, of_provider: User
) -> None:
    answer = admin.get(page_of(of_provider))

    assert answer.status_code == 200
    said = answer.content.decode()
    assert "https://id.example.com" in said
    assert RESET not in said
    assert of_provider.password not in said


def test_an_auditor_opens_it_too(of_provider: User) -> None:
    auditor = PersonFactory(claimed_groups=["argosy-auditors"])

    answer = browser(auditor).get(page_of(of_provider))

    assert answer.status_code == 200
    assert of_provider.password not in answer.content.decode()


def test_they_are_shut_out_there_and_nothing_else_of_them_is_changed(
    admin: Client, of_provider: User
) -> None:
    password = of_provider.password
    sent = {"username": "mel", "password": "another", "claimed_groups": '["argosy-admins"]'}

    answer = admin.post(page_of(of_provider), sent)  # a box that is not ticked is not sent

    assert answer.status_code == 302, answer.content.decode()
    of_provider.refresh_from_db()
    assert not of_provider.is_active
    assert (of_provider.claimed_groups, of_provider.password) == (["atlas"], password)


def test_a_local_person_has_a_way_to_a_new_password_and_their_hash_is_not_shown(
    admin: Client,
) -> None:
    person = PersonFactory(password=PASSWORD)

    said = admin.get(page_of(person)).content.decode()

    assert RESET in said
    assert person.password not in said
