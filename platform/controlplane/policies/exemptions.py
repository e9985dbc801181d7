"""Asking for an exemption and deciding on it: the only writers of an ImageExemption's columns.

Nothing has to be done when one ends: every place that enforces it holds its end beside it.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from controlplane.errors import DomainError, NotAllowed
from controlplane.identity.models import User
from controlplane.rows.history import because
from tenants.levels import Act
from tenants.models import Team, TenantNamespace

from . import references, services, store
from .compile.tables import TooMuch
from .errors import NotOpen, Overlapping, OwnExemption, TooDear
from .models import LONGEST_SENTENCE, ExemptionState, ImageExemption
from .saying import Place


@transaction.atomic
def ask(
    *,
    team: Team,
    by: User,
    image: str,
    reason: str,
    not_after: datetime,
    now: datetime,
    not_before: datetime | None = None,
    namespace: TenantNamespace | None = None,
    digest: str = "",
) -> ImageExemption:
    """Ask that a team may run this image for a while. Whatever cannot be is refused here."""
    check_asker(team, by)
    _check_words(reason, field="reason")
    _check_image(image, digest)
    _check_window(not_before, not_after, now=now)
    if namespace is not None and (namespace.team_id != team.pk or namespace.deleted_at is not None):
        raise DomainError(
            f"{namespace.name} is no namespace of {team.slug}.",
            code="bad_namespace",
            field="namespace",
        )
    # Lock the team, so that two people at once cannot both ask for the same.
    Team.objects.select_for_update().get(pk=team.pk)
    exemption = ImageExemption(
        team=team,
        namespace=namespace,
        image=image,
        image_digest=digest,
        reason=reason.strip(),
        requested_by=by,
        requested_at=now,
        not_before=not_before,
        not_after=not_after,
    )
    _check_alone(exemption, now=now)
    exemption.full_clean()
    exemption.save()
    return exemption


@transaction.atomic
def approve(
    exemption: ImageExemption,
    *,
    by: User,
    now: datetime,
    note: str = "",
    not_after: datetime | None = None,
) -> ImageExemption:
    """Say yes: from now on, or from its beginning on, until its end, or until an earlier one."""
    fresh = _undecided(exemption, by)
    if not_after is not None:
        _check_shorter(fresh, not_after)
        fresh.not_after = not_after
    _check_window(fresh.not_before, fresh.not_after, now=now)
    _check_alone(fresh, now=now)
    fresh.approved_by = by
    _check_affordable(fresh, now=now)
    return _decide(fresh, ExemptionState.APPROVED, by=by, note=note, now=now)


@transaction.atomic
def reject(exemption: ImageExemption, *, by: User, now: datetime, note: str) -> ImageExemption:
    """Say no, and why."""
    fresh = _undecided(exemption, by)
    _check_words(note, field="note")
    return _decide(fresh, ExemptionState.REJECTED, by=by, note=note, now=now)


@transaction.atomic
def end(exemption: ImageExemption, *, by: User, now: datetime, note: str = "") -> ImageExemption:
    """It holds no longer, or is asked for no longer. Its team's owners and members, and approvers, may."""
    fresh = _locked(exemption)
    if not by.is_approver:
        check_asker(fresh.team, by)
    waiting = fresh.state == ExemptionState.PENDING
    if not waiting and not (fresh.state == ExemptionState.APPROVED and fresh.not_after > now):
        raise NotOpen(f"Exemption #{fresh.pk} is over already.")
    return _decide(fresh, ExemptionState.ENDED, by=by, note=note, now=now)


def may_ask(team: Team, by: User) -> bool:
    """True for those who meet the denials: whoever submits workflows for this team."""
    return team.allows(by, Act.SUBMIT_WORKFLOWS)


def check_asker(team: Team, by: User) -> None:
    """Refuse who may not ask for this team."""
    if not may_ask(team, by):
        raise NotAllowed(f"Only owners and members of {team.slug} ask for its exemptions.")


def may_decide(exemption: ImageExemption, by: User) -> bool:
    """True for those who may say yes or no to this one."""
    return by.is_approver and exemption.requested_by_id != by.pk


def _undecided(exemption: ImageExemption, by: User) -> ImageExemption:
    """The row, locked and fresh: of two people who decide at once, the second is told."""
    fresh = _locked(exemption)
    if fresh.requested_by_id == by.pk:
        raise OwnExemption("Nobody decides on an exemption they asked for; ask another approver.")
    if not by.is_approver:
        raise NotAllowed("Only approvers of the platform decide on exemptions.")
    if fresh.state != ExemptionState.PENDING:
        raise NotOpen(f"Exemption #{fresh.pk} is {fresh.state} already.")
    return fresh


def _locked(exemption: ImageExemption) -> ImageExemption:
    # The team first, as in ask(): it is what the windows of its exemptions are counted under.
    Team.objects.select_for_update().get(pk=exemption.team_id)
    rows = ImageExemption.objects.select_for_update(of=("self",))
    return rows.select_related("team", "requested_by").get(pk=exemption.pk)


def _decide(
    exemption: ImageExemption, state: ExemptionState, *, by: User, note: str, now: datetime
) -> ImageExemption:
    if len(note) > LONGEST_SENTENCE:
        raise DomainError(
            f"At most {LONGEST_SENTENCE} characters are kept.", code="too_long", field="note"
        )
    exemption.state, exemption.decided_by, exemption.decided_at = state, by, now
    exemption.note = note.strip()
    exemption.full_clean()
    because(exemption, f"{state.label}."[:100])
    exemption.save()
    return exemption


def _check_image(image: str, digest: str) -> None:
    """An exemption is for one image, written exactly as it stands in the pod."""
    try:
        found = references.parse(image)
        if digest:
            references.parse(f"any.example/image@{digest}")
    except references.NotAReference as error:
        raise DomainError(
            f"`{image}`{f' with {digest}' if digest else ''} is no image: {error}. Write it exactly "
            "as it stands in the pod.",
            code="bad_image",
            field="image",
        ) from None
    if digest and found.digest != digest:
        raise DomainError(
            f"An image held to a digest carries it: write it as {image.partition('@')[0]}@{digest}.",
            code="bad_image",
            field="digest",
        )


def _check_window(not_before: datetime | None, not_after: datetime, *, now: datetime) -> None:
    begins = max(not_before or now, now)
    longest = timedelta(days=settings.EXEMPTION_DAYS)
    if not_after <= now:
        raise DomainError(
            "That end is past already; ask for one to come.", code="bad_window", field="not_after"
        )
    if not_after <= begins:
        raise DomainError(
            "An exemption begins before it ends.", code="bad_window", field="not_before"
        )
    if not_after - begins > longest:
        raise DomainError(
            f"An exemption lasts {settings.EXEMPTION_DAYS} days at most; if the image is to stay, "
            "ask the platform's admins to allow its repository.",
            code="bad_window",
            field="not_after",
        )


def _check_shorter(exemption: ImageExemption, not_after: datetime) -> None:
    """An approver gives what was asked for, or less: more is another question."""
    if not_after > exemption.not_after:
        raise DomainError(
            f"It was asked for until {exemption.not_after:%F %H:%M}; approve it until then, or "
            "earlier.",
            code="bad_window",
            field="not_after",
        )


def _check_alone(exemption: ImageExemption, *, now: datetime) -> None:
    """Two windows of the same image that overlap would leave it open when one of them is ended."""
    same = ImageExemption.objects.filter(
        Q(state=ExemptionState.PENDING) | Q(state=ExemptionState.APPROVED),
        team=exemption.team,
        image=exemption.image,
        not_after__gt=now,
    ).exclude(pk=exemption.pk)
    if exemption.namespace is not None:
        same = same.filter(Q(namespace=None) | Q(namespace=exemption.namespace))
    if exemption.not_before is not None:
        same = same.filter(not_after__gt=exemption.not_before)
    same = same.filter(Q(not_before=None) | Q(not_before__lt=exemption.not_after))
    if (other := same.order_by("pk").first()) is not None:
        raise Overlapping(
            f"Exemption #{other.pk} ({other.state}) of the same image overlaps, until "
            f"{other.not_after:%F %H:%M}; end that one first, or ask for the time after it.",
            field="not_after",
        )


def _check_affordable(exemption: ImageExemption, *, now: datetime) -> None:
    """Refuse the one that would make the API server's rules too large: it would refuse everything."""
    team, said = exemption.team.slug, store.said(now)
    where = {
        cluster: places
        for cluster, places in store.by_cluster().items()
        if any(place.team == team for place in places)
        and (exemption.namespace is None or exemption.namespace.cluster_id == cluster)
    } or {0: (Place("any", team, ""),)}
    for cluster, places in where.items():
        then = said.on(cluster).with_exemption(team, store.exemption_of(exemption))
        try:
            services.check_affordable(then, places)
        except TooMuch as error:
            raise TooDear(
                f"With this exemption the API server could not afford the policy of {team} any more. "
                f"{error.sentence} Or end exemptions that nobody needs now.",
                field="image",
            ) from None


def _check_words(said: str, *, field: str) -> None:
    if not said.strip():
        raise DomainError(
            "Say why: who decides on it, or asks again, has nothing else to go by.",
            code="no_reason",
            field=field,
        )
    if len(said) > LONGEST_SENTENCE or "\0" in said:
        raise DomainError(
            f"At most {LONGEST_SENTENCE} characters are kept, and no NUL.",
            code="too_long",
            field=field,
        )
