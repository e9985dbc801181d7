"""The demo's people: local accounts with the groups a provider would have claimed."""

import os
import secrets

import django

PEOPLE: dict[str, tuple[str, ...]] = {
    "owner": ("payments-owners",),
    "member": ("payments-members",),
    "viewer": ("payments-viewers",),
    "approver": ("argosy-approvers",),
    "admin": ("argosy-admins",),
}


def tokens(*, reset: bool) -> tuple[dict[str, str], dict[str, str]]:
    """A token for each of the demo's people, and the passwords that were made just now.

    The REST API makes no first account, so this one step is done beside it, in the database.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
    django.setup()
    from datetime import timedelta  # noqa: PLC0415

    from django.utils import timezone  # noqa: PLC0415

    from controlplane.identity import accounts, tokens  # noqa: PLC0415 - Django must be up
    from controlplane.identity.models import ApiToken, User  # noqa: PLC0415

    made: dict[str, str] = {}
    keys: dict[str, str] = {}
    soon = timezone.now() + timedelta(hours=1)
    for username, groups in PEOPLE.items():
        user = User.objects.filter(username=username).first()
        if user is None or reset:
            made[username] = secrets.token_urlsafe(12)
        if user is None:
            user = accounts.make_local(
                username=username,
                password=made[username],
                claimed_groups=groups,
                superuser=username == "admin",
            )
        elif reset:
            accounts.reset_password(user, made[username])
        ApiToken.objects.filter(user=user, name="demo").delete()
        _, keys[username] = tokens.issue(user=user, name="demo", expires_at=soon)
    return keys, made
