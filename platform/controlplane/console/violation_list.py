"""Which images broke the policy, and where; since when is a namespace clean? Narrowed by the address."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Case, Count, F, Min, Q, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import urlencode

from controlplane.clusters.models import Cluster
from controlplane.identity.models import User
from controlplane.policies.models import ImageExemption, Scan, Sight, Violation
from controlplane.rows import export
from tenants.models import TenantNamespace
from tenants.names import CONTROL_SUFFIX, control_namespace

from . import exempted, frame
from .asked_for import cleaned, text
from .elsewhere import curl
from .frame import within
from .image_rules import ONLY_YOURS, RULES, SOURCES, STATES, ImageRule, rule_of
from .people import signed_in

A_PAGE = 25
MOST_SCANS = 6
LONGEST = 512  # an image
# As in an address, and as in a row. An empty state is what still matters: all but what is gone.
EXACT = {
    "cluster": "cluster__name",
    "namespace": "namespace",
    "code": "code",
    "state": "state",
    "source": "source",
}
HEAVY = ("cluster__sealed_kubeconfig", "cluster__placement", "cluster__api_endpoints")
COLUMNS = (
    ("team", "team__slug"),
    ("cluster", "cluster__name"),
    ("namespace", "namespace"),
    ("kind", "kind"),
    ("name", "name"),
    ("container", "container"),
    ("path", "path"),
    ("image", "image"),
    ("rule", "code"),
    ("reason", "reason"),
    ("state", "state"),
    ("source", "source"),
    ("count", "count"),
    ("first seen", "first_seen"),
    ("last seen", "last_seen"),
)


@dataclass(frozen=True)
class Row:
    """One violation as the list shows it."""

    violation: Violation
    rule: ImageRule
    place: TenantNamespace | None  # None: it is gone, or the object has no namespace
    exempted: ImageExemption | None  # what lets it in


@dataclass(frozen=True)
class Clean:
    """How many places are clean, and the ones that most need eyes."""

    looked: int
    clean: int
    oldest: datetime | None
    shown: list[Scan]

    @property
    def more(self) -> int:
        """How many are not shown."""
        return self.looked - len(self.shown)


@signed_in
def page(request: HttpRequest, user: User) -> HttpResponse:
    """One page of them, newest first."""
    asked = asked_of(request)
    team = frame.of(request, user).team
    seen = within(Violation.objects.visible_to(user), team)
    shown = Paginator(_brought(narrowed(seen, asked)), A_PAGE).get_page(request.GET.get("page"))
    found = list(shown.object_list)
    places = places_of(found)
    let_in = [v for v in found if v.state == Sight.ADMITTED]
    lets = exempted.letting_in(let_in, timezone.now())
    query = urlencode({key: value for key, value in asked.items() if value})
    context = {
        "team": team,
        "asked": asked,
        "is_narrowed": any(asked.values()),
        "page": shown,
        "query": query,
        "rows": [
            Row(v, rule_of(v.code), places.get((v.cluster_id, v.namespace)), lets.get(v.pk))
            for v in found
        ],
        "clean": _clean(within(Scan.objects.visible_to(user), team), asked),
        "clusters": _clusters(user, team),
        "codes": [(str(code), rule.title) for code, rule in RULES.items()],
        "states": [(state, words) for state, (words, _) in STATES.items()],
        "sources": [(source, words) for source, (words, _) in SOURCES.items()],
        "seen_by": SOURCES.values(),
        "only_yours": ONLY_YOURS,
        "behind": [
            ("Terminal", "argosy violation list"),
            ("API", curl(f"violations/{_api_query(asked, team.slug if team else '')}")),
            ("API: since when each namespace is clean", curl("violations/scans/")),
        ],
    }
    return render(request, "console/violations.html", context)


@signed_in
def as_csv(request: HttpRequest, user: User) -> StreamingHttpResponse:
    """All that the list would show, on however many pages, for a spreadsheet."""
    seen = within(Violation.objects.visible_to(user), frame.of(request, user).team)
    answer = StreamingHttpResponse(
        export.stream(narrowed(seen, asked_of(request)), COLUMNS),
        content_type="text/csv; charset=utf-8",
    )
    answer["Content-Disposition"] = f'attachment; filename="violations-{timezone.now():%F}.csv"'
    return answer


def asked_of(request: HttpRequest) -> dict[str, str]:
    """The filters of the address."""
    found = {key: text(request, key) for key in ("cluster", "namespace", "code", "state", "source")}
    # An image is longer than other words.
    return {"q": cleaned(request.GET.get("q", ""), LONGEST), **found}


def narrowed(seen: QuerySet[Violation], asked: Mapping[str, str]) -> QuerySet[Violation]:
    """Those that fit all that is asked; what is gone only where it is asked for."""
    found = seen.filter(**{column: asked[key] for key, column in EXACT.items() if asked.get(key)})
    if not asked.get("state"):
        found = found.exclude(state=Sight.GONE)
    if query := asked.get("q"):
        of_object = Q(name__icontains=query) | Q(namespace__icontains=query)
        found = found.filter(Q(image__icontains=query) | of_object)
    return found.order_by("-last_seen", "-pk")


def places_of(found: list[Violation]) -> dict[tuple[int, str], TenantNamespace]:
    """The live namespaces of these by cluster and name, a control namespace's being its workload's."""
    names = {v.namespace for v in found} - {""}
    wanted = names | {name.removesuffix(CONTROL_SUFFIX) for name in names}
    clusters = {v.cluster_id for v in found}
    live = TenantNamespace.objects.live().filter(name__in=wanted, cluster__in=clusters)
    rows = (
        {(n.cluster_id, n.name): n for n in live.only("name", "cluster", "team")} if wanted else {}
    )
    controls = {(pk, control_namespace(name)): n for (pk, name), n in rows.items()}
    return {**controls, **rows}


def _brought(found: QuerySet[Violation]) -> QuerySet[Violation]:
    return found.select_related("team", "cluster").defer(*HEAVY)


def _clean(seen: QuerySet[Scan], asked: Mapping[str, str]) -> Clean:
    here = {EXACT[key]: asked[key] for key in ("cluster", "namespace") if asked[key]}
    places = seen.filter(**here)
    counted = places.order_by().aggregate(
        looked=Count("pk"), clean=Count("pk", filter=_IS_CLEAN), oldest=Min("scanned_at")
    )
    first = Case(When(_IS_CLEAN, then=Value(1)), default=Value(0))
    shown = places.select_related("cluster").defer(*HEAVY)
    return Clean(
        **counted, shown=list(shown.order_by(first, "scanned_at", "namespace", "pk")[:MOST_SCANS])
    )


_IS_CLEAN = Q(clean_as_of=F("scanned_at"))


def _clusters(user: User, team: Any) -> list[str]:
    mine = within(TenantNamespace.objects.visible_to(user), team).order_by().values("cluster")
    named = Cluster.objects.filter(pk__in=mine).order_by("name")
    return list(named.values_list("name", flat=True))


def _api_query(asked: Mapping[str, str], team: str) -> str:
    query = {key: asked[key] for key in EXACT if asked[key]} | ({"team": team} if team else {})
    return f"?{urlencode(query)}" if query else ""
