"""A team's secrets as rows: what there is, each version sealed, and where it has been delivered."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from controlplane.identity.models import User
from controlplane.rows.sealed import SealedText
from tenants.models import Team, TenantNamespace

from .kinds import Kind, kind_of, names

LONGEST_NOTE = 300


class SecretQuerySet(models.QuerySet["Secret"]):
    """Questions about secrets."""

    def live(self) -> "SecretQuerySet":
        """Those that are, or are to be, in namespaces."""
        return self.filter(removed_at=None)

    def visible_to(self, user: User) -> "SecretQuerySet":
        """Those of the teams a person may see: what there is, and never what it holds."""
        return self.filter(team__in=Team.objects.visible_to(user))

    def belonging_in(self, namespace: TenantNamespace) -> "SecretQuerySet":
        """Those that this namespace is to have."""
        here = Q(namespace=None) | Q(namespace=namespace)
        return self.live().filter(here, team=namespace.team_id)


class Secret(models.Model):
    """One secret of a team: its newest version is what its namespaces are to have."""

    team = models.ForeignKey(Team, models.PROTECT, related_name="secrets")
    namespace = models.ForeignKey(
        TenantNamespace, models.PROTECT, null=True, blank=True, related_name="secrets",
        help_text="Only there; empty: in all of the team's namespaces.",
    )  # fmt: skip
    name = models.CharField(max_length=63)
    kind = models.CharField(max_length=20, choices=names)
    note = models.CharField(max_length=LONGEST_NOTE, blank=True)
    version = models.PositiveIntegerField(default=0, editable=False)  # the newest one's number
    created_at = models.DateTimeField(auto_now_add=True)
    removed_at = models.DateTimeField(null=True, editable=False)
    tried_at = models.DateTimeField(null=True, editable=False)

    objects = SecretQuerySet.as_manager()

    class Meta:
        ordering = ["team__slug", "name", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["team", "name"],
                condition=Q(removed_at=None, namespace=None),
                name="one_secret_of_a_name_in_all_of_a_teams",
            ),
            models.UniqueConstraint(
                fields=["namespace", "name"],
                condition=Q(removed_at=None),
                name="one_secret_of_a_name_in_a_namespace",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.team.slug}"

    @property
    def what(self) -> Kind:
        """Its kind."""
        return kind_of(self.kind)


class Version(models.Model):
    """What a secret held from one moment on. Written by secrets.services, and never changed."""

    secret = models.ForeignKey(Secret, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    key = models.UUIDField(default=uuid.uuid4, unique=True)  # whose the sealed text is
    settings = models.JSONField(default=dict)
    sizes = models.JSONField(default=dict)  # of each value, in bytes: all that is told of it
    sealed = SealedText(blank=True)  # empty: forgotten
    expires_on = models.DateField(null=True)
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["secret", "number"], name="versions_are_numbered")
        ]

    def __str__(self) -> str:
        return f"{self.secret.team.slug}/{self.secret.name}, version {self.number}"


class Place(models.Model):
    """A bucket, database or client outside, and the one team that may open it."""

    text = models.CharField(max_length=900, unique=True)
    team = models.ForeignKey(Team, models.CASCADE, related_name="+")

    def __str__(self) -> str:
        return self.text


class DeliveryState(models.TextChoices):
    """How one secret stands in one namespace."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    TAKEN = "taken"  # there is one of this name that is not ours
    FAILED = "failed"


def delivery_states() -> list[tuple[str, str]]:
    """A callable, so that a new state is no migration."""
    return [(s.value, s.label) for s in DeliveryState]


class Delivery(models.Model):
    """One secret in one namespace: made before the object is, and gone after it. Written by delivering."""

    secret = models.ForeignKey(Secret, models.CASCADE, related_name="deliveries")
    namespace = models.ForeignKey(TenantNamespace, models.CASCADE, related_name="deliveries")
    state = models.CharField(max_length=20, choices=delivery_states, default=DeliveryState.WAITING)
    version = models.PositiveIntegerField(default=0)  # the one that is there
    sentence = models.CharField(max_length=1000, blank=True)
    uid = models.CharField(max_length=64, blank=True)
    resource_version = models.CharField(max_length=64, blank=True)  # as we left it
    at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["secret", "namespace"], name="delivered_once_in_each")
        ]

    def __str__(self) -> str:
        return f"{self.secret_id} in {self.namespace_id}: {self.state}"


class RoundQuerySet(models.QuerySet["Round"]):
    """Questions about rounds, and the one conditional update that takes one."""

    def due(self, now: datetime) -> "RoundQuerySet":
        """Those to take now: nobody has them, their cluster is not known to be away."""
        return (
            self.filter(due_at__lte=now, namespace__deleted_at=None, namespace__paused=False)
            .exclude(namespace__cluster__reachable=False)
            .filter(Q(claimed_until=None) | Q(claimed_until__lt=now))
        )

    def release_claims(self) -> int:
        """Let go of every one: for a platform that is the only one on its database, when it starts."""
        held = self.exclude(claimed_until=None)
        return held.update(claimed_until=None, claim_token=None)

    def claim(self, namespace: int, *, now: datetime, lease: timedelta) -> "Round | None":
        """Take the round of this namespace; None if another worker has it, or it is not due."""
        token = uuid.uuid4()
        free = Q(claimed_until=None) | Q(claimed_until__lt=now)
        mine = self.filter(free, namespace=namespace, due_at__lte=now)
        if not mine.update(claim_token=token, claimed_until=now + lease):
            return None
        return self.select_related("namespace__team", "namespace__cluster").filter(
            claim_token=token
        ).first()  # fmt: skip


class Round(models.Model):
    """When one namespace is next gone through. One worker at a time: an older version never comes last."""

    namespace = models.OneToOneField(TenantNamespace, models.CASCADE, related_name="secret_round")
    due_at = models.DateTimeField(default=timezone.now, db_index=True)
    claim_token = models.UUIDField(null=True)
    claimed_until = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)

    objects = RoundQuerySet.as_manager()

    def __str__(self) -> str:
        return f"round of {self.namespace_id}"

    def ended(self, *, next_at: datetime, failed: bool) -> bool:
        """Let go of it; due again at once if somebody asked for it meanwhile. False: it was another's."""
        mine = Round.objects.filter(pk=self.pk, claim_token=self.claim_token)
        free: dict[str, Any] = {
            "claim_token": None,
            "claimed_until": None,
            "failures": F("failures") + 1 if failed else 0,
        }
        if mine.filter(due_at=self.due_at).update(**free, due_at=next_at):
            return True
        return bool(mine.update(**free))
