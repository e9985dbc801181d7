"""Acts at the desk: who does it, with which note, and each row with its own answer."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.forms import ActionForm
from unfold.widgets import UnfoldAdminTextInputWidget

from controlplane.errors import DomainError
from controlplane.identity.models import User
from controlplane.rows.desk import RowAdmin

LOOKS = {
    "pending": "warn",
    "approved": "ok",
    "rejected": "bad",
    "refused": "warn",
    "admitted": "bad",
    "running": "bad",
    "gone": "",
    "audit": "warn",
    "enforce": "ok",
}


def person_of(request: HttpRequest) -> User:
    """Who is at the desk, typed."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


class NoteForm(ActionForm):  # type: ignore[misc]  # unfold ships no types
    """What to do with the chosen rows, and why."""

    note = forms.CharField(
        label="",
        required=False,
        max_length=1000,
        widget=UnfoldAdminTextInputWidget(
            {"placeholder": "Note (kept; needed to reject or revoke)", "aria-label": "Note"}
        ),
    )


def note_of(request: HttpRequest) -> str:
    """The form of the actions is on the page once for each bar of them, all with the same name."""
    return next(filter(None, request.POST.getlist("note")), "")[:1000]


class Decides(RowAdmin[Any]):
    """A list whose actions are services, each row with its own answer."""

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Who may view may not yet act: services ask again, row by row."""
        return isinstance(request.user, User) and request.user.is_approver

    def has_admin_permission(self, request: HttpRequest) -> bool:
        return isinstance(request.user, User) and request.user.is_platform_admin

    def each(self, request: HttpRequest, chosen: QuerySet[Any], act: Any, done: str) -> None:
        """Do it to each; a refusal is said and does not stop the others."""
        for row in chosen:
            try:
                act(row)
            except DomainError as exc:
                self.message_user(request, f"{row}: {exc.sentence}", messages.ERROR)
            else:
                self.message_user(request, f"{row}: {done}")
