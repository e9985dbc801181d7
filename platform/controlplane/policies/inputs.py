"""Of which clusters may the rules have changed? Told without working any of them out.

A cluster's fingerprint stands for everything that its bundle and its delivery are made of: what people
said about the teams that are there, its namespaces, its stand-down, its webhook. All clusters' are made
from the same few queries. What the clock ends is no longer among what was read, so its end shows too.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import msgspec
from django.conf import settings
from django.db.models import Max

from controlplane.clusters.models import Cluster

from . import store
from .bundles import public_key
from .models import Delivery, StandDown
from .saying import TEAM, Place, Policy, Said
from .services import trust


def fingerprints(now: datetime) -> dict[int, str]:
    """Of every registered cluster, by its key. Nine queries, however many there are."""
    said = _Parts(store.said(now))
    places = store.by_cluster()
    active = StandDown.objects.active(now).values_list("cluster").annotate(Max("until"))
    standing = dict(active.order_by())
    webhooks = dict(Delivery.objects.values_list("cluster", "webhook"))
    everywhere = [said.of_everybody, trust().epoch, public_key(), settings.BASE_URL]
    return {
        pk: _digest(
            everywhere,
            name,
            standing.get(pk),
            webhooks.get(pk),
            list(said.of_places(places.get(pk, ()), pk)),
        )
        for pk, name in Cluster.objects.values_list("pk", "name")
    }


@dataclass(frozen=True)
class _Parts:
    """What people said, taken apart by whom it is about; each part is looked at once."""

    said: Said

    @cached_property
    def of_everybody(self) -> str:
        """All that is not about one team, or that any team's policy may name."""
        policies = [policy for policy in self.said.policies if policy.scope != TEAM]
        names = sorted(self.said.keys.items()), sorted(self.said.revoked)
        return _digest(policies, names, self.said.argo_images)

    @cached_property
    def _of_teams(self) -> dict[str, str]:
        policies: dict[str, list[Policy]] = {}
        for policy in self.said.policies:
            if policy.scope == TEAM:
                policies.setdefault(policy.team, []).append(policy)
        said = self.said
        return {
            team: _digest(policies.get(team), said.exemptions.get(team), team in said.audited)
            for team in {*policies, *said.exemptions, *said.audited}
        }

    def of_places(self, places: tuple[Place, ...], cluster: int) -> Iterator[tuple[Any, ...]]:
        """Each namespace there, with what was said about its team alone."""
        here = self.said.exempted_on.get(cluster, {})
        for each in places:
            about = self._of_teams.get(each.team, ""), here.get(each.team)
            yield each.namespace, each.team, each.tier, *about


def _digest(*parts: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()
