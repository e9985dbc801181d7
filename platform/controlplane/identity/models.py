"""People, their API tokens, what their provider vouches for. What a group means is for `tenants` to say."""

import uuid
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractUser, UserManager
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from controlplane.rows.history import Changes, Recorded
from controlplane.rows.sealed import SealedText

from .scopes import Scope


def group_list(value: object) -> None:
    """A claim's groups: a list of non-empty words, as a provider sends them."""
    if not isinstance(value, list) or not all(isinstance(g, str) and g.strip() for g in value):
        raise ValidationError('Groups are a list of names, such as ["payments-owners"].')


class People(UserManager["User"]):
    """People; a bulk change of them is in their history."""

    use_in_migrations = False

    def get_queryset(self) -> Recorded["User"]:
        return Recorded(self.model, using=self._db)


class User(AbstractUser):
    """A person. `claimed_groups` is what their provider said (or a local account was given)."""

    claimed_groups = models.JSONField(default=list, blank=True, validators=[group_list])
    # Who they are at a provider, which is these two together and never a name or an e-mail: those change
    # hands. Both empty for a local account.
    issuer = models.CharField(max_length=255, blank=True, default="", editable=False)
    subject = models.CharField(max_length=255, blank=True, default="", editable=False)
    # The one account that a team's own tokens act as, by the team's key: `tenants` says what it may.
    service_team = models.PositiveBigIntegerField(null=True, unique=True, editable=False)

    objects: ClassVar[People] = People()
    history = Changes(leaving_out=("password", "last_login"))

    class Meta(AbstractUser.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["issuer", "subject"],
                condition=~Q(issuer=""),
                name="one_account_per_person_of_a_provider",
            ),
            models.CheckConstraint(
                condition=Q(issuer="", subject="") | (~Q(issuer="") & ~Q(subject="")),
                name="a_subject_is_of_an_issuer",
            ),
        ]

    @property
    def is_local(self) -> bool:
        """True for who signs in here with a password; others by their provider alone."""
        return not self.issuer

    @property
    def is_platform_admin(self) -> bool:
        """True for the platform team, who see and may change everything but their own requests."""
        return self.is_superuser or settings.ADMIN_GROUP in self.claimed_groups

    @property
    def is_approver(self) -> bool:
        """True for those who may decide on requests (never on their own)."""
        return self.is_platform_admin or settings.APPROVER_GROUP in self.claimed_groups

    @property
    def is_auditor(self) -> bool:
        """True for those who see all and, by this, change nothing; what a team lets them do is apart."""
        return settings.AUDITOR_GROUP in self.claimed_groups

    @property
    def sees_all(self) -> bool:
        """True for all the platform's people: what is hidden from other teams is not from them."""
        return self.is_approver or self.is_auditor


def everything() -> list[str]:
    """What a token may whose maker said nothing else: all that its person may."""
    return [str(scope) for scope in Scope]


def scope_list(value: object) -> None:
    """The validator of a token's scopes."""
    if not isinstance(value, list) or not value or not set(value) <= set(everything()):
        raise ValidationError(f"Scopes are some of {', '.join(everything())}.")


class ApiToken(models.Model):
    """A key to the API that acts as one person, or as a team. Only its hash is kept."""

    user = models.ForeignKey(User, models.CASCADE, related_name="api_tokens")
    made_by = models.ForeignKey(
        User, models.SET_NULL, null=True, related_name="+", editable=False
    )  # of a team's token: which of its owners
    name = models.CharField(max_length=100)
    scopes = models.JSONField(default=everything, validators=[scope_list], editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(max_length=12, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}…)"

    def save(self, **kwargs: Any) -> None:
        """Saved only with a digest: a token without one would match nothing, or everything."""
        if not self.digest:
            raise ValueError("tokens are made by identity.tokens.issue()")
        super().save(**kwargs)


def grant_states() -> list[tuple[str, str]]:
    """A callable, so that a new state is no migration."""
    return [(state.value, state.value) for state in GrantState]


class GrantState(StrEnum):
    """Whether the provider still vouches for a person by what it gave at this sign-in."""

    GOOD = "good"
    ENDED = "ended"


class GrantQuerySet(models.QuerySet["Grant"]):
    """Questions about grants."""

    def good(self) -> "GrantQuerySet":
        """Those that the provider has not refused."""
        return self.filter(state=GrantState.GOOD)

    def in_use(self, now: datetime, *, window: timedelta) -> "GrantQuerySet":
        """Good ones of people who were here lately, or hold something that works without us."""
        return self.good().filter(Q(seen_at__gt=now - window) | Q(needed_until__gt=now))


class Grant(models.Model):
    """What a provider gave us at a sign-in, to ask again by: is this still the person, in which groups."""

    # Known before the row is: it is sealed together with the refresh token.
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="grants")
    sid = models.CharField(max_length=255, blank=True, help_text="The session at the provider.")
    sealed_token = SealedText(blank=True)
    state = models.CharField(max_length=10, choices=grant_states, default=GrantState.GOOD)
    made_at = models.DateTimeField()
    # The provider's last yes; its last answer of any kind; and when it is to be asked next.
    confirmed_at = models.DateTimeField()
    checked_at = models.DateTimeField()
    due_at = models.DateTimeField()
    failures = models.PositiveIntegerField(default=0)
    # Who asks holds the row until then: a refresh token that is used twice is taken for a stolen one.
    claimed_until = models.DateTimeField(null=True)
    seen_at = models.DateTimeField()
    needed_until = models.DateTimeField(null=True)
    # The provider has not answered for so long that its last yes counts no more; its next one does again.
    lapsed_at = models.DateTimeField(null=True)
    # The end of the session in the browser, which tokens of the person outlive.
    signed_out_at = models.DateTimeField(null=True)
    sentence = models.CharField(max_length=300, blank=True)

    objects = GrantQuerySet.as_manager()

    class Meta:
        ordering = ["-made_at"]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state="good"), name="grants_to_ask_about"),
            models.Index(fields=["sid"], name="grants_by_session"),
        ]

    def __str__(self) -> str:
        return f"{self.user} since {self.made_at:%Y-%m-%d %H:%M}"


def cut_states() -> list[tuple[str, str]]:
    """A callable, so that a new state is no migration."""
    return [(state.value, state.value) for state in CutState]


class CutState(StrEnum):
    """How far one way in is closed to somebody who lost it."""

    UNDER_WAY = "under way"
    DONE = "done"
    CANNOT_YET = "cannot yet"  # the sentence says why, and `until` when it ends by itself


class Cut(models.Model):
    """One way in that a person lost: `console`, `token`, `kubeconfig@<cluster>`, `argo@<namespace>`."""

    user = models.ForeignKey(User, models.CASCADE, related_name="cuts")
    what = models.CharField(max_length=150)
    state = models.CharField(max_length=20, choices=cut_states)
    noticed_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
    until = models.DateTimeField(null=True)
    sentence = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-noticed_at", "what"]
        constraints = [
            models.UniqueConstraint(fields=["user", "what"], name="one_cut_per_person_and_way_in")
        ]

    def __str__(self) -> str:
        return f"{self.what} of {self.user}: {self.state}"
