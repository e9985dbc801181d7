"""Local accounts carry groups as a provider would claim them."""

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError

from controlplane.identity import accounts, tokens
from controlplane.identity.models import ApiToken, User
from tests.factories import PASSWORD, PersonFactory

pytestmark = pytest.mark.django_db


def test_an_account_signs_in_with_its_password_and_brings_its_groups() -> None:
    made = accounts.make_local(username="owner", password=PASSWORD, claimed_groups=["a-owners"])

    kept = User.objects.get(pk=made.pk)
    assert kept.check_password(PASSWORD)
    assert (kept.claimed_groups, kept.is_staff, kept.is_superuser) == (["a-owners"], False, False)


def test_a_name_is_taken_once() -> None:
    PersonFactory(username="owner")

    with pytest.raises(ValidationError, match="already exists"):
        accounts.make_local(username="owner", password=PASSWORD)


@pytest.mark.parametrize("password", ["short", "owner-owner-owner"])
def test_a_password_that_is_easily_guessed_is_refused(password: str) -> None:
    try:
        accounts.make_local(username="owner-owner-owner", password=password)
    except ValidationError:
        assert not User.objects.exists()
    else:
        pytest.fail(f"{password} was taken")


@pytest.mark.parametrize("groups", [[""], [7], ["  "]])
def test_groups_are_words(groups: list[object]) -> None:
    with pytest.raises(ValidationError, match="Groups"):
        accounts.make_local(username="owner", password=PASSWORD, claimed_groups=groups)  # type: ignore[arg-type]


def test_a_reset_password_ends_the_tokens_made_with_the_old_one() -> None:
    person, other = PersonFactory(), PersonFactory()
    tokens.issue(user=person, name="old")
    kept, _ = tokens.issue(user=other, name="other")

    accounts.reset_password(person, PASSWORD)

    person.refresh_from_db()
    assert person.check_password(PASSWORD)
    assert list(ApiToken.objects.all()) == [kept]


@pytest.mark.parametrize(
    ("groups", "admin", "approves"),
    [
        ([], False, False),
        (["payments-owners"], False, False),
        ([settings.APPROVER_GROUP], False, True),
        ([settings.ADMIN_GROUP], True, True),
    ],
)
def test_what_a_person_is_to_the_platform_follows_their_groups(
    groups: list[str],
    admin: bool,
    approves: bool,
) -> None:
    person = PersonFactory(claimed_groups=groups)

    assert (person.is_platform_admin, person.is_approver) == (admin, approves)
