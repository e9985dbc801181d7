"""What the loop did, a row a turn that had steps or found all well again; and whom Argo is to refuse."""

from django.db import models

from controlplane.identity.models import User
from tenants.models import Team, TenantNamespace


class TurnQuerySet(models.QuerySet["Turn"]):
    """Questions about turns."""

    def visible_to(self, user: User) -> "TurnQuerySet":
        """Those of the namespaces a person may see."""
        if user.sees_all:
            return self.all()  # the same rows as below, without a look at every namespace
        return self.filter(namespace__in=TenantNamespace.objects.visible_to(user))


class Turn(models.Model):
    """One turn of the loop for one namespace: its steps with their outcomes, and how it ended."""

    namespace = models.ForeignKey(TenantNamespace, models.CASCADE, related_name="turns")
    generation = models.PositiveIntegerField()
    started_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)
    seconds = models.FloatField(default=0)
    steps = models.JSONField(default=list)
    outcome = models.CharField(max_length=100, blank=True)
    message = models.CharField(max_length=1000, blank=True)

    objects = TurnQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"turn {self.pk} of {self.namespace}: {self.outcome or 'under way'}"


class ShutOut(models.Model):
    """A person who lost a level, while Argo's server may hold a session of theirs. By `shut_out` alone."""

    team = models.ForeignKey(Team, models.CASCADE, related_name="+")
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    level = models.CharField(max_length=20)
    until = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["team", "user", "level"], name="shut_out_once_of_each_level"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id} of {self.team_id} as {self.level} until {self.until:%F %T}"
