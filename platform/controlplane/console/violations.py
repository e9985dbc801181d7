"""How many images broke the policy lately: the number beside a name, on a card, in the sidebar.

An image is counted once, wherever it was seen: a refused workflow that is tried again has a new name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Case, CharField, Count, F, QuerySet, Value, When
from django.db.models.functions import Cast, Concat, Left, Length

from controlplane.identity.models import User
from controlplane.policies.models import Sight, Violation
from tenants.models import TenantNamespace
from tenants.names import CONTROL_SUFFIX, control_namespace

LATELY = timedelta(hours=24)


@dataclass(frozen=True)
class Broken:
    """So many images, and in how many places: fields of objects."""

    images: int = 0
    places: int = 0

    @property
    def spread(self) -> str:
        """What to add to the number of images, where it is not the whole of it."""
        return f", in {self.places} places" if self.places > self.images else ""


# The rule is no part of it: what breaks two rules at once is in one place.
_PLACE = Concat(
    *(Cast("cluster", CharField()), Value("/"), "namespace", Value("/"), "kind", Value("/")),
    *("name", Value("/"), "path"),
    output_field=CharField(),
)
_IMAGES, _PLACES = Count("image", distinct=True), Count(_PLACE, distinct=True)


def lately(seen: QuerySet[Violation], now: datetime) -> QuerySet[Violation]:
    """What is worth a number: seen in the last 24 hours, and not gone since."""
    return seen.filter(last_seen__gte=now - LATELY).exclude(state=Sight.GONE)


def count(seen: QuerySet[Violation], now: datetime) -> Broken:
    """Of all of these, in one query."""
    return Broken(**lately(seen, now).order_by().aggregate(images=_IMAGES, places=_PLACES))


def counts_of(
    namespaces: Sequence[TenantNamespace], user: User, now: datetime
) -> dict[int, Broken]:
    """By namespace, in one query; what broke the policy in its control namespace counts with it."""
    names = [n.name for n in namespaces]
    controls = [control_namespace(name) for name in names]
    clusters = {n.cluster_id for n in namespaces}
    beside = Left("namespace", Length("namespace") - len(CONTROL_SUFFIX))
    rows = (
        lately(Violation.objects.visible_to(user), now)
        .filter(namespace__in=[*names, *controls], cluster__in=clusters)
        .order_by()
        .annotate(home=Case(When(namespace__in=controls, then=beside), default=F("namespace")))
        .values_list("cluster", "home")
        .annotate(images=_IMAGES, places=_PLACES)
    )
    found = {(cluster, home): Broken(images, places) for cluster, home, images, places in rows}
    return {n.pk: found.get((n.cluster_id, n.name), Broken()) for n in namespaces}
