"""Violations over REST: what broke a rule and where, and since when a namespace is clean."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.policies.models import Scan, Violation

from .filtering import ExactFilters
from .paging import Pages
from .people import person

HEAVY = ("cluster__sealed_kubeconfig", "cluster__placement", "cluster__api_endpoints")


class ViolationSerializer(serializers.ModelSerializer[Violation]):
    """One image in one place that broke one rule. `team` is null for what has no namespace."""

    team = serializers.CharField(source="team.slug", default=None, allow_null=True)
    cluster = serializers.CharField(source="cluster.name")

    class Meta:
        model = Violation
        fields = (
            "id",
            "team",
            "cluster",
            "namespace",
            "kind",
            "name",
            "path",
            "container",
            "image",
            "code",
            "reason",
            "state",
            "source",
            "count",
            "first_seen",
            "last_seen",
        )
        read_only_fields = fields


class ScanSerializer(serializers.ModelSerializer[Scan]):
    """When all that runs in a namespace was last looked at, and when nothing was wrong there."""

    team = serializers.CharField(source="team.slug", default=None, allow_null=True)
    cluster = serializers.CharField(source="cluster.name")

    class Meta:
        model = Scan
        fields = ("team", "cluster", "namespace", "scanned_at", "clean_as_of", "images")
        read_only_fields = fields


class ViolationViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Violation]):
    """Violations of the teams a person may see, newest first."""

    queryset = Violation.objects.none()
    serializer_class = ViolationSerializer
    filter_backends = (ExactFilters,)
    narrowed_by = {
        "team": "team__slug",
        "cluster": "cluster__name",
        "namespace": "namespace",
        "image": "image",
        "code": "code",
        "state": "state",
        "source": "source",
    }

    def get_queryset(self) -> QuerySet[Violation]:
        seen = Violation.objects.visible_to(person(self.request))
        return seen.select_related("team", "cluster").defer(*HEAVY)

    @extend_schema(responses=ScanSerializer(many=True), filters=False)
    @action(detail=False, filter_backends=())
    def scans(self, request: Request) -> Response:
        """Each namespace with the time as of which it is clean."""
        seen = Scan.objects.visible_to(person(request)).select_related("team", "cluster")
        pages = Pages()
        page = pages.paginate_queryset(seen.defer(*HEAVY), request, view=self)
        return pages.get_paginated_response(ScanSerializer(page, many=True).data)
