"""Which account each person has in which cluster, and what was issued for it. Written by `services` alone."""

import uuid
from datetime import datetime

from django.db import models
from django.db.models import Max, Q

from controlplane.clusters.models import Cluster
from controlplane.identity.models import User


class AccountQuerySet(models.QuerySet["Account"]):
    """Questions about accounts."""

    def due(self, now: datetime) -> "AccountQuerySet":
        """Those to look at now, unless their cluster is known to be away: a probe brings it back."""
        left = Kubeconfig.objects.ended(now).values("account")
        asked = Q(due_at__lte=now) | Q(due_at=None, pk__in=left)
        return self.filter(asked).exclude(cluster__reachable=False)

    def in_use(self, now: datetime) -> "AccountQuerySet":
        """Those for which something was issued that may still open the cluster."""
        standing = Kubeconfig.objects.standing(now)
        return self.filter(pk__in=standing.values("account"))


class Account(models.Model):
    """A person's account in one cluster, and whether what they have there is what the rows say."""

    # The row stays when the person is deleted: what they have in the cluster is still to be taken away.
    user = models.ForeignKey(User, models.SET_NULL, null=True, related_name="cluster_accounts")
    username = models.CharField(max_length=254)
    cluster = models.ForeignKey(Cluster, models.CASCADE, related_name="accounts")
    name = models.CharField(max_length=63)
    # What it was last made to open, as `payments: member`; and when the next look is. None: nothing is there.
    made = models.JSONField(default=list, blank=True)
    followed_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True, db_index=True)
    failures = models.PositiveIntegerField(default=0)
    message = models.CharField(max_length=500, blank=True)

    objects = AccountQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["cluster", "name"], name="one_account_per_person_and_cluster"
            )
        ]

    def __str__(self) -> str:
        return f"{self.username} on {self.cluster.name}"

    def open_until(self, now: datetime) -> datetime | None:
        """Until when something that was issued may open the cluster, whatever we do; None: nothing does."""
        found: datetime | None = self.kubeconfigs.standing(now).aggregate(until=Max("expires_at"))[
            "until"
        ]
        return found


class KubeconfigQuerySet(models.QuerySet["Kubeconfig"]):
    """Questions about what was issued."""

    def visible_to(self, user: User) -> "KubeconfigQuerySet":
        """A person's own; all of them for the platform's people."""
        return self.all() if user.sees_all else self.of(user)

    def of(self, user: User) -> "KubeconfigQuerySet":
        """A person's own."""
        return self.filter(account__user=user)

    def good(self, now: datetime) -> "KubeconfigQuerySet":
        """Those that are meant to open their cluster now."""
        return self.filter(revoked_at=None, expires_at__gt=now)

    def standing(self, now: datetime) -> "KubeconfigQuerySet":
        """Those that may open their cluster now, meant to or not."""
        return self.filter(gone_at=None, expires_at__gt=now)

    def ended(self, now: datetime) -> "KubeconfigQuerySet":
        """Those that are to open nothing any more, and of which something may be left."""
        return self.filter(~Q(revoked_at=None) | Q(expires_at__lte=now), gone_at=None)


class Kubeconfig(models.Model):
    """One credential that was given out: for whom, where, and until when. Itself it is kept nowhere."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(Account, models.CASCADE, related_name="kubeconfigs")
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    # Wanted gone, and why; and when that was so in the cluster.
    revoked_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=200, blank=True)
    gone_at = models.DateTimeField(null=True)

    objects = KubeconfigQuerySet.as_manager()

    class Meta:
        ordering = ["-issued_at", "-pk"]
        indexes = [models.Index(fields=["account", "expires_at"], name="kubeconfigs_by_end")]

    def __str__(self) -> str:
        return f"kubeconfig {self.short} of {self.account.username}"

    @property
    def short(self) -> str:
        """What people call it by."""
        return self.id.hex[:8]

    @property
    def proof(self) -> str:
        """The name of the object that it is bound to."""
        return f"kubeconfig-{self.id.hex}"
