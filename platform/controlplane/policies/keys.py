"""Whose signatures count: the only writer of a SigningKey's columns."""

from datetime import datetime

from django.db import transaction
from django.db.models import F, Max, Min

from controlplane.errors import DomainError
from controlplane.identity.models import User
from controlplane.rows.history import because

from . import artifacts
from .errors import NotOpen
from .knowledge import signers_of
from .models import Artifact, SigningKey, Trust
from .pushes import shown
from .services import locked_trust

BATCH = 500


@transaction.atomic
def save_key(key: SigningKey) -> SigningKey:
    """Keep a key. Its id is made of it, so a key that is there by another name is refused."""
    before = SigningKey.objects.filter(pk=key.pk).values_list("key_id", flat=True).first()
    key.pem = key.pem.strip() + "\n"
    key.key_id = artifacts.key_id_of(key.pem)
    if before not in {None, key.key_id}:
        raise DomainError(
            "A key's text cannot be changed: what was signed with it would be another's. Add the "
            "other key, and revoke this one.",
            code="key_is_final",
            field="pem",
        )
    same = SigningKey.objects.filter(key_id=key.key_id).exclude(pk=key.pk).first()
    if same is not None:
        raise DomainError(
            f"This key is there already, by the name {same.name}.", code="key_is_there", field="pem"
        )
    key.full_clean()
    key.save()
    return key


@transaction.atomic
def revoke(key: SigningKey, *, by: User, reason: str, now: datetime) -> SigningKey:
    """Nothing it signed counts any more: a new epoch of trust begins, and every fact is told anew."""
    if not reason.strip():
        raise DomainError(
            "Say why: whoever finds it will want to know.", code="no_reason", field="reason"
        )
    trust = locked_trust()
    fresh = SigningKey.objects.select_for_update().get(pk=key.pk)
    if fresh.revoked_at is not None:
        raise NotOpen(f"{fresh.name} was revoked already, at {fresh.revoked_at:%F %H:%M}.")
    fresh.revoked_at, fresh.revoked_by = now, by
    fresh.revoked_because = reason.strip()
    fresh.full_clean()
    because(fresh, "Revoked.")
    fresh.save()
    trust.epoch += 1
    _tell_anew(trust)
    _take_back(fresh.key_id)
    trust.save()
    return fresh


def _tell_anew(trust: Trust) -> None:
    """Every fact, in the new epoch and after all versions there were: clusters forget the old epoch's."""
    there = Artifact.objects.aggregate(first=Min("version"), last=Max("version"))
    if there["first"] is None:
        return
    # All move behind the newest one at once, in their order: no two have a version between them.
    step = trust.version - there["first"] + 1
    Artifact.objects.update(version=F("version") + step, epoch=trust.epoch)
    trust.version = there["last"] + step


def _take_back(key_id: str) -> None:
    changed: list[Artifact] = []
    for artifact in Artifact.objects.order_by("version").iterator(chunk_size=BATCH):
        before = signers_of(artifact)
        after = before.without(key_id)
        if after != before:
            artifact.key_ids, artifact.attestations = shown(after)
            changed.append(artifact)
    Artifact.objects.bulk_update(changed, ["key_ids", "attestations"], batch_size=BATCH)
