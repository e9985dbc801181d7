"""What a configuration object was before and after each change, who changed it, and when."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

import orjson
from django.db import models, transaction
from django.db.models import Model, QuerySet
from django.dispatch import Signal
from simple_history.models import HistoricalRecords

Row = TypeVar("Row", bound=Model)
# Rows that were written by one statement, for which the history's own signal is not sent.
changed_together = Signal()  # rows, kind
VERBS = {"+": "made", "~": "changed", "-": "removed"}


class Changes(HistoricalRecords):  # type: ignore[misc]  # the library ships no types
    """A row of history for each save that changed something that is kept."""

    def __init__(self, *, leaving_out: Sequence[str] = (), **options: Any) -> None:
        """`leaving_out`: what was seen, and secrets. Neither is in the history, nor can get there."""
        super().__init__(excluded_fields=list(leaving_out), **options)

    def post_save(
        self, instance: Any, created: bool, using: str | None = None, **rest: Any
    ) -> None:
        """Signing in saves a person too: that is no change of what they are."""
        written = rest.get("update_fields")
        tracked = {field.name for field in self.fields_included(type(instance))}
        if written is None or tracked & set(written):
            super().post_save(instance, created, using=using, **rest)


class Recorded(QuerySet[Row]):
    """Rows whose bulk changes are in the history as well: `update` alone would leave no trace."""

    def update(self, **values: Any) -> int:
        """As Django's. If it touches what the history keeps, each row has its line there."""
        kept: Any = self.model
        tracked = {field.name for field in kept.history.model.tracked_fields}
        if not tracked & values.keys():
            return super().update(**values)
        with transaction.atomic(using=self.db):
            pks = list(self.select_for_update().values_list("pk", flat=True))
            changed = super().update(**values)
            _keep(self.model, type(self)(self.model, using=self.db).filter(pk__in=pks), kind="~")
        return changed

    def bulk_create(self, objs: Iterable[Row], *args: Any, **options: Any) -> list[Row]:
        """As Django's, with a line of history for each row."""
        with transaction.atomic(using=self.db):
            made = super().bulk_create(objs, *args, **options)
            _keep(self.model, made, kind="+")
        return made


def because(row: Model, reason: str) -> None:
    """Why the next save of this row is made: what no field of it can tell."""
    vars(row)["_change_reason"] = reason


@dataclass(frozen=True)
class Difference:
    """One field: what it was, and what it became."""

    field: str
    before: str
    after: str


@dataclass(frozen=True)
class Change:
    """One line of an object's history."""

    at: datetime
    who: str
    what: str
    reason: str
    differences: tuple[Difference, ...]


def changes_of(record: Any, before: Any, *, who: str) -> Change:
    """A row of history as people read it. The first one of an object shows all it began with."""
    names = [(field.name, str(field.verbose_name)) for field in record.tracked_fields]
    return Change(
        at=record.history_date,
        who=who,
        what=VERBS[record.history_type],
        reason=record.history_change_reason or "",
        differences=differences(
            {} if before is None else values_of(before, names), values_of(record, names)
        ),
    )


def values_of(row: Any, names: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """A row's fields by the names people read, the primary key left out."""
    return {shown: getattr(row, name) for name, shown in names if name != "id"}


def differences(before: dict[str, Any], after: dict[str, Any]) -> tuple[Difference, ...]:
    """What differs, field by field; a mapping's entries one by one, so that one quantity is one line."""
    flat_before, flat_after = dict(_flat(before)), dict(_flat(after))
    fields = [*flat_after, *(name for name in flat_before if name not in flat_after)]
    return tuple(
        Difference(name, flat_before.get(name, ""), flat_after.get(name, ""))
        for name in fields
        if flat_before.get(name, "") != flat_after.get(name, "")
    )


def _flat(values: dict[str, Any], above: str = "") -> Iterable[tuple[str, str]]:
    for key, value in values.items():
        name = f"{above}{key}"
        if isinstance(value, dict):
            yield from _flat(value, f"{name} > ")
        else:
            yield name, _shown(value)


def _shown(value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, list):
        return ", ".join(v if isinstance(v, str) else orjson.dumps(v).decode() for v in value)
    if isinstance(value, models.Model):
        return str(value)
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)


def _keep(model: type[Model], rows: Iterable[Any], *, kind: str) -> None:
    """A line for each row. The user is the one of the request, as in every other line."""
    kept: Any = model
    written = list(rows)
    kept.history.bulk_history_create(written, update=kind == "~")
    changed_together.send(sender=model, rows=written, kind=kind)
