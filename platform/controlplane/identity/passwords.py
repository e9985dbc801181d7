"""New passwords at the desk: another person's, or one's own. Both end the tokens of the old one."""

from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from unfold.forms import AdminOwnPasswordChangeForm as UnfoldOwnPasswordForm
from unfold.forms import AdminPasswordChangeForm as UnfoldPasswordForm

from . import accounts
from .models import User

if TYPE_CHECKING:
    # Unfold ships no types; its forms are Django's with other looks.
    from django.contrib.auth.forms import AdminPasswordChangeForm as PasswordForm
    from django.contrib.auth.forms import PasswordChangeForm as OwnPasswordForm
else:
    PasswordForm, OwnPasswordForm = UnfoldPasswordForm, UnfoldOwnPasswordForm


class NewPassword(PasswordForm):  # type: ignore[type-arg]
    """A new password ends the tokens made with the old one: it may have been reset for a reason."""

    def clean(self) -> dict[str, Any] | None:
        user: User = self.user
        if not user.is_local:
            raise ValidationError(accounts.BY_PROVIDER, params={"name": user.username})
        return super().clean()

    def save(self, commit: bool = True) -> User:  # noqa: ARG002 - Django's signature
        user: User = self.user
        accounts.reset_password(user, self.cleaned_data["password1"])
        return user


class OwnPassword(OwnPasswordForm):
    """One's own new password: the tokens made with the old one end too."""

    def save(self, commit: bool = True) -> User:  # noqa: ARG002 - Django's signature
        user: User = self.user
        accounts.reset_password(user, self.cleaned_data["new_password1"])
        return user
