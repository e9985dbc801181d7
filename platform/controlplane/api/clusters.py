"""Clusters over REST: where a namespace can be, without how the platform gets there."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import mixins, serializers, viewsets
from rest_framework.permissions import IsAuthenticated

from controlplane.clusters import answering, services
from controlplane.clusters.kubeconfig import LONGEST
from controlplane.clusters.models import Cluster
from tenants.models import TenantNamespace

from .filtering import ExactFilters
from .people import PlatformAdminsWrite, person


class ClusterSerializer(serializers.ModelSerializer[Cluster]):
    """A cluster. What is needed to reach it is written once and in no answer."""

    name = serializers.CharField(max_length=63)
    kubeconfig = serializers.CharField(
        write_only=True,
        max_length=LONGEST,
        trim_whitespace=False,
        style={"input_type": "password"},
        help_text="A kubeconfig with everything inline; it is kept encrypted and never shown.",
    )
    placement = serializers.DictField(
        write_only=True,
        required=False,
        help_text="nodeSelector and tolerations of the pods that the platform places there.",
    )
    rebuilt = serializers.BooleanField(
        write_only=True,
        required=False,
        default=False,
        help_text="The cluster that had this name is gone; make its namespaces anew on this one.",
    )
    answer = serializers.SerializerMethodField(
        help_text="`reachable`, `away`, `refuses our credential`, `refuses us a right`, `not asked yet`, "
        "or `not looked at` where that was too long ago to be true."
    )
    message = serializers.SerializerMethodField()
    way_out = serializers.SerializerMethodField()
    namespaces = serializers.SerializerMethodField()

    class Meta:
        model = Cluster
        fields = (
            "id",
            "name",
            "kubeconfig",
            "placement",
            "rebuilt",
            "simulated",
            "kubernetes_version",
            "reachable",
            "answer",
            "message",
            "way_out",
            "since",
            "checked_at",
            "namespaces",
        )
        read_only_fields = ("kubernetes_version", "reachable", "since", "checked_at")

    @extend_schema_field(serializers.CharField())
    def get_message(self, cluster: Cluster) -> str:
        """Why it does not answer: for the platform's people, since it names addresses."""
        return cluster.message if person(self.context["request"]).is_approver else ""

    @extend_schema_field(serializers.CharField())
    def get_answer(self, cluster: Cluster) -> str:
        """How it is, in a word, as far as that is known now."""
        return answering.answer_of(cluster, timezone.now()).word

    @extend_schema_field(serializers.CharField())
    def get_way_out(self, cluster: Cluster) -> str:
        """What to do about its trouble: for who can."""
        return cluster.way_out if person(self.context["request"]).is_platform_admin else ""

    @extend_schema_field(serializers.IntegerField())
    def get_namespaces(self, cluster: Cluster) -> int:
        """How many namespaces that the person may see are there."""
        live = TenantNamespace.objects.visible_to(person(self.context["request"])).live()
        return live.filter(cluster=cluster).count()

    def create(self, validated_data: dict[str, Any]) -> Cluster:
        return services.register(
            name=validated_data["name"],
            kubeconfig_text=validated_data["kubeconfig"],
            placement=validated_data.get("placement"),
            simulated=validated_data.get("simulated"),
            rebuilt=validated_data["rebuilt"],
        )


class ClusterViewSet(mixins.CreateModelMixin, viewsets.ReadOnlyModelViewSet[Cluster]):
    """The clusters there are. Adding one that is there replaces its credential."""

    queryset = Cluster.objects.all()
    serializer_class = ClusterSerializer
    permission_classes = (IsAuthenticated, PlatformAdminsWrite)
    lookup_value_regex = "[0-9]+"
    filter_backends = (ExactFilters,)
    narrowed_by = {"name": "name"}
