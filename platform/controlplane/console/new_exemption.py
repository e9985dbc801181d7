"""Asking that an image may run for a while: a form that says what is wrong beside each field."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from controlplane.identity.models import User
from controlplane.policies.models import Violation

from . import exemption_wish, image_rules
from .elsewhere import exempting
from .exemption_wish import Wish
from .people import signed_in


@signed_in
def page(request: HttpRequest, user: User) -> HttpResponse:
    """The form; sent, it becomes an exemption that waits, or comes back with what is wrong."""
    now = timezone.now()
    wished = exemption_wish.of_request(request, user, now)
    if request.method != "POST":
        return render(request, "console/new_exemption.html", _context(request, user, wished))
    made = exemption_wish.send(wished, user, now)
    if made is None:
        context = _context(request, user, wished)
        return render(request, "console/new_exemption.html", context, status=400)
    messages.success(request, "Asked. An approver decides next.", extra_tags="ok")
    return redirect("console:exemption", made.pk)


def _context(request: HttpRequest, user: User, wished: Wish) -> dict[str, Any]:
    said = request.POST if request.method == "POST" else request.GET
    violation = _violation(user, said.get("of", ""))
    return {
        "wish": wished,
        "violation": violation,
        "rule": image_rules.rule_of(violation.code) if violation else None,
        "behind": exempting(root=request.build_absolute_uri("/"), typed=wished.typed),
    }


def _violation(user: User, number: str) -> Violation | None:
    """What the form came from, if the person may see that."""
    seen = Violation.objects.visible_to(user).select_related("team", "cluster")
    found = seen.defer("cluster__sealed_kubeconfig")
    pk = number if number.isascii() and number.isdigit() and len(number) < 19 else ""  # noqa: PLR2004 - a bigint
    return found.filter(pk=pk).first() if pk else None
