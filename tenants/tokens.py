"""Who may have which tokens: people their own, and owners those that act as their team."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import OuterRef, Q, QuerySet, Subquery

from controlplane.errors import DomainError, NotAllowed
from controlplane.identity import accounts, tokens
from controlplane.identity.models import ApiToken, User
from controlplane.identity.scopes import OF_TEAMS, Scope

from .levels import Act
from .models import Team

DAYS, LONGEST = 30, 366
MOST = 50  # of one person, or of one team


class NotAToken(DomainError):
    """A token cannot be like that."""

    code = "invalid"


def visible_to(user: User) -> QuerySet[ApiToken]:
    """A person's own and those of the teams they own, each with its team's slug as `team`."""
    owned = Team.objects.allowing(user, Act.KEEP_TOKENS)
    slug = Team.objects.filter(pk=OuterRef("user__service_team")).values("slug")
    mine = Q(user=user) | Q(user__service_team__in=owned.values("pk"))
    found = ApiToken.objects.filter(mine).annotate(team=Subquery(slug))
    return found.select_related("user", "made_by").order_by("-created_at", "-pk")


def make(
    *,
    by: User,
    name: str,
    days: int,
    now: datetime,
    scopes: Sequence[Scope] = (),
    team: Team | None = None,
    calling: ApiToken | None = None,
) -> tuple[ApiToken, str]:
    """A token of `by`, or of a team they own, and its plain text; no scopes: all there are.

    `calling`: the token that this is asked with. What it makes is no more than it is, and ends with it.
    """
    if team is not None and not team.allows(by, Act.KEEP_TOKENS):
        raise NotAllowed(f"Only owners of {team} make tokens that act as the team.")
    asked = _scopes(scopes, team)
    if not 1 <= days <= LONGEST:
        raise NotAToken(f"A token lasts 1 to {LONGEST} days.", field="days")
    expires_at = now + timedelta(days=days)
    if calling is not None:
        expires_at = _no_more_than(calling, asked, expires_at)
    with transaction.atomic():
        user = by if team is None else accounts.of_service(team=team.pk, name=team.slug)
        user = User.objects.select_for_update().get(pk=user.pk)
        if user.api_tokens.count() >= MOST:
            raise NotAToken(f"There are {MOST} already: end those that are of no use any more.")
        return tokens.issue(
            user=user,
            made_by=None if team is None else by,
            name=name,
            scopes=asked,
            expires_at=expires_at,
        )


def _scopes(scopes: Sequence[Scope], team: Team | None) -> tuple[Scope, ...]:
    """In their settled order, `read` among them."""
    there_are = tuple(Scope) if team is None else OF_TEAMS
    asked = set(scopes or there_are) | {Scope.READ}
    if too_much := asked - set(there_are):
        raise NotAToken(
            f"A team's token may not {', '.join(sorted(too_much))}: that takes a person, who answers for it.",
            field="scopes",
        )
    return tuple(scope for scope in Scope if scope in asked)


def _no_more_than(calling: ApiToken, asked: Sequence[Scope], expires_at: datetime) -> datetime:
    """When it ends: with the token it was made with at the latest. A leaked one makes no better ones."""
    if too_much := sorted(set(asked) - set(calling.scopes)):
        raise NotAToken(
            f"The token you call with has no {', '.join(too_much)}: make this one in the console.",
            field="scopes",
        )
    return min(expires_at, calling.expires_at or expires_at)
