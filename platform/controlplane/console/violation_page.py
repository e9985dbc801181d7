"""What a denial's link opens: what was refused and how to mend it, with an exemption to ask for.

A link can be opened before its denial has arrived. What is not here yet, and what is another team's, is
told in the same words and by the same status: whoever guesses a link learns nothing.
"""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from controlplane.errors import DomainError
from controlplane.identity.models import User
from controlplane.policies import exemptions, trying
from controlplane.policies.models import LONGEST_IMAGE, ImageExemption, Sight, Violation
from controlplane.policies.verdict import Violation as Found
from tenants.models import TenantNamespace
from tenants.names import CONTROL_SUFFIX

from . import exempted, exemption_wish
from .asked_for import a_part, cleaned, number, text
from .elsewhere import curl, exempting
from .exemption_states import APPROVED, WAITING, those
from .image_rules import ONLY_YOURS, ImageRule, rule_of, source_words, state_words
from .people import anew, signed_in
from .violation_list import HEAVY, places_of

MOST_LOOKS = 20  # then it is not on its way any more
LOOK_EVERY = 3  # seconds


@signed_in
def page(request: HttpRequest, user: User, same: str) -> HttpResponse:
    """The violation of this link."""
    seen = Violation.objects.visible_to(user).filter(same=same)
    found = list(seen.select_related("team", "cluster").defer(*HEAVY).order_by("-last_seen")[:2])
    if a_part(request):
        return _looked(request, arrived=bool(found))
    if not found:
        return _on_its_way(request)
    return render(request, "console/violation.html", _context(request, user, found))


@signed_in
def by_image(request: HttpRequest, user: User) -> HttpResponse:
    """The same, for a denial of the API server itself: its link names the namespace and the image."""
    name, image = text(request, "namespace"), cleaned(request.GET.get("image", ""), LONGEST_IMAGE)
    place = _place(user, name)
    if place is None:
        return _on_its_way(request)
    seen = Violation.objects.visible_to(user).filter(namespace=name, image=image)
    newest = seen.exclude(state=Sight.GONE).order_by("-last_seen", "-pk").first()
    if a_part(request):
        return _looked(request, arrived=newest is not None)
    if newest is not None:
        return redirect("console:violation", newest.same)
    return render(request, "console/violation_asked.html", _asked(request, user, place, image))


def _looked(request: HttpRequest, *, arrived: bool) -> HttpResponse:
    """For the page that waits: load yourself anew, or ask again in a while, or no more."""
    if arrived:
        return anew()
    return render(request, "console/_violation_wait.html", _waiting(request))


def _on_its_way(request: HttpRequest) -> HttpResponse:
    context = {**_waiting(request), "only_yours": ONLY_YOURS}
    return render(request, "console/violation_to_come.html", context, status=404)


def _waiting(request: HttpRequest) -> dict[str, Any]:
    looks = number(request, "look")
    query = request.GET.copy()
    query.pop("look", None)
    afresh = query.copy()
    query["look"] = str(looks + 1)
    return {
        "waits": looks < MOST_LOOKS,
        "every": LOOK_EVERY,
        "next": f"{request.path}?{query.urlencode()}",
        "again": f"{request.path}?{afresh.urlencode()}",
        "behind": [
            ("Terminal", "argosy violation list\nargosy exemption ask TEAM IMAGE"),
            ("API", curl("violations/")),
        ],
    }


def _context(request: HttpRequest, user: User, found: list[Violation]) -> dict[str, Any]:
    violation, rule = found[0], rule_of(found[0].code)
    now = timezone.now()
    place = places_of(found[:1]).get((violation.cluster_id, violation.namespace))
    wished = exemption_wish.of_violation(violation, user, now)
    helped = rule.exemptible and place is not None and not _is_control(violation)
    return {
        "violation": violation,
        "rule": rule,
        "exempted": exempted.letting_in(found[:1], now).get(violation.pk),
        "place": place,
        "control": _is_control(violation),
        "state": state_words(violation.state),
        "source": source_words(violation.source),
        "also": found[1].cluster.name if len(found) > 1 else "",
        "helped": helped,
        "may_ask": violation.team is not None and exemptions.may_ask(violation.team, user),
        "standing": _standing(violation.team_id, violation.image, place) if helped else None,
        "wish": wished,
        "only_yours": ONLY_YOURS,
        "behind": [
            *exempting(root=request.build_absolute_uri("/"), typed=wished.typed),
            ("API: the list", curl(f"violations/?namespace={violation.namespace}")),
        ],
    }


def _asked(request: HttpRequest, user: User, place: TenantNamespace, image: str) -> dict[str, Any]:
    """What the link says, judged by the rules themselves while its row is on its way."""
    now = timezone.now()
    wished = exemption_wish.of_place(place, image, user, now)
    control = text(request, "namespace").endswith(CONTROL_SUFFIX)
    violations: list[tuple[Found, ImageRule]] = []
    problem = ""
    try:
        tried = trying.try_image(team=place.team, image=image, now=now, namespace=place.name)
        violations = [(v, rule_of(v.code)) for v in tried.verdict.violations]
    except DomainError as refusal:
        problem = refusal.sentence
    return {
        **_waiting(request),
        "place": place,
        "image": image,
        "violations": violations,
        "problem": problem,
        "may_ask": exemptions.may_ask(place.team, user),
        "standing": _standing(place.team_id, image, place),
        "control": control,
        "helped": not control and all(rule.exemptible for _, rule in violations),
        "wish": wished,
        "behind": exempting(root=request.build_absolute_uri("/"), typed=wished.typed),
    }


def _place(user: User, name: str) -> TenantNamespace | None:
    """The person's namespace of this name; a control namespace stands beside its own."""
    live = TenantNamespace.objects.live().visible_to(user).select_related("team", "cluster")
    return live.filter(name=name.removesuffix(CONTROL_SUFFIX)).order_by("pk").first()


def _standing(team: int | None, image: str, place: TenantNamespace | None) -> Any:
    """An exemption of the same image there that waits or holds: another one would overlap it."""
    now = timezone.now()
    mine = ImageExemption.objects.filter(team=team, image=image)
    open_ = mine.filter(those(WAITING, now) | those(APPROVED, now))
    return next(
        (e for e in open_.order_by("pk") if e.namespace_id in {None, place and place.pk}), None
    )


def _is_control(violation: Violation) -> bool:
    return violation.namespace.endswith(CONTROL_SUFFIX)
