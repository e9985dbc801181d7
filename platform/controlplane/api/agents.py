"""What a cluster's agent asks and says: its bundle, the facts, what it saw. With its own token alone."""

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse
from django.utils import timezone
from django.utils.http import parse_etags
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from controlplane.clusters.models import Cluster
from controlplane.policies import agents, bundles, sightings
from controlplane.policies.folding import Sighting
from controlplane.policies.models import LONGEST_IMAGE, LONGEST_SENTENCE, AgentToken, Sight

from .people import PlatformAdminsWrite

JSON = "application/json"
SOURCES = ("webhook", "event", "argo", "audit-log", "scanner")
LAST_VERSION = 2**62
MOST = sightings.MOST


class AgentAuthentication(BaseAuthentication):
    """`Authorization: Bearer argosy_agent_…`: a cluster, and no person."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, AgentToken] | None:
        scheme, _, plain = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            return None
        token = agents.known(plain, now=timezone.now())
        if token is None:
            raise AuthenticationFailed("This is no agent's token, or it has ended; make a new one.")
        return AnonymousUser(), token

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002 - DRF's signature
        """Answer 401, not 403, to who brings nothing."""
        return "Bearer"


class IsAgent(BasePermission):
    """Only who came with an agent's token; a person's opens nothing here."""

    def has_permission(self, request: Request, view: APIView) -> bool:  # noqa: ARG002 - DRF's
        return isinstance(request.auth, AgentToken)


class ClippedField(serializers.CharField):
    """Text cut to what is kept: one long name must not make an agent's whole post come back for ever."""

    def __init__(self, *, longest: int, **options: Any) -> None:
        super().__init__(allow_blank=True, trim_whitespace=False, **options)
        self.longest = longest

    def to_internal_value(self, data: Any) -> str:
        return super().to_internal_value(data).replace("\0", "")[: self.longest]

    def run_validation(self, data: Any = serializers.empty) -> Any:
        return super().run_validation(data.replace("\0", "") if isinstance(data, str) else data)


class SightingSerializer(serializers.Serializer[object]):
    """One image that broke one rule, as it was seen."""

    namespace = ClippedField(longest=63, default="")
    kind = ClippedField(longest=63)
    name = ClippedField(longest=253, default="")
    path = ClippedField(longest=300, default="")
    container = ClippedField(longest=253, default="")
    image = ClippedField(longest=LONGEST_IMAGE, default="")
    code = ClippedField(longest=40)
    reason = ClippedField(longest=LONGEST_SENTENCE, default="")
    state = serializers.ChoiceField(choices=[Sight.REFUSED, Sight.ADMITTED, Sight.RUNNING])
    source = serializers.ChoiceField(choices=SOURCES)  # type: ignore[assignment]  # taken out by DRF
    at = serializers.DateTimeField()
    count = serializers.IntegerField(min_value=1, max_value=1_000_000, default=1)


class ScannedSerializer(serializers.Serializer[object]):
    """All that runs in a namespace was looked at then. Its violations come in the same post."""

    namespace = ClippedField(longest=63)
    at = serializers.DateTimeField()
    images = serializers.IntegerField(min_value=0, max_value=2**31 - 1, default=0)


class AdmittedSerializer(serializers.Serializer[object]):
    """An image that was let in then."""

    namespace = ClippedField(longest=63)
    image = ClippedField(longest=LONGEST_IMAGE)
    at = serializers.DateTimeField()


class PostSerializer(serializers.Serializer[object]):
    """What an agent saw. May be posted again: what is known is not counted twice."""

    sightings = serializers.ListField(child=SightingSerializer(), max_length=MOST, default=list)
    scanned = serializers.ListField(child=ScannedSerializer(), max_length=MOST, default=list)
    admitted = serializers.ListField(child=AdmittedSerializer(), max_length=MOST, default=list)


class PostedSerializer(serializers.Serializer[object]):
    """What became of it. `foreign`: in no team's namespace; `dropped`: there was no room."""

    new = serializers.IntegerField()
    known = serializers.IntegerField()
    foreign = serializers.IntegerField()
    dropped = serializers.IntegerField()


class SignatureSerializer(serializers.Serializer[object]):
    """One signature of an envelope."""

    keyid = serializers.CharField()
    sig = serializers.CharField()


class EnvelopeSerializer(serializers.Serializer[object]):
    """DSSE. What it holds is believed by its signature, not by where it came from."""

    payload = serializers.CharField()
    payloadType = serializers.CharField()  # noqa: N815 - the standard's own spelling
    signatures = SignatureSerializer(many=True)


class ForAgents(APIView):
    """A cluster asks for itself, and can ask for no other."""

    authentication_classes = (AgentAuthentication,)
    permission_classes = (IsAgent,)

    @property
    def token(self) -> AgentToken:
        """Who asks."""
        token = self.request.auth
        if not isinstance(token, AgentToken):
            raise TypeError("a view for agents lets nobody else in")
        return token


class BundleView(ForAgents):
    """What the agent's cluster is to enforce."""

    @extend_schema(
        parameters=[OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER)],
        responses={200: EnvelopeSerializer, 304: None},
    )
    def get(self, request: Request) -> HttpResponse:
        """The newest bundle, sealed; 304 if that is the one whose ETag was sent along."""
        told = bundles.bundle_for(self.token.cluster, now=timezone.now())
        has = parse_etags(request.headers.get("If-None-Match", ""))
        agents.heard(self.token, bundle_version=_version_of(has))
        headers = {"ETag": told.etag, "Cache-Control": "private, no-cache"}
        if told.etag in has:
            return HttpResponse(status=status.HTTP_304_NOT_MODIFIED, headers=headers)
        return HttpResponse(told.envelope, content_type=JSON, headers=headers)


class SinceSerializer(serializers.Serializer[object]):
    """From where on."""

    since = serializers.IntegerField(min_value=0, max_value=LAST_VERSION, default=0)


class FactsView(ForAgents):
    """What was verified of images when they were pushed."""

    @extend_schema(parameters=[SinceSerializer], responses=EnvelopeSerializer)
    def get(self, request: Request) -> HttpResponse:
        """What came after version `since`, sealed; ask again from its version on until it is empty."""
        asked = SinceSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        since: int = asked.validated_data["since"]
        sealed = bundles.facts_for(self.token.cluster, since=since, now=timezone.now())
        return HttpResponse(sealed, content_type=JSON, headers={"Cache-Control": "no-store"})


class SightingsView(ForAgents):
    """What the agent saw."""

    @extend_schema(request=PostSerializer, responses=PostedSerializer)
    def post(self, request: Request) -> Response:
        """Keep it. What is in no team's namespace is counted, and not kept."""
        said = PostSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        seen = said.validated_data
        recorded = sightings.record(
            cluster=self.token.cluster,
            now=timezone.now(),
            sightings=[Sighting(**each) for each in seen["sightings"]],
            scanned=[sightings.Scanned(**each) for each in seen["scanned"]],
            admitted=[sightings.Admitted(**each) for each in seen["admitted"]],
        )
        return Response(PostedSerializer(recorded).data)


class NewAgentTokenSerializer(serializers.Serializer[object]):
    """The one time that an agent's token is shown, with the key that its bundles are signed by."""

    cluster = serializers.CharField()
    token = serializers.CharField()
    bundle_key = serializers.CharField(help_text="PEM; what the agent believes bundles by.")


class NextTokenView(ForAgents):
    """How an agent rotates its own token."""

    @extend_schema(request=None, responses={201: NewAgentTokenSerializer})
    def post(self, request: Request) -> Response:  # noqa: ARG002 - DRF's signature
        """The next one, shown once. The one that was used now ends a while after that is first used.

        A quarter of an hour: replicas that have not been brought the next one yet are not turned away.
        """
        return _shown_once(self.token.cluster)


class NewAgentSerializer(serializers.Serializer[object]):
    """Whose agent."""

    cluster = serializers.SlugRelatedField(slug_field="name", queryset=Cluster.objects.all())


class NewAgentView(APIView):
    """How a cluster's agent gets its first token, or one in place of a lost one."""

    permission_classes = (IsAuthenticated, PlatformAdminsWrite)

    @extend_schema(request=NewAgentSerializer, responses={201: NewAgentTokenSerializer})
    def post(self, request: Request) -> Response:
        """A token for the agent of a cluster, shown once. For the platform's admins."""
        said = NewAgentSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        cluster: Cluster = said.validated_data["cluster"]
        return _shown_once(cluster)


def _shown_once(cluster: Cluster) -> Response:
    _, plain = agents.issue(cluster)
    shown = {"cluster": cluster.name, "token": plain, "bundle_key": bundles.public_key()}
    return Response(
        NewAgentTokenSerializer(shown).data,
        status=status.HTTP_201_CREATED,
        headers={"Cache-Control": "no-store"},
    )


def _version_of(etags: list[str]) -> int | None:
    """Which bundle the agent has, by the tag that it got with it."""
    first = etags[0].strip('"').partition("-")[0] if etags else ""
    is_number = first.isascii() and first.isdigit() and len(first) < len(str(LAST_VERSION))
    return int(first) if is_number else None
