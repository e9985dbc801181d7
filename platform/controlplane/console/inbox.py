"""What waits for an approver: the queue, oldest first, and deciding on several at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST

from controlplane.errors import DomainError
from controlplane.identity.models import User
from controlplane.kube.errors import KubeError
from controlplane.plans import looks
from controlplane.plans.agreement import Plan, PlanChanged, Question, agree, question_of
from controlplane.policies.models import ImageExemption
from controlplane.refusals import Refusal
from tenants import budget, requests
from tenants.budget import Outlook
from tenants.models import Request, RequestQuerySet, RequestState

from . import exemption_states, plan_panel
from .people import signed_in

PAGE = 25
MOST = 25  # decided on at once: more is not read
DECIDE_SECONDS = 45.0  # a decision waits longer: without the cluster's answer there is none


@dataclass(frozen=True)
class Waiting:
    """One request in the queue."""

    request: Request
    sentence: str
    outlook: tuple[Outlook, ...] | None


@dataclass(frozen=True)
class Read:
    """One of several plans: what a decision on it needs, or why there is none."""

    waiting: Waiting
    plan: Plan | None = None
    kinds: str = ""
    refusal: str = ""
    problems: tuple[str, ...] = ()  # what keeps it from being approved, whatever its plan

    @property
    def ready(self) -> bool:
        """Whether it can be approved now."""
        return self.plan is not None and not self.plan.preview.problems and not self.problems


@dataclass(frozen=True)
class Result:
    """What became of one of several decisions."""

    request: Request
    sentence: str
    done: bool
    said: str
    changed: bool = False  # another plan is there than the one that was read
    differs: plan_panel.Differs = ()  # and this is what differs


@dataclass(frozen=True)
class Yes:
    """What the form of several plans says: the hash of each, what was shown of all, a note."""

    hashes: Mapping[int, str]
    read: str
    note: str


@signed_in
def page(request: HttpRequest, user: User) -> HttpResponse:
    """The queue; who decides on nothing has none."""
    _approvers_only(user)
    return render(request, "console/inbox.html", _context(request, user))


@require_GET
@signed_in
def plans(request: HttpRequest, user: User) -> HttpResponse:
    """The plans of the chosen requests on one page, each with the hash that approving names."""
    _approvers_only(user)
    chosen = _chosen(user, request.GET.getlist("chosen"))
    if not chosen:
        return redirect("console:inbox")
    read = _read(chosen, user)
    found = {r.waiting.request.pk: r.plan for r in read if r.plan is not None}
    context = {
        "carried": plan_panel.remembered(found),
        "read": read,
        "ready": (ready := [r for r in read if r.ready]),
        "together": budget.together([r.waiting.request for r in ready]),
        "behind": [
            ("Terminal", "\n".join(f"argosy approve {r.waiting.request.pk}" for r in read)),
        ],
    }
    return render(request, "console/inbox_plans.html", context)


@require_GET
@signed_in
def together(request: HttpRequest, user: User) -> HttpResponse:
    """What the ticked ones add up to, of each team's budget: asked anew when a tick changes."""
    _approvers_only(user)
    ticked = _chosen(user, request.GET.getlist("chosen"))
    waiting = [each for each in ticked if each.state == RequestState.PENDING]
    return render(request, "console/_inbox_together.html", {"together": budget.together(waiting)})


@require_POST
@signed_in
def decide(request: HttpRequest, user: User) -> HttpResponse:
    """Read, approve or reject what is chosen: each on its own, each with its result."""
    _approvers_only(user)
    act = request.POST.get("act", "")
    chosen = _chosen(user, request.POST.getlist("chosen"))
    if act not in {"plans", "approve", "reject"}:
        raise Http404
    if not chosen:
        return _again(request, user, "Choose at least one request.")
    if act == "plans":
        query = urlencode([("chosen", found.pk) for found in chosen])
        return redirect(f"{request.path.removesuffix('decide/')}plans/?{query}")
    note = request.POST.get("note", "")
    if act == "reject":
        if not note.strip():
            return _again(request, user, "A rejection needs a reason that helps the team.")
        results = [_rejected(found, user, note) for found in chosen]
    else:
        hashes = {f.pk: request.POST.get(f"hash-{f.pk}", "") for f in chosen}
        results = _approved(chosen, user, Yes(hashes, request.POST.get("read", ""), note))
    done = sum(result.done for result in results)
    context = {
        "results": results,
        "changed": [r for r in results if r.changed],
        "again": urlencode([("chosen", r.request.pk) for r in results if r.changed]),
        "done": done,
        "refused": len(results) - done,
        "word": "approved" if act == "approve" else "rejected",
        "behind": [("Terminal", "\n".join(f"argosy request show {r.request.pk}" for r in results))],
    }
    return render(request, "console/inbox_results.html", context)


def _context(request: HttpRequest, user: User) -> dict[str, Any]:
    queue = _queue().exclude(requested_by=user)
    shown = Paginator(queue, PAGE).get_page(request.GET.get("page"))
    mine = list(_queue().filter(requested_by=user)[:PAGE])
    rows = _waiting([*shown, *mine])
    return {
        "page": shown,
        "rows": rows[: len(rows) - len(mine)],
        "mine": rows[len(rows) - len(mine) :],
        "oldest": queue.first() if shown.number > 1 else next(iter(shown), None),
        **_exemptions(user),
        "behind": [
            ("Terminal", "argosy request list\nargosy approve NUMBER"),
            ("Terminal: exemptions", "argosy exemption list\nargosy exemption approve NUMBER"),
        ],
        "chosen": set(request.POST.getlist("chosen")) or _all(request, rows),
        "typed": request.POST.get("note", ""),
    }


def _exemptions(user: User) -> dict[str, Any]:
    """Those that wait, the one first whose time is over first; and the person's own, for others."""
    wait = exemption_states.those(exemption_states.WAITING, timezone.now())
    waiting = ImageExemption.objects.filter(wait).select_related(
        "team", "namespace", "requested_by"
    )
    for_me = waiting.exclude(requested_by=user).order_by("not_after", "pk")
    found = list(for_me[: PAGE + 1])
    return {
        "exemptions": found[:PAGE],
        "more_exemptions": len(found) > PAGE,
        "my_exemptions": list(waiting.filter(requested_by=user)[:PAGE]),
    }


def _all(request: HttpRequest, rows: Sequence[Waiting]) -> set[str]:
    """Every one on the page, for who asked to have all of them ticked."""
    return {str(row.request.pk) for row in rows} if request.GET.get("choose") == "all" else set()


def _again(request: HttpRequest, user: User, sentence: str) -> HttpResponse:
    context = _context(request, user) | {"refusal": sentence}
    return render(request, "console/inbox.html", context, status=400)


def _approvers_only(user: User) -> None:
    """For others there is no inbox."""
    if not user.is_approver:
        raise Http404


def _queue() -> RequestQuerySet:
    waiting = Request.objects.filter(state=RequestState.PENDING)
    return waiting.select_related("team", "requested_by").order_by("created_at", "pk")


def _chosen(user: User, pks: Sequence[str]) -> list[Request]:
    """The chosen requests, oldest first, decided meanwhile or not: each is answered."""
    numbers = {pk for pk in pks if pk.isascii() and pk.isdigit() and len(pk) < 19}  # noqa: PLR2004
    found = Request.objects.visible_to(user).filter(pk__in=numbers)
    return list(found.select_related("team", "requested_by").order_by("created_at", "pk")[:MOST])


def _waiting(asked: Sequence[Request]) -> list[Waiting]:
    budgets = budget.outlooks(asked)
    return [Waiting(r, requests.sentence_of(r), budgets.get(r.pk)) for r in asked]


def _read(chosen: Sequence[Request], user: User) -> list[Read]:
    questions, refusals = _questions(chosen, user)
    answers = dict(
        zip(
            questions, looks.read(list(questions.values()), seconds=looks.PAGE_SECONDS), strict=True
        )
    )
    found: list[Read] = []
    for waiting in _waiting(chosen):
        pk = waiting.request.pk
        answer = answers.get(pk) or refusals[pk]
        problems = requests.problems_of(waiting.request)
        if isinstance(answer, Plan):
            requests.see(waiting.request, by=user)
            found.append(Read(waiting, answer, plan_panel.kinds(answer), problems=problems))
        else:
            found.append(Read(waiting, refusal=answer.sentence, problems=problems))
    return found


def _approved(chosen: Sequence[Request], user: User, yes: Yes) -> list[Result]:
    """Every plan is asked for anew, all at once; then each request is approved on its own."""
    questions, refusals = _questions(chosen, user)
    answers = dict(
        zip(
            questions, looks.ask_anew(list(questions.values()), seconds=DECIDE_SECONDS), strict=True
        )
    )
    return [
        _agreed(found, answers.get(found.pk) or refusals[found.pk], user, yes) for found in chosen
    ]


def _questions(
    chosen: Sequence[Request], user: User
) -> tuple[dict[int, Question], dict[int, Refusal]]:
    """What to ask the clusters. Of what a person may not decide on, nothing is asked."""
    questions: dict[int, Question] = {}
    refusals: dict[int, Refusal] = {}
    for found in chosen:
        try:
            requests.check_decider(found, user)
            questions[found.pk] = question_of(found)
        except DomainError as exc:
            refusals[found.pk] = exc
    return questions, refusals


def _agreed(found: Request, answer: Plan | Refusal, user: User, yes: Yes) -> Result:
    sentence, plan_hash = requests.sentence_of(found), yes.hashes[found.pk]
    try:
        if not isinstance(answer, Plan):
            raise answer
        agree(found, answer, by=user, plan_hash=plan_hash, note=yes.note)
    except PlanChanged as exc:
        differs = plan_panel.changed_since(yes.read, found.pk, exc.plan)
        return Result(found, sentence, done=False, said=exc.sentence, changed=True, differs=differs)
    except (DomainError, KubeError) as exc:
        return Result(found, sentence, done=False, said=exc.sentence)
    return Result(found, sentence, done=True, said=f"Approved, bound to plan {plan_hash}.")


def _rejected(found: Request, user: User, note: str) -> Result:
    sentence = requests.sentence_of(found)
    try:
        requests.reject(found, by=user, note=note)
    except DomainError as exc:
        return Result(found, sentence, done=False, said=exc.sentence)
    return Result(found, sentence, done=True, said="Rejected.")
