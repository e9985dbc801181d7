"""When is a namespace gone through? When a secret changes, when one is made, and by the clock."""

from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from tenants.models import TenantNamespace

from .models import Delivery, Round, Secret
from .signals import rounds_due

ANNOUNCED = 200  # at once; the sweep brings the others within its few seconds


def call(secret: Secret, *, now: datetime) -> None:
    """Every namespace that this secret is, or is to be, in is due now; said to a worker after commit."""
    there = Q(pk__in=secret.deliveries.values("namespace"))
    wanted = Q(team=secret.team_id, applied_at__isnull=False)
    if secret.namespace_id is not None:
        wanted &= Q(pk=secret.namespace_id)
    found = TenantNamespace.objects.live().filter(there | wanted)
    pks = list(found.order_by("pk").values_list("pk", flat=True))
    Round.objects.bulk_create(
        (Round(namespace_id=pk, due_at=now) for pk in pks), ignore_conflicts=True
    )
    Round.objects.filter(namespace__in=pks).update(due_at=now, failures=0)
    _announce(pks[:ANNOUNCED])


def begin_new(now: datetime) -> int:
    """A first round for namespaces that are there, belong to a team with secrets, and had none yet."""
    theirs = Secret.objects.live().filter(
        Q(namespace=None) | Q(namespace=OuterRef("pk")), team=OuterRef("team")
    )
    new = TenantNamespace.objects.live().filter(
        Exists(theirs), applied_at__isnull=False, secret_round=None
    )
    made = Round.objects.bulk_create(
        (Round(namespace_id=pk, due_at=now) for pk in new.values_list("pk", flat=True)),
        ignore_conflicts=True,
    )
    return len(made)


def forget_gone() -> None:
    """What was in a namespace that is gone went with it."""
    Delivery.objects.filter(namespace__deleted_at__isnull=False).delete()
    Round.objects.filter(namespace__deleted_at__isnull=False).delete()


def _announce(pks: list[int]) -> None:
    def announce() -> None:
        rounds_due.send(sender=Round, namespaces=pks)

    # Robust: with the broker away the rounds are due by their rows, and the sweep finds them.
    transaction.on_commit(announce, robust=True)
