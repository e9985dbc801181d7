"""Which images may run where, as rows: what people decided, and what was seen of it in the clusters."""

from datetime import datetime

from django.core.validators import MinLengthValidator
from django.db import models
from django.db.models import F, Q

from controlplane.clusters.models import Cluster
from controlplane.identity.models import User
from controlplane.rows.history import Changes, Recorded
from tenants.models import Team, TenantNamespace, Tier, slug

LONGEST_IMAGE = 512  # a name of 255, a tag of 128, a digest of 135 at most, and what joins them
LONGEST_SENTENCE = 1000


class Reach(models.TextChoices):
    """Whom a policy is about."""

    PLATFORM = "platform"
    TIER = "tier"
    TEAM = "team"
    CONTROL = "control"  # the namespaces `<name>-argo`
    CLUSTER = "cluster"  # objects that have no namespace


def reaches() -> list[tuple[str, str]]:
    """A callable, so that a new one is no migration."""
    return [(each.value, str(each.label)) for each in Reach]


class ImagePolicyQuerySet(Recorded["ImagePolicy"]):
    """Questions about image policies."""

    def in_force(self) -> "ImagePolicyQuerySet":
        """Those that count; a draft is kept, and tried out, but binds nobody."""
        return self.filter(enabled=True)


class ImagePolicy(models.Model):
    """A part of what is said about images: who it is about, and settings. Written by policies.services.

    What binds a team is composed of every policy that is about it: see `composing`.
    """

    name = models.CharField(max_length=63, unique=True, validators=[slug])
    description = models.CharField(max_length=500, blank=True)
    scope = models.CharField(max_length=20, choices=reaches, default=Reach.PLATFORM)
    tier = models.ForeignKey(Tier, models.PROTECT, null=True, blank=True, related_name="+")
    team = models.ForeignKey(
        Team, models.PROTECT, null=True, blank=True, related_name="image_policies"
    )
    settings = models.JSONField(
        default=dict,
        blank=True,
        help_text="allow, deny, default, tags, digest, signature, attestations, argo…; "
        "what is left out is left to the other policies.",
    )
    enabled = models.BooleanField(default=True, help_text="A draft binds nobody; try it out first.")

    objects = ImagePolicyQuerySet.as_manager()
    history = Changes()

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "image policies"
        constraints = [
            models.CheckConstraint(
                condition=Q(scope="tier", tier__isnull=False, team=None)
                | Q(scope="team", team__isnull=False, tier=None)
                | (~Q(scope__in=["tier", "team"]) & Q(tier=None, team=None)),
                name="a_policy_names_whom_it_is_about",
                violation_error_message="A policy of scope tier names a tier, one of scope team a "
                "team, and every other one neither.",
            )
        ]

    def __str__(self) -> str:
        return self.name


class RollOutQuerySet(Recorded["RollOut"]):
    """Roll-outs; a bulk change of them is in their history."""


class RollOut(models.Model):
    """Whether a team's policy refuses, or only reports. A team without a row is enforced."""

    class Mode(models.TextChoices):
        AUDIT = "audit"
        ENFORCE = "enforce"

    team = models.OneToOneField(Team, models.CASCADE, related_name="image_roll_out")
    mode = models.CharField(max_length=20, choices=Mode.choices, default=Mode.ENFORCE)
    since = models.DateTimeField()
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    reason = models.CharField(max_length=LONGEST_SENTENCE, blank=True)

    objects = RollOutQuerySet.as_manager()
    history = Changes()

    class Meta:
        ordering = ["team__slug"]

    def __str__(self) -> str:
        return f"{self.team.slug}: {self.mode}"


class ExemptionState(models.TextChoices):
    """Where an exemption stands. An approved one is over when its time is, without another state."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    ENDED = "ended"


def exemption_states() -> list[tuple[str, str]]:
    """A callable, so that a new state is no migration."""
    return [(state.value, str(state.label)) for state in ExemptionState]


class ImageExemptionQuerySet(Recorded["ImageExemption"]):
    """Questions about exemptions."""

    def visible_to(self, user: User) -> "ImageExemptionQuerySet":
        """Those of the teams a person may see."""
        return self.filter(team__in=Team.objects.visible_to(user))

    def not_over(self, now: datetime) -> "ImageExemptionQuerySet":
        """Approved ones that hold now, or will."""
        return self.filter(state=ExemptionState.APPROVED, not_after__gt=now)


class ImageExemption(models.Model):
    """One image, written exactly so, that a team may run for a while. Written by policies.exemptions."""

    team = models.ForeignKey(Team, models.PROTECT, related_name="image_exemptions")
    namespace = models.ForeignKey(
        TenantNamespace, models.PROTECT, null=True, blank=True, related_name="+"
    )  # none: all of the team's
    image = models.CharField(max_length=LONGEST_IMAGE)
    image_digest = models.CharField(max_length=135, blank=True)
    reason = models.CharField(max_length=LONGEST_SENTENCE, validators=[MinLengthValidator(1)])
    requested_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    not_before = models.DateTimeField(null=True, blank=True)  # none: from the approval on
    not_after = models.DateTimeField()
    state = models.CharField(
        max_length=20,
        choices=exemption_states,
        default=ExemptionState.PENDING,
        editable=False,
        db_index=True,
    )
    approved_by = models.ForeignKey(
        User, models.PROTECT, null=True, editable=False, related_name="+"
    )
    decided_by = models.ForeignKey(
        User, models.PROTECT, null=True, editable=False, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, editable=False)
    note = models.CharField(max_length=LONGEST_SENTENCE, blank=True, editable=False)

    objects = ImageExemptionQuerySet.as_manager()
    history = Changes()

    class Meta:
        ordering = ["-requested_at", "-pk"]
        constraints = [
            # The service says so with a sentence; the database says so to whatever comes another way.
            models.CheckConstraint(
                condition=~Q(approved_by=F("requested_by")),
                name="nobody_approves_their_own_exemption",
                violation_error_message="Nobody approves an exemption they asked for.",
            ),
            models.CheckConstraint(
                condition=~Q(state="approved") | Q(approved_by__isnull=False),
                name="an_approved_exemption_has_an_approver",
            ),
            models.CheckConstraint(
                condition=Q(not_before=None) | Q(not_before__lt=F("not_after")),
                name="an_exemption_begins_before_it_ends",
                violation_error_message="An exemption begins before it ends.",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.image} for {self.team.slug}"

    @property
    def approver_lost_the_right(self) -> bool:
        """Whether who approved it could not do so today: it holds, and somebody should look again."""
        by = self.approved_by
        return self.state == ExemptionState.APPROVED and by is not None and not by.is_approver

    def holds(self, now: datetime) -> bool:
        """True while it lets its image run."""
        begun = self.not_before is None or self.not_before <= now
        return self.state == ExemptionState.APPROVED and begun and now < self.not_after


class SigningKeyQuerySet(Recorded["SigningKey"]):
    """Questions about signing keys."""

    def trusted(self) -> "SigningKeyQuerySet":
        """Those whose signatures count."""
        return self.filter(revoked_at=None)


class SigningKey(models.Model):
    """A public key whose signatures may be asked for. Written by policies.keys."""

    name = models.CharField(max_length=63, unique=True, validators=[slug])
    pem = models.TextField("public key", help_text="PEM; the private half never comes here.")
    # Made of the key itself: two rows cannot be the same key by another name.
    key_id = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, editable=False)
    revoked_by = models.ForeignKey(
        User, models.PROTECT, null=True, editable=False, related_name="+"
    )
    revoked_because = models.CharField(max_length=LONGEST_SENTENCE, blank=True, editable=False)

    objects = SigningKeyQuerySet.as_manager()
    history = Changes()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Trust(models.Model):
    """The one row that says how far the facts are. Locked while they are written, so versions have no gaps.

    `epoch` grows when a key is revoked; `version` with every fact that is written.
    """

    epoch = models.PositiveIntegerField(default=1)
    version = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="one_row_of_trust")]

    def __str__(self) -> str:
        return f"epoch {self.epoch}, version {self.version}"


class ArtifactQuerySet(models.QuerySet["Artifact"]):
    """Questions about what was verified."""

    def visible_to(self, user: User) -> "ArtifactQuerySet":
        """What the teams a person may see have pushed."""
        return self.filter(team__in=Team.objects.visible_to(user))

    def since(self, version: int) -> "ArtifactQuerySet":
        """What was written after that version, in the order it was."""
        return self.filter(version__gt=version).order_by("version")


class Artifact(models.Model):
    """Who signed one digest of one repository, as verified when it was pushed. Written by policies.pushes."""

    team = models.ForeignKey(Team, models.PROTECT, related_name="artifacts")
    repository = models.CharField(max_length=255)  # with its registry: harbor.corp/payments/api
    digest = models.CharField(max_length=135)
    key_ids = models.JSONField(default=list, blank=True)
    attestations = models.JSONField(default=list, blank=True)  # [{"type", "key_ids"}]
    epoch = models.PositiveIntegerField()
    version = models.PositiveBigIntegerField(unique=True)
    at = models.DateTimeField()
    pushed_by = models.ForeignKey(User, models.PROTECT, related_name="+")

    objects = ArtifactQuerySet.as_manager()

    class Meta:
        ordering = ["-version"]
        constraints = [
            models.UniqueConstraint(
                fields=["team", "repository", "digest"], name="one_row_an_artifact_of_a_team"
            )
        ]

    def __str__(self) -> str:
        return f"{self.repository}@{self.digest}"


class StandDownQuerySet(Recorded["StandDown"]):
    """Questions about stand-downs."""

    def active(self, now: datetime) -> "StandDownQuerySet":
        """Those that hold now: each ends by itself."""
        return self.filter(until__gt=now, ended_at=None)


class StandDown(models.Model):
    """The webhook of a cluster is taken away for a while; what only it can decide is refused meanwhile."""

    cluster = models.ForeignKey(Cluster, models.CASCADE, related_name="stand_downs")
    began_at = models.DateTimeField()
    until = models.DateTimeField()
    by = models.ForeignKey(User, models.PROTECT, related_name="+", editable=False)
    reason = models.CharField(max_length=LONGEST_SENTENCE, validators=[MinLengthValidator(1)])
    ended_at = models.DateTimeField(null=True, editable=False)  # by hand, before its time

    objects = StandDownQuerySet.as_manager()
    history = Changes()

    class Meta:
        ordering = ["-until"]
        constraints = [
            models.CheckConstraint(
                condition=Q(until__gt=F("began_at")), name="a_stand_down_ends_after_it_began"
            )
        ]

    def __str__(self) -> str:
        return f"{self.cluster.name} until {self.until:%F %H:%M}"


class Sight(models.TextChoices):
    """What became of an image that broke a rule."""

    REFUSED = "refused"  # it did not get in
    ADMITTED = "admitted"  # it got in: the team is in audit
    RUNNING = "running"  # the scanner saw it run
    GONE = "gone"  # a later scan did not see it any more


def sights() -> list[tuple[str, str]]:
    """A callable, so that a new one is no migration."""
    return [(each.value, str(each.label)) for each in Sight]


class ViolationQuerySet(models.QuerySet["Violation"]):
    """Questions about violations."""

    def visible_to(self, user: User) -> "ViolationQuerySet":
        """Those of the teams a person may see; what has no team is the platform's."""
        if user.sees_all:
            return self.all()
        return self.filter(team__in=Team.objects.of(user))


class Violation(models.Model):
    """One image in one place that broke one rule, however often. Written by policies.sightings."""

    cluster = models.ForeignKey(Cluster, models.CASCADE, related_name="violations")
    team = models.ForeignKey(Team, models.CASCADE, null=True, related_name="violations")
    namespace = models.CharField(max_length=63, blank=True)
    kind = models.CharField(max_length=63)
    name = models.CharField(max_length=253)
    path = models.CharField(max_length=300)
    container = models.CharField(max_length=253, blank=True)
    image = models.CharField(max_length=LONGEST_IMAGE)
    code = models.CharField(max_length=40)
    reason = models.CharField(max_length=LONGEST_SENTENCE, blank=True)
    same = models.CharField(max_length=32, editable=False)  # stands for all of the above but reason
    state = models.CharField(max_length=20, choices=sights)
    source = models.CharField(max_length=20)
    count = models.PositiveBigIntegerField(default=1)
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()

    objects = ViolationQuerySet.as_manager()

    class Meta:
        ordering = ["-last_seen", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["cluster", "same"], name="one_row_a_violation")
        ]
        indexes = [
            models.Index(fields=["team", "-last_seen", "-id"], name="violation_newest_of"),
            models.Index(fields=["-last_seen", "-id"], name="violation_newest"),
            models.Index(fields=["cluster", "namespace", "state"], name="violation_of_place"),
        ]

    def __str__(self) -> str:
        return f"{self.image} in {self.namespace}: {self.code}"


class ScanQuerySet(models.QuerySet["Scan"]):
    """Questions about scans."""

    def visible_to(self, user: User) -> "ScanQuerySet":
        """Those of the teams a person may see; what has no team is the platform's."""
        if user.sees_all:
            return self.all()
        return self.filter(team__in=Team.objects.of(user))


class Scan(models.Model):
    """When all that runs in a namespace was last looked at, and when nothing was wrong there."""

    cluster = models.ForeignKey(Cluster, models.CASCADE, related_name="scans")
    team = models.ForeignKey(Team, models.CASCADE, null=True, related_name="scans")
    namespace = models.CharField(max_length=63, blank=True)
    scanned_at = models.DateTimeField()
    clean_as_of = models.DateTimeField(null=True)
    images = models.PositiveIntegerField(default=0)

    objects = ScanQuerySet.as_manager()

    class Meta:
        ordering = ["cluster__name", "namespace"]
        constraints = [
            models.UniqueConstraint(fields=["cluster", "namespace"], name="one_row_a_scanned_place")
        ]

    def __str__(self) -> str:
        return f"{self.namespace} on {self.cluster_id}"


class AdmittedImage(models.Model):
    """An image that was let in somewhere lately: what a back-test asks beside what runs now."""

    cluster = models.ForeignKey(Cluster, models.CASCADE, related_name="+")
    team = models.ForeignKey(Team, models.CASCADE, related_name="+")
    namespace = models.CharField(max_length=63)
    image = models.CharField(max_length=LONGEST_IMAGE)
    last_seen = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["cluster", "namespace", "image"], name="one_row_an_admitted_image"
            )
        ]

    def __str__(self) -> str:
        return f"{self.image} in {self.namespace}"


class AgentToken(models.Model):
    """The key with which the agent of one cluster speaks. Only its hash is kept."""

    cluster = models.ForeignKey(Cluster, models.CASCADE, related_name="agent_tokens")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(max_length=20, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, editable=False)
    ends_at = models.DateTimeField(null=True, editable=False)  # since the next one is in use
    # What the agent said it has: so that a page can say how old its bundle is.
    bundle_version = models.PositiveBigIntegerField(null=True, editable=False)

    class Meta:
        ordering = ["cluster__name", "-pk"]

    def __str__(self) -> str:
        return f"{self.cluster.name} ({self.hint}…)"


class SealedBundle(models.Model):
    """The newest bundle of a cluster, sealed. Its version grows only when what it says changes."""

    cluster = models.OneToOneField(Cluster, models.CASCADE, related_name="image_bundle")
    version = models.PositiveBigIntegerField(default=0)
    content = models.CharField(
        max_length=64, blank=True
    )  # the hash of what it says, and of its key
    created_at = models.DateTimeField(null=True)
    envelope = models.BinaryField(default=b"")

    def __str__(self) -> str:
        return f"version {self.version} of {self.cluster_id}"


class Delivery(models.Model):
    """What the API server of a cluster was brought of its bundle, and whether it was seen to act by it.

    Written by policies.delivering alone.
    """

    cluster = models.OneToOneField(Cluster, models.CASCADE, related_name="image_delivery")
    webhook = models.JSONField(
        null=True,
        blank=True,
        help_text="The clientConfig of its image webhook: a url or a service, and the caBundle. "
        "Without one, images that only the webhook can judge are refused.",
    )
    content = models.CharField(
        max_length=64, blank=True, editable=False
    )  # the hash of what was tried
    inputs = models.CharField(
        max_length=64, blank=True, editable=False
    )  # the fingerprint of what that was made of
    version = models.PositiveBigIntegerField(null=True, editable=False)  # of the bundle seen to act
    in_force = models.BooleanField(null=True, editable=False)
    message = models.CharField(max_length=LONGEST_SENTENCE, blank=True, editable=False)
    since = models.DateTimeField(null=True, editable=False)
    # Rows as old as this are among what was last seen to act: a younger namespace may not be yet.
    as_of = models.DateTimeField(null=True, editable=False)
    checked_at = models.DateTimeField(null=True, editable=False)
    due_at = models.DateTimeField(null=True, editable=False)  # looked at again, whatever changed
    claimed_until = models.DateTimeField(null=True, editable=False)  # one worker brings at a time

    class Meta:
        ordering = ["cluster__name"]
        verbose_name_plural = "deliveries"

    def __str__(self) -> str:
        return f"policies of {self.cluster_id}"
