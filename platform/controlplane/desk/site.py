"""The desk: who is let in, what its first page shows, and a search over everything on it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.contrib.auth.views import PasswordChangeView, redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.sites import UnfoldAdminSite

from controlplane.identity.models import User
from controlplane.identity.passwords import OwnPassword

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
        return isinstance(user, User) and user.is_active and (user.sees_all or user.is_staff)

    def login(
        self,
        request: HttpRequest,
        extra_context: dict[str, Any] | None = None,  # noqa: ARG002 - Django's signature
    ) -> HttpResponse:
        """One door for all: the console's. Who is in already and may not come here is told so."""
        if request.user.is_authenticated:
            raise PermissionDenied
        return redirect_to_login(request.GET.get("next") or reverse("admin:index"))

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """One's own, by the same service as every other new password."""
        view = PasswordChangeView.as_view(
            form_class=OwnPassword,
            success_url=reverse("admin:password_change_done"),
            extra_context={**self.each_context(request), **(extra_context or {})},
        )
        answer: Any = view(request)
        return answer  # type: ignore[no-any-return]  # a page, or the redirect after it

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
        """A few rows of every list that the person may see; `part` asks for them without a page."""
        words = request.GET.get("s", "").replace("\0", "").strip()
        results = found(self._readable(request), request, words) if words else []
        context = {"words": words, "results": results}
        if request.GET.get("part"):
            return TemplateResponse(request, "desk/search.html", context)
        page = {**self.each_context(request), "title": "Search", **context}
        return TemplateResponse(request, "desk/search_page.html", page)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Without unfold's one theme for everybody: the person's own is in every page's context."""
        context = super().each_context(request)
        context.pop("theme", None)
        return context

    def _readable(self, request: HttpRequest) -> Iterator[Any]:
        return (a for a in self._registry.values() if a.has_view_permission(request))
