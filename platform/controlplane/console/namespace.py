"""One namespace: how it is and since when, what it may use, who is in it, what the platform did here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from controlplane.advisories.lookup import known
from controlplane.identity.models import User
from controlplane.index.kinds import GUARD_RAILS, GUARDING
from controlplane.index.models import Watch, Workflow
from controlplane.index.reading import Asked, fits
from controlplane.metrics.versions import of_namespace
from controlplane.policies.models import Scan
from provisioning import argo_config
from provisioning.models import Turn
from provisioning.render import images
from tenants.conditions import READY, Condition, from_dicts
from tenants.levels import Act
from tenants.models import TenantNamespace
from tenants.names import control_namespace

from . import violations
from .amounts import amounts_of, shown
from .cards import use_of
from .elsewhere import curl
from .inside import inside_of
from .late import late_of
from .meanings import Meaning, meaning_of
from .network import rules_for
from .people import signed_in
from .revisions import history_of
from .standing import since_of, standing_of

MOST_TURNS = 10
TURNS = 20  # a page of all of them
TITLES = {
    READY: "All of it",
    "NamespaceReady": "Namespaces",
    "GuardRailsReady": "Guard rails",
    "ArgoReady": "Argo Workflows",
    "ImageRulesReady": "Image rules",
}
LIMITS = {
    "default": "Limit, unless it names one",
    "defaultRequest": "Request, unless it names one",
    "max": "At most",
    "min": "At least",
    "maxLimitRequestRatio": "Limit over request, at most",
}


@dataclass(frozen=True)
class Fact:
    """A condition with its title, since when, and what it means where it is not well."""

    condition: Condition
    title: str
    since: Any
    meaning: Meaning | None


@signed_in
def namespace(request: HttpRequest, user: User, pk: int) -> HttpResponse:
    """The whole page. Its release is read from the cluster afterwards, or at `?release=1`.

    What its controller says it is is asked of the metrics engine so, or at `?told=1`.
    """
    found = the_namespace(user, pk)
    level = found.team.level_of(user)
    use = use_of(found)
    watches = list(
        Watch.objects.filter(cluster=found.cluster).select_related("cluster").order_by("kind")
    )
    context = {
        "namespace": found,
        "control": control_namespace(found.name),
        "level": level,
        "may_submit": found.team.allows(user, Act.SUBMIT_WORKFLOWS),
        "standing": standing_of(found),
        "facts": facts_of(found),
        "amounts": amounts_of(use.hard, use.used) if use else amounts_of(found.tier.quota, {}),
        "counted_at": use.seen_at if use else None,
        "late": late_of(w for w in watches if not w.follows and w.kind not in GUARDING),
        "guarded": any(w.follows and w.kind == GUARD_RAILS.name for w in watches),
        "limits": limits_of(found.tier.limits),
        "people": people_of(found),
        "rules": rules_for(found.spec()),
        "controller": _controller(found, user),
        "turns": Turn.objects.filter(namespace=found)[:MOST_TURNS],
        "broken": violations.counts_of([found], user, timezone.now())[found.pk],
        "scan": Scan.objects.filter(cluster=found.cluster, namespace=found.name).first(),
        "in_cluster": found.applied_at is not None and found.deleted_at is None,
        "inside": inside_of(found, user) if "inside" in request.GET else None,
        "history": history_of(found) if "release" in request.GET else None,
        # Where pods run nothing nobody is asked, and the answer is there at once.
        "told": of_namespace(found) if "told" in request.GET or found.cluster.simulated else None,
        "behind": behind_of(found),
    }
    return render(request, "console/namespace.html", context)


@signed_in
def release(request: HttpRequest, user: User, pk: int) -> HttpResponse:
    """The part of the page that asks the cluster: the release's revisions and their diff."""
    found = the_namespace(user, pk)
    context = {"namespace": found, "history": history_of(found)}
    return render(request, "console/_ns_release.html", context)


@signed_in
def told(request: HttpRequest, user: User, pk: int) -> HttpResponse:
    """The part of the page that asks the metrics engine: the version that the controller says it is."""
    found = the_namespace(user, pk)
    context = {"namespace": found, "told": of_namespace(found)}
    return render(request, "console/_ns_told.html", context)


@signed_in
def inside(request: HttpRequest, user: User, pk: int) -> HttpResponse:
    """The part of the page that asks the cluster what is in the namespace now."""
    found = the_namespace(user, pk)
    context = {"namespace": found, "inside": inside_of(found, user)}
    return render(request, "console/_ns_inside.html", context)


@signed_in
def turns(request: HttpRequest, user: User, pk: int) -> HttpResponse:
    """All that the platform did here, a page at a time."""
    found = the_namespace(user, pk)
    name = f"{found.cluster.name}/{found.name}"
    context = {
        "namespace": found,
        "page": Paginator(Turn.objects.filter(namespace=found), TURNS).get_page(
            request.GET.get("page")
        ),
        "behind": [
            ("Terminal", f"argosy namespace turns {name}"),
            ("API", curl(f"namespaces/{found.pk}/turns/")),
        ],
    }
    return render(request, "console/turns.html", context)


def the_namespace(user: User, pk: int) -> TenantNamespace:
    """The row, if it is the person's to see; otherwise there is no such page."""
    seen = TenantNamespace.objects.visible_to(user)
    found = seen.select_related("team", "cluster", "tier", "quota_use").filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def facts_of(namespace: TenantNamespace) -> list[Fact]:
    """The conditions, the one over all first."""
    found = from_dicts(namespace.conditions)
    parts = {c.message for c in found.values() if c.type != READY}
    if READY in found and found[READY].message in parts:
        del found[READY]  # it only repeats the part that is worst
    order = [*TITLES, *sorted(found.keys() - TITLES.keys())]
    return [
        Fact(c, TITLES.get(c.type, c.type), since_of(c), meaning_of(c.reason, c.message))
        for key in order
        if (c := found.get(key)) is not None
    ]


def limits_of(limits: Mapping[str, Mapping[str, str]]) -> list[tuple[str, str]]:
    """A LimitRange's parts in words, as a container meets them."""
    return [
        (title, ", ".join(f"{shown(key, value)} {key}" for key, value in limits[part].items()))
        for part, title in LIMITS.items()
        if limits.get(part)
    ]


def people_of(namespace: TenantNamespace) -> list[tuple[str, str]]:
    """Each level with the group that has it; a level without a group is nobody's."""
    team = namespace.team
    return [
        ("Owners", team.owner_group),
        ("Members", team.member_group),
        ("Viewers", team.viewer_group),
    ]


def behind_of(namespace: TenantNamespace) -> list[tuple[str, str]]:
    """The same from a terminal, a program, and kubectl."""
    name = f"{namespace.cluster.name}/{namespace.name}"
    return [
        ("Terminal", f"argosy namespace show {name}"),
        ("kubectl", f"kubectl --namespace {namespace.name} get workflows,pods,resourcequota"),
        (
            "kubectl: what is in it, and what happened to it",
            f"kubectl --namespace {namespace.name} get pods,events --sort-by=.metadata.creationTimestamp",
        ),
        ("API", curl(f"namespaces/{namespace.pk}/")),
        ("API: what was done here", curl(f"namespaces/{namespace.pk}/turns/")),
    ]


def _controller(namespace: TenantNamespace, user: User) -> dict[str, Any]:
    """What the platform wants of the controller, how it is, and (for the team) what waits for it."""
    tier = namespace.tier
    parallelism = argo_config.parallelism_of(tier.parallelism, tier.quota)
    condition = from_dicts(namespace.conditions).get("ArgoReady")
    counted = (
        Workflow.objects.visible_to(user)
        .filter(namespace=namespace)
        .aggregate(
            running=Count("pk", filter=fits(Asked(phase="Running"))),
            queued=Count("pk", filter=fits(Asked(phase="Pending"))),
        )
    )
    return {
        "version": images().version,
        "runs": known(namespace.argo_version),
        "condition": condition,
        "parallelism": parallelism,
        "deadline": tier.workflow_deadline_seconds,
        **(counted if namespace.team.level_of(user) else {}),
    }
