"""How much each cluster may promise: a limit where somebody said so; else what its nodes have, to weigh."""

from decimal import Decimal

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models

from controlplane.clusters.models import Cluster
from controlplane.rows.history import Changes, Recorded

SEEN = ("seen_cpu", "seen_memory_gib", "seen_at")


class RoomQuerySet(Recorded["Room"]):
    """Rooms; a bulk change of what was said is in their history."""


class Room(models.Model):
    """What quotas on one cluster may add up to. Written by placement.services alone."""

    cluster = models.OneToOneField(Cluster, models.CASCADE, related_name="room")
    # Wanted: both or neither. More than the nodes have is a platform team's own decision.
    cpu = models.DecimalField(
        max_digits=12, decimal_places=3, null=True, blank=True,
        validators=[MinValueValidator(Decimal())],
        help_text="Cores that all quotas there may promise together; empty: no limit.",
    )  # fmt: skip
    memory_gib = models.DecimalField(
        max_digits=12, decimal_places=3, null=True, blank=True,
        validators=[MinValueValidator(Decimal())],
        help_text="GiB that all quotas there may promise together; empty: no limit.",
    )  # fmt: skip
    # Seen: the allocatable of the nodes that teams' pods may go to.
    seen_cpu = models.DecimalField(max_digits=12, decimal_places=3, null=True, editable=False)
    seen_memory_gib = models.DecimalField(
        max_digits=12, decimal_places=3, null=True, editable=False
    )
    seen_at = models.DateTimeField(null=True, editable=False)

    objects = RoomQuerySet.as_manager()
    history = Changes(leaving_out=SEEN)

    class Meta:
        ordering = ["cluster__name"]

    def __str__(self) -> str:
        return f"room of {self.cluster.name}"

    def clean(self) -> None:
        """Half of what a cluster may promise is not known, so nothing could be compared."""
        if (self.cpu is None) != (self.memory_gib is None):
            raise ValidationError("Give cores and GiB, or neither: then the nodes' own count.")

    @property
    def said(self) -> bool:
        """Whether somebody said it; else it is what the nodes have."""
        return self.cpu is not None
