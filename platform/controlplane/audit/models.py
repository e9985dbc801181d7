"""What is kept of an act, and the seals over it. Neither is ever changed: the database refuses."""

from collections.abc import Iterable
from typing import Any, ClassVar, Self

from django.db import models

from .outcome import Outcome
from .recording import ACTION, NAME, TARGET


class AppendOnly(Exception):
    """Somebody's program would change what is only ever added to."""

    def __init__(self) -> None:
        super().__init__("Audit rows are only ever added.")


class Added(models.Model):
    """A row that is written once. The database refuses the rest too (`guarding`); this says it sooner."""

    class Meta:
        abstract = True

    def save(self, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnly
        super().save(**{**kwargs, "force_insert": True})

    def delete(self, *_: Any, **__: Any) -> tuple[int, dict[str, int]]:
        raise AppendOnly


class Events(models.QuerySet["Event"]):
    """Questions to what was done."""

    def of_teams(self, slugs: Iterable[str]) -> Self:
        """What was done in these teams; what is of no team is nobody's of theirs."""
        return self.filter(team__in=[slug for slug in slugs if slug])


class Event(Added):
    """One act, or one attempt. Names are kept as text: they stay when what they name is gone."""

    at = models.DateTimeField()
    actor = models.CharField(max_length=NAME, blank=True)  # nobody: the platform itself
    on_behalf_of = models.CharField(max_length=NAME, blank=True)
    through = models.CharField(
        max_length=60, blank=True
    )  # the door: console, API (which token), desk, command, task
    action = models.CharField(max_length=ACTION)
    target = models.CharField(max_length=TARGET)
    team = models.CharField(max_length=NAME, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    request_id = models.CharField(max_length=64, blank=True)
    address = models.CharField(max_length=64, blank=True)

    objects: ClassVar[Any] = Events.as_manager()

    class Meta:
        ordering = ["-pk"]  # as they were written: a clock may go backwards
        indexes = [
            models.Index(fields=["at"], name="audit_at"),
            models.Index(fields=["team", "-id"], name="audit_of_team"),
            models.Index(fields=["actor", "-id"], name="audit_of_actor"),
            models.Index(fields=["action", "-id"], name="audit_of_action"),
        ]

    def __str__(self) -> str:
        return f"{self.actor or 'the platform'}: {self.action} {self.target} ({self.outcome})"


class Seal(Added):
    """One event's place in the chain. `number` has no gaps; `event` is a number, and no foreign key."""

    number = models.PositiveBigIntegerField(primary_key=True)
    event = models.PositiveBigIntegerField(unique=True)
    digest = models.CharField(max_length=64)
    sealed_at = models.DateTimeField()

    objects: ClassVar[models.Manager["Seal"]] = models.Manager()

    class Meta:
        ordering = ["number"]

    def __str__(self) -> str:
        return f"seal {self.number} over event {self.event}"
