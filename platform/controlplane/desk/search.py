"""A few rows of every list for what somebody typed."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.contrib.admin import ModelAdmin
from django.http import HttpRequest
from django.urls import reverse

MOST_EACH = 6  # of one kind; for more, the list itself is searched


@dataclass(frozen=True)
class Hit:
    """One line of the palette."""

    title: str
    kind: str
    link: str


def found(admins: Iterable[ModelAdmin[Any]], request: HttpRequest, words: str) -> list[Hit]:
    """Pages whose name has the words, then rows that match: at most six of a kind, one query each."""
    admins = list(admins)
    pages = [
        Hit(_plural(a), "page", reverse(f"admin:{_name(a)}_changelist"))
        for a in admins
        if words.lower() in _plural(a).lower()
    ]
    return pages + [hit for admin in admins for hit in _rows(admin, request, words)]


def _rows(admin: ModelAdmin[Any], request: HttpRequest, words: str) -> Iterable[Hit]:
    if not admin.get_search_fields(request):
        return
    rows = admin.get_queryset(request)
    if related := admin.get_list_select_related(request):
        rows = rows.select_related(*related) if not isinstance(related, bool) else rows
    matching, _ = admin.get_search_results(request, rows, words)
    kind = str(admin.opts.verbose_name)
    for row in islice(matching[:MOST_EACH], MOST_EACH):
        yield Hit(str(row), kind, reverse(f"admin:{_name(admin)}_change", args=[row.pk]))


def _name(admin: ModelAdmin[Any]) -> str:
    return f"{admin.opts.app_label}_{admin.opts.model_name}"


def _plural(admin: ModelAdmin[Any]) -> str:
    return str(admin.opts.verbose_name_plural).capitalize()
