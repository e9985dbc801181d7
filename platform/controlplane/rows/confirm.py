"""Asking twice: what an edit would change and whom it would touch, shown before it is kept."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import orjson
from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.db.models import Count, Model, QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.template.response import TemplateResponse

from .history import Difference, differences, values_of

if TYPE_CHECKING:
    from .desk import RowAdmin as Base
else:

    class Base:
        def __class_getitem__(cls, _: object) -> type:
            return cls


Row = TypeVar("Row", bound=Model)
CONFIRMED = "_confirmed"
FIRST = 20


@dataclass(frozen=True)
class Touched:
    """The namespaces that an edit reaches."""

    count: int
    first: Sequence[Any]
    teams: Sequence[dict[str, Any]]

    @property
    def more(self) -> int:
        return self.count - len(self.first)


class Confirmed(Base[Row]):
    """A form whose change is shown in full, and kept when the person says so to exactly that."""

    def touched(self, row: Row) -> QuerySet[Any]:
        """The namespaces that follow this row."""
        raise NotImplementedError

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        if request.method == "POST" and object_id:
            question = self._question(request, unquote(object_id))
            if question is not None:
                return question
        return super().changeform_view(request, object_id, form_url, extra_context)

    def _question(self, request: HttpRequest, object_id: str) -> Any:
        """The page that asks; None if there is nothing to ask: it was answered, or cannot be kept."""
        before = self.get_object(request, object_id)
        if before is None or not self.has_change_permission(request, before):
            return None  # Django's own answer
        edited = self.get_object(request, object_id)
        form = self.get_form(request, edited, change=True)(request.POST, instance=edited)
        if not form.is_valid():
            return None  # its errors are shown by the form
        names = [(name, str(field.label or name)) for name, field in form.fields.items()]
        was, becomes = values_of(before, names), values_of(form.instance, names)
        changed = differences(was, becomes)
        if not changed:
            messages.info(request, f"Nothing was changed in {before}.")
            return HttpResponseRedirect(request.get_full_path())
        seal = _seal(was, becomes)
        given = request.POST.get(CONFIRMED)
        if given == seal:
            return None  # yes, to exactly this
        return self._ask(request, before, changed, seal=seal, stale=given is not None)

    def _ask(
        self,
        request: HttpRequest,
        row: Row,
        changed: Sequence[Difference],
        *,
        seal: str,
        stale: bool,
    ) -> TemplateResponse:
        kept = [
            (name, value)
            for name, values in request.POST.lists()
            if name not in {"csrfmiddlewaretoken", CONFIRMED}
            for value in values
        ]
        context = {
            **self.admin_site.each_context(request),
            "title": f"Who would this change touch? {row}",
            "opts": self.opts,
            "original": row,
            "changed": changed,
            "touched": who_follows(self.touched(row)),
            "kept": kept,
            "confirmed": CONFIRMED,
            "seal": seal,
            "stale": stale,
        }
        return TemplateResponse(request, "desk/confirm.html", context)


def who_follows(namespaces: QuerySet[Any]) -> Touched:
    """How many there are, the first twenty, and how many each team has (the first twenty teams)."""
    teams = (
        namespaces.order_by()
        .values("team__slug")
        .annotate(count=Count("pk"))
        .order_by("-count", "team__slug")
    )
    return Touched(
        count=namespaces.count(),
        first=list(namespaces.select_related("team", "cluster").order_by("name", "pk")[:FIRST]),
        teams=list(teams[:FIRST]),
    )


def _seal(was: dict[str, Any], becomes: dict[str, Any]) -> str:
    """Stands for this change of this row: another edit, or a row that changed meanwhile, has another."""
    text = orjson.dumps([was, becomes], default=str, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(text).hexdigest()
