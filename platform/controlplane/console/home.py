"""The first page: what a person's teams have, how it is, and what waits for whom."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Case, IntegerField, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from controlplane.clusters import answering, health
from controlplane.clusters.models import Cluster
from controlplane.identity.models import User
from controlplane.index.kinds import GUARDING
from controlplane.index.models import Watch
from controlplane.objects import fingerprint
from provisioning.models import Turn
from tenants import budget, requests
from tenants.conditions import MOVING, Phase
from tenants.levels import Act
from tenants.models import Draft, Request, RequestState, Team, TenantNamespace

from . import frame
from .asked_for import a_part, number, text
from .cards import Card, cards_of
from .elsewhere import curl
from .frame import CHOSEN, within
from .late import late_of
from .people import signed_in
from .polling import next_look

MOST_CARDS = 24
MOST_LINES = 5
# What needs somebody's eyes comes first.
URGENT = (Phase.DEGRADED, Phase.PROVISIONING, Phase.PENDING, Phase.TERMINATING)


@dataclass(frozen=True)
class Waiting:
    """An open request: what it asks, and who has to move."""

    request: Request
    sentence: str
    whom: str


@signed_in
def home(request: HttpRequest, user: User) -> HttpResponse:
    """The chosen team's namespaces as cards, or those of all teams; `?team=` chooses."""
    if "team" in request.GET:
        slug = text(request, "team")
        known = Team.objects.visible_to(user).filter(slug=slug).exists()
        request.session[CHOSEN] = slug if known else ""
        return redirect("console:home")
    around = frame.of(request, user)
    team = around.team
    shown = list(_urgent_first(within(TenantNamespace.objects.visible_to(user).live(), team)))
    waiting = _waiting(user, team)
    cards = cards_of(shown, user)
    poll = next_look(number(request, "looks"), _shown(cards, waiting))
    context = {
        "team": team,
        "cards": cards,
        "left_out": max(around.namespace_count - MOST_CARDS, 0),
        "budget": _budget(team) if team else (),
        "waiting": waiting[:MOST_LINES],
        "waiting_left_out": max(around.open_requests - MOST_LINES, 0),
        "drafts": list(Draft.objects.visible_to(user)[:MOST_LINES]),
        "turns": _latest_turns(user, team),
        "idle": _idle(shown, user),
        "away": _away(shown),
        "late": late_of(_late_watches(shown)),
        "guide": not shown and not waiting,
        "may_ask": requests.may_ask(team, user) if team else around.may_ask,
        "may_submit": any(c.namespace.team.allows(user, Act.SUBMIT_WORKFLOWS) for c in cards),
        "moves": bool(waiting) or any(card.namespace.phase in MOVING for card in cards),
        "poll": poll,
        "news": text(request, "shown") != poll.shown,
        "behind": [
            ("Terminal", "argosy namespace list"),
            ("API", curl(f"namespaces/?team={team.slug}" if team else "namespaces/")),
        ],
    }
    if a_part(request) and request.GET.get("part") == "live":
        return render(request, "console/_home_moved.html", context)
    return render(request, "console/home.html", context)


def _shown(cards: Sequence[Card], waiting: Sequence[Waiting]) -> str:
    """What the page tells, in short: two that are the same tell the same."""
    told = [(c.namespace.pk, c.namespace.phase, c.standing.headline, str(c.counts)) for c in cards]
    return fingerprint({"cards": told, "waiting": [each.request.pk for each in waiting]})[:12]


def _urgent_first(namespaces: QuerySet[TenantNamespace]) -> QuerySet[TenantNamespace]:
    place = Case(
        *(When(phase=phase, then=Value(n)) for n, phase in enumerate(URGENT)),
        default=Value(len(URGENT)),
        output_field=IntegerField(),
    )
    brought = namespaces.select_related("team", "cluster", "tier", "quota_use")
    return brought.order_by(place, "name", "pk")[:MOST_CARDS]


def _waiting(user: User, team: Team | None) -> list[Waiting]:
    found = within(Request.objects.visible_to(user).filter(state=RequestState.PENDING), team)
    newest = found.select_related("team", "requested_by")[:MOST_LINES]
    return [Waiting(r, requests.sentence_of(r), whom_of(r, user)) for r in newest]


def whom_of(request: Request, user: User) -> str:
    """Whom an open request waits for, told to this person."""
    again = " again: what would be made has changed" if request.namespace_id else ""
    if user.is_approver and request.requested_by_id != user.pk:
        return f"waits for you{again}"
    return f"waits for an approver{again}"


def _latest_turns(user: User, team: Team | None) -> list[Turn]:
    seen = Turn.objects.visible_to(user)
    newest = seen if team is None else seen.filter(namespace__team=team)
    # Without their steps: a database may sort all of them to find the newest.
    told = newest.select_related("namespace").only(
        "outcome", "message", "started_at", "namespace__name"
    )
    return list(told[:MOST_LINES])


def _away(namespaces: Iterable[TenantNamespace]) -> list[Cluster]:
    """The clusters of these cards that do not serve us, each once."""
    found = {n.cluster for n in namespaces if n.cluster.reachable is False}
    return sorted(found, key=lambda cluster: cluster.name)


def _idle(namespaces: Iterable[TenantNamespace], user: User) -> str:
    """That nobody works, told from what these cards bring along; '' if all is well."""
    now = timezone.now()
    newest = max((n.cluster.checked_at for n in namespaces if n.cluster.checked_at), default=None)
    if newest is None or not health.is_stale(newest, now):
        return ""
    since = answering.idle_since(now)  # these clusters may be the only ones nobody looks at
    if since is None:
        return ""
    told = answering.idle_sentence if user.is_platform_admin else answering.idle_for_teams
    return told(since, now)


def _late_watches(namespaces: Iterable[TenantNamespace]) -> list[Watch]:
    """The watches that these cards' figures come from and that are behind."""
    clusters = {n.cluster_id for n in namespaces}
    late = Watch.objects.filter(cluster__in=clusters).exclude(kind__in=GUARDING)
    late = late.late(timezone.now())
    return list(late.select_related("cluster").order_by("cluster__name", "kind"))


def _budget(team: Team) -> tuple[str, ...]:
    """What the team's tiers promise, of what it may have."""
    used = budget.used_by(team)
    return (
        f"{used.cpu.normalize():f} of {team.cpu_budget.normalize():f} cores",
        f"{used.memory_gib.normalize():f} of {team.memory_budget_gib.normalize():f} GiB",
    )
