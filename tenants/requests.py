"""Filing a request and deciding on it: the only writers of a Request's columns."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec
from django.db import IntegrityError, transaction
from django.utils import timezone

from controlplane.audit import record
from controlplane.errors import Changed, DomainError, NotAllowed, NotNow
from controlplane.identity.models import User

from . import changes, services
from .errors import AlreadyDecided, AlreadyWished, OwnRequest, PartlyMade
from .levels import Act
from .models import NOTE_LENGTH, Draft, Request, RequestEvent, RequestState, Team, TenantNamespace
from .placed import NoPlace, Placed
from .spec import NamespaceSpec

Kind = RequestEvent.Kind
MOST_RIVALS = 5  # that are named


@transaction.atomic
def file(
    *,
    kind: str,
    team: Team,
    by: User,
    fields: object,
    reason: str = "",
    draft: Draft | None = None,
) -> Request:
    """Ask, in the name of a team. Whatever cannot be is refused here, and nothing is kept of it.

    The draft it was written in, if there was one, goes with the filing.
    """
    check_asker(team, by)
    check_text(reason, field="reason")
    change = changes.kind_of(kind)
    asked = changes.read(change, fields)
    # Lock the team, so that two requests at once cannot both take its last slot.
    team = Team.objects.select_for_update().get(pk=team.pk)
    placed = change.place(team, asked)
    change.check(team, change.settled(asked, placed))
    request = Request(
        kind=kind,
        team=team,
        requested_by=by,
        asked=msgspec.to_builtins(asked),
        placed=_kept(placed),
        reason=reason,
    )
    request.full_clean()
    request.save()
    _happened(request, Kind.FILED, by=by, note=reason)
    if draft is not None:
        Draft.objects.visible_to(by).filter(pk=draft.pk).delete()
    return request


@dataclass(frozen=True)
class Trial:
    """What asking something would lead to: in a sentence, as a value, and where (None: as named)."""

    sentence: str
    spec: NamespaceSpec
    placed: Placed | None


def try_out(*, kind: str, team: Team, by: User, fields: object) -> Trial:
    """What asking this would lead to; refused as filing it would be."""
    check_asker(team, by)
    change = changes.kind_of(kind)
    asked = changes.read(change, fields)
    placed = change.place(team, asked)
    asked = change.settled(asked, placed)
    change.check(team, asked)
    return Trial(change.sentence(team, asked), change.spec(team, asked), placed)


def problems_of(request: Request) -> tuple[str, ...]:
    """What keeps a request from being approved as things are now; it may have been well when filed."""
    if request.state != RequestState.PENDING or request.namespace_id is not None:
        return ()
    try:
        change = changes.kind_of(request.kind)
        found = change.problems(request.team, _settled(change, request))
        return tuple(problem.sentence for problem in found)
    except DomainError as exc:
        return (exc.sentence,)


def has_lost_its_place(request: Request) -> bool:
    """Whether the cluster that was chosen for it by labels takes it no more, as things are now."""
    if request.placement is None or request.namespace_id is not None:
        return False
    try:
        change = changes.kind_of(request.kind)
        found = change.problems(request.team, _settled(change, request))
        return any(isinstance(problem, NoPlace) for problem in found)
    except DomainError:
        return False


def rivals_said(
    *,
    kind: str,
    fields: object,
    by: User,
    placed: Placed | None = None,
    but: Request | None = None,
) -> str:
    """Who else waits for the very same, in a sentence for this person; '' if nobody does."""
    change = changes.kind_of(kind)
    found = change.rivals(change.settled(changes.read(change, fields), placed))
    if but is not None:
        found = found.exclude(pk=but.pk)
    waiting = list(found.order_by("pk").values_list("pk", flat=True)[:MOST_RIVALS])
    if not waiting:
        return ""
    seen = Request.objects.visible_to(by).filter(pk__in=waiting).order_by("pk")
    if numbers := [f"#{pk}" for pk in seen.values_list("pk", flat=True)]:
        waits = "waits" if len(numbers) == 1 else "wait"
        return f"{' and '.join(numbers)} already {waits} for this name."
    # Another team's request is not there for this person; that the name may go is theirs to know.
    return "Another team's request already waits for this name."


def see(request: Request, *, by: User) -> None:
    """Keep that somebody who may decide has opened it, the first time they do."""
    if request.state != RequestState.PENDING or not may_decide(request, by):
        return
    seen = RequestEvent.objects.filter(request=request, kind=Kind.SEEN, by=by)
    if seen.exists():
        return
    # Two windows of one person may open it at once: the constraint lets one event in.
    with suppress(IntegrityError), transaction.atomic():
        _happened(request, Kind.SEEN, by=by)


@transaction.atomic
def comment(request: Request, *, by: User, note: str) -> Request:
    """Say something about a request, to either side, decided or not."""
    if not by.is_approver and request.team.level_of(by) is None:
        raise NotAllowed(f"Only people of {request.team.slug} and approvers comment here.")
    if not note.strip():
        raise DomainError("A comment needs words.", code="no_comment", field="note")
    _happened(request, Kind.COMMENTED, by=by, note=note)
    return request


@transaction.atomic
def amend(request: Request, *, by: User, fields: object, note: str) -> Request:
    """Change what is asked, and say why, before it is decided. What was filed stays in its event."""
    request = _undecided(request)
    check_decider(request, by)
    if request.namespace_id is not None:
        raise AlreadyWished(
            f"Request #{request.pk} was approved once, so what it asks is written down already. "
            "Approve its plan as it is now, or reject it and have the team ask anew."
        )
    if not note.strip():
        raise DomainError(
            "An amendment needs a reason that helps the team.", code="no_reason", field="note"
        )
    change = changes.kind_of(request.kind)
    asked = changes.read(change, fields)
    if msgspec.to_builtins(asked) == request.asked:
        raise DomainError("That is what is asked already; change something.", code="no_change")
    team = Team.objects.select_for_update().get(pk=request.team_id)
    placed = change.place(team, asked)
    change.check(team, change.settled(asked, placed))
    before = request.asked
    request.asked, request.placed = msgspec.to_builtins(asked), _kept(placed)
    request.save(update_fields=["asked", "placed"])
    _happened(request, Kind.AMENDED, by=by, note=note, before=before)
    return request


def place_again(request: Request, *, by: User | None) -> Request:
    """Choose a cluster anew for what labels ask, because the one that was chosen takes it no more.

    Raises NotNow where it still does: what the approver reads does not move without need. Raises
    NoPlace where no cluster does; both outcomes are on the request's record.
    """
    request, nowhere = _placed_again(request, by=by)
    if nowhere is not None:
        raise nowhere
    return request


@transaction.atomic
def _placed_again(request: Request, *, by: User | None) -> tuple[Request, NoPlace | None]:
    """The request and, kept as an event before it is raised, why no cluster takes it."""
    request = _undecided(request)
    if by is not None and not may_decide(request, by) and not may_ask(request.team, by):
        raise NotAllowed(f"Only approvers and owners of {request.team.slug} have it placed anew.")
    before = request.placement
    if before is None or request.namespace_id is not None:
        raise NotNow(
            f"Request #{request.pk} has its cluster: it was named, or its wish is written already."
        )
    change = changes.kind_of(request.kind)
    asked = changes.read(change, request.asked)
    team = Team.objects.select_for_update().get(pk=request.team_id)
    found = change.problems(team, change.settled(asked, before))
    why = next((problem for problem in found if isinstance(problem, NoPlace)), None)
    if why is None:
        raise NotNow(f"{before.cluster} can still take request #{request.pk}: it stays there.")
    try:
        placed = change.place(team, asked)
    except NoPlace as nowhere:
        _happened(
            request, Kind.UNPLACED, by=by, note=_clipped(f"{why.sentence} {nowhere.sentence}")
        )
        return request, nowhere
    request.placed = _kept(placed)
    request.save(update_fields=["placed"])
    moved = f"From {before.cluster} to {request.cluster_name}: {why.sentence}"
    _happened(request, Kind.PLACED, by=by, note=_clipped(moved))
    return request, None


@transaction.atomic
def approve(
    request: Request, *, by: User, plan_hash: str, decided: dict[str, Any], note: str = ""
) -> Request:
    """Say yes to exactly the plan of `plan_hash`; the wish it writes is bound to it.

    `request` is the row that plan was made from: amended since, it is another question.
    """
    planned, cluster = request.asked, request.cluster_name
    request = _undecided(request)
    check_decider(request, by)
    if request.asked != planned:
        raise Changed(f"Request #{request.pk} was amended since you looked; read its plan again.")
    if request.cluster_name != cluster:
        raise Changed(
            f"Request #{request.pk} goes to {request.cluster_name} since you looked, no more to "
            f"{cluster}; read its plan again."
        )
    Team.objects.select_for_update().get(pk=request.team_id)
    change = changes.kind_of(request.kind)
    asked = _settled(change, request)
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
    if not may_ask(request.team, by):
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
    return change.spec(request.team, _settled(change, request))


def sentence_of(request: Request) -> str:
    """What approving would do, for people; one that can no longer be read says so."""
    try:
        change = changes.kind_of(request.kind)
        return change.sentence(request.team, _settled(change, request))
    except DomainError as exc:
        return f"This request can no longer be carried out: {exc.sentence}"


def may_ask(team: Team, by: User) -> bool:
    """True for those who file and withdraw in this team's name."""
    return team.allows(by, Act.FILE_REQUESTS)


def check_asker(team: Team, by: User) -> None:
    """Refuse who may not ask for this team."""
    if not may_ask(team, by):
        raise NotAllowed(f"Only owners of {team.slug} can ask in its name.")


def may_decide(request: Request, by: User) -> bool:
    """True for those who may say yes or no to this request."""
    return by.is_approver and request.requested_by_id != by.pk


def check_decider(request: Request, by: User) -> None:
    """Refuse who may not decide on this request, before anybody works out its plan for them."""
    if request.requested_by_id == by.pk:
        raise OwnRequest("Nobody decides on their own request; ask another approver.")
    if not by.is_approver:
        raise NotAllowed("Only approvers of the platform decide on requests.")


def check_text(said: str, *, field: str) -> None:
    """Refuse words that cannot be kept, beside the field they were typed in."""
    if len(said) > NOTE_LENGTH:
        raise DomainError(
            f"That has {len(said)} characters; at most {NOTE_LENGTH} are kept.",
            code="too_long",
            field=field,
        )
    if "\0" in said:
        raise DomainError(
            "That has a character (NUL) that no database keeps.", code="unreadable", field=field
        )


def _settled(change: changes.Kind, request: Request) -> Any:
    """What a request asks, on the cluster that it is for."""
    return change.settled(changes.read(change, request.asked), request.placement)


def _kept(placed: Placed | None) -> dict[str, Any]:
    return {} if placed is None else msgspec.to_builtins(placed)


def _clipped(note: str) -> str:
    return note if len(note) <= NOTE_LENGTH else f"{note[: NOTE_LENGTH - 1]}…"


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


def _happened(
    request: Request,
    kind: Kind,
    *,
    by: User | None,
    note: str = "",
    before: dict[str, Any] | None = None,
    **rest: Any,
) -> None:
    check_text(note, field="note")
    RequestEvent.objects.create(
        request=request, kind=kind, by=by, note=note, asked=request.asked, **rest
    )
    if kind is Kind.SEEN:
        return  # nothing was done
    record(
        f"request.{kind}",
        actor=by.get_username() if by is not None else None,
        target=f"request #{request.pk}",
        before={"asked": before} if before is not None else None,
        after={"asked": request.asked, "state": request.state, "note": note},
        team=request.team.slug,
    )
