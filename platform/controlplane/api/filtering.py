"""How a list is narrowed: `?team=payments`, exact values of the fields that a view names."""

from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request
from rest_framework.views import APIView

M = TypeVar("M", bound=Model)
Row = TypeVar("Row")

LONGEST = 253  # what the longest name of a cluster's has


class ExactFilters(BaseFilterBackend):
    """A view's `narrowed_by` maps a query parameter to the column it must equal."""

    def filter_queryset(
        self, request: Request, queryset: QuerySet[M, Row], view: APIView
    ) -> QuerySet[M, Row]:
        for parameter, column in _narrowed_by(view).items():
            if value := request.query_params.get(parameter):
                if len(value) > LONGEST or not value.isprintable():
                    raise ValidationError({parameter: "This is not a name."})
                queryset = queryset.filter(**{column: value})
        return queryset

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        """What drf-spectacular says of them."""
        return [
            {"name": name, "required": False, "in": "query", "schema": {"type": "string"}}
            for name in _narrowed_by(view)
        ]


def _narrowed_by(view: APIView) -> dict[str, str]:
    columns: dict[str, str] = getattr(view, "narrowed_by", {})
    return columns
