"""One exemption: what it lets run and where it stands, and, for who decides, deciding on it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone

from controlplane.errors import DomainError
from controlplane.identity.models import User
from controlplane.policies import exemptions
from controlplane.policies.models import ImageExemption, Violation
from controlplane.refusals import status_of

from . import exempted, exemption_states
from .elsewhere import deciding
from .exemption_states import APPROVED, LOOKS, MEANS, WAITING
from .exemption_wish import end_of, last_day_of
from .image_rules import rule_of
from .people import signed_in
from .violation_list import HEAVY

MOST_VIOLATIONS = 5


@signed_in
def page(request: HttpRequest, user: User, pk: int) -> HttpResponse:
    """The exemption; what is posted is an act on it."""
    found = _found(user, pk)
    if request.method != "POST":
        return render(request, "console/exemption.html", _context(request, user, found))
    act = request.POST.get("act", "")
    if act not in ACTS:
        raise Http404
    try:
        done = ACTS[act](found, user, request.POST, timezone.now())
    except DomainError as refusal:
        context = _context(request, user, _found(user, pk))
        context |= {"refused": act, "refusal": refusal, "typed": request.POST}
        return render(request, "console/exemption.html", context, status=status_of(refusal))
    messages.success(request, done, extra_tags="ok")
    return redirect("console:exemption", pk)


def _approve(found: ImageExemption, user: User, said: QueryDict, now: datetime) -> str:
    ends = _end(found, said.get("until", ""))
    made = exemptions.approve(found, by=user, now=now, note=said.get("note", ""), not_after=ends)
    return (
        f"Approved: it may run until {made.not_after:%-d %b %Y %H:%M %Z}. "
        "Clusters are told within a minute."
    )


def _reject(found: ImageExemption, user: User, said: QueryDict, now: datetime) -> str:
    exemptions.reject(found, by=user, now=now, note=said.get("reject_note", ""))
    return "Rejected. The team reads your reason."


def _end_now(found: ImageExemption, user: User, said: QueryDict, now: datetime) -> str:
    exemptions.end(found, by=user, now=now, note=said.get("end_note", ""))
    return "Ended: clusters hear of it with their next policy, within seconds."


ACTS: Mapping[str, Callable[[ImageExemption, User, QueryDict, datetime], str]] = {
    "approve": _approve,
    "reject": _reject,
    "end": _end_now,
}


def _end(found: ImageExemption, day: str) -> datetime | None:
    """The end that was typed; the very one asked for where the day is the same, or none was said."""
    if day in {"", last_day_of(found).isoformat()}:
        return None
    ends = end_of(day)
    if ends is None:
        raise DomainError(
            f"Write the last day as {last_day_of(found):%Y-%m-%d}.",
            code="bad_window",
            field="until",
        )
    return ends


def _found(user: User, pk: int) -> ImageExemption:
    seen = ImageExemption.objects.visible_to(user).select_related(
        "team", "namespace__cluster", "requested_by", "approved_by"
    )
    found = seen.filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def _context(request: HttpRequest, user: User, found: ImageExemption) -> dict[str, Any]:
    now = timezone.now()
    state = exemption_states.state_of(found, now)
    changes = found.history.select_related("decided_by").order_by("history_date", "history_id")
    asks = exemptions.may_ask(found.team, user)
    violations = _violations(user, found)
    ends = asks if state == WAITING else state == APPROVED and (asks or user.is_approver)
    return {
        "found": found,
        "state": state,
        "means": MEANS[state],
        "look": LOOKS[state],
        "look_again": exemption_states.to_be_looked_at_again(found, now),
        "entries": exemption_states.entries(found, changes, now),
        "waiting": state == WAITING,
        "decides": state == WAITING and exemptions.may_decide(found, user),
        "own": state == WAITING and user.is_approver and found.requested_by_id == user.pk,
        "ends": ends,
        "first": now.date(),
        "last": last_day_of(found),
        "violations": [(v, exempted.lets_in(found, v, now)) for v in violations],
        "rules": list({v.code: (rule_of(v.code), v.reason) for v in reversed(violations)}.values()),
        "behind": deciding(
            root=request.build_absolute_uri("/"), number=found.pk, waiting=state == WAITING
        ),
    }


def _violations(user: User, found: ImageExemption) -> list[Violation]:
    """Where this image was refused or runs: what who decides wants to know."""
    seen = Violation.objects.visible_to(user).filter(team=found.team_id, image=found.image)
    if found.namespace is not None:
        seen = seen.filter(namespace=found.namespace.name, cluster=found.namespace.cluster_id)
    return list(
        seen.select_related("cluster").defer(*HEAVY).order_by("-last_seen")[:MOST_VIOLATIONS]
    )
