"""Clusters over REST: where a namespace can be, without how the platform gets there."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.clusters import answering, preflight, rights, services
from controlplane.clusters.connections import connect
from controlplane.clusters.health import State
from controlplane.clusters.kubeconfig import LONGEST
from controlplane.clusters.models import Cluster
from controlplane.errors import NotAllowed
from tenants.models import TenantNamespace

from .cluster_acts import ClusterActs, ClusterConditionSerializer
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
    labels = serializers.DictField(
        required=False,
        help_text="What a request may ask for: region, zone, environment, and others by your own names. "
        "What is sent takes the place of all that were.",
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
    state = serializers.SerializerMethodField(
        help_text="`reachable`, `degraded`, `unreachable`, `cordoned`, `draining`, `not asked yet` or "
        "`not looked at`: what a reader needs first; `conditions` has all of it."
    )
    conditions = serializers.SerializerMethodField()
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
            "labels",
            "kubernetes_version",
            "state",
            "scheduling",
            "scheduling_reason",
            "conditions",
            "base_version",
            "base_put_back",
            "reachable",
            "answer",
            "message",
            "way_out",
            "since",
            "checked_at",
            "namespaces",
        )
        read_only_fields = (
            "kubernetes_version",
            "scheduling",
            "scheduling_reason",
            "base_version",
            "base_put_back",
            "reachable",
            "since",
            "checked_at",
        )

    @extend_schema_field(serializers.CharField())
    def get_message(self, cluster: Cluster) -> str:
        """Why it does not answer: for the platform's people, since it names addresses."""
        return cluster.message if person(self.context["request"]).sees_all else ""

    @extend_schema_field(serializers.CharField())
    def get_answer(self, cluster: Cluster) -> str:
        """How it is, in a word, as far as that is known now."""
        return answering.answer_of(cluster, timezone.now()).word

    @extend_schema_field(serializers.ChoiceField([each.value for each in State]))
    def get_state(self, cluster: Cluster) -> str:
        """What a reader needs first."""
        return answering.standing_of(cluster, timezone.now()).word

    @extend_schema_field(ClusterConditionSerializer(many=True))
    def get_conditions(self, cluster: Cluster) -> list[dict[str, Any]]:
        """All that is known; the sentences for the platform's people, since they name addresses."""
        told = person(self.context["request"]).sees_all
        return [each if told else {**each, "message": ""} for each in cluster.conditions]

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
            labels=validated_data.get("labels"),
            rebuilt=validated_data["rebuilt"],
        )


class ClusterEditSerializer(serializers.ModelSerializer[Cluster]):
    """What of a cluster is changed without its credential."""

    labels = serializers.DictField(required=False)
    placement = serializers.DictField(required=False)

    class Meta:
        model = Cluster
        fields = ("labels", "placement", "simulated")

    def update(self, instance: Cluster, validated_data: dict[str, Any]) -> Cluster:
        for field, value in validated_data.items():
            setattr(instance, field, value)
        return services.edit(instance)


class KubeconfigSerializer(serializers.Serializer[None]):
    """A kubeconfig to look at the cluster with; it is not kept."""

    kubeconfig = serializers.CharField(
        max_length=LONGEST, trim_whitespace=False, style={"input_type": "password"}
    )


class VerdictSerializer(serializers.Serializer[Any]):
    """One line of a preflight. `apply` is YAML for the cluster's administrator, or empty."""

    level = serializers.CharField(help_text="`ok`, `warn` or `refuse`.")
    about = serializers.CharField()
    sentence = serializers.CharField()
    apply = serializers.CharField(allow_blank=True)


class PreflightSerializer(serializers.Serializer[Any]):
    """Whether a cluster can be the platform's, and each thing that was looked at."""

    fit = serializers.BooleanField()
    verdicts = VerdictSerializer(many=True)


class AdminsLook(PlatformAdminsWrite):
    """What names a cluster's insides is for the platform's admins, to read too."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not super().has_permission(request, view):
            return False
        if not person(request).is_platform_admin:
            raise NotAllowed("Only the platform's admins may look into a cluster.")
        return True


class ClusterViewSet(ClusterActs, mixins.CreateModelMixin, viewsets.ReadOnlyModelViewSet[Cluster]):
    """The clusters there are. Adding one that is there replaces its credential."""

    queryset = Cluster.objects.all()
    serializer_class = ClusterSerializer
    permission_classes = (IsAuthenticated, PlatformAdminsWrite)
    lookup_value_regex = "[0-9]+"
    filter_backends = (ExactFilters,)
    narrowed_by = {"name": "name"}

    @extend_schema(request=ClusterEditSerializer, responses=ClusterSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:  # noqa: ARG002 - DRF's signature
        """Change its labels, where pods go, or whether they run. What is left out stays."""
        form = ClusterEditSerializer(self.get_object(), data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        form.save()
        return Response(self.get_serializer(self.get_object()).data)

    def destroy(self, request: Request, pk: str) -> Response:  # noqa: ARG002 - DRF's signature
        """Forget a cluster that no team uses; nothing is touched in it. 409 while one does."""
        services.remove(self.get_object())
        return Response(status=204)

    @extend_schema(
        operation_id="clusters_preflight_new",
        request=KubeconfigSerializer,
        responses=PreflightSerializer,
    )
    @action(detail=False, methods=["post"], permission_classes=[IsAuthenticated, AdminsLook])
    def preflight(self, request: Request) -> Response:
        """Whether a cluster could be added by this kubeconfig, a verdict a line. Nothing is kept."""
        said = KubeconfigSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        return _verdicts(services.preflight_of(said.validated_data["kubeconfig"]))

    @extend_schema(
        operation_id="clusters_preflight_again", request=None, responses=PreflightSerializer
    )
    @action(
        detail=True,
        methods=["post"],
        url_path="preflight",
        permission_classes=[IsAuthenticated, AdminsLook],
    )
    def preflight_again(self, request: Request, pk: str) -> Response:  # noqa: ARG002 - DRF's signature
        """The same of a cluster that is registered, by the credential it has."""
        return _verdicts(services.judge(connect(self.get_object()).kube))

    @extend_schema(responses={200: {"type": "object"}})
    @action(detail=False, methods=["get"], permission_classes=[IsAuthenticated, AdminsLook])
    def role(self, request: Request) -> Response:  # noqa: ARG002 - DRF's signature
        """The ClusterRole that the platform's account needs in each cluster, as it is today."""
        return Response(rights.role(rights.needed()))


def _verdicts(found: tuple[preflight.Verdict, ...]) -> Response:
    fit = all(verdict.level is not preflight.Level.REFUSE for verdict in found)
    return Response(PreflightSerializer({"fit": fit, "verdicts": found}).data)
