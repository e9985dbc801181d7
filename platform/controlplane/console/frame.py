"""What surrounds every page: whose team, which pages with how many things on them, the theme."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest

from controlplane.identity.models import User
from tenants.models import Request, RequestState, Team, TenantNamespace

from . import theme

Row = TypeVar("Row", bound=Model)
CHOSEN = "team"  # in the session: the team that the switcher was last set to


@dataclass(frozen=True)
class Frame:
    """The frame of one person's page. Each count is one query, made when a template asks for it."""

    user: User
    chosen: str
    path: str

    @cached_property
    def teams(self) -> list[Team]:
        """The teams a person may choose from: their own; the platform's people see all."""
        return list(Team.objects.visible_to(self.user))

    @cached_property
    def team(self) -> Team | None:
        """The team chosen; None: all of them."""
        return next((team for team in self.teams if team.slug == self.chosen), None)

    @cached_property
    def namespace_count(self) -> int:
        return within(TenantNamespace.objects.visible_to(self.user).live(), self.team).count()

    @cached_property
    def open_requests(self) -> int:
        found = Request.objects.visible_to(self.user).filter(state=RequestState.PENDING)
        return within(found, self.team).count()

    @cached_property
    def inbox_count(self) -> int:
        """What waits for this person's decision: never their own."""
        waiting = Request.objects.filter(state=RequestState.PENDING)
        return waiting.exclude(requested_by=self.user).count()


def context(request: HttpRequest) -> dict[str, Any]:
    """The context processor: `frame` for who is signed in, `theme` for everybody."""
    found: dict[str, Any] = {"theme": theme.of(request)}
    if isinstance(user := getattr(request, "user", None), User):
        found["frame"] = Frame(user, request.session.get(CHOSEN, ""), request.path)
    return found


def within(queryset: "QuerySet[Row]", team: Team | None) -> "QuerySet[Row]":
    """Those of one team; all, if none is chosen."""
    return queryset if team is None else queryset.filter(team=team)


def chosen_team(request: HttpRequest, user: User) -> Team | None:
    """The team that the switcher is set to, if the person may (still) see it."""
    slug = request.session.get(CHOSEN, "")
    return Team.objects.visible_to(user).filter(slug=slug).first() if slug else None
