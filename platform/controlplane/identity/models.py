"""People and their API tokens. What a group means is for `tenants` to say."""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractUser, UserManager
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from controlplane.rows.history import Changes, Recorded


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


class ApiToken(models.Model):
    """A key to the API that acts as one person. Only its hash is kept."""

    user = models.ForeignKey(User, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100)
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
