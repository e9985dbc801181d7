"""Local accounts: people without a provider, carrying the groups one would have claimed for them."""

from collections.abc import Sequence

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from controlplane.audit import record

from . import tokens
from .models import User

BY_PROVIDER = "%(name)s signs in by the identity provider, and has no password here."


@transaction.atomic
def make_local(
    *, username: str, password: str, claimed_groups: Sequence[str] = (), superuser: bool = False
) -> User:
    """A new person who signs in with a password. Raises ValidationError for a name that is taken.

    `superuser` opens Django's admin too; being an admin of the platform takes only its group.
    """
    user = User(
        username=User.normalize_username(username),
        claimed_groups=list(claimed_groups),
        is_staff=superuser,
        is_superuser=superuser,
    )
    validate_password(password, user)
    user.set_password(password)
    user.full_clean()
    user.save()
    return user


@transaction.atomic
def save_person(user: User) -> User:
    """Keep a person as edited: who they are, their groups, whether they may come in."""
    user.full_clean(exclude=["password"])  # who signs in by a provider has none
    user.save()
    return user


@transaction.atomic
def reset_password(user: User, password: str) -> None:
    """A new password. Tokens made with the old one end: it may have been reset for a reason."""
    if not user.is_local:
        # It would be a second door, which stays open when the provider shuts its own.
        raise ValidationError(BY_PROVIDER % {"name": user.username})
    validate_password(password, user)
    user.set_password(password)
    user.save(update_fields=["password"])
    record("password.changed", target=f"person {user.get_username()}")
    tokens.revoke(user.api_tokens.all())


@transaction.atomic
def of_service(*, team: int, name: str) -> User:
    """The account that a team's own tokens act as; made when it is first needed. Nobody signs in with it."""
    known = User.objects.filter(service_team=team).first()
    if known is not None:
        return known
    free = (f"{name}.team{end}" for end in ("", *(f"-{number}" for number in range(2, 1000))))
    username = next(
        name for name in free if not User.objects.filter(username__iexact=name).exists()
    )
    user = User(username=username, service_team=team)
    user.set_unusable_password()
    user.save()
    return user
