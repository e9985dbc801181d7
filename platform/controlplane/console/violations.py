"""How many images broke the policy lately: the number beside a name, on a card, in the sidebar."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Count, QuerySet

from controlplane.identity.models import User
from controlplane.policies.models import Sight, Violation
from tenants.models import TenantNamespace
from tenants.names import CONTROL_SUFFIX, control_namespace

LATELY = timedelta(hours=24)


def lately(seen: QuerySet[Violation], now: datetime) -> QuerySet[Violation]:
    """What is worth a number: seen in the last 24 hours, and not gone since."""
    return seen.filter(last_seen__gte=now - LATELY).exclude(state=Sight.GONE)


def counts_of(namespaces: Sequence[TenantNamespace], user: User, now: datetime) -> dict[int, int]:
    """By namespace, in one query; what broke the policy in its control namespace counts with it."""
    names = [n.name for n in namespaces]
    here = [*names, *map(control_namespace, names)]
    clusters = {n.cluster_id for n in namespaces}
    rows = (
        lately(Violation.objects.visible_to(user), now)
        .filter(namespace__in=here, cluster__in=clusters)
        .order_by()
        .values_list("cluster", "namespace")
        .annotate(found=Count("pk"))
    )
    found: dict[tuple[int, str], int] = {}
    for cluster, name, count in rows:
        place = (cluster, name.removesuffix(CONTROL_SUFFIX))
        found[place] = found.get(place, 0) + count
    return {n.pk: found.get((n.cluster_id, n.name), 0) for n in namespaces}
