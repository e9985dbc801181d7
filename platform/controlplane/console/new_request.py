"""Asking for a namespace: a short form that says what would come of it before it is sent."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from controlplane.clusters.models import Cluster
from controlplane.errors import DomainError
from controlplane.identity.models import User
from controlplane.kube.errors import KubeError
from controlplane.plans import looks
from controlplane.plans.agreement import Plan, question_about
from controlplane.refusals import status_of
from tenants import budget, drafts, requests
from tenants.budget import Outlook
from tenants.models import Draft, Request, Team, Tier
from tenants.names import control_namespace

from . import elsewhere, plan_panel, waits
from .frame import CHOSEN
from .people import signed_in

KIND = "create"
ASKED = ("name", "tier", "cluster")
CHECKED = ("team", *ASKED)  # fields that are checked while they are typed


@dataclass(frozen=True)
class Typed:
    """What is in the form."""

    team: str = ""
    name: str = ""
    tier: str = ""
    cluster: str = ""
    reason: str = ""
    draft: str = ""

    @classmethod
    def of(cls, said: QueryDict) -> "Typed":
        typed = {name: said.get(name, "").strip() for name in cls.__dataclass_fields__}
        # The number of a draft is part of an address on the page: what is none is as if it was not there.
        return cls(**{**typed, "draft": typed["draft"] if _is_key(typed["draft"]) else ""})

    @property
    def asked(self) -> dict[str, str]:
        """What a request of this kind asks."""
        return {name: getattr(self, name) for name in ASKED}


@dataclass(frozen=True)
class Hint:
    """A sentence beside a field: `look` is ok, bad, or nothing."""

    sentence: str = ""
    look: str = ""


@dataclass(frozen=True)
class Choice:
    """A tier to choose, with what choosing it does to the team's budget."""

    tier: Tier
    outlook: tuple[Outlook, ...] = ()


@dataclass
class Form:
    """One person's form: what they may choose from, what they typed, what is wrong with it."""

    user: User
    typed: Typed
    refused: dict[str, str] = field(default_factory=dict)
    checked: bool = False  # whether what is typed was held against what there is
    rivals: str = ""  # who else waits for the very same

    def __post_init__(self) -> None:
        self.teams = list(Team.objects.owned_by(self.user))
        self.clusters = list(Cluster.objects.all())
        self.team = next((team for team in self.teams if team.slug == self.typed.team), None)
        used = budget.used_by(self.team) if self.team is not None else None
        self._others = budget.waiting_for(self.team) if self.team is not None else budget.NOTHING
        self.choices = [Choice(tier, self._outlook(tier, used)) for tier in Tier.objects.all()]

    @property
    def choice(self) -> Choice | None:
        return next((c for c in self.choices if c.tier.slug == self.typed.tier), None)

    @property
    def cluster(self) -> Cluster | None:
        return next((c for c in self.clusters if c.name == self.typed.cluster), None)

    @property
    def places(self) -> Mapping[str, str]:
        """Where each field is on the page: a tier is one of several buttons."""
        tier = f"tier-{self.typed.tier}" if self.choice is not None else "tiers"
        return {name: name for name in (*CHECKED, "reason")} | {"tier": tier}

    @property
    def control(self) -> str:
        return control_namespace(self.typed.name)

    @property
    def hints(self) -> Mapping[str, Hint]:
        """A hint for each field: what is wrong with it, else what is good to know."""
        known = {"team": Hint(), "name": self._name(), "cluster": self._where()}
        wrong = {name: Hint(said, "bad") for name, said in self.refused.items()}
        return {**known, "tier": Hint(), "reason": Hint(), **wrong}

    def check(self) -> None:
        """Find what is wrong, as filing would."""
        self.checked = True
        try:
            requests.try_out(
                kind=KIND, team=self.asking_team(), by=self.user, fields=self.typed.asked
            )
            self.rivals = requests.rivals_said(kind=KIND, fields=self.typed.asked, by=self.user)
        except DomainError as exc:
            self.refuse(exc)

    def asking_team(self) -> Team:
        """The team in whose name this is asked. One that is not the person's is not there."""
        if self.team is None:
            raise DomainError(
                "Choose the team that asks, among those you own.", code="no_team", field="team"
            )
        return self.team

    def refuse(self, exc: DomainError | KubeError) -> None:
        """Put a refusal beside its field; above the form, if it has none."""
        name = exc.field if isinstance(exc, DomainError) else None
        self.refused[name or "form"] = exc.sentence

    def _outlook(self, tier: Tier, used: budget.Promise | None) -> tuple[Outlook, ...]:
        if self.team is None or used is None:
            return ()
        return budget.outlook(
            self.team, promised=used, adds=budget.promised([tier]), others=self._others
        )

    def _name(self) -> Hint:
        if not self.typed.name:
            return Hint("Lower-case letters, digits and hyphens, such as payments-test.")
        if not self.checked or self.refused.keys() & {"team", "name", "cluster"} or not self.choice:
            return Hint()  # whether it is free was not found out
        if self.rivals:
            return Hint(f"{self.rivals} Whichever is approved first has it.", "warn")
        return Hint(f"✓ Free on {self.typed.cluster}. Argo will live in {self.control}.", "ok")

    def _where(self) -> Hint:
        if self.cluster is None or self.cluster.reachable:
            return Hint()
        # Why is for the platform's people: the reason names addresses.
        return Hint(f"It {self.cluster.stands}: the request can be filed, but waits.")


@signed_in
def page(request: HttpRequest, user: User) -> HttpResponse:
    """The form; sent, kept as a draft, or answered with what would be made, by the button pressed."""
    if request.method != "POST":
        form = _begun(request, user)
        if form.typed.name:
            form.check()
        return _page(request, form)
    act = ACTS.get(request.POST.get("act", "send"))
    if act is None:
        raise Http404
    form = Form(user, Typed.of(request.POST))
    try:
        return act(request, form)
    except (DomainError, KubeError) as exc:
        form.check()
        form.refuse(exc)
        not_sent = request.POST.get("act", "send") == "send"
        return _page(request, form, status=status_of(exc), not_sent=not_sent)


@require_POST
@signed_in
def check(request: HttpRequest, user: User) -> HttpResponse:
    """What is to be said beside the field that was just changed, and what all of it comes to."""
    name = request.GET.get("field", "")
    if name not in CHECKED:
        raise Http404
    form = Form(user, Typed.of(request.POST))
    form.check()
    if name != "name" and not form.typed.name:
        form.refused.pop("name", None)  # nobody has come to that field yet
    context = _context(request, form) | {"changed": name}
    return render(request, "console/_new_request_check.html", context)


@require_POST
@signed_in
def discard(request: HttpRequest, user: User, pk: int) -> HttpResponse:
    """Remove an own draft; another's is not there."""
    draft = Draft.objects.visible_to(user).filter(pk=pk).first()
    if draft is None:
        raise Http404
    drafts.discard(draft, by=user)
    messages.info(request, "The draft is removed.")
    return redirect("console:requests")


def _send(request: HttpRequest, form: Form) -> HttpResponse:
    filed = requests.file(
        kind=KIND,
        team=form.asking_team(),
        by=form.user,
        fields=form.typed.asked,
        reason=form.typed.reason,
        draft=_draft(form),
    )
    messages.success(request, "Sent. An approver reads it next; here you see what becomes of it.")
    return redirect("console:request", filed.pk)


def _show(request: HttpRequest, form: Form) -> HttpResponse:
    sentence, spec = requests.try_out(
        kind=KIND, team=form.asking_team(), by=form.user, fields=form.typed.asked
    )
    form.checked = True
    answer = looks.read([question_about(sentence, spec)], seconds=looks.PAGE_SECONDS)[0]
    if isinstance(answer, Plan):
        return _page(request, form, plan=answer, stages=plan_panel.stages(answer))
    return _page(request, form, no_plan=answer.sentence)


def _keep(request: HttpRequest, form: Form) -> HttpResponse:
    draft = drafts.keep(
        by=form.user,
        kind=KIND,
        team=form.team,
        fields={**form.typed.asked, "reason": form.typed.reason},
        draft=_draft(form),
    )
    messages.success(request, "The draft is kept: you alone see it, on top of your requests.")
    response = redirect("console:new-request")
    response["Location"] += f"?draft={draft.pk}"
    return response


ACTS: Mapping[str, Callable[[HttpRequest, Form], HttpResponse]] = {
    "send": _send,
    "show": _show,
    "keep": _keep,
}


def _page(request: HttpRequest, form: Form, *, status: int = 200, **more: Any) -> HttpResponse:
    return render(
        request, "console/new_request.html", _context(request, form) | more, status=status
    )


def _context(request: HttpRequest, form: Form) -> dict[str, Any]:
    return {
        "form": form,
        "hints": form.hints,
        "deciding": waits.deciding(),
        "making": waits.making(form.cluster) if form.cluster is not None else None,
        "behind": elsewhere.filing(
            root=request.build_absolute_uri("/"),
            kind=KIND,
            team=form.typed.team,
            asked=form.typed.asked,
            reason=form.typed.reason,
        ),
    }


def _begun(request: HttpRequest, user: User) -> Form:
    """The form as it opens: a draft, or what was asked before, else the address, else what is likely."""
    if "draft" in request.GET:
        draft = _own_draft(user, request.GET["draft"])
        if draft is None:
            raise Http404
        team = draft.team.slug if draft.team is not None else ""
        kept = {name: str(draft.fields.get(name, "")) for name in (*ASKED, "reason")}
        return Form(user, Typed(team=team, draft=str(draft.pk), **kept))
    if "like" in request.GET:
        return Form(user, _like(user, request.GET["like"]))
    said = Typed.of(request.GET)
    likely = dict(_likely(request, user))
    return Form(
        user, Typed(**{name: getattr(said, name) or likely.get(name, "") for name in CHECKED})
    )


def _like(user: User, pk: str) -> Typed:
    """What an earlier request asked, to be asked again; one that is not the person's is not there."""
    found = Request.objects.visible_to(user).select_related("team")
    before = found.filter(pk=pk, kind=KIND).first() if _is_key(pk) else None
    if before is None:
        raise Http404
    asked = {name: str(before.asked.get(name, "")) for name in ASKED}
    return Typed(team=before.team.slug, reason=before.reason, **asked)


def _likely(request: HttpRequest, user: User) -> Iterator[tuple[str, str]]:
    """What most people would choose: their own team, the first tier, a cluster that answers."""
    mine = list(Team.objects.owned_by(user).values_list("slug", flat=True))
    chosen = request.session.get(CHOSEN, "")
    if mine:
        # The switcher proposes; every other team of theirs can be chosen as well.
        yield "team", chosen if chosen in mine else mine[0] if len(mine) == 1 else ""
    if (tier := Tier.objects.first()) is not None:
        yield "tier", tier.slug
    if (cluster := Cluster.objects.order_by("-reachable", "name").first()) is not None:
        yield "cluster", cluster.name


def _draft(form: Form) -> Draft | None:
    return _own_draft(form.user, form.typed.draft)


def _own_draft(user: User, pk: str) -> Draft | None:
    if not _is_key(pk):
        return None
    return Draft.objects.visible_to(user).select_related("team").filter(pk=pk).first()


def _is_key(pk: str) -> bool:
    return pk.isascii() and pk.isdigit() and len(pk) < 19  # noqa: PLR2004 - what a bigint holds
