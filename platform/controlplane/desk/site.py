"""The desk: who is let in, what its first page shows, and a search over everything on it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.sites import UnfoldAdminSite

from controlplane.identity.models import User

from . import fleet
from .search import found

if TYPE_CHECKING:
    from django.contrib.admin import AdminSite as Site
else:
    Site = UnfoldAdminSite


class Desk(Site):
    """Django's admin for the platform's people: its admins work here, its approvers read."""

    index_title = "Fleet"
    index_template = "desk/fleet.html"

    def has_permission(self, request: HttpRequest) -> bool:
        """The groups decide; `is_staff` lets in who was given single permissions."""
        user = request.user
        return isinstance(user, User) and user.is_active and (user.is_approver or user.is_staff)

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        shown = fleet.overview() if request.user.has_perm("tenants.view_tenantnamespace") else None
        return super().index(request, {"fleet": shown, **(extra_context or {})})

    def search(
        self,
        request: HttpRequest,
        extra_context: dict[str, Any] | None = None,  # noqa: ARG002 - unfold's signature
    ) -> HttpResponse:
        """The command palette: a few rows of every list that the person may see, never all of them."""
        words = request.GET.get("s", "").replace("\0", "").strip()
        if not words:
            return HttpResponse()
        context = {"words": words, "results": found(self._readable(request), request, words)}
        return TemplateResponse(
            request, "desk/search.html", context, headers={"HX-Trigger": "search"}
        )

    def _readable(self, request: HttpRequest) -> Iterator[Any]:
        return (a for a in self._registry.values() if a.has_view_permission(request))
