"""Moving what is sealed from an older key to the newest, while everything runs; and naming what no key opens.

Of every sealed column there is, not of this part's alone: a cluster's credential is sealed by the same keys.
A row is written only as it was read, so that what somebody enters meanwhile is never set back.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.db import models, transaction
from django.db.models import Q

from controlplane import sealing
from controlplane.audit import record
from controlplane.rows.sealed import SealedText, columns
from controlplane.sealing import CannotOpen, fingerprint_of, rotated

BATCH = 500
NAMED = 10  # rows in a sentence


@dataclass(frozen=True)
class Unreadable:
    """A row that no key opens: of which table, and the fingerprint its key had."""

    model: type[models.Model]
    pk: int
    key: str
    says: str

    def __str__(self) -> str:
        return (
            f"{self.model._meta.verbose_name} {self.says} (key {self.key or 'of an older version'})"  # noqa: SLF001
        )


@dataclass
class Rotated:
    """What one rotation did."""

    moved: int = 0
    left: int = 0  # those that are under the newest key already
    unreadable: int = 0


def rotate() -> Rotated:
    """Seal everything under the newest key. To be run again after it was cut off: it goes on from there."""
    done = Rotated()
    for model, field in columns():
        _rotate(model, field, done)
    return done


def unreadable() -> Iterator[Unreadable]:
    """The rows whose key is not among the settings': what would fail later, told before."""
    for model, field in columns():
        known = Q()
        for each in sealing.fingerprints():
            known |= Q(**{f"{field.name}__startswith": f"{sealing.FORM}:{each}:"})
        rows = _rows(model, field).exclude(known)
        for row in rows.order_by("pk").iterator(chunk_size=BATCH):
            text = getattr(row, field.name)
            yield Unreadable(model, row.pk, fingerprint_of(text), str(row))


def told(found: list[Unreadable]) -> str:
    """The sentence that names them, with the way out."""
    named = "; ".join(map(str, found[:NAMED]))
    more = f"; and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return (
        f"{len(found)} of what is kept sealed cannot be opened by any key of ARGOSY_ENCRYPTION_KEYS: "
        f"{named}{more}. Add the key they were sealed with back (behind the newest), and run `argosy secrets "
        "rotate` before it is removed again. If it is lost: `argosy secrets forget-unreadable`, and enter "
        "each of them anew."
    )


def forget(found: list[Unreadable]) -> int:
    """Empty these, so that the platform begins without them; what they held must be entered anew."""
    return sum(_forget(model, field, found) for model, field in columns())


@transaction.atomic
def _forget(model: type[models.Model], field: SealedText, found: list[Unreadable]) -> int:
    mine = [each for each in found if each.model is model]
    rows = model._base_manager.filter(pk__in=[each.pk for each in mine])  # noqa: SLF001
    count = rows.update(**{field.name: ""})
    if count:
        record(
            "sealed.forgotten",
            target=_called(model),
            after={"rows": count, "named": [each.says for each in mine]},
        )
    return count


def _called(model: type[models.Model]) -> str:
    """What the rows of a table are to the audit, where there is no row but a table."""
    return f"what is sealed of each {model._meta.verbose_name}"  # noqa: SLF001


def _rows(model: type[models.Model], field: SealedText) -> models.QuerySet[models.Model]:
    """Those that hold something. By the base manager: also of what is removed, or hidden by another."""
    empty = Q(**{field.name: ""}) | Q(**{f"{field.name}__isnull": True})
    return model._base_manager.exclude(empty)  # noqa: SLF001 - Django's documented way


def _rotate(model: type[models.Model], field: SealedText, done: Rotated) -> None:
    newest = f"{sealing.FORM}:{sealing.fingerprints()[0]}:"
    rows = _rows(model, field)
    done.left += rows.filter(**{f"{field.name}__startswith": newest}).count()
    old = rows.exclude(**{f"{field.name}__startswith": newest})
    last = 0
    while batch := list(
        old.filter(pk__gt=last).order_by("pk").values_list("pk", field.name)[:BATCH]
    ):
        last = batch[-1][0]
        anew: dict[int, tuple[str, str]] = {}
        for pk, text in batch:
            try:
                anew[pk] = (text, rotated(text))
            except CannotOpen:
                done.unreadable += 1
        done.moved += _move(model, field, anew)


@transaction.atomic  # short, and one for many: nobody waits for all of them
def _move(model: type[models.Model], field: SealedText, anew: Mapping[int, tuple[str, str]]) -> int:
    moved = 0
    for pk, (was, now) in anew.items():
        mine = model._base_manager.filter(pk=pk, **{field.name: was})  # noqa: SLF001
        moved += mine.update(**{field.name: now})
    if moved:  # of each batch: of a rotation that is cut off, what was done is recorded
        record(
            "sealed.rotated",
            target=_called(model),
            after={"rows": moved, "to": sealing.fingerprints()[0]},
        )
    return moved
