"""What every list and form of the desk can do: page, export, tell its history, and show a refusal."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import orjson
from django import forms
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import unquote
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db.models import JSONField, Model, QuerySet
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.admin import ModelAdmin as UnfoldModelAdmin
from unfold.admin import TabularInline as UnfoldTabularInline
from unfold.widgets import UnfoldAdminTextareaWidget

from controlplane.errors import DomainError
from controlplane.kube.errors import KubeError

from .export import stream
from .history import changes_of
from .pages import BoundedPaginator

if TYPE_CHECKING:
    # Unfold ships no types; its classes are Django's with other looks.
    from django.contrib.admin import ModelAdmin, TabularInline
else:
    ModelAdmin, TabularInline = UnfoldModelAdmin, UnfoldTabularInline

Row = TypeVar("Row", bound=Model)
Parent = TypeVar("Parent", bound=Model)
CHANGES_A_PAGE = 25


class ReadableJson(forms.JSONField):
    """JSON that people edit: indented, in the order it was written."""

    def prepare_value(self, value: Any) -> Any:
        shown = super().prepare_value(value)
        if isinstance(value, dict | list):
            return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
        return shown


class JsonArea(UnfoldAdminTextareaWidget):  # type: ignore[misc]  # unfold ships no types
    """A text area in which columns line up."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"rows": 12, "spellcheck": "false", **(attrs or {})})
        self.attrs["class"] = f"{self.attrs.get('class', '')} code-area"


class RowAdmin(ModelAdmin[Row]):
    """One model at the desk. Its rows are written by services, which its `save_model` calls."""

    exported: Sequence[tuple[str, str]] = ()  # (heading, lookup); none: the list is not exported
    when_empty = ""  # what a list without any row says to do
    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = 25
    list_max_show_all = 0
    list_fullwidth = True
    formfield_overrides = {JSONField: {"form_class": ReadableJson, "widget": JsonArea}}

    def get_urls(self) -> list[URLPattern]:
        export = self.admin_site.admin_view(self.export)
        name = f"{self.opts.app_label}_{self.opts.model_name}_export"
        return [path("export/", export, name=name), *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        shown = {"exports": bool(self.exported), **(extra_context or {})}
        return super().changelist_view(request, shown)

    def export(self, request: HttpRequest) -> HttpResponseBase:
        """Exactly what the list shows with the same filters, search and order, on all its pages."""
        if not self.exported or not self.has_view_permission(request):
            raise PermissionDenied
        try:
            rows: QuerySet[Row] = self.get_changelist_instance(request).get_queryset(request)
        except IncorrectLookupParameters:
            name = f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"
            return HttpResponseRedirect(f"{reverse(name)}?e=1")  # as Django's list does
        file = f"argosy-{self.opts.verbose_name_plural}.csv".replace(" ", "-").lower()
        return StreamingHttpResponse(
            stream(rows, self.exported),
            content_type="text/csv; charset=utf-8",
            headers={
                "Content-Disposition": f'attachment; filename="{file}"',
                "X-Content-Type-Options": "nosniff",
                "Cache-Control": "no-store",
            },
        )

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        extra_context = {"show_history": hasattr(self.model, "history"), **(extra_context or {})}
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except (DomainError, KubeError, ValidationError) as exc:
            # Rolled back by now. Asked again, the form knows why, and keeps what was typed.
            vars(request)["refused"] = _refusal_of(exc)
            return super().changeform_view(request, object_id, form_url, extra_context)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A choice among rows is a choice: other rows are made on their own pages, not in windows."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        return field

    def get_form(
        self, request: HttpRequest, obj: Row | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        refused = vars(request).get("refused")
        return form if refused is None else _refusing(form, refused)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Before and after of each change, for the models that keep it; else Django's log of actions."""
        if not hasattr(self.model, "history"):
            return super().history_view(request, object_id, extra_context)
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        if not self.has_view_or_change_permission(request, row):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": f"History of {row}",
            "opts": self.opts,
            "original": row,
            "object": row,
            "page": _page_of_changes(row, request.GET.get("page", "1")),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "desk/history.html", context)


class ReadOnly:
    """Rows that people look at here, and services write."""

    def has_add_permission(self, *_: object, **__: object) -> bool:
        return False

    def has_change_permission(self, *_: object, **__: object) -> bool:
        return False

    def has_delete_permission(self, *_: object, **__: object) -> bool:
        return False


class Rows(ReadOnly, TabularInline[Row, Parent]):
    """Rows that belong to the one shown, below it."""

    extra = 0
    when_empty = ""  # what stands there instead of no rows
    show_change_link = False
    can_delete = False


def _refusal_of(exc: DomainError | KubeError | ValidationError) -> tuple[str | None, str]:
    """Which field a service refused (None: the whole), and why."""
    if isinstance(exc, ValidationError):
        return None, " ".join(exc.messages)
    return getattr(exc, "field", None), exc.sentence


def _refusing(form: Any, refused: tuple[str | None, str]) -> Any:
    """The same form, in which the field that was refused says why."""
    field, sentence = refused

    class Refused(form):  # type: ignore[misc]  # made by Django at run time
        def clean(self) -> Any:
            cleaned = super().clean()
            self.add_error(field if field in self.fields else None, ValidationError(sentence))
            return cleaned

    return Refused


def _page_of_changes(row: Any, number: str) -> Any:
    """One page of a row's history, newest first; each change beside what was before it."""
    records = row.history.select_related("history_user").order_by("-history_date", "-history_id")
    page = Paginator(records, CHANGES_A_PAGE).get_page(number)
    # One more than the page shows: the oldest on it is told from the one before.
    found = list(records[page.start_index() - 1 : page.end_index() + 1]) if page.object_list else []
    page.object_list = [
        changes_of(record, before, who=str(record.history_user or "the platform"))
        for record, before in zip(found, [*found[1:], None], strict=True)
    ][:CHANGES_A_PAGE]
    return page
