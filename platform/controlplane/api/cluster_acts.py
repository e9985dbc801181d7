"""What an admin does to a cluster over REST: cordon, uncordon, drain. Each keeps who and why."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.clusters import scheduling
from controlplane.clusters.models import Cluster

from .people import person

if TYPE_CHECKING:
    from rest_framework.viewsets import GenericViewSet as Base
else:

    class Base:
        def __class_getitem__(cls, _: object) -> type:
            return cls


class ClusterConditionSerializer(serializers.Serializer[object]):
    """One fact of a cluster: whether it is as it should be (null: not known), why, and since when."""

    type = serializers.CharField()
    good = serializers.BooleanField(allow_null=True)
    reason = serializers.CharField()
    message = serializers.CharField()
    since = serializers.DateTimeField()


class ReasonSerializer(serializers.Serializer[object]):
    """Why: teams read it where they are refused."""

    reason = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=scheduling.LONGEST_REASON
    )


class ClusterActs(Base[Cluster]):
    """The acts of a cluster's viewset; who may is said there."""

    @extend_schema(request=ReasonSerializer)
    @action(detail=True, methods=["post"])
    def cordon(self, request: Request, pk: str) -> Response:  # noqa: ARG002 - DRF's signature
        """No new namespace comes to it. A reason is needed."""
        return self._switched(scheduling.cordon, request)

    @extend_schema(request=ReasonSerializer)
    @action(detail=True, methods=["post"])
    def uncordon(self, request: Request, pk: str) -> Response:  # noqa: ARG002 - DRF's signature
        """New namespaces come to it again."""
        return self._switched(scheduling.uncordon, request)

    @extend_schema(request=ReasonSerializer)
    @action(detail=True, methods=["post"])
    def drain(self, request: Request, pk: str) -> Response:  # noqa: ARG002 - DRF's signature
        """No new namespace comes to it, and those that are there are to go. A reason is needed."""
        return self._switched(scheduling.drain, request)

    def _switched(self, act: Callable[..., Cluster], request: Request) -> Response:
        said = ReasonSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        reason: Any = said.validated_data["reason"]
        row = act(self.get_object(), by=person(request), reason=reason)
        return Response(self.get_serializer(row).data)
