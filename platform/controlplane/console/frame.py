"""What surrounds every page: whose team, which pages with how many things on them, the theme."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from controlplane.identity.models import User
from controlplane.policies.models import ImageExemption, Violation
from tenants.levels import Act
from tenants.models import Request, RequestState, Team, TenantNamespace

from . import exemption_states, theme, violations

Row = TypeVar("Row", bound=Model)
CHOSEN = "team"  # in the session: the team that the switcher was last set to
WORKFLOWS = "/workflows/"
VIOLATIONS, A_VIOLATION = "/violations/", "/v/"
KEPT = "argosy.frame"  # in the request: its frame, so that page and surroundings ask once
FEW = 12  # teams in the switcher; whoever has more gets a filter beside them


@dataclass(frozen=True)
class Page:
    """A line of the sidebar. `count`: how many things are on it, where that says something."""

    href: str
    name: str
    count: int | None = None
    key: str = ""  # after a `g`, goes there from anywhere
    also: str = ""  # what some people look for it by
    current: bool = False


@dataclass(frozen=True)
class Frame:
    """The frame of one person's page. Each count is one query, made when a template asks for it."""

    user: User
    chosen: str
    path: str

    @property
    def teams(self) -> QuerySet[Team]:
        """The teams a person may choose from: their own; the platform's people see all."""
        return Team.objects.visible_to(self.user)

    @cached_property
    def first_teams(self) -> list[Team]:
        """One more than the switcher lists, so that it knows whether there are more."""
        return list(self.teams[: FEW + 1])

    @property
    def has_more_teams(self) -> bool:
        return len(self.first_teams) > FEW

    @cached_property
    def team(self) -> Team | None:
        """The team chosen, if the person may (still) see it; None: all of them."""
        return self.teams.filter(slug=self.chosen).first() if self.chosen else None

    @cached_property
    def namespace_count(self) -> int:
        return within(TenantNamespace.objects.visible_to(self.user).live(), self.team).count()

    @cached_property
    def open_requests(self) -> int:
        found = Request.objects.visible_to(self.user).filter(state=RequestState.PENDING)
        return within(found, self.team).count()

    @cached_property
    def broken(self) -> violations.Broken:
        """What broke the policy in the last 24 hours, and is not gone since."""
        seen = within(Violation.objects.visible_to(self.user), self.team)
        return violations.count(seen, timezone.now())

    @cached_property
    def inbox_count(self) -> int:
        """What waits for this person's decision: never their own."""
        waiting = Request.objects.filter(state=RequestState.PENDING)
        images = ImageExemption.objects.filter(
            exemption_states.those(exemption_states.WAITING, timezone.now())
        )
        counts = (w.exclude(requested_by=self.user).count() for w in (waiting, images))
        return sum(counts)

    @property
    def pages(self) -> tuple[Page, ...]:
        """The pages of a team, the one that is open marked."""
        return self._marked(
            Page("/", "Home", key="h"),
            Page("/namespaces/", "Namespaces", self.namespace_count, key="n"),
            Page(WORKFLOWS, "Workflows", key="w"),
            Page("/crons/", "Schedules", key="s", also="crons"),
            Page(VIOLATIONS, "Violations", self.broken.images, key="v"),
            Page("/exemptions/", "Exemptions", key="e"),
            Page("/secrets/", "Secrets", also="passwords buckets registry"),
            Page("/requests/", "Requests", self.open_requests, key="r"),
            Page("/usage/", "Usage", key="u", also="quota metrics charts"),
            Page("/chargeback/", "Chargeback", key="c", also="cost price bill"),
            Page("/kubeconfigs/", "Kubeconfigs", key="k", also="kubectl cluster access"),
            Page("/audit/", "Audit", key="a", also="log history who did what"),
            Page("/tokens/", "Tokens", also="api keys"),
            *([Page("/requests/new/", "New namespace")] if self.may_ask else []),
        )

    @cached_property
    def may_ask(self) -> bool:
        """True for an owner of some team: nobody else asks in a team's name."""
        # Asked only of who owns none of the teams that are at hand, and has others.
        owns = any(team.allows(self.user, Act.FILE_REQUESTS) for team in self.first_teams)
        return owns or (self.has_more_teams and Team.objects.owned_by(self.user).exists())

    @cached_property
    def may_submit(self) -> bool:
        """True for a member or owner of some team: nobody else starts anything."""
        act = Act.SUBMIT_WORKFLOWS
        may = any(team.allows(self.user, act) for team in self.first_teams)
        return may or (self.has_more_teams and Team.objects.allowing(self.user, act).exists())

    @property
    def platform_pages(self) -> tuple[Page, ...]:
        """The pages of the platform's people; none for everybody else."""
        inbox = (
            [Page("/inbox/", "Inbox", self.inbox_count, key="i")] if self.user.is_approver else []
        )
        fleet = [Page("/fleet/", "Fleet", key="f")] if self.user.sees_all else []
        desk = (
            [Page(reverse("admin:index"), "Desk", key="d")]
            if self.user.sees_all or self.user.is_staff
            else []
        )
        return self._marked(*fleet, *inbox, *desk)

    def _marked(self, *pages: Page) -> tuple[Page, ...]:
        """The page whose address is the longest beginning of this one's is open; home only itself."""
        path = self.path
        if WORKFLOWS in path:  # of a namespace, and yet one of those
            path = WORKFLOWS
        elif path.startswith(A_VIOLATION):
            path = VIOLATIONS
        fitting = [p.href for p in pages if path.startswith(p.href) and p.href != "/"]
        here = max(fitting, key=len, default=path)
        return tuple(replace(page, current=page.href == here) for page in pages)


def of(request: HttpRequest, user: User) -> Frame:
    """The frame of this request's page, made once."""
    found = request.META.get(KEPT)
    if not isinstance(found, Frame):
        found = Frame(user, request.session.get(CHOSEN, ""), request.path)
        request.META[KEPT] = found
    return found


def context(request: HttpRequest) -> dict[str, Any]:
    """The context processor: `frame` for who is signed in, `theme` for everybody."""
    found: dict[str, Any] = {"theme": theme.of(request)}
    if isinstance(user := getattr(request, "user", None), User):
        found["frame"] = of(request, user)
    return found


def within(queryset: "QuerySet[Row]", team: Team | None) -> "QuerySet[Row]":
    """Those of one team; all, if none is chosen."""
    return queryset if team is None else queryset.filter(team=team)


def chosen_team(request: HttpRequest, user: User) -> Team | None:
    """The team that the switcher is set to, if the person may (still) see it."""
    return of(request, user).team
