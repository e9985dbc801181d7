"""What was last seen by watching the clusters: a row a workflow, a cron, a quota. Facts, never wishes.

None outlives its object: how long an ended workflow is kept is said in the package's docstring.
"""

from datetime import datetime, timedelta
from typing import Self, TypeVar

from django.db import models
from django.utils import timezone

from controlplane.clusters.models import Cluster
from controlplane.identity.models import User
from tenants.models import TenantNamespace

# Columns of what comes with each row that are long, and that no list shows.
LONG = (
    "namespace__conditions",
    "namespace__cluster__sealed_kubeconfig",
    "namespace__cluster__placement",
    "namespace__cluster__api_endpoints",
)
Row = TypeVar("Row", bound=models.Model)


class SeenQuerySet(models.QuerySet[Row]):
    """Questions about what was seen in the namespaces of all clusters."""

    def visible_to(self, user: User) -> Self:
        """Those of a person's own teams. Being of the platform opens no team's workflows."""
        # No join: by one, SQLite goes through a full platform's rows namespace by namespace, in random
        # order, which takes several times as long as going through them once.
        return self.filter(namespace__in=TenantNamespace.objects.of(user).order_by())

    def with_places(self) -> Self:
        """Each with its namespace, team and cluster, as far as a list tells of them."""
        return self.select_related("namespace__team", "namespace__cluster").defer(*LONG)

    def stretch(self, first: int, last: int) -> Self:
        """Those from one place to another in this order, each with its place.

        Which they are is asked within: to sort tens of thousands, a database would carry along every
        column of each, and of what comes with it.
        """
        within = self.values("pk")[first:last]
        found = type(self)(self.model).filter(pk__in=within)
        return found.order_by(*self.query.order_by).with_places()


class WorkflowQuerySet(SeenQuerySet["Workflow"]):
    """Questions about the workflows of all clusters."""


class Workflow(models.Model):
    """One workflow as the API server last said it was. `index.services` alone writes these."""

    namespace = models.ForeignKey(TenantNamespace, models.CASCADE, related_name="workflows")
    uid = models.CharField(max_length=64)
    name = models.CharField(max_length=253)
    phase = models.CharField(max_length=20, blank=True)  # Argo's word; blank: not looked at yet
    suspended = models.BooleanField(default=False)
    message = models.CharField(max_length=500, blank=True)
    template = models.CharField(max_length=253, blank=True)  # of its workflowTemplateRef
    cron = models.CharField(max_length=253, blank=True)  # the CronWorkflow that made it
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    seconds = models.PositiveIntegerField(null=True)  # from start to finish, once it has finished
    steps_done = models.PositiveIntegerField(default=0)
    steps_total = models.PositiveIntegerField(default=0)
    cpu_seconds = models.PositiveBigIntegerField(default=0)  # Argo's resourcesDuration
    memory_mib_seconds = models.PositiveBigIntegerField(default=0)  # in units of 100 MiB there
    labels = models.JSONField(default=dict)
    resource_version = models.PositiveBigIntegerField(default=0)

    objects = WorkflowQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            # A uid is one of its cluster's: of two that came of one backup, none may overwrite the other's.
            models.UniqueConstraint(fields=["uid", "namespace"], name="one_row_a_workflow")
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="workflow_newest"),
            models.Index(fields=["namespace", "-created_at", "-id"], name="workflow_newest_of"),
            models.Index(fields=["namespace", "phase", "-created_at"], name="workflow_phase_of"),
            models.Index(fields=["namespace", "name"], name="workflow_name_of"),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.namespace_id}"


class CronQuerySet(SeenQuerySet["Cron"]):
    """Questions about the CronWorkflows of all clusters."""


class Cron(models.Model):
    """One CronWorkflow as the API server last said it was. `index.services` alone writes these."""

    namespace = models.ForeignKey(TenantNamespace, models.CASCADE, related_name="crons")
    uid = models.CharField(max_length=64)
    name = models.CharField(max_length=253)
    # What of the object says when it runs. What that means changes with the clock: `argo.crons` reads it.
    manifest = models.JSONField(default=dict)
    resource_version = models.PositiveBigIntegerField(default=0)

    objects = CronQuerySet.as_manager()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [models.UniqueConstraint(fields=["uid", "namespace"], name="one_row_a_cron")]
        indexes = [models.Index(fields=["name", "id", "namespace"], name="cron_by_name")]

    def __str__(self) -> str:
        return f"{self.name} of {self.namespace_id}"


class QuotaUse(models.Model):
    """The team's ResourceQuota as the cluster last counted it: quantities as Kubernetes writes them."""

    namespace = models.OneToOneField(TenantNamespace, models.CASCADE, related_name="quota_use")
    uid = models.CharField(max_length=64, blank=True)
    resource_version = models.PositiveBigIntegerField(default=0)
    hard = models.JSONField(default=dict)
    used = models.JSONField(default=dict)
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"quota of {self.namespace_id}"


# A watch that lives is heard at least once a stream, a minute long (`watching.STREAM_SECONDS`), and says
# so in its row. Twice missed, it is taken for dead, whatever it said last.
SILENCE = timedelta(seconds=150)


class WatchQuerySet(models.QuerySet["Watch"]):
    """Questions about the watches."""

    def late(self, now: datetime) -> "WatchQuerySet":
        """Those that follow their cluster no longer: they said so, or fell silent."""
        quiet = models.Q(heard_at=None) | models.Q(heard_at__lt=now - SILENCE)
        return self.filter(models.Q(in_step=False) | quiet)


class Watch(models.Model):
    """How the watch of one kind on one cluster is doing, so that a page can say how old it is."""

    cluster = models.ForeignKey(Cluster, models.CASCADE, related_name="watches")
    kind = models.CharField(max_length=60)
    in_step = models.BooleanField(default=False)  # what it said last; who was killed said nothing
    message = models.CharField(max_length=500, blank=True)
    since = models.DateTimeField()  # of in_step
    heard_at = models.DateTimeField(null=True)  # the last event, bookmark, or answer to being asked

    objects = WatchQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["cluster", "kind"],
                name="one_watch_a_kind",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} on {self.cluster_id}"

    @property
    def follows(self) -> bool:
        """Whether the rows follow the cluster now."""
        return self.in_step and not self._is_silent

    @property
    def lost_at(self) -> datetime:
        """Since when the rows follow the cluster no longer, where they do not."""
        return self.heard_at if self.in_step and self.heard_at else self.since

    @property
    def why_lost(self) -> str:
        """Why, as far as it is known."""
        if self.in_step and self._is_silent:
            return "Nothing was heard of its watch since: it hangs, or the process has ended."
        return self.message

    @property
    def _is_silent(self) -> bool:
        return self.heard_at is None or self.heard_at < timezone.now() - SILENCE
