"""Filing a request and deciding on it: the only writers of a Request's columns."""

from typing import Any

import msgspec
from django.db import transaction
from django.utils import timezone

from controlplane.errors import DomainError, NotAllowed
from controlplane.identity.models import User

from . import changes, services
from .errors import AlreadyDecided, OwnRequest, PartlyMade
from .levels import MAY, Act
from .models import Request, RequestEvent, RequestState, Team, TenantNamespace
from .spec import NamespaceSpec

Kind = RequestEvent.Kind


@transaction.atomic
def file(*, kind: str, team: Team, by: User, fields: object, reason: str = "") -> Request:
    """Ask, in the name of a team. Whatever cannot be is refused here, and nothing is kept of it."""
    level = team.level_of(by)
    if level is None or Act.FILE_REQUESTS not in MAY[level]:
        raise NotAllowed(f"Only owners of {team.slug} can ask in its name.")
    change = changes.kind_of(kind)
    asked = changes.read(change, fields)
    # Lock the team, so that two requests at once cannot both take its last slot.
    team = Team.objects.select_for_update().get(pk=team.pk)
    change.check(team, asked)
    request = Request(
        kind=kind, team=team, requested_by=by, asked=msgspec.to_builtins(asked), reason=reason
    )
    request.full_clean()
    request.save()
    _happened(request, Kind.FILED, by=by, note=reason)
    return request


@transaction.atomic
def approve(
    request: Request, *, by: User, plan_hash: str, decided: dict[str, Any], note: str = ""
) -> Request:
    """Say yes to exactly the plan of `plan_hash`; the wish it writes is bound to it."""
    request = _undecided(request)
    check_decider(request, by)
    Team.objects.select_for_update().get(pk=request.team_id)
    change = changes.kind_of(request.kind)
    asked = changes.read(change, request.asked)
    request.namespace = change.approve(request, asked, plan_hash=plan_hash)
    request.state = RequestState.APPROVED
    request.save(update_fields=["state", "namespace"])
    _happened(request, Kind.APPROVED, by=by, note=note, plan_hash=plan_hash, decided=decided)
    return request


@transaction.atomic
def reject(request: Request, *, by: User, note: str) -> Request:
    """Say no, and why."""
    request = _undecided(request)
    check_decider(request, by)
    if not note.strip():
        raise DomainError(
            "A rejection needs a reason that helps the team.", code="no_reason", field="note"
        )
    return _close(request, RequestState.REJECTED, Kind.REJECTED, by=by, note=note)


@transaction.atomic
def withdraw(request: Request, *, by: User, note: str = "") -> Request:
    """Take back what the team asked, while nobody has decided."""
    request = _undecided(request)
    level = request.team.level_of(by)
    if level is None or Act.FILE_REQUESTS not in MAY[level]:
        raise NotAllowed(f"Only owners of {request.team.slug} can withdraw its requests.")
    return _close(request, RequestState.WITHDRAWN, Kind.WITHDRAWN, by=by, note=note)


@transaction.atomic
def reopen(namespace: TenantNamespace, *, note: str) -> Request | None:
    """Put the request behind a wish back before its approver; None if that was done already."""
    request = namespace.requests.select_for_update().filter(state=RequestState.APPROVED).first()
    if request is None:
        return None
    request.state = RequestState.PENDING
    request.save(update_fields=["state"])
    services.withdraw_approval(namespace)
    _happened(request, Kind.REOPENED, by=None, note=note)
    return request


def spec_of(request: Request) -> NamespaceSpec:
    """The namespace this request would lead to: what the approver's plan is made from."""
    change = changes.kind_of(request.kind)
    return change.spec(request.team, changes.read(change, request.asked))


def sentence_of(request: Request) -> str:
    """What approving would do, for people; one that can no longer be read says so."""
    try:
        change = changes.kind_of(request.kind)
        return change.sentence(request.team, changes.read(change, request.asked))
    except DomainError as exc:
        return f"This request can no longer be carried out: {exc.sentence}"


def check_decider(request: Request, by: User) -> None:
    """Refuse who may not decide on this request, before anybody works out its plan for them."""
    if request.requested_by_id == by.pk:
        raise OwnRequest("Nobody decides on their own request; ask another approver.")
    if not by.is_approver:
        raise NotAllowed("Only approvers of the platform decide on requests.")


def _undecided(request: Request) -> Request:
    """The row, locked and fresh: of two people who decide at once, the second is told."""
    fresh = Request.objects.select_for_update().select_related("team").get(pk=request.pk)
    if fresh.state != RequestState.PENDING:
        raise AlreadyDecided(f"Request #{fresh.pk} is {fresh.state} already.")
    return fresh


def _close(request: Request, state: RequestState, kind: Kind, *, by: User, note: str) -> Request:
    # A wish that came back to its approver, and of which nothing was made, ends with its request.
    namespace = request.namespace
    if namespace is not None and not services.drop_wish(namespace, now=timezone.now()):
        raise PartlyMade(
            f"Parts of {namespace.name} may be on {namespace.cluster.name} already, so the request "
            "cannot be closed: only an approved delete takes them away. Approve the plan as it is "
            "now, or leave the request open: nothing more is made until then."
        )
    request.state = state
    request.save(update_fields=["state"])
    _happened(request, kind, by=by, note=note)
    return request


def _happened(request: Request, kind: Kind, *, by: User | None, **rest: Any) -> None:
    RequestEvent.objects.create(request=request, kind=kind, by=by, asked=request.asked, **rest)
