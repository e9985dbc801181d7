"""The account of a person whom a provider vouches for: found by issuer and subject, made the first time.

Never by name or e-mail. A provider's people choose those, and they change hands: whoever may set their
e-mail there would be whomever they like here.
"""

import hashlib
import re
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from .claims import Claims, subject_of
from .groups import relevant
from .models import User

NAME = 150  # characters of a user name
MARK = 8  # characters that tell apart two people of one name
NOT_IN_A_NAME = re.compile(r"[^\w.@+-]+")
NOT_PRINTABLE = re.compile(r"[\x00-\x1f\x7f]")


def recognise(claims: Claims, *, issuer: str, groups: list[object]) -> User:
    """The person of these claims, as the provider tells of them now."""
    subject = subject_of(claims)
    told = _told(claims) | {"claimed_groups": relevant(groups)}
    known = User.objects.filter(issuer=issuer, subject=subject).first()
    if known is not None:
        return _as_told(known, told)
    try:
        return _made(issuer, subject, claims, told)
    except IntegrityError:
        # Signed in twice at once: the other was first. Or the name was just taken: then the next try fits.
        known = User.objects.filter(issuer=issuer, subject=subject).first()
        return _as_told(known, told) if known else _made(issuer, subject, claims, told)


def bring_groups(user: User, groups: list[object]) -> bool:
    """The person has exactly these groups from now on; True if that is a change."""
    kept = relevant(groups)
    if kept == user.claimed_groups:
        return False
    user.claimed_groups = kept
    user.save(update_fields=["claimed_groups"])
    return True


@transaction.atomic
def _made(issuer: str, subject: str, claims: Claims, told: dict[str, Any]) -> User:
    user = User(
        username=_free_name(issuer, subject, claims), issuer=issuer, subject=subject, **told
    )
    user.set_unusable_password()
    user.save()
    return user


def _as_told(user: User, told: dict[str, Any]) -> User:
    """What is as it was is not written: most sign-ins change nothing."""
    changed = [name for name, value in told.items() if getattr(user, name) != value]
    for name in changed:
        setattr(user, name, told[name])
    if changed:
        user.save(update_fields=changed)
    return user


def _told(claims: Claims) -> dict[str, Any]:
    """How they are called, as far as that fits. It is shown, and decides nothing."""
    email = _text(claims.get("email"), 254)
    try:
        validate_email(email)
    except ValidationError:
        email = ""
    return {
        "first_name": _text(claims.get("given_name"), NAME),
        "last_name": _text(claims.get("family_name"), NAME),
        "email": email,
    }


def _free_name(issuer: str, subject: str, claims: Claims) -> str:
    """The name they have at the provider; marked, where somebody here is called so already.

    Without regard to case: "Admin" beside a local "admin" would be taken for that person.
    """
    said = User.normalize_username(_text(claims.get("preferred_username"), NAME))
    name = NOT_IN_A_NAME.sub("-", said).strip("-")[:NAME] or "person"
    if not User.objects.filter(username__iexact=name).exists():
        return name
    mark = hashlib.sha256(f"{issuer}\0{subject}".encode()).hexdigest()
    short = f"{name[: NAME - MARK - 1]}-{mark[:MARK]}"
    if not User.objects.filter(username__iexact=short).exists():
        return short
    return f"person-{mark}"


def _text(value: object, longest: int) -> str:
    return NOT_PRINTABLE.sub("", value)[:longest] if isinstance(value, str) else ""
