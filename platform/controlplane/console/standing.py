"""How a tenant namespace is, in words: never a phase without its reason, and when it is tried again."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from tenants.conditions import Condition, Status
from tenants.models import TenantNamespace

from .meanings import Meaning, headline_of, meaning_of


@dataclass(frozen=True)
class Standing:
    """A headline for people, the cluster's own words if they say more, since when, the next try."""

    headline: str = ""
    words: str = ""
    since: datetime | None = None
    next_try: datetime | None = None
    due: bool = False  # the next try is due, and comes as soon as a worker is free
    tries: int = 0
    meaning: Meaning | None = None

    @property
    def is_tried_again(self) -> bool:
        return self.due or self.next_try is not None


def standing_of(namespace: TenantNamespace) -> Standing:
    """The whole story in one value. A namespace that is Ready needs no headline."""
    if namespace.deleted_at is not None:
        made = "It was removed" if namespace.begun_at else "Nothing of it was ever made"
        return Standing(made, since=namespace.deleted_at)
    if namespace.paused:
        words = "It stays as it is until they resume it."
        return Standing("Paused by the platform team", words, since=since_of(namespace.ready))
    ready = namespace.ready
    if ready is None:
        return Standing(_before_first_turn(namespace), since=namespace.created_at)
    if ready.status is Status.TRUE and namespace.observed_generation >= namespace.generation:
        return Standing(since=since_of(ready))
    return _on_its_way(namespace, ready)


def since_of(condition: Condition | None) -> datetime | None:
    """Since when a condition is as it is."""
    if condition is None or not condition.last_transition:
        return None
    return datetime.fromisoformat(condition.last_transition)


def _before_first_turn(namespace: TenantNamespace) -> str:
    if namespace.claimed_until is not None and namespace.claimed_until > timezone.now():
        return "Its first turn is under way"
    # A wish that is bound to no plan is one that went back to its approver.
    return "Waiting for its first turn" if namespace.approved_plan else "Waiting for an approver"


def _on_its_way(namespace: TenantNamespace, ready: Condition) -> Standing:
    if ready.status is Status.TRUE:
        return Standing("A change is about to be made", since=since_of(ready))
    headline, meaning = headline_of(ready), meaning_of(ready.reason, ready.message)
    # A cluster that is known to be away is not tried: its probe brings its namespaces back.
    tried = namespace.cluster.reachable is not False
    due = namespace.next_reconcile_at <= timezone.now()
    return Standing(
        headline=headline,
        words="" if ready.message == headline else ready.message,
        since=since_of(ready),
        next_try=namespace.next_reconcile_at if tried and not due else None,
        due=tried and due,
        tries=namespace.failures,
        meaning=meaning,
    )
