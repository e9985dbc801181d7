"""Images that were refused, and exemptions that wait, as the tests of their pages need them."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from controlplane.policies import sightings
from controlplane.policies.folding import Sighting
from controlplane.policies.models import ImageExemption, Violation
from tenants.models import TenantNamespace
from tests.factories import (
    NamespaceFactory,
    member_of,
    owner_of,
    viewer_of,
)
from tests.images import FOREIGN, asked, sighting

LIST, CSV, EXEMPTIONS, NEW, INBOX = (
    *("/violations/", "/violations/export.csv", "/exemptions/", "/exemptions/new/", "/inbox/"),
)


UNKNOWN = f"/v/{'0' * 32}/"


TEAM = [owner_of, member_of, viewer_of]


def place(name: str = "payments", **fields: Any) -> TenantNamespace:
    return NamespaceFactory(name=name, **fields)


def seen(where: TenantNamespace, *, hours: float = 0, **changed: Any) -> Violation:
    """What an agent told of a refusal, so many hours ago."""
    at = timezone.now() - timedelta(hours=hours)
    said: Sighting = sighting(changed.pop("namespace", where.name), at=at, **changed)
    sightings.record(cluster=where.cluster, now=timezone.now(), sightings=[said])
    return Violation.objects.get(cluster=where.cluster, same=said.same)


def link(violation: Violation) -> str:
    return f"/v/{violation.same}/"


def wish(where: TenantNamespace, **changed: str) -> dict[str, str]:
    until = timezone.now().date() + timedelta(days=3)
    said = {"team": where.team.slug, "namespace": str(where.pk), "image": FOREIGN}
    return {**said, "digest": "", "reason": "Until Monday.", "until": until.isoformat(), **changed}


def waiting(where: TenantNamespace, **more: Any) -> ImageExemption:
    return asked(where.team, now=timezone.now(), **more)


def at(exemption: ImageExemption) -> str:
    return f"{EXEMPTIONS}{exemption.pk}/"
