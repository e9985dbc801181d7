"""What the loop did: one row a turn that had steps."""

from django.db import models

from tenants.models import TenantNamespace


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

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"turn {self.pk} of {self.namespace}: {self.outcome or 'under way'}"
