"""Artifacts over REST: the CI says who signed what it pushed, and it is verified once, here."""

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework import mixins, serializers, viewsets
from rest_framework.serializers import BaseSerializer

from controlplane.identity.scopes import Scope
from controlplane.policies import pushes
from controlplane.policies.models import Artifact

from .filtering import ExactFilters
from .people import person
from .request_forms import VisibleTeamField


class AttestedSerializer(serializers.Serializer[object]):
    """A statement about an image, and whose."""

    type = serializers.CharField(help_text="The statement's predicate type.")
    key_ids = serializers.ListField(child=serializers.CharField())


class ArtifactSerializer(serializers.ModelSerializer[Artifact]):
    """One digest of one repository, and who signed it. Told again, it adds up."""

    team = VisibleTeamField(
        slug_field="slug",
        error_messages={"does_not_exist": "There is no team {value} that you may see."},
    )
    repository = serializers.CharField(
        max_length=255, help_text="With its registry, without a tag: harbor.corp/payments/api."
    )
    digest = serializers.CharField(max_length=135, help_text="sha256:…")
    envelope = serializers.DictField(
        write_only=True,
        help_text="DSSE: payload (an in-toto statement), payloadType, signatures. The key id of a "
        "signature is the one that the platform shows for the key.",
    )
    key_ids = serializers.ListField(child=serializers.CharField(), read_only=True)
    attestations = AttestedSerializer(many=True, read_only=True)
    pushed_by = serializers.CharField(source="pushed_by.username", read_only=True)

    class Meta:
        model = Artifact
        fields = (
            "id",
            "team",
            "repository",
            "digest",
            "envelope",
            "key_ids",
            "attestations",
            "epoch",
            "at",
            "pushed_by",
        )
        read_only_fields = ("epoch", "at")
        validators = ()  # pushed again is no mistake: it adds up


class ArtifactViewSet(mixins.CreateModelMixin, viewsets.ReadOnlyModelViewSet[Artifact]):
    """What the teams a person may see have pushed. Owners and members push, with any token of theirs."""

    token_scopes = {"create": Scope.SUBMIT}
    queryset = Artifact.objects.none()
    serializer_class = ArtifactSerializer
    lookup_value_regex = "[0-9]+"
    filter_backends = (ExactFilters,)
    narrowed_by = {"repository": "repository", "digest": "digest", "team": "team__slug"}

    def get_queryset(self) -> QuerySet[Artifact]:
        seen = Artifact.objects.visible_to(person(self.request))
        return seen.select_related("team", "pushed_by")

    def perform_create(self, serializer: BaseSerializer[Artifact]) -> None:
        serializer.instance = pushes.push(
            **serializer.validated_data, by=person(self.request), now=timezone.now()
        )
