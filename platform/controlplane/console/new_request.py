"""Asking for a namespace: a short form that says what would come of it before it is sent."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from controlplane.clusters.models import Cluster, Scheduling
from controlplane.errors import DomainError
from controlplane.identity.models import User
from controlplane.kube.errors import KubeError
from controlplane.plans import looks
from controlplane.plans.agreement import Plan, question_about
from controlplane.refusals import status_of
from tenants import budget, drafts, placing, requests
from tenants.budget import Outlook
from tenants.models import Draft, Request, Team, Tier
from tenants.names import control_namespace
from tenants.placed import Placed, check_labels
from tenants.placing import Wish

from . import elsewhere, plan_panel, waits
from .frame import CHOSEN
from .people import signed_in

KIND = "create"
ASKED = ("name", "tier", "cluster")
CHECKED = ("team", *ASKED)  # fields that are checked while they are typed
ANYWHERE = "*"  # in place of a cluster's name: any that has the chosen labels
LABEL = "label-"  # how the field of a label's key is called
MOST_KEYS = 8  # of labels that are offered
MOST_FIELDS = 40  # of a form that are looked at
USUAL = ("region", "zone", "environment")  # offered before a platform's own keys


@dataclass(frozen=True)
class Typed:
    """What is in the form."""

    team: str = ""
    name: str = ""
    tier: str = ""
    cluster: str = ""
    reason: str = ""
    draft: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, said: Mapping[str, str]) -> "Typed":
        """From a form, an address, or what a draft keeps: each has the same fields."""
        names = (*CHECKED, "reason", "draft")
        typed = {name: str(said.get(name, "")).strip() for name in names}
        # The number of a draft is part of an address on the page: what is none is as if it was not there.
        draft = typed.pop("draft")
        labels = {
            name.removeprefix(LABEL): str(said[name]).strip()
            for name in list(said)[:MOST_FIELDS]
            if name.startswith(LABEL) and str(said[name]).strip()
        }
        return cls(**typed, draft=draft if _is_key(draft) else "", labels=labels)

    @classmethod
    def of_asked(cls, asked: Mapping[str, Any], **more: str) -> "Typed":
        """From what a request asks."""
        said = {name: str(asked.get(name, "")) for name in ASKED}
        labels = asked.get("labels")
        if labels is not None:
            said |= {"cluster": ANYWHERE, **{f"{LABEL}{key}": labels[key] for key in labels}}
        return cls.of({**said, **more})

    @property
    def anywhere(self) -> bool:
        return self.cluster == ANYWHERE

    @property
    def asked(self) -> dict[str, Any]:
        """What a request of this kind asks."""
        if self.anywhere:
            return {"name": self.name, "tier": self.tier, "labels": dict(self.labels)}
        return {name: getattr(self, name) for name in ASKED}

    @property
    def kept(self) -> dict[str, str]:
        """The same as its fields are called: what a draft keeps."""
        labels = {f"{LABEL}{key}": value for key, value in self.labels.items()}
        return {name: getattr(self, name) for name in (*ASKED, "reason")} | labels


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
    placed: Placed | None = None  # the cluster that was chosen for it

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
    def where(self) -> str:
        """The cluster it would go to: the one that is named, or was chosen."""
        return self.placed.cluster if self.placed is not None else self.typed.cluster

    @property
    def offered(self) -> list[tuple[str, str, list[str], str]]:
        """Labels that can be chosen: the field, the key, the values there are, the one chosen."""
        found: dict[str, set[str]] = {}
        for cluster in self.clusters:
            for key, value in cluster.labels.items():
                found.setdefault(str(key), set()).add(str(value))
        keys = sorted(found.keys() | self.typed.labels.keys(), key=_usual_first)
        return [
            (f"{LABEL}{key}", key, sorted({*found.get(key, ()), chosen} - {""}), chosen)
            for key in keys[:MOST_KEYS]
            for chosen in [self.typed.labels.get(key, "")]
        ]

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
            self._place()
            requests.try_out(
                kind=KIND, team=self.asking_team(), by=self.user, fields=self.typed.asked
            )
            self.rivals = requests.rivals_said(
                kind=KIND, fields=self.typed.asked, by=self.user, placed=self.placed
            )
        except DomainError as exc:
            self.refuse(exc)

    def _place(self) -> None:
        """Where it would go is told before the name is typed, and whatever else is wrong."""
        if self.typed.anywhere and self.team is not None and self.choice is not None:
            check_labels(self.typed.labels)
            wish = Wish(self.team, self.choice.tier, self.typed.name)
            self.placed = placing.chooser().choose(wish, self.typed.labels)

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
        # Labels are chosen under the cluster, and what is wrong with them is said there.
        self.refused["cluster" if name == "labels" else name or "form"] = exc.sentence

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
        return Hint(f"✓ Free on {self.where}. Argo will live in {self.control}.", "ok")

    def _where(self) -> Hint:
        if self.placed is not None:
            return Hint(f"✓ It would go to {self.placed.cluster}. Why is beside this form.", "ok")
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
    return render(request, "console/_new_request_check.html", _context(request, form))


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
    trial = requests.try_out(
        kind=KIND, team=form.asking_team(), by=form.user, fields=form.typed.asked
    )
    form.checked, form.placed = True, trial.placed
    question = question_about(trial.sentence, trial.spec)
    answer = looks.read([question], seconds=looks.PAGE_SECONDS)[0]
    if isinstance(answer, Plan):
        return _page(request, form, plan=answer, stages=plan_panel.stages(answer))
    return _page(request, form, no_plan=answer.sentence)


def _keep(request: HttpRequest, form: Form) -> HttpResponse:
    draft = drafts.keep(
        by=form.user,
        kind=KIND,
        team=form.team,
        fields=form.typed.kept,
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
        return Form(user, Typed.of({**draft.fields, "team": team, "draft": str(draft.pk)}))
    if "like" in request.GET:
        return Form(user, _like(user, request.GET["like"]))
    said = Typed.of(request.GET)
    likely = dict(_likely(request, user))
    known = {name: getattr(said, name) or likely.get(name, "") for name in CHECKED}
    return Form(user, Typed(**known, labels=said.labels))


def _like(user: User, pk: str) -> Typed:
    """What an earlier request asked, to be asked again; one that is not the person's is not there."""
    found = Request.objects.visible_to(user).select_related("team")
    before = found.filter(pk=pk, kind=KIND).first() if _is_key(pk) else None
    if before is None:
        raise Http404
    return Typed.of_asked(before.asked, team=before.team.slug, reason=before.reason)


def _likely(request: HttpRequest, user: User) -> Iterator[tuple[str, str]]:
    """What most people would choose: their own team, the first tier, a cluster that answers."""
    mine = list(Team.objects.owned_by(user).values_list("slug", flat=True))
    chosen = request.session.get(CHOSEN, "")
    if mine:
        # The switcher proposes; every other team of theirs can be chosen as well.
        yield "team", chosen if chosen in mine else mine[0] if len(mine) == 1 else ""
    if (tier := Tier.objects.first()) is not None:
        yield "tier", tier.slug
    taking = Cluster.objects.filter(scheduling=Scheduling.OPEN).order_by("-reachable", "name")
    if (cluster := taking.first() or Cluster.objects.first()) is not None:
        yield "cluster", cluster.name


def _draft(form: Form) -> Draft | None:
    return _own_draft(form.user, form.typed.draft)


def _own_draft(user: User, pk: str) -> Draft | None:
    if not _is_key(pk):
        return None
    return Draft.objects.visible_to(user).select_related("team").filter(pk=pk).first()


def _usual_first(key: str) -> tuple[int, str]:
    return (USUAL.index(key) if key in USUAL else len(USUAL), key)


def _is_key(pk: str) -> bool:
    return pk.isascii() and pk.isdigit() and len(pk) < 19  # noqa: PLR2004 - what a bigint holds
