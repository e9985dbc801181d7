"""What follows when somebody's access changes: who hears of it, and when each way in was closed.

`access_changed` is sent after commit with user=<User>, before=<frozenset> and after=<frozenset> of groups;
`after` is empty for somebody who is out altogether. Receivers are called in whoever's request it was, so
they enqueue; and as it may get lost, what they keep up is also swept, by `groups_of`.
"""

import logging
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models.signals import post_save, pre_save
from django.dispatch import Signal, receiver
from django.utils import timezone

from controlplane.audit import record

from .models import Cut, CutState, User

logger = logging.getLogger(__name__)

access_changed = Signal()

CONSOLE, TOKEN = "console", "token"
DECIDING = frozenset({"claimed_groups", "is_active", "is_superuser"})
BEFORE = "_groups_before"  # on the person, between the two halves of a save


def groups_of(user: User) -> frozenset[str]:
    """What a person is let in by now: their groups; nothing for who is shut out, here or by the provider."""
    if not user.is_active:
        return frozenset()
    if user.issuer and not user.grants.good().filter(lapsed_at=None).exists():
        return frozenset()
    return frozenset(user.claimed_groups)


def announce(user: User, *, before: Iterable[str], after: Iterable[str]) -> None:
    """Tell everybody who opens doors to this person, once the change is kept."""
    had, has = frozenset(before), frozenset(after)
    if had == has:
        return

    def tell() -> None:
        for hearer, answer in access_changed.send_robust(User, user=user, before=had, after=has):
            if isinstance(answer, Exception):
                logger.error("%s did not hear that %s changed", hearer, user, exc_info=answer)

    transaction.on_commit(tell, robust=True)


def cut(
    *,
    user: User,
    what: str,
    state: CutState,
    noticed_at: datetime,
    done_at: datetime | None = None,
    until: datetime | None = None,
    sentence: str = "",
) -> Cut:
    """Note how far a way in is closed; a later word about the same way in takes this one's place."""
    found, _ = Cut.objects.update_or_create(
        user=user,
        what=what,
        defaults={
            "state": state,
            "noticed_at": noticed_at,
            "done_at": done_at,
            "until": until,
            "sentence": sentence,
        },
    )
    return found


@receiver(pre_save, sender=User, dispatch_uid="access-before")
def _remember(instance: User, update_fields: Iterable[str] | None, **_: Any) -> None:
    """What they had. Signing in saves a person too, and changes nothing of this."""
    if update_fields is not None and not DECIDING & set(update_fields):
        return
    kept = User.objects.filter(pk=instance.pk).first()
    vars(instance)[BEFORE] = frozenset() if kept is None else groups_of(kept)


@receiver(post_save, sender=User, dispatch_uid="access-after")
def _compare(instance: User, **_: Any) -> None:
    before = vars(instance).pop(BEFORE, None)
    if before is not None:
        announce(instance, before=before, after=groups_of(instance))


@receiver(access_changed, dispatch_uid="console-and-tokens-cut")
def _note(user: User, before: frozenset[str], after: frozenset[str], **_: Any) -> None:
    """The console and the API ask at every request: there it is closed as soon as it is kept."""
    record(
        "access.changed",
        actor="",
        target=f"person {user.get_username()}",
        before=sorted(before),
        after=sorted(after),
    )
    if not (lost := before - after):
        return
    now, sentence = timezone.now(), _lost(sorted(lost), out=not after)
    ways = [CONSOLE, *([TOKEN] if user.api_tokens.exists() else [])]
    for what in ways:
        cut(
            user=user,
            what=what,
            state=CutState.DONE,
            noticed_at=now,
            done_at=now,
            sentence=sentence,
        )


def _lost(groups: list[str], *, out: bool) -> str:
    shown = ", ".join(groups[:3]) + (f" and {len(groups) - 3} more" if len(groups) > 3 else "")  # noqa: PLR2004
    said = f"No access by any group any more: {shown}." if out else f"No longer in {shown}."
    return said[:300]
