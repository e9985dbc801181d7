"""One turn of the loop: observe, plan, apply, observe again, report."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from django.db import OperationalError
from django.utils import timezone

from controlplane.clusters import recording
from controlplane.clusters.connections import connect
from controlplane.errors import DomainError
from controlplane.kube.errors import Forbidden, KubeError, Unreachable
from tenants import requests, services
from tenants.models import TenantNamespace
from tenants.spec import NamespaceSpec

from . import needs, repairs, shut_out, status
from .apply import ClaimLost, apply, failures_of
from .desired import ChartEscapesError, Desired
from .live import Live
from .observe import observe
from .plan import Step, plan
from .record import TurnRecord, record
from .render import render
from .schedule import is_thorough_due
from .status import Report

LEASE = timedelta(seconds=90)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ended:
    """How a turn ended: how long until the row's next (None: not ours), and if its cluster was silent."""

    wait: timedelta | None = None
    silent: bool = False


def reconcile(pk: int) -> timedelta | None:
    """Take one turn for one row; give how long until its next, or None if the row is not ours."""
    return taken(pk).wait


def taken(pk: int) -> Ended:
    """Take one turn for one row, and tell how it ended."""
    now = timezone.now()
    namespace = TenantNamespace.objects.claim(pk, now=now, until=now + LEASE)
    if namespace is None:
        return Ended()  # another worker has it, or it is gone or paused
    spec = shut_out.told_of(namespace.spec(), namespace.team, now=now)
    started, silent = time.monotonic(), False
    turn = TurnRecord(namespace)
    thorough = is_thorough_due(namespace.thorough_at, now)
    try:
        report = take_turn(namespace, spec, turn, thorough=thorough)
    except ClaimLost:
        logger.warning("%s: overslept, another worker has the row", namespace)
        turn.abandon()
        return Ended()
    except (Unreachable, Forbidden) as exc:
        report = not_served(exc)
        silent = isinstance(exc, Unreachable)
        recording.ask_soon(namespace.cluster, now=timezone.now())
    except (KubeError, DomainError) as exc:
        report = status.broken(exc.sentence)
    except ChartEscapesError as exc:
        report = status.broken(str(exc))
    except OperationalError as exc:
        report = status.broken(f"The platform's database did not answer in time ({exc})")
    except Exception as exc:  # the edge: an unknown failure must not keep the claim
        logger.exception("%s: a mistake of the platform's", namespace)
        report = status.broken(f"The platform made a mistake ({type(exc).__name__}); see its log.")
    # The generation we worked on, not the one there is now: if the team changed its mind meanwhile
    # the row stays behind, and comes back.
    seconds = time.monotonic() - started
    wait = record(namespace, spec, report, turn, thorough=thorough, seconds=seconds)
    shut_out.settle(namespace, spec, report, now=timezone.now())
    return Ended(wait, silent)


def take_turn(
    namespace: TenantNamespace, spec: NamespaceSpec, turn: TurnRecord, *, thorough: bool
) -> Report:
    """Observe, plan, apply, observe again, summarise."""
    desired = render(spec)
    if changed_since_approved(namespace, spec, desired):
        requests.reopen(namespace, note="What would be made has changed since you looked.")
        return status.plan_changed()
    connection = connect(namespace.cluster)
    live = observe(connection, spec, desired, thorough=thorough)
    steps = plan(spec, desired, live)
    if not steps:
        return status.summarise(spec, desired, live, (), needs.of(namespace))
    services.begin(namespace, now=timezone.now())
    turn.begin(steps, repairs=_repairs(namespace, spec, steps, desired, live))
    outcomes = apply(steps, connection, keep_claim=lambda: _renewed(namespace), note=turn.note)
    live = observe(connection, spec, desired)
    return status.summarise(spec, desired, live, failures_of(outcomes), needs.of(namespace))


def not_served(error: KubeError) -> Report:
    """Why no turn can be taken: the cluster is away, or answers and refuses us."""
    if isinstance(error, Forbidden):
        return status.forbidden(error.sentence)
    return status.unreachable(error.sentence)


def _repairs(
    namespace: TenantNamespace,
    spec: NamespaceSpec,
    steps: Sequence[Step],
    desired: Desired,
    live: Live,
) -> str:
    """What these steps put back; nothing, while this wish has yet to be carried out."""
    acted_on = namespace.observed_generation >= spec.generation and not spec.deleted
    if namespace.applied_at is None or not acted_on:
        return ""
    return repairs.told(steps, desired, live, control=spec.control)


def changed_since_approved(
    namespace: TenantNamespace, spec: NamespaceSpec, desired: Desired
) -> bool:
    """True if this would make something else than what a person approved.

    Until it was carried out whole once. After that its tier and the platform's charts are the
    platform team's to change, and each such change is theirs, on record. A wish that nobody has
    approved is bound to no plan, so that every plan differs from it.
    """
    if namespace.applied_at is not None or spec.deleted:
        return False
    # Who is shut out of Argo for an hour is no part of what anybody approved.
    shown = render(replace(spec, shut_out={})) if spec.shut_out else desired
    return shown.fingerprint != spec.approved_plan


def _renewed(namespace: TenantNamespace) -> bool:
    return services.renew(namespace, until=timezone.now() + LEASE)
