"""What metrics engines ask: a cluster's targets, the platform's own figures, and an agent's configuration."""

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.http.request import HttpRequest
from django.views.decorators.http import require_GET
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from controlplane.clusters.models import Cluster
from controlplane.metrics import exposition, files, targets, tokens

from .people import PlatformAdminsWrite

UNAUTHORIZED = 401
TEXT = "text/plain; version=0.0.4; charset=utf-8"
MOUNTED = "/etc/argosy-metrics"  # where an agent's files are, unless it says otherwise


@require_GET
def targets_of(request: HttpRequest, name: str) -> HttpResponse:
    """A cluster's targets, as http_sd lists them. `?inside` for an engine that is in the cluster."""
    cluster = Cluster.objects.filter(name=name).first()
    # Without such a cluster there is a token nobody has: who asks learns nothing by the answer.
    wanted = tokens.for_targets(cluster or Cluster(name=name))
    if not tokens.is_same(_bearer(request), wanted) or cluster is None:
        return _refused("These targets are told to this cluster's own engine, by its token.")
    found = targets.targets_on(cluster)
    if "inside" in request.GET:
        listed = targets.inside(found)
    else:
        listed = targets.through_the_api_server(found, cluster.server)
    return JsonResponse(listed, safe=False, headers={"Cache-Control": "no-store"})


@require_GET
def own(request: HttpRequest) -> HttpResponse:
    """The platform's own figures, for who has their token: neither people nor clusters do."""
    if not tokens.is_same(_bearer(request), tokens.for_exposition()):
        return _refused("These figures are told to a scraper that has their token.")
    return HttpResponse(exposition.exposed(exposition.snapshots.newest()), content_type=TEXT)


class AgentAskedSerializer(serializers.Serializer[object]):
    """Where the engine of a cluster sends what it recorded, and where its files will be."""

    cluster = serializers.SlugRelatedField(slug_field="name", queryset=Cluster.objects.all())
    write = serializers.URLField(help_text="The receiver's remote-write URL.")
    folder = serializers.RegexField(
        r"^/[A-Za-z0-9._/-]{1,200}\Z", default=MOUNTED, help_text="Where its files are there."
    )


class AgentFilesSerializer(serializers.Serializer[object]):
    """Files by their names. `discovery` is a credential."""

    files = serializers.DictField(child=serializers.CharField())


class MetricsAgentView(APIView):
    """What an engine inside a cluster is started with."""

    permission_classes = (IsAuthenticated, PlatformAdminsWrite)

    @extend_schema(request=AgentAskedSerializer, responses=AgentFilesSerializer)
    def post(self, request: Request) -> Response:
        """Its files: configuration, rules, and its token for its targets. For the platform's admins."""
        said = AgentAskedSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        cluster: Cluster = said.validated_data["cluster"]
        discovery = f"{settings.BASE_URL}/api/v1/metrics/targets/{cluster.name}/?inside"
        made = files.of_an_agent(
            cluster.name,
            discovery=discovery,
            write=said.validated_data["write"],
            folder=said.validated_data["folder"],
        )
        told = {"files": {**made, "discovery": tokens.for_targets(cluster)}}
        return Response(told, headers={"Cache-Control": "no-store"})


def _bearer(request: HttpRequest) -> str:
    scheme, _, plain = request.headers.get("Authorization", "").partition(" ")
    return plain if scheme.lower() == "bearer" else ""


def _refused(sentence: str) -> HttpResponse:
    return HttpResponse(
        sentence,
        status=UNAUTHORIZED,
        content_type="text/plain; charset=utf-8",
        headers={"WWW-Authenticate": "Bearer"},
    )
