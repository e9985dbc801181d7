"""Choosing for requests, and keeping how much a cluster may promise: the only writer of a Room's columns."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from controlplane.clusters.models import Cluster
from controlplane.rows.history import because
from tenants.placed import NoPlace, Placed
from tenants.placing import Wish

from . import choice, facts
from .models import Room

WAY_OUT = "Name another cluster, or labels that it must have."


class Placement:
    """Whom `tenants` asks where a wish goes."""

    def choose(self, wish: Wish, labels: Mapping[str, str]) -> Placed:
        """A cluster with these labels that can take it, and why that one. Raises NoPlace."""
        return choice.choose(facts.ask(wish, labels, spread=True), facts.candidates(wish))

    def problem_with(
        self, wish: Wish, cluster: str, labels: Mapping[str, str] | None
    ) -> NoPlace | None:
        """What keeps it from this cluster now, in a sentence with the way out.

        That the name is taken there is no question of the place: the wish itself is refused for it.
        """
        candidate = facts.candidate(cluster)
        if candidate is None:
            return None  # that there is no such cluster is said where it is named
        kept_out = choice.keeps_out(facts.ask(wish, labels, spread=False), candidate)
        if kept_out is None:
            return None
        way_out = WAY_OUT if labels is None else "Another can be chosen for it."
        return NoPlace(f"{kept_out.sentence} {way_out}", code=kept_out.code, kept_out=(kept_out,))


@transaction.atomic
def save_room(
    cluster: Cluster, *, cpu: Decimal | None, memory_gib: Decimal | None, why: str = ""
) -> Room:
    """Keep how much a cluster may promise, as somebody said; None: there is no limit."""
    room = Room.objects.select_for_update().filter(cluster=cluster).first() or Room(cluster=cluster)
    room.cpu, room.memory_gib = cpu, memory_gib
    room.full_clean()
    because(room, why)
    room.save()
    return room


def record_nodes(cluster: Cluster, *, seen: choice.Amount, now: datetime) -> None:
    """Keep what the nodes have. What somebody said stays as it is."""
    Room.objects.update_or_create(
        cluster=cluster,
        defaults={"seen_cpu": seen.cpu, "seen_memory_gib": seen.memory_gib, "seen_at": now},
    )
