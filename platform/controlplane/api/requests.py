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
from tenants import requests
from tenants.levels import MAY, Act
from tenants.models import Request

from .filtering import ExactFilters
from .people import person
from .plans import check_agreed, plan_of
from .request_forms import (
    ApprovalSerializer,
    NoteSerializer,
    PlanSerializer,
    RequestDetailSerializer,
    RequestSerializer,
)


class RequestViewSet(mixins.CreateModelMixin, viewsets.ReadOnlyModelViewSet[Request]):
    """What teams ask for. Filed by owners, decided by the platform's approvers."""

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
        found = self.get_object()
        _check_reader(found, person(request))
        return Response(plan_of(found).as_shown())

    @extend_schema(request=ApprovalSerializer, responses=RequestDetailSerializer)
    @action(detail=True, methods=["post"])
    def approve(self, request: Call, pk: str) -> Response:  # noqa: ARG002 - DRF's signature
        """Say yes to the plan of `plan_hash`. 409 `changed`, with the new hash, if there is another now."""
        said = ApprovalSerializer(data=request.data)
        said.is_valid(raise_exception=True)
        found, by = self.get_object(), person(request)
        requests.check_decider(found, by)
        plan = plan_of(found)
        check_agreed(plan, plan_hash=said.validated_data["plan_hash"])
        requests.approve(
            found,
            by=by,
            plan_hash=plan.hash,
            decided=plan.as_decided(),
            note=said.validated_data["note"],
        )
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
    level = request.team.level_of(user)
    if not user.is_approver and (level is None or Act.FILE_REQUESTS not in MAY[level]):
        raise NotAllowed(f"Only approvers and owners of {request.team.slug} read its plans.")
