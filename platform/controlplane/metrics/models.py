"""What teams used and were promised, as rows that outlive the objects they were read from.

Three grains, each kept for a time of its own, so that their number has a bound: an hour of a namespace, a
day of a template in it, a month of that. Only months are priced.
"""

from decimal import Decimal
from typing import Self, TypeVar

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models

from controlplane.identity.models import User
from controlplane.rows.history import Changes, Recorded
from tenants.models import TenantNamespace

Row = TypeVar("Row", bound=models.Model)


class FactsQuerySet(models.QuerySet[Row]):
    """Questions about facts of the namespaces of all clusters."""

    def visible_to(self, user: User) -> Self:
        """Those of the teams a person may see: usage is the platform's to see too, workflows are not."""
        return self.filter(namespace__in=TenantNamespace.objects.visible_to(user).order_by())

    def of(self, namespaces: models.QuerySet[TenantNamespace]) -> Self:
        """Those of these namespaces. No join, for the reason that `index.models` has none."""
        return self.filter(namespace__in=namespaces.order_by())


class Used(models.Model):
    """What workflows that ended used: Argo's resourcesDuration, which is what their pods requested."""

    # By namespace first goes the constraint's own index, of every row here.
    namespace = models.ForeignKey(TenantNamespace, models.CASCADE, related_name="+", db_index=False)
    at = models.DateTimeField()  # when the hour, day or month begins, in UTC
    workflows = models.PositiveBigIntegerField(default=0)
    failed = models.PositiveBigIntegerField(default=0)
    unseen = models.PositiveBigIntegerField(default=0)  # gone before their end was seen
    cpu_seconds = models.PositiveBigIntegerField(default=0)
    memory_mib_seconds = models.PositiveBigIntegerField(default=0)

    objects = FactsQuerySet.as_manager()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{type(self).__name__} of {self.namespace_id} at {self.at:%F %H:%M}"


class UsageHour(Used):
    """One hour of a namespace."""

    template = ""

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["namespace", "at"], name="one_usage_row_an_hour")
        ]


class UsageDay(Used):
    """One day of a template in a namespace; '' is what no template made."""

    template = models.CharField(max_length=253, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["namespace", "at", "template"], name="one_usage_row_a_day"
            )
        ]


class UsageMonth(Used):
    """One month of a template in a namespace: what is priced."""

    template = models.CharField(max_length=253, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["namespace", "at", "template"], name="one_usage_row_a_month"
            )
        ]
        # A bill is of everybody. What else is asked for is a team's, and goes by its namespaces.
        indexes = [models.Index(fields=["at"], name="usage_of_a_month")]


class CountedWorkflow(models.Model):
    """What of a workflow is in the sums already: it is told of again and again, and may be retried."""

    namespace = models.ForeignKey(TenantNamespace, models.CASCADE, related_name="+", db_index=False)
    uid = models.CharField(max_length=64)
    cpu_seconds = models.PositiveBigIntegerField(default=0)
    memory_mib_seconds = models.PositiveBigIntegerField(default=0)
    counted_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["uid", "namespace"], name="a_workflow_is_counted_once")
        ]

    def __str__(self) -> str:
        return f"{self.uid} of {self.namespace_id}"


class Held(models.Model):
    """What was promised to a namespace, and what its quota object said: cores in thousandths, MiB.

    As last seen in that span; empty where no watch followed the cluster in it. `peak` is the most that was
    seen used.
    """

    at = models.DateTimeField()
    cpu_promised = models.PositiveBigIntegerField()
    cpu_hard = models.PositiveBigIntegerField(null=True)
    cpu_used = models.PositiveBigIntegerField(null=True)
    cpu_peak = models.PositiveBigIntegerField(null=True)
    memory_promised = models.PositiveBigIntegerField()
    memory_hard = models.PositiveBigIntegerField(null=True)
    memory_used = models.PositiveBigIntegerField(null=True)
    memory_peak = models.PositiveBigIntegerField(null=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{type(self).__name__} at {self.at:%F %H:%M}"


class QuotaHour(Held):
    """One hour of a namespace's quota."""

    namespace = models.ForeignKey(TenantNamespace, models.CASCADE, related_name="+", db_index=False)

    objects = FactsQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["namespace", "at"], name="one_quota_row_an_hour")
        ]


class QuotaDay(Held):
    """One day of a namespace's quota."""

    namespace = models.ForeignKey(TenantNamespace, models.CASCADE, related_name="+", db_index=False)

    objects = FactsQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["namespace", "at"], name="one_quota_row_a_day")
        ]


class FleetHour(Held):
    """One hour of all clusters together, and of how many of them that is."""

    namespaces = models.PositiveIntegerField()
    namespaces_seen = models.PositiveIntegerField()
    clusters = models.PositiveIntegerField()
    clusters_seen = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["at"], name="one_fleet_row_an_hour")]


class MissedRuns(models.Model):
    """How many runs of a CronWorkflow were due on a day and did not come."""

    namespace = models.ForeignKey(TenantNamespace, models.CASCADE, related_name="+", db_index=False)
    cron = models.CharField(max_length=253)
    at = models.DateTimeField()
    runs = models.PositiveIntegerField()
    last = models.DateTimeField()  # the latest of them: what is later is not counted yet

    objects = FactsQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["namespace", "at", "cron"], name="one_row_of_missed_runs_a_day"
            )
        ]

    def __str__(self) -> str:
        return f"{self.runs} of {self.cron} on {self.at:%F}"


currency = RegexValidator(r"^[A-Z]{3}\Z", "Three capitals, such as EUR.")


def _rate(help_text: str) -> "models.DecimalField[Decimal, Decimal]":
    return models.DecimalField(
        max_digits=14,
        decimal_places=6,
        default=0,
        validators=[MinValueValidator(0)],
        help_text=help_text,
    )


class PriceQuerySet(Recorded["Price"]):
    """Prices; a bulk change of them is in their history."""


class Price(models.Model):
    """What usage costs from a month on, until the next price. Written by `metrics.prices` alone."""

    since = models.DateField(
        unique=True, help_text="The first day of the month from which on it holds."
    )
    currency = models.CharField(max_length=3, default="EUR", validators=[currency])
    cpu_hour = _rate("For one core requested for an hour.")
    memory_gib_hour = _rate("For one GiB requested for an hour.")
    workflow = _rate("For each workflow that ended.")
    shared_month = _rate(
        "What the platform itself costs a month: a line of its own, shared by the teams as they use it."
    )
    note = models.CharField(max_length=300, blank=True, help_text="Why it changed.")

    objects = PriceQuerySet.as_manager()
    history = Changes()

    class Meta:
        ordering = ["-since"]

    def __str__(self) -> str:
        return f"prices from {self.since:%B %Y}"
