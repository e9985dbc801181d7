"""What a person of the platform does to namespaces, with an answer for each of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from controlplane.errors import DomainError
from controlplane.identity.models import User

from . import services
from .hurry import held
from .models import NamespaceQuerySet, TenantNamespace


@dataclass(frozen=True)
class Outcome:
    """What became of one namespace."""

    namespace: TenantNamespace
    done: bool
    sentence: str


def try_now(chosen: NamespaceQuerySet, *, thorough: bool = False) -> list[Outcome]:
    """Make these due now; those that are paused or gone say so."""

    def act(rows: NamespaceQuerySet) -> object:
        return services.nudge(rows.filter(paused=False), thorough=thorough)

    done = "Due now, for a thorough look." if thorough else "Due now."
    return [
        replace(each, sentence=f"{done} It waits: {why}")
        if each.done and (why := held(each.namespace))
        else each
        for each in _each(chosen, act, refusal=why_not_now, done=done)
    ]


def pause(chosen: NamespaceQuerySet, *, by: User, reason: str) -> list[Outcome]:
    """The loop leaves these alone. Whoever finds one paused will want to know why: a reason is asked."""
    _check_reason(reason)

    def act(rows: NamespaceQuerySet) -> object:
        return services.pause(rows, by=by, reason=reason.strip())

    return _each(chosen, act, refusal=why_not_pause, done="Paused.")


def resume(chosen: NamespaceQuerySet, *, by: User, reason: str) -> list[Outcome]:
    """The loop looks after these again, at once."""

    def act(rows: NamespaceQuerySet) -> object:
        return services.resume(rows, by=by, reason=reason.strip())

    return _each(chosen, act, refusal=why_not_resume, done="Looked after again, and due now.")


def why_not_now(namespace: TenantNamespace) -> str:
    """Why its next turn cannot come now; '' if it can."""
    if namespace.deleted_at is not None:
        return "It is gone: nothing is left to do."
    return "It is paused; resume it first." if namespace.paused else ""


def why_not_pause(namespace: TenantNamespace) -> str:
    """Why it cannot be paused; '' if it can."""
    if namespace.deleted_at is not None:
        return "It is gone: nothing is left to pause."
    return "It was paused already; the earlier reason stays." if namespace.paused else ""


def why_not_resume(namespace: TenantNamespace) -> str:
    """Why it cannot be resumed; '' if it can."""
    if namespace.deleted_at is not None:
        return "It is gone: nothing is left to look after."
    return "" if namespace.paused else "It was not paused."


def _each(
    chosen: NamespaceQuerySet,
    act: Callable[[NamespaceQuerySet], object],
    *,
    refusal: Callable[[TenantNamespace], str],
    done: str,
) -> list[Outcome]:
    rows: Sequence[TenantNamespace] = list(chosen.select_related("team", "cluster"))
    refused = {row.pk: refusal(row) for row in rows}
    act(TenantNamespace.objects.filter(pk__in=[pk for pk, why in refused.items() if not why]))
    return [Outcome(row, not refused[row.pk], refused[row.pk] or done) for row in rows]


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise DomainError(
            "Say why: whoever finds it paused will want to know.", code="no_reason", field="reason"
        )
