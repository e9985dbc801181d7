"""Where everything of the API is. Version 1 keeps its names; what is new comes beside them."""

from django.urls import include, path, re_path
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.routers import SimpleRouter
from rest_framework.views import APIView

from controlplane.argo.verbs import Verb

from . import schema  # noqa: F401 - the schema's extensions register when imported
from .agents import BundleView, FactsView, NewAgentView, NextTokenView, SightingsView
from .artifacts import ArtifactViewSet
from .audit import AuditViewSet
from .clusters import ClusterViewSet
from .exemptions import ExemptionViewSet
from .image_admin import RollOutViewSet, SigningKeyViewSet, StandDownViewSet
from .index import IndexedWorkflowViewSet
from .kubeconfigs import KubeconfigViewSet
from .me import MeView
from .namespaces import NamespaceViewSet
from .placement import PlacementView, RoomViewSet
from .policies import ImagePolicyViewSet
from .requests import RequestViewSet
from .scraping import MetricsAgentView, targets_of
from .secrets import SecretViewSet
from .teams import TeamViewSet
from .tiers import TierViewSet
from .token_list import TokenViewSet
from .tokens import TokenView
from .usage import ChargebackView, FleetClusterView, FleetView, UsageView
from .violations import ViolationViewSet
from .workflows import CronActView, CronsView, WorkflowActView, WorkflowsView, WorkflowView

router = SimpleRouter()
router.register("teams", TeamViewSet)
router.register("tiers", TierViewSet)
router.register("clusters", ClusterViewSet)
router.register("rooms", RoomViewSet)
router.register("requests", RequestViewSet)
router.register("namespaces", NamespaceViewSet)
router.register("kubeconfigs", KubeconfigViewSet)
router.register("workflows", IndexedWorkflowViewSet)
router.register("policies", ImagePolicyViewSet)
router.register("exemptions", ExemptionViewSet)
router.register("secrets", SecretViewSet)
router.register("artifacts", ArtifactViewSet)
router.register("violations", ViolationViewSet)
router.register("roll-outs", RollOutViewSet)
router.register("stand-downs", StandDownViewSet)
router.register("signing-keys", SigningKeyViewSet)
router.register("audit", AuditViewSet)
router.register("tokens", TokenViewSet)


@extend_schema(exclude=True)
class Nowhere(APIView):
    """Whatever is not of the API, in the API's own shape rather than a web page."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:  # noqa: ARG002 - DRF's
        raise NotFound(
            "There is nothing here; /api/v1/schema/ lists every path, each with a slash at its end."
        )


WORKFLOWS = "namespaces/(?P<namespace_id>[0-9]+)/workflows/"
CRONS = "namespaces/(?P<namespace_id>[0-9]+)/crons/"
# An object's name is part of a URL of the cluster's: only what can be one gets that far.
NAME = "(?P<name>[a-z0-9][-a-z0-9.]{0,252})"

v1 = [
    path("schema/", SpectacularAPIView.as_view()),
    path("token/", TokenView.as_view()),
    path("me/", MeView.as_view()),
    path("placement/", PlacementView.as_view()),
    path("agents/", NewAgentView.as_view()),
    path("agents/token/", NextTokenView.as_view()),
    path("agents/bundle/", BundleView.as_view()),
    path("agents/facts/", FactsView.as_view()),
    path("agents/sightings/", SightingsView.as_view()),
    path("usage/", UsageView.as_view()),
    path("usage/chargeback/", ChargebackView.as_view()),
    path("fleet/", FleetView.as_view()),
    re_path(r"^fleet/(?P<name>[a-z0-9][-a-z0-9]{0,62})/\Z", FleetClusterView.as_view()),
    path("metrics/agents/", MetricsAgentView.as_view()),
    re_path(r"^metrics/targets/(?P<name>[a-z0-9-]{1,63})/\Z", targets_of, name="targets"),
    re_path(f"^{WORKFLOWS}$", WorkflowsView.as_view()),
    re_path(rf"^{WORKFLOWS}{NAME}/\Z", WorkflowView.as_view()),
    re_path(rf"^{WORKFLOWS}{NAME}/(?P<verb>{'|'.join(Verb)})/\Z", WorkflowActView.as_view()),
    re_path(rf"^{CRONS}\Z", CronsView.as_view()),
    re_path(rf"^{CRONS}{NAME}/(?P<verb>suspend|resume)/\Z", CronActView.as_view()),
    *router.urls,
]
urlpatterns = [path("v1/", include(v1)), re_path("", Nowhere.as_view())]
