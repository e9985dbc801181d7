"""One box over everything a person may see: pages, namespaces, requests, workflows, teams."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode

from controlplane.identity.models import User
from controlplane.index.models import Workflow
from tenants import requests
from tenants.models import Request, TenantNamespace

from . import frame
from .asked_for import a_part, text
from .elsewhere import curl
from .people import signed_in

MOST = 20  # of one kind on the page
MOST_IN_PALETTE = 6


@dataclass(frozen=True)
class Found:
    """One thing: where it is, what it is called, what tells it from its like."""

    href: str
    name: str
    where: str = ""
    word: str = ""


@dataclass(frozen=True)
class Group:
    """The things of one kind; `more` if there are others that fit."""

    title: str
    found: tuple[Found, ...]
    more: str = ""


@signed_in
def search(request: HttpRequest, user: User) -> HttpResponse:
    """What fits `?q=`; a palette is given a few of each kind, the page more."""
    query, in_palette = text(request, "q"), a_part(request)
    most = MOST_IN_PALETTE if in_palette else MOST
    groups = [group for group in _groups(request, user, query, most) if group.found]
    context = {
        "query": query,
        "groups": groups,
        "total": sum(len(group.found) for group in groups),
        "behind": [("Terminal", "argosy namespace list"), ("API", curl("namespaces/"))],
    }
    page = "console/_search_found.html" if in_palette else "console/search.html"
    return render(request, page, context)


def _groups(request: HttpRequest, user: User, query: str, most: int) -> Iterator[Group]:
    around = frame.of(request, user)
    yield Group("Go to", tuple(pages_for((*around.pages, *around.platform_pages), query)))
    if not query:
        return
    more = f"/namespaces/?{urlencode({'q': query})}"
    yield _cut("Namespaces", _namespaces(user, query, most), most, more)
    yield _cut("Requests", _requests(user, query, most), most)
    yield _cut("Workflows", _workflows(user, query, most), most)
    found = around.teams.filter(Q(slug__icontains=query) | Q(name__icontains=query))
    teams = (Found(f"/?team={t.slug}", t.name, t.slug) for t in found[: most + 1])
    yield _cut("Teams", teams, most, f"/teams/?{urlencode({'q': query})}")


def pages_for(pages: Iterable[frame.Page], query: str) -> Iterator[Found]:
    """The console's own pages that have the query in a name: all of them for an empty one."""
    for page in pages:
        if any(query.lower() in name for name in (page.name.lower(), page.also)):
            yield Found(page.href, page.name)


def _namespaces(user: User, query: str, most: int) -> Iterator[Found]:
    """Those that are gone too: their pages stay."""
    found = TenantNamespace.objects.visible_to(user).filter(name__icontains=query)
    brought = found.select_related("team", "cluster").order_by("deleted_at", "name", "pk")
    for each in brought[: most + 1]:
        where = f"{each.team.name} on {each.cluster.name}"
        yield Found(f"/namespaces/{each.pk}/", each.name, where, each.phase)


def _requests(user: User, query: str, most: int) -> Iterator[Found]:
    """By number, by the name asked for, by who asked."""
    number = query.removeprefix("#")
    fits = Q(asked__name__icontains=query) | Q(requested_by__username__icontains=query)
    if number.isascii() and number.isdigit() and len(number) < 10:  # noqa: PLR2004 - no row has more
        fits |= Q(pk=int(number))
    found = Request.objects.visible_to(user).filter(fits).select_related("team", "requested_by")
    for each in found[: most + 1]:
        name = f"#{each.pk} {requests.sentence_of(each)}"
        yield Found(f"/requests/{each.pk}/", name, f"by {each.requested_by}", each.state)


def _workflows(user: User, query: str, most: int) -> Iterator[Found]:
    found = Workflow.objects.visible_to(user).filter(name__icontains=query)
    for each in found.order_by("-created_at", "-pk").stretch(0, most + 1):
        href = f"/namespaces/{each.namespace_id}/workflows/{each.name}/"
        yield Found(href, each.name, each.namespace.name, each.phase or "Pending")


def _cut(title: str, found: Iterable[Found], most: int, more: str = "") -> Group:
    listed = tuple(found)
    if len(listed) <= most:
        return Group(title, listed)
    return Group(title, listed[:most], more or "Type more to see the others.")
