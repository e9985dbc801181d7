"""Making what a person has in a cluster what the rows say, and telling how far that is.

Nobody holds a lock meanwhile. Whoever wrote to the cluster looks at the rows once more, and if they say
something else by then does it again: so of two at once, the last one to write has seen the newest wish.
"""

import logging
from dataclasses import replace
from datetime import datetime, timedelta

from django.utils import timezone

from controlplane.clusters import recording
from controlplane.clusters.connections import connect
from controlplane.errors import DomainError
from controlplane.identity import leaving
from controlplane.identity.models import Cut, CutState
from controlplane.kube.door import Connection
from controlplane.kube.errors import KubeError, Unreachable
from controlplane.objects import Ref, ref_of
from provisioning.apply import apply, failures_of
from provisioning.live import Live
from provisioning.plan import guarding

from .bindings import PEOPLE, PERSON, RBAC
from .models import Account
from .wishes import Wish, wish_of

LOOK_EVERY = timedelta(minutes=10)  # for what others changed of it meanwhile
AGAIN, AT_MOST = timedelta(seconds=5), timedelta(minutes=1)
TIMES = 5  # that the rows may change under a hand before the clock goes on with it
NO_LEVEL = "No level there any more."
SECONDS = 10.0  # for one answer: who revokes waits for it

logger = logging.getLogger(__name__)


def follow(account: Account) -> bool:
    """Make it so; False, with the reason on the row, where the cluster could not be made to."""
    try:
        follow_or_fail(account)
    except (KubeError, DomainError) as exc:  # the latter: its credential cannot be opened
        _put_off(account, exc, timezone.now())
        return False
    return True


def follow_or_fail(account: Account) -> None:
    """Make it so, and keep that it is. Raises KubeError or DomainError, and keeps nothing."""
    _note(account, _settled(account), timezone.now())


def is_settled(account: Account, now: datetime) -> bool:
    """Whether what is there is what is wanted now, as far as is known without asking."""
    looked = account.followed_at is not None and account.followed_at > now - LOOK_EVERY
    return looked and not account.failures and account.made == wish_of(account, now).told


def _settled(account: Account) -> Wish:
    """Carry out the wish there is, until it is still the wish afterwards. Raises KubeError."""
    opened = connect(account.cluster)
    connection = replace(opened, kube=opened.kube.within(SECONDS))
    wish = wish_of(account, timezone.now())
    for _ in range(TIMES):
        _carry_out(connection, account, wish)
        newer = wish_of(account, timezone.now())
        if newer == wish:
            break
        wish = newer
    return wish


def _carry_out(connection: Connection, account: Account, wish: Wish) -> None:
    """First what is to end, for that is what cannot wait; then what is to be."""
    kube = connection.kube
    wanted = wish.manifests(account.name, username=account.username)
    labels = f"{PERSON}={account.name}"
    proofs = kube.list("v1", "Secret", PEOPLE, labels=labels)
    # Asked again: one that was issued since has its row before its proof, and is not to be taken away.
    meant = wish_of(account, timezone.now()).proofs
    for proof in proofs:
        if proof["metadata"]["name"] not in meant:
            kube.delete(ref_of(proof))
    # In whatever namespace: one that is the team's no more may still have one.
    mine = {ref_of(m): m for m in kube.list(f"{RBAC}/v1", "RoleBinding", labels=labels)}
    kept = set(map(ref_of, wanted))
    for ref, there in mine.items():
        if ref not in kept:
            kube.delete(ref, uid=there["metadata"]["uid"])
    if not wanted:
        return
    person = Ref("v1", "ServiceAccount", PEOPLE, account.name)
    if (found := kube.get(person)) is not None:
        mine[person] = found
    steps = guarding(wanted, Live(objects=mine))
    if failures := failures_of(apply(steps, connection, keep_claim=lambda: True)):
        raise KubeError("; ".join(failure.sentence for failure in failures))


def _note(account: Account, wish: Wish, now: datetime) -> None:
    """Keep that it is so: what was to end has ended, and when the next look is."""
    # Those that the wish knew: what ended since is still there.
    over = account.kubeconfigs.filter(pk__in=wish.ended, gone_at=None)
    over.good(now).update(revoked_at=now, reason=NO_LEVEL)
    over.update(gone_at=now)
    ends = account.kubeconfigs.good(now).order_by("expires_at").values_list("expires_at", flat=True)
    soonest = ends.first()
    Account.objects.filter(pk=account.pk).update(
        made=wish.told,
        followed_at=now,
        due_at=min(soonest, now + LOOK_EVERY) if soonest else None,
        failures=0,
        message="",
    )
    _tell_cut(account, CutState.DONE, now, "It opens nothing of that any more.")


def _put_off(account: Account, error: KubeError | DomainError, now: datetime) -> None:
    """Keep why it is not so, and when it is tried again."""
    wait = min(AGAIN * 2 ** min(account.failures, 4), AT_MOST)
    Account.objects.filter(pk=account.pk).update(
        failures=account.failures + 1, message=error.sentence[:500], due_at=now + wait
    )
    if isinstance(error, Unreachable):
        recording.ask_soon(account.cluster, now=now)
    until = account.open_until(now)
    logger.warning("%s: cannot be made what it is to be: %s", account, error.sentence)
    if until is None:
        _tell_cut(account, CutState.DONE, now, "What was issued for it has ended by itself.")
    else:
        _tell_cut(account, CutState.CANNOT_YET, now, sentence_of(account, until), until=until)


def sentence_of(account: Account, until: datetime) -> str:
    """That a revocation waits for its cluster, and when it is over whatever happens."""
    return (
        f"{account.cluster.name} {account.cluster.stands}: what was issued for it cannot be revoked before "
        f"{until:%H:%M} UTC, when it ends by itself. It is tried again until then."
    )


def _tell_cut(
    account: Account,
    state: CutState,
    now: datetime,
    sentence: str,
    *,
    until: datetime | None = None,
) -> None:
    """On the person's page of what was cut: only where a cut was noticed, and is not told as done."""
    if account.user is None:
        return
    open_ = Cut.objects.filter(user=account.user, what=way_in(account)).exclude(state=CutState.DONE)
    for each in open_:
        leaving.cut(
            user=account.user,
            what=each.what,
            state=state,
            noticed_at=each.noticed_at,
            done_at=now if state is CutState.DONE else None,
            until=until,
            sentence=sentence,
        )


def way_in(account: Account) -> str:
    """What the page of cuts calls it."""
    return f"kubeconfig@{account.cluster.name}"
