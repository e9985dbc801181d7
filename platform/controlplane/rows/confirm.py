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
from django.urls import reverse

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

    asks_always = True  # else: only where there is a doubt, or somebody follows

    def touched(self, row: Row, edited: Row) -> QuerySet[Any] | None:
        """The namespaces that follow this row when it becomes `edited`; None where none does."""
        raise NotImplementedError

    def doubts(self, edited: Row) -> Sequence[str]:  # noqa: ARG002 - for who has some
        """What is odd about it though it may be meant, each as a sentence."""
        return ()

    def verdicts(self, edited: Row) -> Sequence[Any]:  # noqa: ARG002 - for who asks them
        """What the clusters say of it: `cluster`, `namespace`, `taken`, `sentence`."""
        return ()

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        if request.method == "POST":
            question = self._question(request, unquote(object_id) if object_id else None)
            if question is not None:
                return question
        return super().changeform_view(request, object_id, form_url, extra_context)

    def _question(self, request: HttpRequest, object_id: str | None) -> Any:
        """The page that asks; None if there is nothing to ask: it was answered, or cannot be kept."""
        if object_id is None:
            return self._question_of_new(request)
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
        if request.POST.get(CONFIRMED) == seal:
            return None  # yes, to exactly this
        return self._ask(request, before, form.instance, changed, seal=seal)

    def _question_of_new(self, request: HttpRequest) -> Any:
        """A new row touches nobody: it is asked about only where there is a doubt."""
        if not self.has_add_permission(request):
            return None
        form = self.get_form(request, None, change=False)(request.POST)
        if not form.is_valid():
            return None
        names = [(name, str(field.label or name)) for name, field in form.fields.items()]
        seal = _seal({}, values_of(form.instance, names))
        if request.POST.get(CONFIRMED) == seal or not self.doubts(form.instance):
            return None
        return self._ask(request, None, form.instance, (), seal=seal)

    def _ask(
        self,
        request: HttpRequest,
        row: Row | None,
        edited: Row,
        changed: Sequence[Difference],
        *,
        seal: str,
    ) -> TemplateResponse | None:
        doubts = self.doubts(edited)
        touched = None if row is None else self.touched(row, edited)
        follows = touched is not None and (self.asks_always or touched.exists())
        if not (self.asks_always or doubts or follows):
            return None
        answers = self.verdicts(edited)
        kept = [
            (name, value)
            for name, values in request.POST.lists()
            if name not in {"csrfmiddlewaretoken", CONFIRMED}
            for value in values
        ]
        context = {
            **self.admin_site.each_context(request),
            "title": f"Who would this change touch? {row}"
            if touched is not None
            else f"Keep {edited}?",
            "opts": self.opts,
            "original": row,
            "changed": changed,
            "touched": None if touched is None else who_follows(touched),
            "doubts": doubts,
            "answers": answers,
            "refused": any(answer.taken is False for answer in answers),
            "away": self._away(row),
            "kept": kept,
            "confirmed": CONFIRMED,
            "seal": seal,
            "stale": CONFIRMED in request.POST,
        }
        return TemplateResponse(request, "desk/confirm.html", context)

    def _away(self, row: Row | None) -> str:
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}"
        if row is None:
            return reverse(f"{name}_changelist")
        return reverse(f"{name}_change", args=[row.pk])


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
