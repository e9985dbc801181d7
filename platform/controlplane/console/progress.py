"""How far a namespace is on its way to Ready, or to gone: a page that stays valid for ever."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from controlplane.errors import DomainError
from controlplane.identity.models import User
from controlplane.objects import fingerprint
from controlplane.refusals import status_of
from provisioning.models import Turn
from tenants import hurry
from tenants.conditions import Phase, from_dicts
from tenants.models import Request, RequestEvent, RequestState, TenantNamespace

from . import steps, waits
from .asked_for import a_part, number
from .elsewhere import curl
from .namespace import the_namespace
from .people import signed_in
from .standing import standing_of
from .steps import Facts, State, Step

STOP = 286  # htmx's own: put this in and ask no more
QUICK, SLOW = 2, 10  # seconds between two looks
QUICK_LOOKS = 30  # a minute of quick ones
REMEMBERED = 200  # turns that "usually" is the median of
LOST = "ClaimLost"


@dataclass(frozen=True)
class Poll:
    """The next look of a page: how long until, where, and what was said last."""

    seconds: int
    looks: int
    said: str


@signed_in
def progress(request: HttpRequest, user: User, pk: int) -> HttpResponse:
    """The page; or, to htmx, the part of it that moves."""
    namespace = the_namespace(user, pk)
    context = context_of(namespace, user, number(request, "looks"))
    if not a_part(request):
        return render(request, "console/progress.html", context)
    # A live region speaks whenever it is written: it is written only when there is news.
    context["news"] = request.GET.get("said") != context["poll"].said
    code = STOP if context["ended"] else 200
    return render(request, "console/_ns_progress.html", context, status=code)


@require_POST
@signed_in
def try_now(request: HttpRequest, user: User, pk: int) -> HttpResponse:
    """Make its next turn due at once, and go back to watching it."""
    namespace = the_namespace(user, pk)
    try:
        said = hurry.hurry(namespace, by=user)
    except DomainError as exc:
        context = {**context_of(namespace, user, 0), "refused": exc.sentence}
        return render(request, "console/progress.html", context, status=status_of(exc))
    messages.success(request, said)
    return redirect("console:progress", pk=pk)


def context_of(namespace: TenantNamespace, user: User, looks: int) -> dict[str, Any]:
    """Everything the page shows."""
    now = timezone.now()
    request = namespace.requests.select_related("team").order_by("-pk").first()
    events = list(request.events.select_related("by")) if request else []
    turns = list(Turn.objects.filter(namespace=namespace).order_by("pk"))
    whole = _took(namespace)
    shown = (*approval_of(request, events), *_steps(namespace, turns, whole, now))
    ended = is_ended(namespace)
    said = said_of(namespace, shown)
    return {
        "namespace": namespace,
        "request_row": request,
        "standing": standing_of(namespace),
        "steps": shown,
        "said": said,
        "ended": ended,
        "title": title_of(namespace),
        "turns_taken": sum(bool(turn.steps) for turn in turns),
        "usual": whole.all,
        "may_hurry": _may_hurry(namespace, user),
        "poll": Poll(QUICK if looks < QUICK_LOOKS else SLOW, looks + 1, fingerprint(said)[:8]),
        "behind": behind_of(namespace),
    }


@dataclass(frozen=True)
class Took:
    """How long namespaces of a cluster usually take, in seconds: all of it, and its controller alone."""

    all: float | None = None
    controller: float | None = None


def _took(namespace: TenantNamespace) -> Took:
    came = waits.came_up(namespace.cluster)
    if not came:
        return Took()
    return Took(median(each.all for each in came), median(each.controller for each in came))


def _usual(namespace: TenantNamespace) -> dict[str, float]:
    """The median of each kind of step over the cluster's last turns: one query."""
    done = Turn.objects.filter(namespace__cluster=namespace.cluster, ended_at__isnull=False)
    rows = done.exclude(outcome=LOST).order_by("-pk").values_list("steps", flat=True)
    return steps.usual_seconds(rows[:REMEMBERED])


def _steps(
    namespace: TenantNamespace, turns: Sequence[Turn], took: Took, now: datetime
) -> tuple[Step, ...]:
    mine = [turn for turn in turns if turn.generation == namespace.generation]
    removing = namespace.deletion_requested_at is not None
    if removing and namespace.begun_at is None and namespace.deleted_at is not None:
        return ()  # the wish was taken back before anything was made
    conditions = from_dicts(namespace.conditions)
    latest = turns[-1] if turns else None
    under_way = latest is not None and latest.ended_at is None
    facts = Facts(
        turns=[turn.steps for turn in _told(namespace, mine)],
        # Of an older wish they say nothing about this one.
        conditions={
            key: c for key, c in conditions.items() if c.observed_generation >= namespace.generation
        },
        usual=_usual(namespace),
        applied=namespace.applied_at is not None and namespace.generation == 1,
        made=namespace.applied_at is not None,
        under_way=under_way,
        elapsed=_elapsed(latest, namespace, now),
        controller_seconds=_controller_seconds(namespace),
        controller_usual=took.controller,
    )
    return steps.removing(facts) if removing else steps.making(facts)


def _told(namespace: TenantNamespace, turns: Sequence[Turn]) -> Sequence[Turn]:
    """The turns that tell how it came to be: once Ready, not the repairs that came after."""
    if namespace.phase != Phase.READY:
        return turns
    whole = (n for n, t in enumerate(turns) if all(s["state"] == "done" for s in t.steps))
    return turns[: next(whole, len(turns)) + 1]


def _elapsed(latest: Turn | None, namespace: TenantNamespace, now: datetime) -> float | None:
    """Seconds since the step under way began, as far as it is known."""
    if latest is None:
        return (now - namespace.created_at).total_seconds()
    return (now - (latest.ended_at or latest.started_at)).total_seconds()


def _controller_seconds(namespace: TenantNamespace) -> float | None:
    if namespace.ready_at is None or namespace.applied_at is None or namespace.generation > 1:
        return None
    return (namespace.ready_at - namespace.applied_at).total_seconds()


def approval_of(request: Request | None, events: Sequence[RequestEvent]) -> tuple[Step, ...]:
    """The step before all others: what became of the request behind it."""
    if request is None:
        return ()
    filed, last = events[0] if events else None, events[-1] if events else None
    asked = f"asked by {filed.by}" if filed and filed.by else "asked"
    if request.state == RequestState.APPROVED and last is not None:
        waited = (last.at - filed.at).total_seconds() if filed else None
        by = f" by {last.by}" if last.by else ""
        return (Step("Approval", State.DONE, f"{asked}, approved{by}", seconds=waited),)
    if request.state == RequestState.PENDING:
        again = "; what would be made has changed since it was approved"
        sentence = f"{asked}, waits for an approver{again if request.namespace_id else ''}"
        return (Step("Approval", State.NOW, sentence),)
    why = (last.note,) if last is not None and last.note else ()
    return (Step("Approval", State.FAILED, f"{asked}, then {request.state}", words=why),)


def is_ended(namespace: TenantNamespace) -> bool:
    """True once there is nothing left to wait for."""
    if namespace.deleted_at is not None:
        return True
    seen = namespace.observed_generation >= namespace.generation
    return seen and namespace.phase == Phase.READY


def title_of(namespace: TenantNamespace) -> str:
    """What this page is about now: the same address is right for years."""
    name = namespace.name
    if namespace.deleted_at is not None:
        return f"{name} is gone" if namespace.begun_at else f"{name} was never made"
    if namespace.deletion_requested_at is not None:
        return f"Removing {name}"
    if is_ended(namespace):
        return f"{name} is Ready"
    if namespace.ready_at is None:
        return f"Setting up {name}"
    if namespace.phase == Phase.DEGRADED:
        return f"What keeps {name} from being Ready"
    return f"Bringing {name} up to date"


def said_of(namespace: TenantNamespace, shown: Sequence[Step]) -> str:
    """The state in one sentence, for whoever hears the page."""
    for place, step in enumerate(shown, start=1):
        if step.state is State.FAILED:
            why = step.meaning.headline if step.meaning else step.sentence
            return f"Step {place} of {len(shown)}, {step.name}, failed: {why}."
        if step.state is State.NOW:
            return f"Step {place} of {len(shown)}, {step.name}, is under way."
    return f"{namespace.name} is {namespace.phase}."


def behind_of(namespace: TenantNamespace) -> list[tuple[str, str]]:
    """The same from a terminal and a program."""
    name = f"{namespace.cluster.name}/{namespace.name}"
    return [
        ("Terminal", f"argosy namespace wait {name}"),
        ("API", curl(f"namespaces/{namespace.pk}/turns/")),
        ("API: try now", curl(f"namespaces/{namespace.pk}/try-now/", method="POST")),
    ]


def _may_hurry(namespace: TenantNamespace, user: User) -> bool:
    try:
        hurry.check(namespace, user)
    except DomainError:
        return False
    return True
