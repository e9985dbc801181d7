"""Asking the index for workflows: what each word means, the same for a page, the API and a terminal."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, F, Q
from django.db.models.expressions import OrderBy

from tenants.models import TenantNamespace

from .models import WorkflowQuerySet

PHASES = ("Pending", "Running", "Succeeded", "Failed", "Error")
# How a workflow ended, whichever of Argo's words says so.
OUTCOMES = {"good": ("Succeeded",), "bad": ("Failed", "Error")}
COLUMNS = {
    "created": "created_at",
    "started": "started_at",
    "finished": "finished_at",
    "name": "name",
    "phase": "phase",
    "template": "template",
    "took": "seconds",
    "used": "cpu_seconds",
}
ORDERS = (*COLUMNS, *(f"-{name}" for name in COLUMNS))
NEWEST = "-created"
MAY_BE_NULL = {"started", "finished", "took"}
SHARED = {"phase", "template"}  # by many rows: of those, the newest come first


@dataclass(frozen=True)
class Asked:
    """What is asked for. What is empty asks for nothing; names are whole names."""

    phase: str = ""
    outcome: str = ""
    team: str = ""
    namespace: str = ""
    cluster: str = ""
    template: str = ""
    text: str = ""  # a part of the name or of the message, in capitals or not
    since: datetime | None = None  # created then or later
    until: datetime | None = None  # created before then
    finished_since: datetime | None = None


def fits(asked: Asked) -> Q:
    """What is true of the rows asked for: to narrow by, or to count by."""
    found = Q()
    if asked.phase:
        found &= Q(phase__in=words_of(asked.phase))
    if asked.outcome:
        found &= Q(phase__in=OUTCOMES[asked.outcome])
    if asked.template:
        found &= Q(template=asked.template)
    if asked.text:
        found &= Q(name__icontains=asked.text) | Q(message__icontains=asked.text)
    if asked.since:
        found &= Q(created_at__gte=asked.since)
    if asked.until:
        found &= Q(created_at__lt=asked.until)
    if asked.finished_since:
        found &= Q(finished_at__gte=asked.finished_since)
    return found


def narrow(rows: WorkflowQuerySet, asked: Asked) -> WorkflowQuerySet:
    """The rows that are asked for."""
    places = {
        "team__slug": asked.team,
        "name": asked.namespace,
        "cluster__name": asked.cluster,
    }
    if said := {column: value for column, value in places.items() if value}:
        # No join, for the reason that `visible_to` has none.
        rows = rows.filter(namespace__in=TenantNamespace.objects.filter(**said).order_by())
    return rows.filter(fits(asked))


def ordered(rows: WorkflowQuerySet, order: str) -> WorkflowQuerySet:
    """In this order, and to the last row the same at each call, or pages would overlap."""
    name = order.removeprefix("-")
    falling = order != name
    # Said only where there can be nulls: PostgreSQL's indexes know no other place for them.
    nulls_last = True if name in MAY_BE_NULL else None
    by = OrderBy(F(COLUMNS[name]), descending=falling, nulls_last=nulls_last)
    if name in SHARED:
        return rows.order_by(by, "-created_at", "-pk")
    return rows.order_by(by, "-pk" if falling else "pk")


def counts(rows: WorkflowQuerySet) -> dict[str, int]:
    """How many rows of each phase: one query."""
    found = dict(rows.order_by().values_list("phase").annotate(Count("pk")))
    return {phase: sum(found.get(word, 0) for word in words_of(phase)) for phase in PHASES}


def words_of(phase: str) -> tuple[str, ...]:
    """What a row says in that phase: one that no controller looked at yet is Pending."""
    return (phase, "") if phase == "Pending" else (phase,)
