"""What lets a person in here, when their provider last said so, and what was closed to them, and when."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from controlplane.identity import grants, vouching
from controlplane.identity.models import CutState, User
from controlplane.identity.trust import Trust
from tenants.models import Team

from .elsewhere import curl
from .people import signed_in

LOOKS = {CutState.DONE: "ok", CutState.UNDER_WAY: "run", CutState.CANNOT_YET: "bad"}
WAYS = {
    "console": "This console",
    "token": "Your tokens",
    "kubeconfig": "kubectl on",
    "argo": "Argo in",
}


@signed_in
def page(request: HttpRequest, user: User) -> HttpResponse:
    """A person's own; nobody else's."""
    return render(request, "console/your_access.html", _context(request, user))


def _context(request: HttpRequest, user: User) -> dict[str, Any]:
    grant = vouching.grant_of(user, request.session.get(grants.IN_SESSION))
    standing = vouching.standing_of(grant) if grant else vouching.FULL
    return {
        "person": user,
        "grant": grant,
        "sentence": standing.sentence,
        "read_only": standing.trust is Trust.READ_ONLY,
        "limits": vouching.limits(),
        "levels": [(team, team.level_of(user)) for team in Team.objects.of(user)[:200]],
        "cuts": [(way(cut.what), cut, LOOKS[CutState(cut.state)]) for cut in user.cuts.all()],
        "now": timezone.now(),
        "behind": [("API", curl("me/"))],
    }


def way(what: str) -> str:
    """A way in, as people call it: `kubectl on east-1`."""
    kind, _, where = what.partition("@")
    return f"{WAYS.get(kind, kind)} {where}".strip()
