"""What may run in a namespace: all that binds it, in words; and whether one image may, tried on the rules."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from controlplane.errors import DomainError
from controlplane.identity.models import User
from controlplane.policies import exemptions, store, trying
from controlplane.policies.document import Document
from controlplane.policies.models import (
    LONGEST_IMAGE,
    ImageExemption,
    RollOut,
    Scan,
    StandDown,
)
from controlplane.policies.trying import Tried
from controlplane.policies.verdict import Violation
from tenants.models import TenantNamespace
from tenants.names import control_namespace

from . import image_words
from .asked_for import a_part, cleaned
from .elsewhere import trying as elsewhere
from .image_rules import ImageRule, rule_of
from .namespace import the_namespace
from .people import signed_in

MOST_EXEMPTIONS = 10


@dataclass(frozen=True)
class Answer:
    """What became of the image in the box: the verdict, or why there is none."""

    image: str = ""
    tried: Tried | None = None
    problem: str = ""
    broken: list[tuple[Violation, ImageRule]] = field(default_factory=list)
    noted: list[tuple[Violation, ImageRule]] = field(default_factory=list)

    @property
    def helped(self) -> bool:
        """Whether an exemption could let it run."""
        return bool(self.broken) and all(rule.exemptible for _, rule in self.broken)


@signed_in
def page(request: HttpRequest, user: User, pk: int) -> HttpResponse:
    """The policy; with `?image=`, the verdict on it as well, and for htmx that alone."""
    found, now = the_namespace(user, pk), timezone.now()
    image = cleaned(request.GET.get("image", ""), LONGEST_IMAGE + 1)
    context = {
        "namespace": found,
        "answer": _answer(found, image, now) if image else Answer(),
        "may_exempt": exemptions.may_ask(found.team, user),
    }
    if a_part(request):
        return render(request, "console/_image_verdict.html", context)
    context |= _policy(found, now)
    context |= {
        "most_image": LONGEST_IMAGE,
        "behind": elsewhere(
            root=request.build_absolute_uri("/"),
            team=found.team.slug,
            namespace=found.name,
            image=image,
        ),
    }
    return render(request, "console/images.html", context)


def _policy(found: TenantNamespace, now: datetime) -> dict[str, Any]:
    said = store.said(now)
    document, problem = None, ""
    try:
        named = store.document_of(found.team.slug, of=said, namespace=found.name)
        document = named[0] if named else None
    except DomainError as refusal:
        problem = refusal.sentence
    here = ImageExemption.objects.not_over(now).filter(team=found.team)
    held = [e for e in here.order_by("not_after") if e.namespace_id in {None, found.pk}]
    return {
        "document": document,
        "problem": problem,
        "open": document is not None and document.default == "allow",
        "roll_out": RollOut.objects.filter(team=found.team).first(),
        "stand_down": StandDown.objects.active(now).filter(cluster=found.cluster).first(),
        "scan": Scan.objects.filter(cluster=found.cluster, namespace=found.name).first(),
        "control": control_namespace(found.name),
        "exemptions": held[:MOST_EXEMPTIONS],
        "more_exemptions": max(len(held) - MOST_EXEMPTIONS, 0),
        **_words(document, found.name, {key: name for name, key in said.keys.items()}),
    }


def _words(document: Document | None, name: str, keys: dict[str, str]) -> dict[str, Any]:
    if document is None:
        return {"allowed": (), "denied": (), "requirements": ()}
    return {
        "allowed": image_words.allowed_in(document, name),
        "denied": image_words.repositories(document.deny),
        "requirements": image_words.requirements(document, keys),
    }


def _answer(found: TenantNamespace, image: str, now: datetime) -> Answer:
    try:
        tried = trying.try_image(team=found.team, image=image, now=now, namespace=found.name)
    except DomainError as refusal:
        return Answer(image, problem=refusal.sentence)
    return Answer(
        image,
        tried,
        broken=[(v, rule_of(v.code)) for v in tried.verdict.violations],
        noted=[(v, rule_of(v.code)) for v in tried.verdict.reported],
    )
