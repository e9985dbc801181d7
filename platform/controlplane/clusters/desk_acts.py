"""Cordon, uncordon and drain at the desk: an act on the chosen rows, with a reason that is kept."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.forms import ActionForm
from unfold.widgets import UnfoldAdminTextInputWidget

from controlplane.errors import DomainError

from . import scheduling
from .models import Cluster, Scheduling

if TYPE_CHECKING:
    from controlplane.rows.desk import RowAdmin as Base
else:

    class Base:
        def __class_getitem__(cls, _: object) -> type:
            return cls


class ReasonForm(ActionForm):  # type: ignore[misc]  # unfold ships no types
    """What to do with the chosen clusters, and why."""

    reason = forms.CharField(
        label="",
        required=False,
        max_length=scheduling.LONGEST_REASON,
        widget=UnfoldAdminTextInputWidget(
            {"placeholder": "Reason (teams read it; needed to cordon)", "aria-label": "Reason"}
        ),
    )


class SchedulingActs(Base[Cluster]):
    """The acts, for the admin of clusters."""

    action_form = ReasonForm
    actions = ("cordon", "uncordon", "drain")

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return bool(getattr(request.user, "is_platform_admin", False))

    @admin.action(description="Cordon: no new namespace comes", permissions=["operate"])
    def cordon(self, request: HttpRequest, chosen: QuerySet[Cluster]) -> None:
        self._each(request, chosen, scheduling.cordon)

    @admin.action(description="Uncordon", permissions=["operate"])
    def uncordon(self, request: HttpRequest, chosen: QuerySet[Cluster]) -> None:
        self._each(request, chosen, scheduling.uncordon)

    @admin.action(
        description="Drain: none comes, and those there are to go", permissions=["operate"]
    )
    def drain(self, request: HttpRequest, chosen: QuerySet[Cluster]) -> None:
        self._each(request, chosen, scheduling.drain)

    def _each(
        self, request: HttpRequest, chosen: QuerySet[Cluster], act: Callable[..., Cluster]
    ) -> None:
        if not self.has_operate_permission(request):
            raise PermissionDenied
        # The form of the actions is on the page once for each bar of them, all with the same index.
        reason = next(filter(None, request.POST.getlist("reason")), "")
        for cluster in chosen:
            try:
                done = act(cluster, by=request.user, reason=reason)
            except DomainError as exc:
                self.message_user(request, exc.sentence, messages.ERROR)
            else:
                word = Scheduling(done.scheduling).label
                self.message_user(request, f"{done.name} is {word}.")
