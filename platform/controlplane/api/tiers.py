"""Tiers over REST: the sizes a namespace can have."""

from typing import Any

from rest_framework import mixins, serializers, viewsets
from rest_framework.permissions import IsAuthenticated

from tenants import services
from tenants.models import Tier, check_cluster_labels
from tenants.quota import check_limits, check_quota, check_resources

from .filtering import ExactFilters
from .people import PlatformAdminsWrite


class TierSerializer(serializers.ModelSerializer[Tier]):
    """A tier, in Kubernetes' own words."""

    quota = serializers.DictField(child=serializers.CharField(), validators=[check_quota])
    limits = serializers.DictField(child=serializers.DictField(), validators=[check_limits])
    controller_resources = serializers.DictField(
        child=serializers.DictField(), validators=[check_resources]
    )
    cluster_labels = serializers.DictField(
        child=serializers.CharField(),
        validators=[check_cluster_labels],
        required=False,
        help_text="Labels a cluster must have to carry this tier; empty: any.",
    )

    class Meta:
        model = Tier
        fields = (
            "id",
            "slug",
            "name",
            "description",
            "quota",
            "limits",
            "controller_resources",
            "parallelism",
            "workflow_deadline_seconds",
            "cluster_labels",
            "order",
        )
        read_only_fields = ("slug",)

    def update(self, instance: Tier, validated_data: dict[str, Any]) -> Tier:
        for field, value in validated_data.items():
            setattr(instance, field, value)
        services.save_tier(instance)
        return instance


class TierViewSet(mixins.UpdateModelMixin, viewsets.ReadOnlyModelViewSet[Tier]):
    """The sizes there are. An admin's edit reaches every namespace of the tier by itself."""

    queryset = Tier.objects.all()
    serializer_class = TierSerializer
    permission_classes = (IsAuthenticated, PlatformAdminsWrite)
    lookup_value_regex = "[0-9]+"
    filter_backends = (ExactFilters,)
    narrowed_by = {"slug": "slug"}
