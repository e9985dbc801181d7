"""All workflows of a person's teams, from the index: found, sorted, counted, and how old that is."""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from controlplane.bookmarks import services as bookmarks
from controlplane.clusters.models import Cluster
from controlplane.errors import DomainError
from controlplane.identity.models import User
from controlplane.index.models import Watch, Workflow
from tenants.models import Team, TenantNamespace

from .elsewhere import curl
from .frame import chosen_team
from .numbers import page_of
from .people import signed_in
from .workflow_filter import PHASES, SINCE, Filter, counts

PAGE = 25
VIEWS = "workflows"
COLUMNS = (
    ("name", "Workflow"),
    ("phase", "Phase"),
    ("template", "Template"),
    ("-created", "Created"),
    ("-took", "Took"),
    ("-used", "Requested"),
)


@dataclass(frozen=True)
class Row:
    """A workflow, and how long it took or has taken."""

    workflow: Workflow
    seconds: float | None


@dataclass(frozen=True)
class Column:
    """A column's head: what a click on it sorts by, and how it is sorted now."""

    title: str
    sort: str
    now: str  # aria-sort


@dataclass(frozen=True)
class Age:
    """How old what is known of one cluster is. No watch: nothing was heard of it yet."""

    cluster: Cluster
    watch: Watch | None

    @property
    def good(self) -> bool:
        return self.watch is not None and self.watch.follows


@signed_in
def workflows(request: HttpRequest, user: User) -> HttpResponse:
    """A page of the list. Without a query it begins with the team that the switcher is set to."""
    if not request.GET and (team := chosen_team(request, user)) and not request.htmx:  # type: ignore[attr-defined]
        return redirect(f"{request.path}?{urlencode({'team': team.slug})}")
    return _page(request, user)


@require_POST
@signed_in
def keep_view(request: HttpRequest, user: User) -> HttpResponse:
    """Keep this view under a name, or forget one."""
    query = request.POST.get("query", "").removeprefix("?")
    if "forget" in request.POST:
        bookmarks.forget(user, VIEWS, request.POST["forget"])
        return redirect(f"/workflows/?{query}")
    try:
        kept = bookmarks.keep(user, VIEWS, name=request.POST.get("name", ""), query=query)
    except DomainError as exc:
        messages.error(request, exc.sentence, extra_tags="bad")
        return redirect(f"/workflows/?{query}")
    messages.success(request, f"The view {kept.name} is kept.", extra_tags="ok")
    return redirect(f"/workflows/?{query}")


def _page(request: HttpRequest, user: User) -> HttpResponse:
    asked, now = Filter.of(request.GET.dict()), timezone.now()
    rows = asked.but_phase(Workflow.objects.visible_to(user), now)
    by_phase = counts(rows)
    everything = sum(by_phase.values())
    total = by_phase[asked.phase] if asked.phase else everything
    pages = max(1, -(-total // PAGE))
    number = page_of(request.GET.get("page", ""), pages)
    shown = asked.of_phase(rows).select_related("namespace__team", "namespace__cluster")
    start = (number - 1) * PAGE
    context = {
        "asked": asked,
        "rows": [_row(each, now) for each in shown[start : start + PAGE]],
        "columns": [_column(sort, title, asked.sort) for sort, title in COLUMNS],
        "phases": [(phase, by_phase[phase]) for phase in PHASES],
        "everything": everything,
        "total": total,
        "first": start + 1,
        "last": min(start + PAGE, total),
        "page": number,
        "pages": pages,
        "since": [(key, words) for key, (words, _) in SINCE.items()],
    }
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "console/_workflows_rows.html", context)
    query = request.GET.urlencode()
    return render(
        request,
        "console/workflows.html",
        {
            **context,
            **_surroundings(user),
            "views": bookmarks.of(user, VIEWS),
            "query": query,
            "behind": _behind(asked),
        },
    )


def _surroundings(user: User) -> dict[str, object]:
    """What one can choose from, and how old the index is: two queries."""
    mine = TenantNamespace.objects.live().filter(team__in=Team.objects.of(user))
    namespaces = list(mine.select_related("team", "cluster"))
    clusters = {n.cluster_id: n.cluster for n in namespaces}
    watches = {
        w.cluster_id: w for w in Watch.objects.filter(kind="Workflow", cluster_id__in=clusters)
    }
    named = sorted(clusters.values(), key=lambda c: c.name)
    return {
        "teams": sorted({n.team.slug for n in namespaces}),
        "namespaces": sorted({n.name for n in namespaces}),
        "clusters": named,
        "ages": [Age(cluster, watches.get(cluster.pk)) for cluster in named],
        "simulated": simulated(named),
    }


def simulated(clusters: Iterable[Cluster]) -> str:
    """The sentence about clusters whose pods run nothing; '' where all of them are real."""
    names = sorted(c.name for c in clusters if c.simulated)
    if not names:
        return ""
    return (
        f"Pods on {', '.join(names)} are simulated: they are placed, but no container runs in them."
    )


def _row(workflow: Workflow, now: datetime) -> Row:
    end = workflow.finished_at or now
    seconds = (end - workflow.started_at).total_seconds() if workflow.started_at else None
    return Row(workflow, max(0.0, seconds) if seconds is not None else None)


def _column(sort: str, title: str, current: str) -> Column:
    key = sort.removeprefix("-")
    if current.removeprefix("-") != key:
        return Column(title, sort, "none")
    down = current.startswith("-")
    return Column(title, key if down else f"-{key}", "descending" if down else "ascending")


def _behind(asked: Filter) -> list[tuple[str, str]]:
    where = shlex.quote(asked.namespace) if asked.namespace else "NAMESPACE"
    return [
        ("Terminal", f"argosy workflow list {where}"),
        ("API", curl("namespaces/ID/workflows/")),
    ]
