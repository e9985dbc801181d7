"""Keeping what somebody began to ask: the only writer of a Draft's columns."""

from collections.abc import Mapping

from django.db import transaction

from controlplane.errors import DomainError
from controlplane.identity.models import User

from . import changes, requests
from .errors import TooManyDrafts
from .models import Draft, Team

MOST = 20  # a person
MOST_FIELDS = 20


@transaction.atomic
def keep(
    *,
    by: User,
    kind: str,
    team: Team | None,
    fields: Mapping[str, str],
    draft: Draft | None = None,
) -> Draft:
    """Keep what was typed, right or not: anew, or in place of what an own draft held before."""
    changes.kind_of(kind)
    if team is not None:
        requests.check_asker(team, by)
    _check_fields(fields)
    # Lock the person, so that two windows cannot both keep the last one.
    User.objects.select_for_update().get(pk=by.pk)
    mine = Draft.objects.visible_to(by)
    kept = mine.filter(pk=draft.pk).first() if draft is not None else None
    if kept is None:
        if mine.count() >= MOST:
            raise TooManyDrafts(
                f"You keep {MOST} drafts already; file one or remove one on the requests page."
            )
        kept = Draft(person=by)
    kept.kind, kept.team, kept.fields = kind, team, dict(fields)
    kept.save()
    return kept


def discard(draft: Draft, *, by: User) -> None:
    """Remove an own draft; already gone is success, and another's is not there."""
    Draft.objects.visible_to(by).filter(pk=draft.pk).delete()


def _check_fields(fields: Mapping[str, str]) -> None:
    if len(fields) > MOST_FIELDS:
        raise DomainError("A draft has fewer fields than that.", code="too_long")
    for name, value in fields.items():
        requests.check_text(value, field=name)
