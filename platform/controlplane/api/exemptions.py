"""Exemptions over REST: asked by a team's people, decided by the platform's approvers."""

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from controlplane.identity.scopes import Scope
from controlplane.policies import exemptions
from controlplane.policies.models import LONGEST_IMAGE, LONGEST_SENTENCE, ImageExemption
from tenants.models import TenantNamespace

from .filtering import ExactFilters
from .people import person
from .request_forms import VisibleTeamField


class VisibleNamespaceField(serializers.SlugRelatedField[TenantNamespace]):
    """A live namespace, by name, among those the caller may see: the second door of tenancy."""

    def get_queryset(self) -> QuerySet[TenantNamespace]:
        return TenantNamespace.objects.live().visible_to(person(self.context["request"]))

    def to_internal_value(self, data: Any) -> TenantNamespace:
        """The same name may be on two clusters: an exemption of one of them would be half of one."""
        found = list(self.get_queryset().filter(name=str(data)[:63])[:2])
        if len(found) == 1:
            return found[0]
        raise serializers.ValidationError(
            f"There are several namespaces {data}; ask for all of the team's."
            if found
            else f"There is no namespace {data} that you may see."
        )


class ExemptionSerializer(serializers.ModelSerializer[ImageExemption]):
    """One image, written exactly so, that a team may run for a while."""

    team = VisibleTeamField(
        slug_field="slug",
        error_messages={"does_not_exist": "There is no team {value} that you may see."},
    )
    namespace = VisibleNamespaceField(
        slug_field="name",
        allow_null=True,
        required=False,
        help_text="Only there; left out: in all of the team's namespaces.",
    )
    image = serializers.CharField(max_length=LONGEST_IMAGE, trim_whitespace=False)
    digest = serializers.CharField(
        source="image_digest", max_length=135, allow_blank=True, required=False
    )
    requested_by = serializers.CharField(source="requested_by.username", read_only=True)
    approved_by = serializers.CharField(
        source="approved_by.username", default=None, allow_null=True, read_only=True
    )
    holds = serializers.SerializerMethodField(help_text="Whether it lets its image run now.")

    class Meta:
        model = ImageExemption
        fields = (
            "id",
            "team",
            "namespace",
            "image",
            "digest",
            "reason",
            "not_before",
            "not_after",
            "state",
            "holds",
            "requested_by",
            "requested_at",
            "approved_by",
            "decided_at",
            "note",
        )
        read_only_fields = ("state", "requested_at", "decided_at", "note")

    def get_holds(self, exemption: ImageExemption) -> bool:
        return exemption.holds(timezone.now())


class DecisionSerializer(serializers.Serializer[object]):
    """A sentence for the other side."""

    note = serializers.CharField(max_length=LONGEST_SENTENCE, allow_blank=True, default="")


class ExemptionApprovalSerializer(DecisionSerializer):
    """A yes may be for less than was asked."""

    not_after = serializers.DateTimeField(
        required=False, help_text="An earlier end than was asked for."
    )


class ExemptionViewSet(mixins.CreateModelMixin, viewsets.ReadOnlyModelViewSet[ImageExemption]):
    """Exemptions of the teams a person may see. Nobody decides on one they asked for."""

    token_scopes = {
        "create": Scope.REQUEST,
        "end": Scope.REQUEST,
        "approve": Scope.DECIDE,
        "reject": Scope.DECIDE,
    }
    queryset = ImageExemption.objects.none()
    serializer_class = ExemptionSerializer
    lookup_value_regex = "[0-9]+"
    filter_backends = (ExactFilters,)
    narrowed_by = {"state": "state", "team": "team__slug", "image": "image"}

    def get_queryset(self) -> QuerySet[ImageExemption]:
        seen = ImageExemption.objects.visible_to(person(self.request))
        return seen.select_related("team", "namespace", "requested_by", "approved_by")

    def perform_create(self, serializer: BaseSerializer[ImageExemption]) -> None:
        serializer.instance = exemptions.ask(
            **_wish(serializer.validated_data), by=person(self.request), now=timezone.now()
        )

    @extend_schema(request=ExemptionApprovalSerializer, responses=ExemptionSerializer)
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, pk: str) -> Response:  # noqa: ARG002 - DRF's signature
        """Say yes, or yes for less. For approvers, and never for who asked."""
        return self._decided(request, exemptions.approve, ExemptionApprovalSerializer)

    @extend_schema(request=DecisionSerializer, responses=ExemptionSerializer)
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, pk: str) -> Response:  # noqa: ARG002 - DRF's signature
        """Say no, and why."""
        return self._decided(request, exemptions.reject)

    @extend_schema(request=DecisionSerializer, responses=ExemptionSerializer)
    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: str) -> Response:  # noqa: ARG002 - DRF's signature
        """It holds no longer, from now on."""
        return self._decided(request, exemptions.end)

    def _decided(
        self,
        request: Request,
        decide: Callable[..., ImageExemption],
        form: type[DecisionSerializer] = DecisionSerializer,
    ) -> Response:
        said = form(data=request.data)
        said.is_valid(raise_exception=True)
        decide(self.get_object(), by=person(request), now=timezone.now(), **said.validated_data)
        return Response(self.get_serializer(self.get_object()).data)


def _wish(said: dict[str, Any]) -> dict[str, Any]:
    """What was sent, by the service's own names."""
    rest = {name: value for name, value in said.items() if name != "image_digest"}
    return {**rest, "digest": said.get("image_digest", "")}
