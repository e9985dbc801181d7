"""Who lost a level of a team a moment ago, and may still act by it at Argo's server.

That one goes by the groups a session began with, for up to an hour. So each of them is named in the rules of
that team's accounts until the last such session has ended. The rules are rendered anew by a turn of the loop,
which is asked for at once.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from controlplane.identity import leaving
from controlplane.identity.models import Cut, CutState, User
from tenants import services
from tenants.conditions import Condition, Status
from tenants.levels import Level
from tenants.models import Team, TenantNamespace
from tenants.spec import NamespaceSpec

from . import sign_on
from .models import ShutOut
from .status import GUARD_RAILS_READY, Report

# A session may have begun a little later than it should have: the cluster's clock is not ours.
MARGIN = timedelta(minutes=5)


def way_in(namespace: TenantNamespace) -> str:
    """How a person's access page calls this way in."""
    return f"argo@{namespace.name} on {namespace.cluster.name}"


@transaction.atomic
def follow(
    user: User, *, before: Collection[str], after: Collection[str], now: datetime
) -> list[TenantNamespace]:
    """Shut a person out of the levels they lost, and let them in to those they have; gives where that is."""
    vouching = sign_on.provider()
    if vouching is None or not user.subject or user.issuer != vouching.issuer:
        return []  # nobody whom Argo's server could know
    until = now + timedelta(minutes=vouching.session_minutes) + MARGIN
    ShutOut.objects.filter(until__lt=now).delete()
    touched: list[TenantNamespace] = []
    for team in _naming({*before, *after}):
        held = {level for level, group in team.groups.items() if group and group in after}
        lost = {level for level, group in team.groups.items() if group in before} - held
        back, _ = ShutOut.objects.filter(user=user, team=team, level__in=held).delete()
        for level in lost:
            ShutOut.objects.update_or_create(
                user=user, team=team, level=level, defaults={"until": until}
            )
        if lost or back:
            touched += _affected(team)
            for namespace in _affected(team) if lost else ():
                _tell(namespace, user, until=until, now=now)
    services.nudge(TenantNamespace.objects.filter(pk__in=[each.pk for each in touched]))
    return touched


def told_of(spec: NamespaceSpec, team: Team, *, now: datetime) -> NamespaceSpec:
    """The wish with who is shut out of it now."""
    rows = ShutOut.objects.filter(team=team, until__gt=now).values_list("level", "user__subject")
    found: defaultdict[Level, list[str]] = defaultdict(list)
    for level, subject in rows:
        found[Level(level)].append(subject)
    return replace(spec, shut_out={level: tuple(sorted(s)) for level, s in found.items()})


def settle(
    namespace: TenantNamespace, spec: NamespaceSpec, report: Report, *, now: datetime
) -> None:
    """Note for each of them whether the rules that a turn left in the cluster name them."""
    subjects = {subject for each in spec.shut_out.values() for subject in each}
    if not subjects:
        return
    waiting = Cut.objects.filter(
        what=way_in(namespace), user__issuer=settings.OIDC_ISSUER, user__subject__in=subjects
    ).exclude(state=CutState.DONE)
    if _hold(report.conditions):
        waiting.update(state=CutState.DONE, done_at=now, sentence=_done(namespace))
    else:
        for cut in waiting.filter(state=CutState.UNDER_WAY):
            _say(cut, _cannot(namespace, report.ready.message, cut.until))


def _hold(conditions: Iterable[Condition]) -> bool:
    """Whether the guard rails, of which the rules are a part, are as they were rendered."""
    return any(c.type == GUARD_RAILS_READY and c.status is Status.TRUE for c in conditions)


def _naming(groups: Collection[str]) -> Iterable[Team]:
    named = [group for group in groups if group]
    return Team.objects.filter(
        Q(*((f"{level}_group__in", named) for level in Level), _connector=Q.OR)
    )


def _affected(team: Team) -> list[TenantNamespace]:
    rows = TenantNamespace.objects.live().filter(team=team).exclude(begun_at=None)
    return list(rows.select_related("cluster"))


def _tell(namespace: TenantNamespace, user: User, *, until: datetime, now: datetime) -> None:
    """What the person reads of it: under way, or why it cannot be done yet."""
    why = ""
    if namespace.paused:
        why = "the platform leaves it alone (paused)"
    elif namespace.cluster.reachable is False:
        why = f"{namespace.cluster.name} does not answer"
    leaving.cut(
        user=user,
        what=way_in(namespace),
        state=CutState.CANNOT_YET if why else CutState.UNDER_WAY,
        noticed_at=now,
        until=until,
        sentence=_cannot(namespace, why, until)
        if why
        else f"Argo of {namespace.name} is being told.",
    )


def _say(cut: Cut, sentence: str) -> None:
    cut.state, cut.sentence = CutState.CANNOT_YET, sentence
    cut.save(update_fields=["state", "sentence"])


def _done(namespace: TenantNamespace) -> str:
    return f"Argo of {namespace.name} refuses a session that began before."


def _cannot(namespace: TenantNamespace, why: str, until: datetime | None) -> str:
    ends = f" until {timezone.localtime(until):%H:%M} UTC at the latest" if until else ""
    said = f"A session at Argo of {namespace.name} that began before may go on{ends}: {why}"
    return f"{said.rstrip('.')}."[:300]
