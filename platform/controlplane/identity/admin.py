"""People and their keys, for the platform's admins."""

from typing import Any

from axes.models import AccessAttempt
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.forms import UserChangeForm, UserCreationForm

from controlplane.rows.desk import ReadOnly, RowAdmin

from . import accounts, tokens
from .models import ApiToken, User
from .passwords import NewPassword

MOST_GROUPS = 4  # in a list
# A person's rights come from what their provider claims; Django's own groups mean nothing here.
admin.site.unregister(Group)


@admin.register(User)
class PersonAdmin(UserAdmin[User], RowAdmin[User]):  # type: ignore[misc]  # get_form, told twice
    """Local accounts, with the groups a provider would claim for them."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = NewPassword
    list_display = ("username", "groups_claimed", "is_active", "is_superuser", "last_login")
    list_filter = ("is_active", "is_superuser", "is_staff")
    search_fields = ("username", "first_name", "last_name", "email", "claimed_groups")
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email", "claimed_groups")}),
        ("Access", {"fields": ("is_active", "is_staff", "is_superuser")}),
        ("Provider", {"fields": ("issuer", "subject")}),
    )
    exported = (
        ("name", "username"),
        ("first name", "first_name"),
        ("last name", "last_name"),
        ("e-mail", "email"),
        ("groups", "claimed_groups"),
        ("active", "is_active"),
        ("superuser", "is_superuser"),
        ("last signed in", "last_login"),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:  # noqa: ARG002
        """Who they are and what they bring is the provider's to say, for whom it vouches."""
        of_provider = ("issuer", "subject")
        told = ("first_name", "last_name", "email", "claimed_groups")
        return of_provider if obj is None or obj.is_local else (*of_provider, *told)

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Who signs in by the provider has no password here: nothing of one is shown, or could be set."""
        found = super().get_fieldsets(request, obj)
        if obj is None or obj.is_local:
            return found
        return ((None, {"fields": ("username",)}), *found[1:])

    @admin.display(description="groups")
    def groups_claimed(self, person: User) -> str:
        """The first few; all of them are on the person's page."""
        more = len(person.claimed_groups) - MOST_GROUPS
        shown = ", ".join(person.claimed_groups[:MOST_GROUPS])
        return f"{shown} and {more} more" if more > 0 else shown

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:  # noqa: ARG002
        accounts.save_person(obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:  # noqa: ARG002
        return False  # what they asked and decided stays on record; take `active` away instead


@admin.register(ApiToken)
class ApiTokenAdmin(RowAdmin[ApiToken]):
    """Whose tokens there are; removing one ends it at once."""

    list_display = ("name", "user", "hint", "created_at", "expires_at", "last_used_at")
    list_select_related = ("user",)
    search_fields = ("name", "hint", "user__username")
    when_empty = "A person makes their own: argosy login, or POST /api/v1/tokens/."
    readonly_fields = ("user", "name", "hint", "created_at", "expires_at", "last_used_at")
    exported = (
        ("name", "name"),
        ("person", "user__username"),
        ("begins with", "hint"),
        ("made", "created_at"),
        ("expires", "expires_at"),
        ("last used", "last_used_at"),
    )

    has_add_permission = ReadOnly.has_add_permission  # the plain text is shown by the API alone
    has_change_permission = ReadOnly.has_change_permission

    def delete_model(self, request: HttpRequest, obj: ApiToken) -> None:  # noqa: ARG002
        tokens.revoke([obj])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:  # noqa: ARG002
        tokens.revoke(queryset)


@admin.register(AccessAttempt)
class WrongPasswordAdmin(ReadOnly, RowAdmin[Any]):
    """Who was refused at the door, how often and from where; each wait ends by itself."""

    list_display = ("username", "ip_address", "failures_since_start", "attempt_time", "path_info")
    search_fields = ("username", "ip_address")
    when_empty = "Nobody was refused at the door lately."
    fields = (
        "username",
        "ip_address",
        "failures_since_start",
        "attempt_time",
        "path_info",
        "user_agent",
    )
    exported = (
        ("name", "username"),
        ("address", "ip_address"),
        ("times", "failures_since_start"),
        ("last", "attempt_time"),
        ("page", "path_info"),
    )
