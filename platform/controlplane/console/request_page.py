"""One request: what happened to it, what is said about it, and, for who decides, its plan."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render

from controlplane.clusters.models import Cluster
from controlplane.errors import DomainError
from controlplane.identity.models import User
from controlplane.kube.errors import KubeError
from controlplane.plans import looks
from controlplane.plans.agreement import Plan, PlanChanged, agree, question_of
from controlplane.refusals import Refusal, status_of
from tenants import budget, requests
from tenants.models import Request, RequestEvent, RequestState, Tier
from tenants.placed import written

from . import elsewhere, new_request, plan_panel, timeline
from .asked_for import a_part, number, text
from .differences import Line
from .people import signed_in
from .polling import next_look

AMENDED = ("name", "tier", "cluster")
DECIDE_SECONDS = 25.0  # a decision waits longer: without the cluster's answer there is none


@dataclass
class Refused:
    """An act that was not done: why, what was typed, and how the plan differs from what was read."""

    act: str = ""
    sentence: str = ""
    typed: Mapping[str, str] = field(default_factory=dict)
    plan: Plan | None = None
    differs: plan_panel.Differs = ()


@signed_in
def page(request: HttpRequest, user: User, pk: int) -> HttpResponse:
    """The request; what is posted is an act on it, and comes back here whichever way it ends."""
    found = _found(user, pk)
    if request.method == "POST":
        return _acted(request, user, found)
    requests.see(found, by=user)
    if a_part(request) and request.GET.get("part") == "live":
        return _moved(request, user, found)
    if a_part(request) and request.GET.get("part") == "plan":
        return render(request, "console/_request_plan.html", _context(request, user, found))
    return render(request, "console/request.html", _context(request, user, found))


def _moved(request: HttpRequest, user: User, found: Request) -> HttpResponse:
    """What changed since the page was shown: the story and the notes, never a form somebody is in."""
    context = _context(request, user, found, with_plan=False)
    context["news"] = text(request, "shown") != context["poll"].shown
    return render(request, "console/_request_live.html", context)


def _acted(request: HttpRequest, user: User, found: Request) -> HttpResponse:
    act, said = request.POST.get("act", ""), request.POST
    if act not in ACTS:
        raise Http404
    try:
        done = ACTS[act](found, user, said)
    except (DomainError, KubeError) as exc:
        context = _context(
            request, user, _found(user, found.pk), _refused(act, exc, found.pk, said)
        )
        return render(request, "console/request.html", context, status=status_of(exc))
    messages.success(request, done)
    return redirect("console:request", found.pk)


def _approve(found: Request, user: User, said: QueryDict) -> str:
    requests.check_decider(found, user)
    answer = looks.ask_anew([question_of(found)], seconds=DECIDE_SECONDS)[0]
    if not isinstance(answer, Plan):
        raise answer
    agree(found, answer, by=user, plan_hash=said.get("plan_hash", ""), note=said.get("note", ""))
    return "Approved, bound to the plan that you read. It is being made now."


def _reject(found: Request, user: User, said: QueryDict) -> str:
    requests.reject(found, by=user, note=said.get("reject_note", ""))
    return "Rejected. The team reads your reason."


def _amend(found: Request, user: User, said: QueryDict) -> str:
    fields = {
        name: said.get(f"asked_{name}", str(found.asked.get(name, ""))).strip() for name in AMENDED
    }
    if not fields["cluster"] and found.placement is not None:
        # It stays with its labels; who amends it names a cluster, or leaves the choice.
        fields = {**fields, "labels": found.asked.get("labels")}
    requests.amend(found, by=user, fields=fields, note=said.get("amend_note", ""))
    return "Amended. The plan below is of what is asked now; the team sees the difference."


def _place(found: Request, user: User, said: QueryDict) -> str:  # noqa: ARG001 - an act's signature
    moved = requests.place_again(found, by=user)
    return f"{moved.cluster_name} was chosen instead. Why is on this page; its plan is another one."


def _comment(found: Request, user: User, said: QueryDict) -> str:
    requests.comment(found, by=user, note=said.get("comment", ""))
    return "Your comment is there: the team and the approvers read it."


def _withdraw(found: Request, user: User, said: QueryDict) -> str:
    requests.withdraw(found, by=user, note=said.get("withdraw_note", ""))
    return "Withdrawn: nobody decides on it any more."


ACTS: Mapping[str, Callable[[Request, User, QueryDict], str]] = {
    "approve": _approve,
    "reject": _reject,
    "amend": _amend,
    "place": _place,
    "comment": _comment,
    "withdraw": _withdraw,
}


def _refused(act: str, exc: Refusal, pk: int, said: QueryDict) -> Refused:
    changed = exc.plan if isinstance(exc, PlanChanged) else None
    return Refused(
        act=act,
        sentence=exc.sentence,
        typed={key: str(value) for key, value in said.items()},
        plan=changed,
        differs=plan_panel.changed_since(said.get("read", ""), pk, changed) if changed else (),
    )


def _found(user: User, pk: int) -> Request:
    seen = Request.objects.visible_to(user).select_related(
        "team", "requested_by", "namespace__cluster"
    )
    found = seen.filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def _context(
    request: HttpRequest,
    user: User,
    found: Request,
    refused: Refused | None = None,
    *,
    with_plan: bool = True,
) -> dict[str, Any]:
    refused = refused or Refused()
    open_ = found.state == RequestState.PENDING
    decides = open_ and requests.may_decide(found, user)
    plan, no_plan = _plan(found, refused) if decides and with_plan else (None, None)
    lost = open_ and requests.has_lost_its_place(found)
    places = lost and (decides or requests.may_ask(found.team, user))
    cluster = Cluster.objects.filter(name=found.cluster_name).first() if open_ else None
    events = list(RequestEvent.objects.filter(request=found).select_related("by"))
    return {
        "found": found,
        "poll": next_look(number(request, "looks"), _shown(found, events)),
        "moves": _moves(found),
        "sentence": requests.sentence_of(found),
        "entries": timeline.entries(events, found.namespace),
        "amended": timeline.amendments(events),
        "open": open_,
        "decides": decides,
        "own": open_ and user.is_approver and found.requested_by_id == user.pk,
        "came_back": open_ and found.namespace is not None,
        "again": not open_
        and found.kind == new_request.KIND
        and found.state != RequestState.APPROVED
        and requests.may_ask(found.team, user),
        "withdraws": open_ and requests.may_ask(found.team, user),
        "comments": user.is_approver or found.team.level_of(user) is not None,
        "budget": budget.outlooks([found]).get(found.pk) if open_ else None,
        "cluster": cluster,
        "placed": found.placement,
        "lost": lost,
        "places": places,
        "asked": _asked(found),
        "problems": requests.problems_of(found) if open_ else (),
        "rivals": _rivals(found, user) if open_ else "",
        "load": budget.promised_on(cluster) if decides and cluster is not None else None,
        "refused": refused,
        "plan": plan,
        "no_plan": no_plan,
        "being_asked": isinstance(no_plan, looks.NotYet | looks.Busy),
        "since_approval": _since_approval(events, plan) if plan else (),
        "stages": plan_panel.stages(plan) if plan else (),
        "kinds": plan_panel.kinds(plan) if plan else "",
        "read": plan_panel.remembered({found.pk: plan}) if plan else "",
        "fields": _amendable(found, refused) if decides and found.namespace_id is None else (),
        "behind": elsewhere.reading(
            root=request.build_absolute_uri("/"),
            number=found.pk,
            plan_hash=plan.hash if plan else "",
            places=places,
        ),
    }


def _moves(found: Request) -> bool:
    """Whether something is still to come of it: a decision, or the namespace being Ready."""
    if found.state == RequestState.PENDING:
        return True
    made = found.namespace
    return made is not None and made.ready_at is None and made.deleted_at is None


def _shown(found: Request, events: list[RequestEvent]) -> str:
    """What the moving parts of the page tell, in short: two that are the same show the same."""
    made = found.namespace
    return f"{found.state}.{len(events)}.{made.phase if made is not None else ''}"


def _rivals(found: Request, user: User) -> str:
    """Who else waits for the very same; nothing where what was asked can no longer be read."""
    try:
        return requests.rivals_said(
            kind=found.kind, fields=found.asked, by=user, placed=found.placement, but=found
        )
    except DomainError:
        return ""


def _plan(found: Request, refused: Refused) -> tuple[Plan | None, Refusal | None]:
    """The plan to decide on, or why there is none now; the one that came with a refusal is newest."""
    if refused.plan is not None:
        return refused.plan, None
    try:
        answer = looks.read([question_of(found)], seconds=looks.PAGE_SECONDS)[0]
    except DomainError as exc:
        return None, exc
    return (answer, None) if isinstance(answer, Plan) else (None, answer)


def _since_approval(events: list[RequestEvent], plan: Plan) -> tuple[Line, ...]:
    """How the plan differs from the one that was approved before; nothing if none was."""
    approved = [e.decided for e in events if e.kind == RequestEvent.Kind.APPROVED]
    return plan_panel.since_approval(approved[-1], plan) if approved else ()


def _amendable(found: Request, refused: Refused) -> list[tuple[str, str, list[str]]]:
    """Each field that is asked, its value, and what it can be (empty: any text)."""
    clusters = list(Cluster.objects.values_list("name", flat=True))
    offered = {
        "tier": list(Tier.objects.values_list("slug", flat=True)),
        # Nothing: as its labels say.
        "cluster": ["", *clusters] if found.placement is not None else clusters,
    }
    return [
        (name, refused.typed.get(f"asked_{name}", value), offered.get(name, []))
        for name in AMENDED
        for value in [str(found.asked.get(name, ""))]
    ]


def _asked(found: Request) -> list[tuple[str, str]]:
    """What is asked, a line a field, as people say it."""
    labels = found.asked.get("labels")
    said = [(name, str(value)) for name, value in found.asked.items() if name != "labels"]
    if labels is not None:
        said.append(("where", f"any cluster with {written(labels)}" if labels else "anywhere"))
    return said
