"""The clusters we manage, and what we last saw of each."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from controlplane.rows.history import Changes, Recorded
from controlplane.rows.sealed import SealedText

cluster_name = RegexValidator(
    r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z",
    "A cluster's name is made of lower-case letters, digits and hyphens, at most 63.",
)


def group_prefix(value: str) -> None:
    """Refuse a prefix that would make Kubernetes' own groups of a provider's."""
    if value.startswith("system:"):
        raise ValidationError("Groups that begin with system: are Kubernetes' own.")


# Not in the history: the credential, in no form; and what was seen, which changes by itself.
CREDENTIAL = ("sealed_kubeconfig",)
SEEN = (
    "api_endpoints",
    "kubernetes_version",
    "reachable",
    "trouble",
    "message",
    "since",
    "checked_at",
    "next_probe_at",
    "probe_failures",
    "latency",
    "clock_skew",
    "credential_ends_at",
    "conditions",
    "base_version",
    "base_checked_at",
    "base_message",
    "base_put_back",
    "base_put_back_at",
)


class Trouble(models.TextChoices):
    """Why a cluster does not serve us: each has another way out."""

    NONE = "", "none"
    AWAY = "away", "away"
    CREDENTIAL = "credential", "refuses our credential"
    RIGHTS = "rights", "refuses us a right"
    ANOTHER = "another", "is another Kubernetes"


class Scheduling(models.TextChoices):
    """Whether new namespaces come to a cluster. What is there goes on in each of them."""

    OPEN = "open", "open"
    CORDONED = "cordoned", "cordoned"  # none comes
    DRAINING = "draining", "draining"  # none comes, and those that are there are to go elsewhere


class ClusterQuerySet(Recorded["Cluster"]):
    """Clusters; a bulk change of what is wanted of them is in their history."""

    def serving(self) -> "ClusterQuerySet":
        """Those not known to be away: only these are given work."""
        return self.exclude(reachable=False)

    def to_ask(self, now: datetime) -> "ClusterQuerySet":
        """Those whose next probe is due."""
        return self.filter(Q(next_probe_at=None) | Q(next_probe_at__lte=now))

    def claim_probe(self, cluster: "Cluster", *, until: datetime) -> bool:
        """Take one probe of a cluster; False if another worker's round has it."""
        mine = self.filter(pk=cluster.pk, next_probe_at=cluster.next_probe_at)
        return bool(mine.update(next_probe_at=until))


AllClusters = models.Manager.from_queryset(ClusterQuerySet)


class Registered(AllClusters["Cluster"]):
    """The clusters there are. A removed one is a name in the past of namespaces, and nothing else."""

    def get_queryset(self) -> ClusterQuerySet:
        return ClusterQuerySet(self.model, using=self._db).filter(removed_at=None)


class Cluster(models.Model):
    """A member cluster: how to reach it, what its workloads need to know, whether it answers."""

    name = models.CharField(max_length=63, unique=True, validators=[cluster_name])
    # Wanted. clusters.services alone writes these.
    sealed_kubeconfig = SealedText()
    server = models.CharField(max_length=300, editable=False)
    placement = models.JSONField(
        default=dict,
        blank=True,
        help_text="nodeSelector and tolerations of the pods the platform places there.",
    )
    simulated = models.BooleanField(
        default=False, help_text="Pods run on simulated nodes: they are placed, but run nothing."
    )
    labels = models.JSONField(
        default=dict,
        blank=True,
        help_text="What a request may ask for: region, zone, environment, and others by your own names.",
    )
    trusts_provider = models.BooleanField(
        default=False,
        verbose_name="believes the sign-in provider",
        help_text="Its API server takes the provider's tokens itself (--oidc-issuer-url, or an "
        "AuthenticationConfiguration): teams' groups are bound there beside the people's accounts.",
    )
    group_prefix = models.CharField(
        max_length=63,
        blank=True,
        validators=[group_prefix],
        help_text="What its API server puts before a provider's group (--oidc-groups-prefix), as `oidc:`.",
    )
    # clusters.scheduling alone writes these; who did is in the history.
    scheduling = models.CharField(max_length=20, choices=Scheduling, default=Scheduling.OPEN)
    scheduling_reason = models.CharField(max_length=500, blank=True, editable=False)
    scheduled_at = models.DateTimeField(null=True, editable=False)
    # Removed: its credential is gone; the row is what namespaces that once were there point to.
    removed_at = models.DateTimeField(null=True, editable=False)
    # Seen. clusters.recording and register() alone write these.
    api_endpoints = models.JSONField(default=list, editable=False)
    # Which Kubernetes answers there: the uid of its kube-system, made with it and gone with it.
    uid = models.CharField(max_length=64, blank=True, editable=False)
    kubernetes_version = models.CharField(max_length=50, blank=True, editable=False)
    reachable = models.BooleanField(null=True, editable=False)
    trouble = models.CharField(
        max_length=20, choices=Trouble, default=Trouble.NONE, blank=True, editable=False
    )
    message = models.CharField(max_length=500, blank=True, editable=False)
    since = models.DateTimeField(null=True, editable=False)
    checked_at = models.DateTimeField(null=True, editable=False)
    next_probe_at = models.DateTimeField(null=True, editable=False, db_index=True)
    probe_failures = models.PositiveIntegerField(default=0, editable=False)  # in a row
    latency = models.FloatField(null=True, editable=False)
    clock_skew = models.FloatField(null=True, editable=False)
    credential_ends_at = models.DateTimeField(null=True, editable=False)
    conditions = models.JSONField(default=list, editable=False)
    # The platform's base there, as provisioning.base saw it; and what of it, or of the image policies, was
    # put back there last.
    base_version = models.CharField(max_length=50, blank=True, editable=False)
    base_checked_at = models.DateTimeField(null=True, editable=False)
    base_message = models.CharField(max_length=500, blank=True, editable=False)
    base_put_back = models.CharField(max_length=500, blank=True, editable=False)
    base_put_back_at = models.DateTimeField(null=True, editable=False)

    objects = Registered()
    with_removed = ClusterQuerySet.as_manager()
    history = Changes(leaving_out=(*CREDENTIAL, *SEEN))

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["uid"], condition=~Q(uid=""), name="a_cluster_has_one_name"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def stands(self) -> str:
        """What it does when it is asked, after its name: `answers`, `refuses our credential`."""
        if self.reachable is None:
            return "has not been asked yet"
        if self.reachable:
            return "answers"
        # What was said before anybody told why is what it always was.
        refusing = self.trouble in {Trouble.CREDENTIAL, Trouble.RIGHTS}
        return str(Trouble(self.trouble).label) if refusing else "does not answer"

    @property
    def way_out(self) -> str:
        """What a person of the platform does about its trouble; '' where there is none."""
        if self.reachable is not False:
            return ""
        anew = f"`argosy cluster add {self.name} --kubeconfig FILE`"
        if self.trouble == Trouble.CREDENTIAL:
            return f"Give it another credential: {anew}."
        if self.trouble == Trouble.ANOTHER:
            return (
                "Nothing is done there. If the cluster was rebuilt and the old one is gone for good, say so: "
                f"{anew[:-1]} --rebuilt`; if not, find out who answers at its address."
            )
        if self.trouble == Trouble.RIGHTS:
            return (
                f"`argosy cluster preflight {self.name}` prints what its account lacks, as YAML to apply; "
                f"or register the cluster with another account: {anew}."
            )
        return (
            f"Start it again (a cluster of this machine: `argosy local up {self.name}`). If its "
            f"address or certificate changed: {anew}."
        )
