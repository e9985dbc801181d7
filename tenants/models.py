"""What teams want, as rows: teams, tiers, tenant namespaces, and the requests that lead to them."""

import uuid
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from controlplane.advisories.lookup import Flag, known
from controlplane.clusters.models import Cluster
from controlplane.errors import DomainError
from controlplane.identity.models import User
from controlplane.rows.history import Changes, Recorded

from . import names
from .conditions import READY, Condition, Phase, from_dicts
from .levels import MAY, SERVICE, Act, Level, strongest
from .placed import Placed, check_labels
from .placed import read as read_placed
from .quota import check_limits, check_quota, check_resources, check_together
from .spec import ClusterSpec, NamespaceSpec, TierSpec

slug = RegexValidator(
    r"^[a-z]([a-z0-9-]{0,61}[a-z0-9])?\Z",
    "Begin with a letter; lower-case letters, digits and hyphens, at most 63.",
)
QUEUED_FOR = timedelta(minutes=1)  # a task that was queued longer ago than this is taken for lost


def namespace_name(value: str) -> None:
    """The validator of a namespace's name."""
    if problem := names.problem_with(value):
        raise ValidationError(problem)


def check_cluster_labels(value: object) -> None:
    """The validator of labels that are asked of a cluster."""
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise ValidationError('Labels are an object of texts, as {"size": "large"}.')
    try:
        check_labels(value)
    except DomainError as exc:
        raise ValidationError(exc.sentence) from exc


def phases() -> list[tuple[str, str]]:
    """A callable, so that a new phase is no migration."""
    return [(p.value, p.value) for p in Phase]


class TeamQuerySet(Recorded["Team"]):
    """Questions about teams."""

    def visible_to(self, user: User) -> "TeamQuerySet":
        """A person's own teams; all of them for the platform's people."""
        return self.all() if user.sees_all else self.of(user)

    def of(self, user: User) -> "TeamQuerySet":
        """The teams in which a person has a level, whatever they are to the platform."""
        return self.allowing(user, Act.SEE)

    def owned_by(self, user: User) -> "TeamQuerySet":
        """The teams in whose name a person may ask."""
        return self.allowing(user, Act.FILE_REQUESTS)

    def allowing(self, user: User, act: Act) -> "TeamQuerySet":
        """The teams in which a person's level allows it: asked of the database, not of each team."""
        if user.service_team is not None:
            return self.filter(pk=user.service_team) if act in MAY[SERVICE] else self.none()
        mine = [group for group in user.claimed_groups if group]
        # A stronger level may all that a weaker one may, so that any of a person's levels decides.
        levels = [level for level in Level if act in MAY[level]]
        return self.filter(Q(*((f"{level}_group__in", mine) for level in levels), _connector=Q.OR))


class Team(models.Model):
    """The tenant: people with a group for each level, a budget, namespaces."""

    slug = models.CharField(max_length=63, unique=True, validators=[slug])
    name = models.CharField(max_length=200)
    owner_group = models.CharField(max_length=200)
    member_group = models.CharField(max_length=200, blank=True)
    viewer_group = models.CharField(max_length=200, blank=True)
    # The budget: what the tiers of all the team's namespaces may promise together.
    namespace_limit = models.PositiveIntegerField(default=5)
    cpu_budget = models.DecimalField(
        max_digits=9, decimal_places=3, default=32, validators=[MinValueValidator(0)],
        help_text="cores, the sum of requests.cpu over the team's namespaces",
    )  # fmt: skip
    memory_budget_gib = models.DecimalField(
        max_digits=9, decimal_places=3, default=128, validators=[MinValueValidator(0)],
        help_text="GiB, the sum of requests.memory over the team's namespaces",
    )  # fmt: skip

    objects = TeamQuerySet.as_manager()
    history = Changes()

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.slug

    def level_of(self, user: User) -> Level | None:
        """What a person is in this team; None for a stranger, whatever they are to the platform."""
        if user.service_team is not None:
            return SERVICE if user.service_team == self.pk else None
        mine = {group for group in user.claimed_groups if group}  # no group is nobody's
        return strongest(level for level, group in self.groups.items() if group in mine)

    @property
    def groups(self) -> dict[Level, str]:
        """The group of each level; '' where nobody has it."""
        return {
            Level.OWNER: self.owner_group,
            Level.MEMBER: self.member_group,
            Level.VIEWER: self.viewer_group,
        }

    def allows(self, user: User, act: Act) -> bool:
        """Whether a person's level in this team allows it, as `allowing` asks it of many."""
        level = self.level_of(user)
        return level is not None and act in MAY[level]


class TierQuerySet(Recorded["Tier"]):
    """Tiers; a bulk change of them is in their history."""


class Tier(models.Model):
    """A named size: quota, limits, controller, parallelism. Three come as data; admins edit them."""

    slug = models.CharField(max_length=63, unique=True, validators=[slug])
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=300, blank=True)
    quota = models.JSONField(
        validators=[check_quota], help_text="The ResourceQuota's `hard`, quantities as text."
    )
    limits = models.JSONField(
        validators=[check_limits],
        help_text="The LimitRange for containers: default, defaultRequest, max, min.",
    )
    controller_resources = models.JSONField(
        validators=[check_resources], help_text="requests and limits of the team's controller."
    )
    parallelism = models.PositiveIntegerField(
        null=True, blank=True, help_text="Workflows at once; empty: derived from the quota."
    )
    workflow_deadline_seconds = models.PositiveIntegerField(default=86_400)
    cluster_labels = models.JSONField(
        default=dict,
        blank=True,
        validators=[check_cluster_labels],
        help_text='Labels a cluster must have to carry this tier, as {"size": "large"}; empty: any.',
    )
    order = models.PositiveIntegerField(default=0)

    objects = TierQuerySet.as_manager()
    history = Changes()

    class Meta:
        ordering = ["order", "slug"]

    def __str__(self) -> str:
        return self.slug

    def clean(self) -> None:
        """The parts together: each by itself is its own field's business."""
        if self.parallelism == 0:  # to Argo that is no bound at all
            raise ValidationError(
                {"parallelism": "At least 1; leave it empty to have it derived from the quota."}
            )
        try:
            check_quota(self.quota)
            check_limits(self.limits)
        except ValidationError:
            return  # said of that field already
        check_together(self.quota, self.limits)

    def spec(self) -> TierSpec:
        """The tier as a value."""
        return TierSpec(
            slug=self.slug,
            quota=dict(self.quota),
            limits=dict(self.limits),
            controller_resources=dict(self.controller_resources),
            parallelism=self.parallelism,
            workflow_deadline_seconds=self.workflow_deadline_seconds,
        )


class NamespaceQuerySet(models.QuerySet["TenantNamespace"]):
    """Questions about tenant namespaces, and the one conditional update that takes a turn."""

    def live(self) -> "NamespaceQuerySet":
        """Those that are, or are to be, in a cluster."""
        return self.filter(deleted_at=None)

    def behind(self) -> "NamespaceQuerySet":
        """Live ones whose newest wish was not acted on yet."""
        return self.live().filter(observed_generation__lt=F("generation"))

    def visible_to(self, user: User) -> "NamespaceQuerySet":
        """Those of the teams a person may see."""
        return self.filter(team__in=Team.objects.visible_to(user))

    def of(self, user: User) -> "NamespaceQuerySet":
        """Those of the teams in which a person has a level."""
        return self.filter(team__in=Team.objects.of(user))

    def running(self, flag: Flag) -> "NamespaceQuerySet":
        """Those whose Argo, as it was last seen, is known to be so. One query more, for the versions."""
        seen = self.order_by().values_list("argo_version", flat=True).distinct()
        return self.filter(argo_version__in=[v for v in seen if flag in known(v).flags])

    def wanting(self, now: datetime) -> "NamespaceQuerySet":
        """Those whose own schedule, or a newer wish, asks for a turn now."""
        return self.live().filter(
            Q(next_reconcile_at__lte=now)
            | (Q(observed_generation__lt=F("generation")) & Q(failures=0)),
            paused=False,
        )

    def due(self, now: datetime) -> "NamespaceQuerySet":
        """Those to queue now: nobody has them, and their cluster is not known to be away."""
        return (
            self.wanting(now)
            # A question of its own and no join: PostgreSQL asks a row that it had to wait for once more,
            # but not what was joined to it, and of two who queue it both would have.
            .exclude(cluster__in=Cluster.objects.filter(reachable=False))
            .filter(Q(claimed_until=None) | Q(claimed_until__lt=now))
            .filter(Q(queued_at=None) | Q(queued_at__lt=now - QUEUED_FOR))
        )

    def claim(self, pk: int, *, now: datetime, until: datetime) -> "TenantNamespace | None":
        """Take the row for one turn; None if another worker has it, or it is gone or paused."""
        token = uuid.uuid4()
        taken = (
            self.live()
            .filter(pk=pk, paused=False)
            # Two workers with the same row: the update of one of them matches nothing.
            .filter(Q(claimed_until=None) | Q(claimed_until__lt=now))
            .update(claim_token=token, claimed_until=until, queued_at=None)
        )
        if not taken:
            return None
        return self.select_related("team", "tier", "cluster").get(pk=pk)


class TenantNamespace(models.Model):
    """A namespace a team wants on a cluster, and what we last saw of it there."""

    team = models.ForeignKey(Team, models.PROTECT, related_name="namespaces")
    cluster = models.ForeignKey(Cluster, models.PROTECT, related_name="namespaces")
    tier = models.ForeignKey(Tier, models.PROTECT, related_name="namespaces")
    name = models.CharField(max_length=63, validators=[namespace_name])
    created_at = models.DateTimeField(auto_now_add=True)
    # Wanted. tenants.services alone writes these, and bumps `generation` each time.
    generation = models.PositiveIntegerField(default=1, editable=False)
    deletion_requested_at = models.DateTimeField(null=True, editable=False)
    approved_plan = models.CharField(max_length=64, blank=True, editable=False)
    paused = models.BooleanField(default=False, editable=False)
    wiring = models.JSONField(
        default=dict, editable=False
    )  # what Argo is told of the secrets there
    # Seen. tenants.services.record_status() alone writes these.
    observed_generation = models.PositiveIntegerField(default=0, editable=False)
    conditions = models.JSONField(default=list, editable=False)
    phase = models.CharField(
        max_length=20, choices=phases, default=Phase.PENDING, editable=False, db_index=True
    )
    # When the approved plan was first carried out whole; and when the first part of it may have been.
    begun_at = models.DateTimeField(null=True, editable=False)
    applied_at = models.DateTimeField(null=True, editable=False)
    ready_at = models.DateTimeField(null=True, editable=False)
    argo_version = models.CharField(max_length=50, blank=True, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)
    # Whose turn. tenants.services and claim() alone write these.
    claim_token = models.UUIDField(null=True, editable=False)
    claimed_until = models.DateTimeField(null=True, editable=False)
    queued_at = models.DateTimeField(null=True, editable=False)
    next_reconcile_at = models.DateTimeField(default=timezone.now, editable=False, db_index=True)
    failures = models.PositiveIntegerField(default=0, editable=False)
    thorough_at = models.DateTimeField(null=True, editable=False)

    objects = NamespaceQuerySet.as_manager()

    class Meta:
        verbose_name = "namespace"
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["cluster", "name"],
                condition=Q(deleted_at=None),
                name="one_live_namespace_per_cluster_and_name",
                violation_error_message="That cluster already has a namespace of this name.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} on {self.cluster.name}"

    def spec(self) -> NamespaceSpec:
        """The wish as a value, at the generation the row has now."""
        return NamespaceSpec(
            name=self.name,
            team=self.team.slug,
            generation=self.generation,
            tier=self.tier.spec(),
            cluster=cluster_spec(self.cluster),
            deleted=self.deletion_requested_at is not None,
            wiring=self.wiring,
            approved_plan=self.approved_plan,
            groups=self.team.groups,
        )

    @property
    def ready(self) -> Condition | None:
        """The condition over all; None before the first turn."""
        return from_dicts(self.conditions).get(READY)


class NamespaceAct(models.Model):
    """What a person of the platform did to a namespace's loop, and why. Written by tenants.services."""

    class Kind(models.TextChoices):
        PAUSED = "paused"
        RESUMED = "resumed"

    namespace = models.ForeignKey(TenantNamespace, models.CASCADE, related_name="acts")
    at = models.DateTimeField(auto_now_add=True)
    kind = models.CharField(max_length=20)
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")  # none: the platform
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.namespace_id} {self.kind} at {self.at:%F %T}"


def cluster_spec(cluster: Cluster) -> ClusterSpec:
    """What a cluster asks of the objects placed on it, as a value."""
    return ClusterSpec(
        name=cluster.name,
        api_endpoints=tuple(cluster.api_endpoints),
        placement=cluster.placement,
        group_prefix=cluster.group_prefix if cluster.trusts_provider else None,
    )


class RequestState(models.TextChoices):
    """Where a request stands. Only `pending` can still move."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


def request_states() -> list[tuple[str, str]]:
    """A callable, so that a new state is no migration."""
    return [(state.value, str(state.label)) for state in RequestState]


class RequestQuerySet(models.QuerySet["Request"]):
    """Questions about requests."""

    def visible_to(self, user: User) -> "RequestQuerySet":
        """Those of the teams a person may see."""
        return self.filter(team__in=Team.objects.visible_to(user))


class Request(models.Model):
    """Something a team asks for, and what became of it. Written by tenants.requests alone."""

    kind = models.CharField(max_length=40)
    team = models.ForeignKey(Team, models.PROTECT, related_name="requests")
    requested_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    reason = models.CharField(max_length=1000, blank=True)
    asked = models.JSONField(editable=False)
    # Which cluster was chosen and why, where labels were asked for; {}: its cluster was named.
    placed = models.JSONField(default=dict, editable=False)
    state = models.CharField(
        max_length=20, choices=request_states, default=RequestState.PENDING, db_index=True
    )
    namespace = models.ForeignKey(
        TenantNamespace, models.PROTECT, null=True, related_name="requests", editable=False
    )

    objects = RequestQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"#{self.pk} {self.kind} for {self.team.slug}"

    @property
    def placement(self) -> Placed | None:
        """Where it was placed and why; None where its cluster was named."""
        return read_placed(self.placed)

    @property
    def cluster_name(self) -> str:
        """The cluster it is for: the one that was chosen, else the one that was named."""
        return str(self.placed.get("cluster") or self.asked.get("cluster") or "")


NOTE_LENGTH = 1000


class RequestEvent(models.Model):
    """One thing that happened to a request, with what was asked as of then (and shown, if decided)."""

    class Kind(models.TextChoices):
        FILED = "filed"
        SEEN = "seen"
        COMMENTED = "commented"
        AMENDED = "amended"
        PLACED = "placed"  # elsewhere than before: its cluster could not take it any more
        UNPLACED = "unplaced"  # nor could any other
        APPROVED = "approved"
        REJECTED = "rejected"
        WITHDRAWN = "withdrawn"
        REOPENED = "reopened"

    request = models.ForeignKey(Request, models.CASCADE, related_name="events")
    at = models.DateTimeField(auto_now_add=True)
    kind = models.CharField(max_length=20)
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")  # none: the platform
    note = models.CharField(max_length=NOTE_LENGTH, blank=True)
    asked = models.JSONField(default=dict)
    decided = models.JSONField(default=dict)
    plan_hash = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["request", "by"],
                condition=Q(kind="seen"),
                name="a_request_is_seen_once_a_person",
            )
        ]

    def __str__(self) -> str:
        return f"{self.request_id} {self.kind} at {self.at:%F %T}"


class DraftQuerySet(models.QuerySet["Draft"]):
    """Questions about drafts."""

    def visible_to(self, user: User) -> "DraftQuerySet":
        """A person's own: a draft is nobody else's, whatever they are to the platform."""
        return self.filter(person=user)


class Draft(models.Model):
    """A request that somebody has not filed yet. Written by tenants.drafts alone."""

    person = models.ForeignKey(User, models.CASCADE, related_name="+")
    kind = models.CharField(max_length=40)
    team = models.ForeignKey(Team, models.CASCADE, null=True, related_name="+")
    fields = models.JSONField(default=dict)  # as typed: what a draft holds need not be right yet
    updated_at = models.DateTimeField(auto_now=True)

    objects = DraftQuerySet.as_manager()

    class Meta:
        ordering = ["-updated_at", "-pk"]

    def __str__(self) -> str:
        return f"draft {self.pk} of {self.person.username}"
