"""What starts by the clock in a person's namespaces, read live; who does not answer in time is named."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from controlplane.argo import access, acts, crons, fleet
from controlplane.errors import DomainError
from controlplane.identity.models import User
from controlplane.kube.errors import KubeError
from tenants.levels import Act
from tenants.models import Team, TenantNamespace

from .elsewhere import curl
from .frame import chosen_team, within
from .numbers import page_of
from .people import signed_in
from .workflow import namespace_of, status_of
from .workflows import simulated

PAGE = 25


@signed_in
def crons_page(request: HttpRequest, user: User) -> HttpResponse:
    """A page of the list."""
    return _answer(request, user)


@require_POST
@signed_in
def act(request: HttpRequest, user: User, pk: int, name: str, verb: str) -> HttpResponse:
    """Suspend or resume one."""
    namespace, suspended = namespace_of(user, pk), verb == "suspend"
    try:
        found = acts.suspend_cron(namespace, user, name, suspended=suspended)
    except (DomainError, KubeError) as exc:
        return _answer(request, user, refusal=exc)
    if found is None:
        raise Http404
    said = "is suspended: it starts nothing until it is resumed" if suspended else "runs again"
    messages.success(request, f"{name} {said}.", extra_tags="ok")
    return redirect("/crons/")


def _answer(
    request: HttpRequest, user: User, *, refusal: DomainError | KubeError | None = None
) -> HttpResponse:
    mine = TenantNamespace.objects.live().filter(team__in=Team.objects.of(user))
    namespaces = list(within(mine, chosen_team(request, user)).select_related("team", "cluster"))
    answer, now = fleet.crons_of(user, namespaces), timezone.now()
    wanted = request.GET.get("q", "").strip()[:253]
    rows = [(n, crons.read(c, now)) for n, c in answer.found if wanted in c["metadata"]["name"]]
    pages = max(1, -(-len(rows) // PAGE))
    number = page_of(request.GET.get("page", ""), pages)
    shown = rows[(number - 1) * PAGE : number * PAGE]
    may = {n.team_id: access.may(n, user, Act.SUBMIT_WORKFLOWS) for n, _ in shown}
    return render(
        request,
        "console/crons.html",
        {
            "rows": [(n, cron, may[n.team_id]) for n, cron in shown],
            "total": len(rows),
            "q": wanted,
            "page": number,
            "pages": pages,
            "problems": answer.problems,
            "refusal": refusal.sentence if refusal else "",
            "namespaces": namespaces,
            "simulated": simulated({n.cluster_id: n.cluster for n in namespaces}.values()),
            "behind": [
                ("Terminal", "argosy cron list NAMESPACE"),
                ("API", curl("namespaces/ID/crons/")),
            ],
        },
        status=status_of(refusal) if refusal else 200,
    )
