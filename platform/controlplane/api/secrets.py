"""A team's secrets over REST: written, tried and removed. There is no call that gives one back."""

import binascii
from base64 import b64decode
from typing import Any

from django.conf import settings
from django.db.models import Prefetch, QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_serializer
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.secrets import reach, services, standing
from controlplane.secrets.contents import BadSecret
from controlplane.secrets.kinds import kinds
from controlplane.secrets.models import LONGEST_NOTE, Delivery, Secret, Version
from controlplane.secrets.services import Given
from tenants.models import TenantNamespace

from .filtering import ExactFilters
from .people import person
from .request_forms import VisibleTeamField


class GivenSerializer(serializers.Serializer[object]):
    """One version, whole. What is secret in it is in no answer."""

    settings = serializers.DictField(
        child=serializers.CharField(allow_blank=True),
        default=dict,
        help_text="What may be shown: endpoint, bucket, host … by the kind.",
    )
    values = serializers.DictField(
        child=serializers.CharField(allow_blank=True, trim_whitespace=False),
        default=dict,
        help_text="What is secret, as text.",
    )
    binary = serializers.DictField(
        child=serializers.CharField(allow_blank=True),
        default=dict,
        help_text="What is secret and no text, in base64.",
    )
    expires_on = serializers.DateField(
        required=False, allow_null=True, help_text="Its last day; warned of two weeks before."
    )

    def given(self) -> Given:
        """As the service takes it. Raises BadSecret for what is no base64, without repeating it."""
        said: dict[str, Any] = self.validated_data
        values = {key: text.encode() for key, text in said["values"].items()}
        for key, text in said["binary"].items():
            try:
                values[key] = b64decode(text, validate=True)
            except (binascii.Error, ValueError):
                raise BadSecret(f"{key[:60]!r} is no base64.", field="binary") from None
        return Given(said["settings"], values, said.get("expires_on"))


class NewSecretSerializer(GivenSerializer):
    """A new secret of a team."""

    team = VisibleTeamField(
        slug_field="slug",
        error_messages={"does_not_exist": "There is no team {value} that you may see."},
    )
    namespace = serializers.IntegerField(
        required=False,
        allow_null=True,
        help_text="The number of a namespace of the team: only there. Left out: in all of them.",
    )
    name = serializers.CharField(max_length=63)
    kind = serializers.ChoiceField(choices=sorted(kinds()))
    note = serializers.CharField(max_length=LONGEST_NOTE, allow_blank=True, default="")

    def validate_namespace(self, number: int | None) -> TenantNamespace | None:
        """The second door of tenancy: a namespace that the caller may see."""
        if number is None:
            return None
        mine = TenantNamespace.objects.live().visible_to(person(self.context["request"]))
        found = mine.filter(pk=number).first() if number < 2**63 else None
        if found is None:
            raise serializers.ValidationError(f"There is no namespace {number} that you may see.")
        return found


class VersionSerializer(serializers.ModelSerializer[Version]):
    """One version: what of it may be shown."""

    by = serializers.CharField(source="by.username", default=None, allow_null=True)
    keys = serializers.DictField(
        source="sizes", child=serializers.IntegerField(), help_text="Each value's size in bytes."
    )
    kept = serializers.SerializerMethodField(help_text="Whether it can be brought back.")

    class Meta:
        model = Version
        fields = ("number", "at", "by", "settings", "keys", "expires_on", "kept")

    def get_kept(self, version: Version) -> bool:
        return bool(version.sealed)


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    """How a secret stands in one namespace."""

    namespace = serializers.CharField(source="namespace.name")
    cluster = serializers.CharField(source="namespace.cluster.name")

    class Meta:
        model = Delivery
        fields = ("namespace", "cluster", "state", "version", "sentence", "at")


class SecretSerializer(serializers.ModelSerializer[Secret]):
    """A secret, without what it holds."""

    team = serializers.CharField(source="team.slug")
    namespace = serializers.CharField(source="namespace.name", default=None, allow_null=True)
    standing = serializers.SerializerMethodField(
        help_text="no-end, good, ends-soon or ended, by its newest version's last day."
    )
    reach = serializers.SerializerMethodField(
        help_text="Which of the team's pods get to the store or database, and where; '' for other kinds."
    )
    versions = VersionSerializer(many=True)
    deliveries = DeliverySerializer(many=True)

    class Meta:
        model = Secret
        fields = (
            "id", "team", "namespace", "name", "kind", "note", "version", "standing",
            "reach", "created_at", "removed_at", "versions", "deliveries",
        )  # fmt: skip

    def get_standing(self, secret: Secret) -> str:
        ends = next((v.expires_on for v in secret.versions.all()), None)
        return standing.of(ends, timezone.now().date()).word

    def get_reach(self, secret: Secret) -> str:
        newest = next((v.settings for v in secret.versions.all()), None)
        if newest is None:
            return ""
        return reach.of(secret.what, newest, settings.STORE_NETWORKS).sentence


class BringBackSerializer(serializers.Serializer[object]):
    """Which of the versions."""

    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1)


@extend_schema_serializer(component_name="AskedOfSecret")
class AskedSerializer(serializers.Serializer[object]):
    """One thing that a kind wants to be told."""

    name = serializers.CharField()
    title = serializers.CharField(source="label")
    about = serializers.CharField(source="help")
    secret = serializers.BooleanField(help_text="Given among `values`; else among `settings`.")
    needed = serializers.BooleanField(source="required")
    choices = serializers.ListField(child=serializers.CharField())
    usually = serializers.CharField(source="default", help_text="What is taken if it is left out.")


@extend_schema_serializer(component_name="SecretKind")
class KindSerializer(serializers.Serializer[object]):
    """A kind of secret, and what it wants to be told."""

    kind = serializers.CharField(source="KIND")
    title = serializers.CharField(source="TITLE")
    about = serializers.CharField(source="ABOUT")
    namespace = serializers.ChoiceField(choices=["workload", "control"], source="ROLE")
    tested = serializers.CharField(
        source="TESTED", help_text="What trying it does; '' where there is nothing to try."
    )
    asks = AskedSerializer(many=True, source="FIELDS", help_text="None: keys of one's own.")


@extend_schema_serializer(component_name="SecretKinds")
class KindsSerializer(serializers.Serializer[object]):
    """Every kind that this platform has."""

    kinds = KindSerializer(many=True)


@extend_schema_serializer(component_name="TriedSecret")
class TriedSerializer(serializers.Serializer[object]):
    """What came of trying it."""

    works = serializers.BooleanField()
    sentence = serializers.CharField()


class SecretViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Secret]
):
    """The secrets of the teams a person may see; owners write them, and nobody reads one back."""

    queryset = Secret.objects.none()
    serializer_class = SecretSerializer
    lookup_value_regex = "[0-9]{1,18}"
    filter_backends = (ExactFilters,)
    narrowed_by = {"team": "team__slug", "kind": "kind", "name": "name"}

    def get_queryset(self) -> QuerySet[Secret]:
        """Removed ones too, while a namespace still has them."""
        seen = Secret.objects.visible_to(person(self.request))
        there = seen.live() | seen.filter(pk__in=Delivery.objects.values("secret"))
        deliveries = Delivery.objects.select_related("namespace__cluster").defer(
            "namespace__cluster__sealed_kubeconfig"
        )
        return there.select_related("team", "namespace").prefetch_related(
            Prefetch("versions", Version.objects.select_related("by")),
            Prefetch("deliveries", deliveries.order_by("namespace__name")),
        )

    @extend_schema(responses=KindsSerializer, filters=False)
    @action(detail=False, pagination_class=None)
    def kinds(self, request: Request) -> Response:  # noqa: ARG002 - DRF's signature
        """The kinds of secret there are, and what each wants to be told."""
        offered = [kind for _, kind in sorted(kinds().items())]
        return Response(KindsSerializer({"kinds": offered}).data)

    @extend_schema(request=NewSecretSerializer, responses={201: SecretSerializer})
    def create(self, request: Request) -> Response:
        """Add a secret of a team. For its owners."""
        said = NewSecretSerializer(data=request.data, context={"request": request})
        said.is_valid(raise_exception=True)
        made = services.add(
            **{name: said.validated_data[name] for name in ("team", "name", "kind", "note")},
            namespace=said.validated_data.get("namespace"),
            given=said.given(),
            by=person(request),
            now=timezone.now(),
        )
        return Response(self._shown(made.pk), status=status.HTTP_201_CREATED)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:  # noqa: ARG002 - DRF's signature
        """Forget what it holds, and take it from every namespace. For the team's owners."""
        services.remove(self.get_object(), by=person(request), now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=GivenSerializer, responses=SecretSerializer)
    @action(detail=True, methods=["post"])
    def renew(self, request: Request, pk: str) -> Response:  # noqa: ARG002 - DRF's signature
        """Give it a new version, whole. For the team's owners."""
        said = GivenSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        secret = self.get_object()
        services.renew(secret, given=said.given(), by=person(request), now=timezone.now())
        return Response(self._shown(secret.pk))

    @extend_schema(request=BringBackSerializer, responses=SecretSerializer)
    @action(detail=True, methods=["post"], url_path="bring-back")
    def bring_back(self, request: Request, pk: str) -> Response:  # noqa: ARG002 - DRF's signature
        """An older version once more, as the newest. For the team's owners."""
        said = BringBackSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        secret = self.get_object()
        number = said.validated_data["version"]
        services.bring_back(secret, number, by=person(request), now=timezone.now())
        return Response(self._shown(secret.pk))

    @extend_schema(request=None, responses=TriedSerializer)
    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: str) -> Response:  # noqa: ARG002 - DRF's signature
        """Try its newest version where it is used. For the team's owners."""
        tried = services.try_it(self.get_object(), by=person(request), now=timezone.now())
        return Response(TriedSerializer(tried).data)

    def _shown(self, pk: int) -> dict[str, Any]:
        return dict(SecretSerializer(self.get_queryset().get(pk=pk)).data)
