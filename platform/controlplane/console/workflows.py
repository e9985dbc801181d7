"""All workflows of a person's teams, from the index: found, sorted, counted, and how old that is."""

import shlex
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from controlplane.bookmarks import services as bookmarks
from controlplane.errors import DomainError
from controlplane.identity.models import User
from controlplane.index import reading
from controlplane.index.kinds import WORKFLOW
from controlplane.index.models import Workflow
from controlplane.index.reading import NEWEST, PHASES
from tenants.models import Team, TenantNamespace

from . import kept
from .asked_for import a_part, page_of, posted, text
from .choosing import FEW, suggestions
from .elsewhere import curl
from .followed import ages_of, clusters_of, simulated
from .frame import chosen_team
from .people import signed_in
from .workflow_filter import Filter

PAGE = 25
VIEWS = "workflows"
LONGEST_VIEW = 10_000  # of an address that is refused in words; beyond it, cut
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


@signed_in
def workflows(request: HttpRequest, user: User) -> HttpResponse:
    """A page of the list. Without a query it begins with the team that the switcher is set to."""
    if not request.GET and (team := chosen_team(request, user)) and not a_part(request):
        return redirect(f"{request.path}?{urlencode({'team': team.slug})}")
    return _page(request, user)


@signed_in
def names(request: HttpRequest, user: User) -> HttpResponse:
    """Names of namespaces that fit what is typed into the filter so far."""
    mine = TenantNamespace.objects.live().of(user)
    found = suggestions(mine, text(request, "namespace"))
    return render(request, "console/_options.html", {"options": {n.name: None for n in found}})


@require_POST
@signed_in
def keep_view(request: HttpRequest, user: User) -> HttpResponse:
    """Keep this view under a name, or forget one."""
    query = posted(request, "query", longest=LONGEST_VIEW).removeprefix("?")
    if "forget" in request.POST:
        bookmarks.forget(user, VIEWS, posted(request, "forget"))
        return redirect(f"/workflows/?{query}")
    try:
        kept = bookmarks.keep(user, VIEWS, name=posted(request, "name"), query=query)
    except DomainError as exc:
        messages.error(request, exc.sentence, extra_tags="bad")
        return redirect(f"/workflows/?{query}")
    messages.success(request, f"The view {kept.name} is kept.", extra_tags="ok")
    return redirect(f"/workflows/?{query}")


def _page(request: HttpRequest, user: User) -> HttpResponse:
    asked, now = Filter.of(request.GET.dict()), timezone.now()
    seen = Workflow.objects.visible_to(user)
    by_phase = reading.counts(reading.narrow(seen, asked.of_any_phase().asked(now)))
    everything = sum(by_phase.values())
    total = by_phase[asked.phase] if asked.phase else everything
    pages = max(1, -(-total // PAGE))
    number = page_of(request, pages)
    shown = reading.ordered(reading.narrow(seen, asked.asked(now)), asked.sort)
    start = (number - 1) * PAGE
    context = {
        "asked": asked,
        "rows": [_row(each, now) for each in shown.stretch(start, start + PAGE)],
        "columns": [_column(sort, title, asked.sort) for sort, title in COLUMNS],
        "phases": [(phase, by_phase[phase]) for phase in PHASES],
        "everything": everything,
        "total": total,
        "first": start + 1,
        "last": min(start + PAGE, total),
        "page": number,
        "pages": pages,
        "windows": kept.windows(asked),
        "beyond": kept.reaches_beyond(asked, now),
        "oldest": kept.oldest(asked, now),
        "kept": kept.words(),
    }
    if a_part(request):
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
            "behind": _behind(asked, now),
        },
    )


def _surroundings(user: User) -> dict[str, object]:
    """What one can choose from, and how old the index is: four queries."""
    mine = TenantNamespace.objects.live().of(user)
    clusters = clusters_of(mine)
    names = list(mine.order_by("name").values_list("name", flat=True).distinct()[: FEW + 1])
    teams = Team.objects.filter(pk__in=mine.order_by().values("team"))
    return {
        "teams": list(teams.order_by("slug").values_list("slug", flat=True)),
        "namespaces": names,
        "many": len(names) > FEW,
        "clusters": clusters,
        "ages": ages_of(clusters, WORKFLOW, user),
        "simulated": simulated(clusters),
    }


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


def _behind(asked: Filter, now: datetime) -> list[tuple[str, str]]:
    """The same rows from the index: as the page is narrowed and sorted, windows as moments."""
    said = {key: _written(value) for key, value in vars(asked.asked(now)).items() if value}
    if asked.sort != NEWEST:
        said["order"] = asked.sort
    options = [f"--{key.replace('_', '-')}={value}" for key, value in said.items()]
    query = f"?{urlencode(said)}" if said else ""
    return [
        ("Terminal", shlex.join(["argosy", "workflow", "list", *options])),
        ("API", curl(f"workflows/{query}")),
    ]


def _written(value: str | datetime) -> str:
    return value if isinstance(value, str) else f"{value:%Y-%m-%dT%H:%M:%S.%fZ}"
