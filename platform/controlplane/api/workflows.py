"""A namespace's workflows, read, submitted and steered as the account of the caller's level.

The platform impersonates that account, so the cluster's own RBAC decides, and its audit log says who.
Whoever has no level in the team has no account to act as: that is a 403, for the platform's approvers too,
who see the namespace but have no business in its workflows. To strangers the namespace is a 404.
"""

from dataclasses import asdict

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.exceptions import NotFound
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from controlplane.argo import acts, crons
from controlplane.argo.access import acting
from controlplane.argo.submission import API_VERSION, CRON, KIND
from controlplane.argo.verbs import Verb
from controlplane.identity.models import User
from controlplane.identity.scopes import Scope
from tenants.models import TenantNamespace

from .people import person
from .workflow_forms import (
    ActSerializer,
    CronListSerializer,
    CronSerializer,
    PageQuerySerializer,
    SubmissionSerializer,
    SubmittedSerializer,
    WorkflowDetailSerializer,
    WorkflowPageSerializer,
    shown,
    shown_cron,
    shown_in_full,
)


class WorkflowsView(APIView):
    """The workflows of one namespace."""

    token_scopes = {"post": Scope.SUBMIT}

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
        items, cursor = acting(namespace, person(request)).page(
            API_VERSION,
            KIND,
            namespace.name,
            limit=asked.validated_data["limit"],
            cursor=asked.validated_data["cursor"],
        )
        return Response({"items": [shown(w) for w in items], "next_cursor": cursor})

    @extend_schema(
        request=SubmissionSerializer,
        responses={201: SubmittedSerializer, 200: SubmittedSerializer},
        operation_id="namespaces_workflows_submit",
    )
    def post(self, request: Request, namespace_id: int) -> Response:
        """Submit a Workflow. Its namespace and the account it runs as are the platform's to set."""
        asked = SubmissionSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        namespace = _namespace(namespace_id, person(request))
        said, dry_run = asked.validated_data["manifest"], asked.validated_data["dry_run"]
        made = acts.submit(namespace, person(request), said, dry_run=dry_run)
        warnings = [asdict(fault) for fault in acts.faults_in(namespace, said)]
        code = status.HTTP_200_OK if dry_run else status.HTTP_201_CREATED
        return Response({**shown_in_full(made), "warnings": warnings}, status=code)


class WorkflowView(APIView):
    """One workflow of one namespace."""

    token_scopes = {"delete": Scope.SUBMIT}

    @extend_schema(responses=WorkflowDetailSerializer, operation_id="namespaces_workflows_retrieve")
    def get(self, request: Request, namespace_id: int, name: str) -> Response:
        """The workflow with its steps and the whole of its manifest."""
        namespace = _namespace(namespace_id, person(request))
        found = acts.find(namespace, person(request), name)
        if found is None:
            raise NotFound(f"{namespace.name} has no workflow {name}.")
        return Response(shown_in_full(found))

    @extend_schema(responses={204: None}, operation_id="namespaces_workflows_delete")
    def delete(self, request: Request, namespace_id: int, name: str) -> Response:
        """Take the workflow away, with its pods and their logs. Owners and members may."""
        namespace = _namespace(namespace_id, person(request))
        if acts.remove(namespace, person(request), name) is None:
            raise NotFound(f"{namespace.name} has no workflow {name}.")
        return Response(status=status.HTTP_204_NO_CONTENT)


class WorkflowActView(APIView):
    """Something to do with one workflow."""

    token_scopes = {"post": Scope.SUBMIT}

    @extend_schema(
        request=None,
        responses={200: ActSerializer, 201: ActSerializer},
        operation_id="namespaces_workflows_act",
        parameters=[OpenApiParameter("verb", str, OpenApiParameter.PATH, enum=list(Verb))],
    )
    def post(self, request: Request, namespace_id: int, name: str, verb: str) -> Response:
        """Stop, terminate, suspend, resume; or resubmit, which makes a new workflow (201)."""
        namespace = _namespace(namespace_id, person(request))
        done = acts.do(Verb(verb), namespace, person(request), name)
        if done is None:
            raise NotFound(f"{namespace.name} has no workflow {name}.")
        made = Verb(verb) is Verb.RESUBMIT
        return Response(
            {**shown_in_full(done.workflow), "sentence": done.sentence},
            status=status.HTTP_201_CREATED if made else status.HTTP_200_OK,
        )


class CronsView(APIView):
    """The CronWorkflows of one namespace."""

    @extend_schema(responses=CronListSerializer, operation_id="namespaces_crons_list")
    def get(self, request: Request, namespace_id: int) -> Response:
        """All of them, with last, next and missed runs."""
        namespace = _namespace(namespace_id, person(request))
        found = acting(namespace, person(request)).list(API_VERSION, CRON, namespace.name)
        now = timezone.now()
        return Response({"items": [shown_cron(crons.read(cron, now)) for cron in found]})


class CronActView(APIView):
    """Letting one CronWorkflow rest, and waking it."""

    token_scopes = {"post": Scope.SUBMIT}

    @extend_schema(
        request=None,
        responses=CronSerializer,
        operation_id="namespaces_crons_act",
        parameters=[
            OpenApiParameter("verb", str, OpenApiParameter.PATH, enum=["suspend", "resume"])
        ],
    )
    def post(self, request: Request, namespace_id: int, name: str, verb: str) -> Response:
        """Suspend or resume it."""
        namespace = _namespace(namespace_id, person(request))
        suspended = verb == "suspend"
        found = acts.suspend_cron(namespace, person(request), name, suspended=suspended)
        if found is None:
            raise NotFound(f"{namespace.name} has no CronWorkflow {name}.")
        return Response(shown_cron(crons.read(found, timezone.now())))


def _namespace(pk: int, user: User) -> TenantNamespace:
    seen = TenantNamespace.objects.visible_to(user).select_related("team", "cluster")
    found: TenantNamespace = get_object_or_404(seen, pk=pk)
    return found
