from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm
from django.http import HttpRequest

from .models import ApiToken, User


class NewPassword(AdminPasswordChangeForm):  # type: ignore[type-arg]
    """A new password ends the tokens made with the old one: it may have been reset for a reason."""

    def save(self, commit: bool = True) -> User:
        user: User = super().save(commit)
        user.api_tokens.all().delete()
        return user


@admin.register(User)
class PersonAdmin(UserAdmin[User]):
    """Local accounts, with the groups a provider would claim for them."""

    change_password_form = NewPassword
    list_display = ("username", "claimed_groups", "is_active", "is_superuser", "last_login")
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email", "claimed_groups")}),
        ("Access", {"fields": ("is_active", "is_staff", "is_superuser")}),
    )


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin[ApiToken]):
    """Whose tokens there are; removing one ends it at once."""

    list_display = ("name", "user", "hint", "created_at", "expires_at", "last_used_at")
    list_select_related = ("user",)
    readonly_fields = ("user", "name", "hint", "created_at", "expires_at", "last_used_at")

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False  # the plain text is shown by the API that makes it, nowhere else
