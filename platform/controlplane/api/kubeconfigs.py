"""People's own credentials for clusters over REST: given once, listed without themselves, taken back."""

from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.access import services
from controlplane.access.models import Kubeconfig
from controlplane.identity.models import User

from .filtering import ExactFilters
from .people import person


class KubeconfigRowSerializer(serializers.ModelSerializer[Kubeconfig]):
    """One that was issued: whose, where, until when, and how it stands. Itself it is kept nowhere."""

    username = serializers.CharField(source="account.username")
    cluster = serializers.CharField(source="account.cluster.name")
    account = serializers.CharField(
        source="account.name", help_text="The name of the person's account in the cluster."
    )
    stands = serializers.SerializerMethodField()

    class Meta:
        model = Kubeconfig
        fields = (
            "id",
            "username",
            "cluster",
            "account",
            "issued_at",
            "expires_at",
            "revoked_at",
            "gone_at",
            "stands",
        )
        read_only_fields = fields

    def get_stands(self, row: Kubeconfig) -> str:
        """Good until when, taken back, or why it cannot be taken back yet."""
        return services.standing_of(row, timezone.now()).sentence


class KubeconfigWishSerializer(serializers.Serializer[object]):
    """For which cluster, and for how long."""

    cluster = serializers.CharField(max_length=63)
    minutes = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=10_000,
        help_text="10 or more; by default, and at most, as long as the platform allows.",
    )
    renewing = serializers.BooleanField(
        required=False,
        default=False,
        help_text="One without a token, whose kubectl runs `argosy token` for one: nothing is issued now.",
    )


class KubeconfigGivenSerializer(serializers.Serializer[object]):
    """The one time that it is shown. Without a token where it renews itself."""

    id = serializers.UUIDField(allow_null=True)
    cluster = serializers.CharField()
    expires_at = serializers.DateTimeField(allow_null=True)
    token = serializers.CharField(allow_blank=True)
    kubeconfig = serializers.CharField()


class KubeconfigViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Kubeconfig]
):
    """A person's own kubeconfigs; all of them for the platform's people."""

    queryset = Kubeconfig.objects.none()
    serializer_class = KubeconfigRowSerializer
    lookup_value_regex = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    filter_backends = (ExactFilters,)
    narrowed_by = {"cluster": "account__cluster__name", "username": "account__username"}

    def get_queryset(self) -> QuerySet[Kubeconfig]:
        return services.visible(person(self.request))

    @extend_schema(request=KubeconfigWishSerializer, responses={201: KubeconfigGivenSerializer})
    def create(self, request: Request) -> Response:
        """A kubeconfig of your own for a cluster, shown once."""
        said = KubeconfigWishSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        shown = _given(person(request), timezone.now(), **said.validated_data)
        return Response(KubeconfigGivenSerializer(shown).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=None, responses=KubeconfigRowSerializer)
    @action(detail=True, methods=["post"])
    def revoke(self, request: Request, pk: str) -> Response:  # noqa: ARG002 - DRF's signature
        """Take it back: your own; an admin anybody's. `stands` tells what came of it."""
        row, user = self.get_object(), person(request)
        if row.account.user_id != user.pk and not user.is_platform_admin:
            raise PermissionDenied("Whose it is takes it back, or an admin of the platform.")
        services.revoke(row, now=timezone.now())
        return Response(self.get_serializer(row).data)


def _given(
    user: User,
    now: datetime,
    *,
    cluster: str,
    renewing: bool,
    minutes: int | None = None,
) -> dict[str, object]:
    if renewing:
        document = services.renewing(user=user, cluster=cluster)
        shown = {"id": None, "expires_at": None, "token": "", "kubeconfig": document}
        return {"cluster": cluster, **shown}
    made = services.issue(user=user, cluster=cluster, minutes=minutes, now=now)
    return {
        "id": made.row.pk,
        "cluster": cluster,
        "expires_at": made.row.expires_at,
        "token": made.token,
        "kubeconfig": made.document,
    }
