"""A namespace's workflows, read and submitted as the account of the caller's level.

The platform impersonates that account, so the cluster's own RBAC decides, and its audit log says who.
Whoever has no level in the team has no account to act as: that is a 403, for the platform's approvers too,
who see the namespace but have no business in its workflows. To strangers the namespace is a 404.
"""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from controlplane.clusters.connections import connect
from controlplane.errors import DomainError, NotAllowed
from controlplane.identity.models import User
from controlplane.kube.door import Kube
from controlplane.objects import Ref
from tenants.levels import account_of
from tenants.models import TenantNamespace

from .people import person
from .workflow_forms import (
    API_VERSION,
    KIND,
    PageQuerySerializer,
    SubmissionSerializer,
    WorkflowDetailSerializer,
    WorkflowPageSerializer,
    shown,
    shown_in_full,
    submittable,
)


class WorkflowsView(APIView):
    """The workflows of one namespace."""

    @extend_schema(
        parameters=[
            OpenApiParameter("limit", int, description="1 to 500; 50 unless told."),
            OpenApiParameter("cursor", str, description="`next_cursor` of the page before."),
        ],
        responses=WorkflowPageSerializer,
        operation_id="namespaces_workflows_list",
    )
    def get(self, request: Request, namespace_id: int) -> Response:
        """One page, in the order of names."""
        asked = PageQuerySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        namespace = _namespace(namespace_id, person(request))
        items, cursor = _acting(namespace, person(request)).page(
            API_VERSION,
            KIND,
            namespace.name,
            limit=asked.validated_data["limit"],
            cursor=asked.validated_data["cursor"],
        )
        return Response({"items": [shown(w) for w in items], "next_cursor": cursor})

    @extend_schema(
        request=SubmissionSerializer,
        responses={201: WorkflowDetailSerializer},
        operation_id="namespaces_workflows_submit",
    )
    def post(self, request: Request, namespace_id: int) -> Response:
        """Submit a Workflow. Its namespace and the account it runs as are the platform's to set."""
        asked = SubmissionSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        namespace = _namespace(namespace_id, person(request))
        kube = _acting(namespace, person(request))
        manifest = submittable(asked.validated_data["manifest"], namespace.name)
        made = kube.create(manifest)
        return Response(shown_in_full(made), status=status.HTTP_201_CREATED)


class WorkflowView(APIView):
    """One workflow of one namespace."""

    @extend_schema(responses=WorkflowDetailSerializer, operation_id="namespaces_workflows_retrieve")
    def get(self, request: Request, namespace_id: int, name: str) -> Response:
        """The workflow with its steps and the whole of its manifest."""
        namespace = _namespace(namespace_id, person(request))
        kube = _acting(namespace, person(request))
        found = kube.get(Ref(API_VERSION, KIND, namespace.name, name))
        if found is None:
            raise NotFound(f"{namespace.name} has no workflow {name}.")
        return Response(shown_in_full(found))


def _namespace(pk: int, user: User) -> TenantNamespace:
    seen = TenantNamespace.objects.visible_to(user).select_related("team", "cluster")
    found: TenantNamespace = get_object_or_404(seen, pk=pk)
    return found


def _acting(namespace: TenantNamespace, user: User) -> Kube:
    """The cluster's API as the account of the person's level there."""
    level = namespace.team.level_of(user)
    if level is None:
        raise NotAllowed(
            f"You have no level in {namespace.team.slug}: its workflows are its own business."
        )
    if namespace.applied_at is None or namespace.deleted_at is not None:
        raise DomainError(
            f"{namespace.name} is {namespace.phase}: it has no place for workflows now.",
            code="not_there",
        )
    return connect(namespace.cluster).kube.acting_as(account_of(level, namespace.name))
