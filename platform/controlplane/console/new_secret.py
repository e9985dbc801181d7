"""Adding a secret: first which kind, then a form that says what is wrong beside each field."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters

from controlplane.errors import DomainError
from controlplane.identity.models import User
from controlplane.refusals import status_of
from controlplane.secrets import services
from controlplane.secrets.contents import BadSecret
from controlplane.secrets.kinds import kinds
from tenants.levels import Act
from tenants.models import Team, TenantNamespace

from . import secret_form
from .asked_for import whole
from .elsewhere import curl
from .people import signed_in

ABOUT = ("team", "namespace", "name", "note")
MOST_NAMESPACES = 200


@sensitive_post_parameters()
@signed_in
def page(request: HttpRequest, user: User) -> HttpResponse:
    """The kinds; the form of one; sent, it becomes a secret, or comes back with what is wrong."""
    said = request.POST if request.method == "POST" else request.GET
    teams = list(Team.objects.allowing(user, Act.KEEP_SECRETS))
    kind = kinds().get(said.get("kind", ""))
    typed = {name: said.get(name, "").replace("\0", "") for name in ABOUT}
    chosen = next((t for t in teams if t.slug == typed["team"]), None)
    team = chosen or (teams[0] if len(teams) == 1 and not typed["team"] else None)
    live = TenantNamespace.objects.live().filter(team__in=teams).select_related("cluster", "team")
    context: dict[str, Any] = {
        "kinds": kinds().values(),
        "kind": kind,
        "teams": teams,
        "team": team,
        "namespaces": list(live.order_by("name", "pk")[:MOST_NAMESPACES]),
        "typed": typed,
        "form": secret_form.blank(kind) if kind else None,
        "behind": [("API", curl("secrets/", method="POST"))],
    }
    if request.method != "POST" or kind is None:
        return render(request, "console/new_secret.html", context)
    try:
        if team is None:
            raise BadSecret("Choose one of your teams.", field="team")
        made = services.add(
            team=team,
            name=typed["name"].strip(),
            kind=kind.KIND,
            given=secret_form.given(kind, request),
            by=user,
            now=timezone.now(),
            namespace=_place(typed["namespace"], team),
            note=typed["note"],
        )
    except DomainError as refusal:
        context |= {"refusal": refusal, "form": secret_form.typed(kind, request, refusal)}
        return render(request, "console/new_secret.html", context, status=status_of(refusal))
    messages.success(
        request, "Kept. It is on its way to its namespaces; nobody reads it here again.",
        extra_tags="ok",
    )  # fmt: skip
    return redirect("console:secret", made.pk)


def _place(number: str, team: Team) -> TenantNamespace | None:
    if not number:
        return None
    found = TenantNamespace.objects.live().filter(pk=whole(number), team=team).first()
    if found is None:
        raise BadSecret("Choose one of the team's namespaces, or all of them.", field="namespace")
    return found
