"""Tokens: which there are of one's own and of one's teams, a new one shown once, and the end of one."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from controlplane.errors import DomainError
from controlplane.identity import tokens
from controlplane.identity.models import User
from controlplane.identity.scopes import MEANS, OF_TEAMS, Scope
from controlplane.refusals import status_of
from tenants import tokens as keeping
from tenants.levels import Act
from tenants.models import Team

from .asked_for import posted, whole
from .elsewhere import curl
from .people import signed_in

LASTING = (7, 30, 90, 365)  # days


@dataclass(frozen=True)
class Wish:
    """The form as it stands."""

    name: str = ""
    days: int = keeping.DAYS
    team: str = ""
    scopes: tuple[str, ...] = (Scope.READ,)


@never_cache
@signed_in
def page(request: HttpRequest, user: User) -> HttpResponse:
    """The list and the form; sent, it shows the new token, this once."""
    if request.method != "POST":
        return render(request, "console/tokens.html", _context(user, Wish()))
    wish = Wish(
        name=posted(request, "name", 100),
        days=whole(posted(request, "days")),
        team=posted(request, "team"),
        scopes=tuple(word for word in request.POST.getlist("scopes") if word in set(Scope)),
    )
    try:
        plain = _made(user, wish)
    except (DomainError, ValidationError) as exc:
        context = {**_context(user, wish), "refused": _sentence(exc)}
        status = status_of(exc) if isinstance(exc, DomainError) else 400
        return render(request, "console/tokens.html", context, status=status)
    return render(request, "console/tokens.html", {**_context(user, Wish()), "made": plain})


@require_POST
@signed_in
def end(request: HttpRequest, user: User, pk: int) -> HttpResponse:
    """It opens nothing any more."""
    found = keeping.visible_to(user).filter(pk=pk).first()
    if found is None:
        raise Http404
    tokens.revoke([found])
    messages.success(request, f"{found.name} has ended.", extra_tags="ok")
    return redirect("console:tokens")


def _made(user: User, wish: Wish) -> str:
    team = Team.objects.visible_to(user).filter(slug=wish.team).first() if wish.team else None
    if wish.team and team is None:
        raise keeping.NotAToken(f"There is no team {wish.team} that you may see.")
    _, plain = keeping.make(
        by=user,
        name=wish.name,
        days=wish.days,
        scopes=[Scope(word) for word in wish.scopes] or [Scope.READ],
        team=team,
        now=timezone.now(),
    )
    return plain


def _sentence(exc: DomainError | ValidationError) -> str:
    if isinstance(exc, DomainError):
        return exc.sentence
    return "Give it a name of at most 100 characters, by which you know later what it is for."


def _context(user: User, wish: Wish) -> dict[str, Any]:
    return {
        "wish": wish,
        "rows": list(keeping.visible_to(user)),
        "teams": Team.objects.allowing(user, Act.KEEP_TOKENS),
        "scopes": [(str(scope), MEANS[scope], scope in OF_TEAMS) for scope in Scope],
        "lasting": LASTING,
        "now": timezone.now(),
        "behind": [
            ("Terminal", "argosy tokens list\nargosy tokens make NAME --scope submit --days 30"),
            ("API", curl("tokens/")),
        ],
    }
