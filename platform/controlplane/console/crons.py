"""What starts by the clock in a person's namespaces, from the index, and how old that is."""

from datetime import datetime

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from controlplane.argo import access, acts, crons
from controlplane.errors import DomainError
from controlplane.identity.models import User
from controlplane.index import services as index
from controlplane.index.entries import cron_of
from controlplane.index.kinds import CRON
from controlplane.index.models import Cron
from controlplane.kube.errors import KubeError
from controlplane.refusals import status_of
from tenants.levels import Act
from tenants.models import TenantNamespace

from .asked_for import page_of, text
from .elsewhere import curl
from .followed import ages_of, clusters_of, simulated
from .frame import chosen_team, within
from .people import signed_in
from .workflow import namespace_of

PAGE = 25
Row = tuple[TenantNamespace, crons.Cron, bool]  # the last: whether the person may touch it


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
    # The watch will tell the same in a moment; the page that comes next is made before that.
    if entry := cron_of(found):
        index.put(namespace.cluster, CRON, [entry], now=timezone.now())
    said, look = _outcome(crons.read(found, timezone.now()))
    messages.success(request, f"{name} {said}", extra_tags=look)
    return redirect("/crons/")


def _outcome(cron: crons.Cron) -> tuple[str, str]:
    """What became of it, and how that looks: resuming what no clock can start mends nothing."""
    if cron.suspended:
        return "is suspended: it starts nothing until it is resumed.", "ok"
    if cron.broken:
        return "is resumed, yet never runs: no schedule of it can be read. Mend that first.", "warn"
    if cron.problems:
        return "runs again, but not by all of its schedules: some cannot be read.", "warn"
    return "runs again.", "ok"


def _answer(
    request: HttpRequest, user: User, *, refusal: DomainError | KubeError | None = None
) -> HttpResponse:
    team, now = chosen_team(request, user), timezone.now()
    wanted = text(request, "q")
    found = Cron.objects.visible_to(user).filter(name__icontains=wanted)
    if team:
        found = found.filter(namespace__team=team)
    total = found.count()
    pages = max(1, -(-total // PAGE))
    number = page_of(request, pages)
    shown = list(found.order_by("name", "pk").stretch((number - 1) * PAGE, number * PAGE))
    clusters = clusters_of(within(TenantNamespace.objects.live().of(user), team))
    ages = ages_of(clusters, CRON, user)
    return render(
        request,
        "console/crons.html",
        {
            "rows": [_row(cron, user, now) for cron in shown],
            "total": total,
            "q": wanted,
            "page": number,
            "pages": pages,
            "refusal": refusal.sentence if refusal else "",
            "clusters": clusters,
            "ages": ages,
            "followed": all(age.good for age in ages),
            "simulated": simulated(clusters),
            "behind": [
                ("Terminal", "argosy cron list NAMESPACE"),
                ("API", curl("namespaces/ID/crons/")),
            ],
        },
        status=status_of(refusal) if refusal else 200,
    )


def _row(cron: Cron, user: User, now: datetime) -> Row:
    """As of now: when the next run is, and how many did not come, is the clock's to say."""
    may = access.may(cron.namespace, user, Act.SUBMIT_WORKFLOWS)
    return cron.namespace, crons.read(cron.manifest, now), may
