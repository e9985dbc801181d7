"""Requests over REST: asking, reading the plan, deciding."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request as Call
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from controlplane.errors import NotAllowed
from controlplane.identity.models import User
from controlplane.identity.scopes import Scope
from controlplane.plans.agreement import agree, plan_of
from tenants import requests
from tenants.models import Request

from .filtering import ExactFilters
from .people import person
from .request_forms import (
    AmendmentSerializer,
    ApprovalSerializer,
    NoteSerializer,
    PlanSerializer,
    RequestDetailSerializer,
    RequestSerializer,
)


class RequestViewSet(mixins.CreateModelMixin, viewsets.ReadOnlyModelViewSet[Request]):
    """What teams ask for. Filed by owners, decided by the platform's approvers."""

    token_scopes = {
        "create": Scope.REQUEST,
        "place": Scope.REQUEST,
        "comment": Scope.REQUEST,
        "withdraw": Scope.REQUEST,
        "approve": Scope.DECIDE,
        "amend": Scope.DECIDE,
        "reject": Scope.DECIDE,
    }
    queryset = Request.objects.none()
    serializer_class = RequestSerializer
    lookup_value_regex = "[0-9]+"
    filter_backends = (ExactFilters,)
    narrowed_by = {"state": "state", "team": "team__slug", "kind": "kind"}

    def get_queryset(self) -> QuerySet[Request]:
        seen = Request.objects.visible_to(person(self.request))
        seen = seen.select_related("team", "requested_by")
        return seen if self.action == "list" else seen.prefetch_related("events__by")

    def get_serializer_class(self) -> type[BaseSerializer[Request]]:
        return RequestDetailSerializer if self.action == "retrieve" else RequestSerializer

    def perform_create(self, serializer: BaseSerializer[Request]) -> None:
        wish = serializer.validated_data
        serializer.instance = requests.file(
            kind=wish["kind"],
            team=wish["team"],
            by=person(self.request),
            fields=wish["asked"],
            reason=wish.get("reason", ""),
        )

    @extend_schema(responses=PlanSerializer)
    @action(detail=True)
    def plan(self, request: Call, pk: str) -> Response:  # noqa: ARG002 - DRF's signature
        """What approving would make, checked by the cluster. For approvers and the team's owners."""
        found, by = self.get_object(), person(request)
        _check_reader(found, by)
        requests.see(found, by=by)
        return Response(plan_of(found).as_shown())

    @extend_schema(request=ApprovalSerializer, responses=RequestDetailSerializer)
    @action(detail=True, methods=["post"])
    def approve(self, request: Call, pk: str) -> Response:  # noqa: ARG002 - DRF's signature
        """Say yes to the plan of `plan_hash`. 409 `changed`, with the new hash, if there is another now."""
        said = ApprovalSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        found, by = self.get_object(), person(request)
        requests.check_decider(found, by)
        agree(found, plan_of(found), by=by, **said.validated_data)
        return self._as_it_is_now()

    @extend_schema(request=AmendmentSerializer, responses=RequestDetailSerializer)
    @action(detail=True, methods=["post"])
    def amend(self, request: Call, pk: str) -> Response:  # noqa: ARG002 - DRF's signature
        """Change what is asked, and say why, before deciding. The requester sees the difference."""
        said = AmendmentSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        wish = said.validated_data
        requests.amend(
            self.get_object(), by=person(request), fields=wish["asked"], note=wish["note"]
        )
        return self._as_it_is_now()

    @extend_schema(request=None, responses=RequestDetailSerializer)
    @action(detail=True, methods=["post"])
    def place(self, request: Call, pk: str) -> Response:  # noqa: ARG002 - DRF's signature
        """Choose another cluster for what labels ask, where the one that was chosen takes it no more."""
        requests.place_again(self.get_object(), by=person(request))
        return self._as_it_is_now()

    @extend_schema(request=NoteSerializer, responses=RequestDetailSerializer)
    @action(detail=True, methods=["post"])
    def comment(self, request: Call, pk: str) -> Response:  # noqa: ARG002 - DRF's signature
        """Say something about a request, to either side, decided or not."""
        note = _note(request)
        requests.comment(self.get_object(), by=person(request), note=note)
        return self._as_it_is_now()

    @extend_schema(request=NoteSerializer, responses=RequestDetailSerializer)
    @action(detail=True, methods=["post"])
    def reject(self, request: Call, pk: str) -> Response:  # noqa: ARG002 - DRF's signature
        """Say no, and why."""
        note = _note(request)
        requests.reject(self.get_object(), by=person(request), note=note)
        return self._as_it_is_now()

    @extend_schema(request=NoteSerializer, responses=RequestDetailSerializer)
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Call, pk: str) -> Response:  # noqa: ARG002 - DRF's signature
        """Take back what the team asked, while nobody has decided."""
        note = _note(request)
        requests.withdraw(self.get_object(), by=person(request), note=note)
        return self._as_it_is_now()

    def _as_it_is_now(self) -> Response:
        context = self.get_serializer_context()
        return Response(RequestDetailSerializer(self.get_object(), context=context).data)


def _note(call: Call) -> str:
    said = NoteSerializer(data=call.data)
    said.is_valid(raise_exception=True)
    note: str = said.validated_data["note"]
    return note


def _check_reader(request: Request, user: User) -> None:
    """A plan costs the cluster a call an object: for those who decide, and those who asked."""
    if not user.sees_all and not requests.may_ask(request.team, user):
        raise NotAllowed(f"Only approvers and owners of {request.team.slug} read its plans.")
