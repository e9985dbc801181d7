"""Keeping what a turn did: its steps while they happen, its report at the end, one line in the log."""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from tenants import services
from tenants.conditions import READY, Condition, Status, from_dicts
from tenants.models import TenantNamespace
from tenants.spec import NamespaceSpec

from .apply import Outcome
from .models import Turn
from .plan import Step
from .repairs import is_told
from .schedule import next_turn
from .status import Report

LONGEST_LINE = 600
KEPT = 50  # turns a namespace; older ones are forgotten

logger = logging.getLogger("provisioning.turn")


class TurnRecord:
    """The row of a turn, made when it first has something to do."""

    def __init__(self, namespace: TenantNamespace) -> None:
        self._namespace = namespace
        self._row: Turn | None = None
        self._repairs = ""

    @property
    def steps(self) -> list[dict[str, Any]]:
        return [] if self._row is None else self._row.steps

    def begin(self, steps: Sequence[Step], *, repairs: str = "") -> None:
        """There are steps: people may watch them from here on. `repairs`: what they put back."""
        self._repairs = repairs
        # Under our claim no other turn runs: an open one was cut off, with its worker.
        Turn.objects.filter(namespace=self._namespace, ended_at=None).update(
            outcome="CutOff",
            message="Its worker ended in the middle; a later turn went on.",
            ended_at=timezone.now(),
        )
        self._row = Turn.objects.create(
            namespace=self._namespace,
            generation=self._namespace.generation,
            steps=[
                {"step": str(s), "stage": s.stage.name.lower(), "state": "waiting"} for s in steps
            ],
        )

    def note(self, outcome: Outcome) -> None:
        """One step is done. Written at the end of its stage, and at a failure."""
        row = self._row
        if row is None:
            return
        entry = next(
            s for s in row.steps if s["step"] == str(outcome.step) and s["state"] == "waiting"
        )
        entry["state"] = "failed" if outcome.failure else "done"
        entry["seconds"] = round(outcome.seconds, 3)
        if outcome.failure:
            entry["error"] = outcome.failure.sentence
        same_stage = [s for s in row.steps if s["stage"] == entry["stage"]]
        if outcome.failure or all(s["state"] != "waiting" for s in same_stage):
            row.save(update_fields=["steps"])

    def abandon(self) -> None:
        """The row was lost to another worker: whoever reads this turn must not wait for its end."""
        if self._row is not None:
            self._row.outcome = "ClaimLost"
            self._row.message = "It took too long, and another worker went on with the namespace."
            self._row.ended_at = timezone.now()
            self._row.save()

    def told(self, report: Report) -> str:
        """What the log adds to a turn's figures: what failed and why, or what was put back."""
        if not report.failed:
            return f": {one_line(self._repairs)}" if self._repairs else ""
        failed = [s["step"] for s in self.steps if s["state"] == "failed"]
        at_step = f" at {', '.join(failed)}" if failed else ""
        return one_line(f": failed{at_step}: {report.ready.message}")

    def finish(self, report: Report, *, seconds: float) -> None:
        """The turn is over; old ones make room."""
        before, failures = (
            from_dicts(self._namespace.conditions).get(READY),
            self._namespace.failures,
        )
        said = recovery(before, report.ready, failures=failures)
        # The first turn of an outage has its line; those that find it as it was have nothing to add.
        fails_anew = report.failed and (before is None or before.reason != report.ready.reason)
        if self._row is None and (said or fails_anew):
            self._row = Turn.objects.create(
                namespace=self._namespace, generation=self._namespace.generation
            )
        if self._row is None:
            if report.ready.status is Status.TRUE and before != report.ready:
                self._came_true(report.ready)
            return
        repaired = "" if report.failed else self._repairs
        self._row.seconds = round(seconds, 3)
        self._row.outcome = report.ready.reason
        self._row.message = (". ".join(filter(None, (repaired, said))) or report.ready.message)[
            :1000
        ]
        self._row.ended_at = timezone.now()
        self._row.save()
        kept = Turn.objects.filter(namespace=self._namespace).order_by("-pk")[:KEPT]
        Turn.objects.filter(namespace=self._namespace, pk__lt=min(t.pk for t in kept)).delete()

    def _came_true(self, ready: Condition) -> None:
        """What the last turn began and this one found in place: its line must not go on waiting."""
        last = Turn.objects.filter(namespace=self._namespace).exclude(ended_at=None).first()
        if last is not None and last.outcome != ready.reason:
            last.outcome = ready.reason
            last.message = last.message if is_told(last.message) else ready.message
            last.save(update_fields=["outcome", "message"])


def one_line(text: str) -> str:
    """What others wrote, as a line of a log can hold it."""
    flat = " ".join(text.split())
    return "".join(c if c.isprintable() else "?" for c in flat)[:LONGEST_LINE]


def record_outage(namespaces: Iterable[TenantNamespace], condition: Condition) -> None:
    """A line in the turns of each: no turn is taken while their cluster does not serve us."""
    now = timezone.now()
    Turn.objects.bulk_create(
        (
            Turn(
                namespace=namespace,
                generation=namespace.generation,
                outcome=condition.reason,
                message=condition.message[:1000],
                ended_at=now,
            )
            for namespace in namespaces
        ),
        batch_size=500,
    )


def recovery(before: Condition | None, now: Condition, *, failures: int) -> str:
    """What to say of a namespace that is well again after it was not; '' of any other."""
    if now.status is not Status.TRUE or before is None or before.status is not Status.FALSE:
        return ""
    turns = f" after {failures} failed turn{'s' if failures > 1 else ''}" if failures else ""
    return f"Ready again{turns}: {now.message[0].lower()}{now.message[1:]}"


def record(
    namespace: TenantNamespace,
    spec: NamespaceSpec,
    report: Report,
    turn: TurnRecord,
    *,
    thorough: bool,
    seconds: float,
) -> timedelta | None:
    """Write the report and let go of the row; how long until its next turn, or None if it was lost."""
    now = timezone.now()
    scheduled = next_turn(
        failures=namespace.failures + 1 if report.failed else 0,
        ready=report.ready,
        unknown_since=_unknown_since(namespace, now),
        now=now,
    )
    turn.finish(report, seconds=seconds)
    wait = services.record_status(
        namespace,
        generation=spec.generation,
        conditions=report.conditions,
        now=now,
        next_turn=scheduled,
        failed=report.failed,
        applied=not report.failed and (bool(turn.steps) or report.ready.status is Status.TRUE),
        thorough=thorough and not report.failed,
        gone=report.gone,
        argo_version=report.argo_version,
    )
    logger.log(
        logging.WARNING if report.failed else logging.INFO,
        "%s generation=%d steps=%d outcome=%s seconds=%.2f next=%.1fs%s",
        namespace, spec.generation, len(turn.steps), report.ready.reason, seconds,
        scheduled.total_seconds() if wait is None else wait.total_seconds(),
        turn.told(report),
    )  # fmt: skip
    return wait


def _unknown_since(namespace: TenantNamespace, now: datetime) -> datetime:
    """Since when the row has been coming up; now, if it only begins to."""
    before = from_dicts(namespace.conditions).get(READY)
    if before is None or before.status is not Status.UNKNOWN:
        return now
    return datetime.fromisoformat(before.last_transition)
