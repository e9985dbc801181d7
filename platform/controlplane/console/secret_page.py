"""One secret: where it is, which versions there were, and, for an owner, a new one, a try, an end."""

from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters

from controlplane.errors import DomainError
from controlplane.identity.models import User
from controlplane.refusals import status_of
from controlplane.secrets import reach, services, standing
from controlplane.secrets.models import Secret

from . import secret_form
from .asked_for import whole
from .elsewhere import curl
from .people import signed_in


@sensitive_post_parameters()
@signed_in
def page(request: HttpRequest, user: User, pk: int) -> HttpResponse:
    """The secret; what is posted is an act on it."""
    found = _found(user, pk)
    if request.method != "POST":
        return render(request, "console/secret.html", _context(user, found))
    act = request.POST.get("act", "")
    if act not in ACTS:
        raise Http404
    try:
        done, good = ACTS[act](found, user, request)
    except DomainError as refusal:
        context = _context(user, _found(user, pk)) | {"refused": act, "refusal": refusal}
        if act == "renew":
            context["form"] = secret_form.typed(found.what, request, refusal)
        return render(request, "console/secret.html", context, status=status_of(refusal))
    messages.add_message(
        request, messages.SUCCESS if good else messages.WARNING, done,
        extra_tags="ok" if good else "warn",
    )  # fmt: skip
    there = Secret.objects.filter(pk=pk).filter(Q(removed_at=None) | Q(deliveries__isnull=False))
    return redirect("console:secret", pk) if there.exists() else redirect("console:secrets")


def _renew(found: Secret, user: User, request: HttpRequest) -> tuple[str, bool]:
    given = secret_form.given(found.what, request)
    made = services.renew(found, given=given, by=user, now=timezone.now())
    return f"Version {made.number} is on its way to every namespace.", True


def _bring_back(found: Secret, user: User, request: HttpRequest) -> tuple[str, bool]:
    number = whole(request.POST.get("version", ""))
    made = services.bring_back(found, number, by=user, now=timezone.now())
    return f"Version {number} is back, as version {made.number}.", True


def _test(found: Secret, user: User, _: HttpRequest) -> tuple[str, bool]:
    tried = services.try_it(found, by=user, now=timezone.now())
    return tried.sentence, tried.works


def _remove(found: Secret, user: User, _: HttpRequest) -> tuple[str, bool]:
    services.remove(found, by=user, now=timezone.now())
    return f"{found.name} is forgotten here, and is being taken from its namespaces.", True


ACTS: Mapping[str, Callable[[Secret, User, HttpRequest], tuple[str, bool]]] = {
    "renew": _renew,
    "bring-back": _bring_back,
    "test": _test,
    "remove": _remove,
}


def _found(user: User, pk: int) -> Secret:
    seen = Secret.objects.visible_to(user).select_related("team", "namespace__cluster")
    found = seen.filter(Q(removed_at=None) | Q(deliveries__isnull=False), pk=pk).first()
    if found is None:
        raise Http404
    return found


def _context(user: User, found: Secret) -> dict[str, Any]:
    versions = list(found.versions.select_related("by"))
    newest = versions[0] if versions else None
    fields = {field.name: field.label for field in found.what.FIELDS}
    shown = newest.settings if newest else {}
    return {
        "found": found,
        "versions": versions,
        "newest": newest,
        "settings": [(fields.get(name, name), text) for name, text in shown.items()],
        "keys": [(fields.get(name, name), size) for name, size in newest.sizes.items()]
        if newest
        else [],
        "reach": reach.of(found.what, shown, settings.STORE_NETWORKS) if newest else None,
        "standing": standing.of(newest.expires_on if newest else None, timezone.now().date()),
        "deliveries": found.deliveries.select_related("namespace__cluster").order_by(
            "namespace__name"
        ),
        "keeps": found.removed_at is None and services.may_keep(found.team, user),
        "form": secret_form.blank(found.what, shown),
        "behind": [
            ("API", curl(f"secrets/{found.pk}/")),
            ("API, trying it", curl(f"secrets/{found.pk}/test/", method="POST")),
        ],
    }
