"""What was done over REST: read only, narrowed as the console's page is."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_serializer
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.audit import asking
from controlplane.audit.models import Event, Events
from controlplane.rows.pages import BoundedPaginator
from tenants.audited import events_for

from .paging import Pages
from .people import person

FILTERS = [OpenApiParameter(name, str) for name in asking.NAMES]


@extend_schema_serializer(component_name="AuditEvent")
class EventSerializer(serializers.ModelSerializer[Event]):
    """One act, or one attempt. An empty `actor` is the platform itself, or nobody that is known."""

    class Meta:
        model = Event
        fields = (
            "id",
            "at",
            "actor",
            "on_behalf_of",
            "through",
            "action",
            "target",
            "team",
            "outcome",
            "before",
            "after",
            "request_id",
            "address",
        )
        read_only_fields = fields


class EventPages(Pages):
    """Pages as everywhere; of millions no more are counted than anybody pages through."""

    django_paginator_class = BoundedPaginator


class AuditViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Event]
):
    """What was done, newest first: an owner's teams', one's own, and to the platform's admins all."""

    queryset = Event.objects.none()
    serializer_class = EventSerializer
    pagination_class = EventPages

    def get_queryset(self) -> Events:
        return events_for(person(self.request))

    def filter_queryset(self, queryset: Any) -> Any:
        """One act is named by its number; only a list is narrowed."""
        if self.detail:
            return queryset
        return asking.narrowed(queryset, asking.read(self.request.query_params))

    @extend_schema(parameters=FILTERS)
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Those that fit all that is asked; `since` and `until` are days or times."""
        return super().list(request, *args, **kwargs)
