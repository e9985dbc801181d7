"""Giving people credentials for a cluster, and taking them back: the only writer of what was issued."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from controlplane import audit
from controlplane.clusters.connections import connect, endpoint_of
from controlplane.clusters.models import Cluster
from controlplane.errors import DomainError, NotAllowed, NotNow
from controlplane.identity import grants
from controlplane.identity.models import User
from controlplane.kube.errors import KubeError, Missing

from . import kubeconfigs
from .bindings import PEOPLE, Place, proof
from .following import follow, follow_or_fail, is_settled, sentence_of
from .models import Account, Kubeconfig, KubeconfigQuerySet
from .wishes import name_of, namespaces_of, places_of

SHORTEST = 10  # minutes: what Kubernetes gives at least
MOST = 20  # good ones at once, of one person for one cluster
BY_THEMSELVES = "Taken back by hand."
NOT_GIVEN = "It was never given out."


@dataclass(frozen=True)
class Issued:
    """A credential, this once."""

    row: Kubeconfig
    token: str
    document: str


@dataclass(frozen=True)
class Revoked:
    """What became of taking it back: a sentence, and when it is over if that is not now."""

    row: Kubeconfig
    sentence: str
    until: datetime | None = None


def clusters_of(user: User) -> list[Cluster]:
    """The clusters for which a person can have a credential."""
    return list(Cluster.objects.filter(namespaces__in=namespaces_of(user)).distinct())


def renewing(*, user: User, cluster: str) -> str:
    """A kubeconfig that asks for its tokens, and holds none. Raises NotAllowed."""
    found, places = _opened_to(user, cluster)
    asks = kubeconfigs.by_asking(found.name, platform=settings.BASE_URL)
    return _document(found, places, asks)


def issue(*, user: User, cluster: str, minutes: int | None = None, now: datetime) -> Issued:
    """A credential of the person's own for a cluster, good for so long (by default as long as is allowed).

    Raises NotAllowed for who has no level there, NotNow for who has many already, KubeError where the
    cluster does not give it; none leaves anything behind that opens the cluster.
    """
    found, places = _opened_to(user, cluster)
    lasts = _lasting(minutes)
    account = _account(user, found)
    row = _begun(account, now=now, until=now + lasts)
    try:
        token, until = _made(account, row, seconds=int(lasts.total_seconds()))
        _keep(row, until=until, places=places)
    except (KubeError, DomainError):
        _withdrawn(row, now=now)
        _recorded("kubeconfig.issue", row, places, audit.Outcome.FAILED)
        raise
    document = _document(found, places, kubeconfigs.by_token(token))
    return Issued(row, token, document)


def revoke(row: Kubeconfig, *, now: datetime, reason: str = BY_THEMSELVES) -> Revoked:
    """Take one back, at once where the cluster answers. To take it back twice is to take it back once."""
    with transaction.atomic():
        mine = Kubeconfig.objects.good(now).filter(pk=row.pk)
        if mine.update(revoked_at=now, reason=reason):
            Account.objects.filter(pk=row.account_id).update(due_at=now)
            _recorded("kubeconfig.revoke", row, ())
    row.refresh_from_db()
    if row.gone_at is None:
        follow(row.account)
        row.refresh_from_db()
    return standing_of(row, now)


def standing_of(row: Kubeconfig, now: datetime) -> Revoked:
    """How one stands: good, being taken back, taken back, or ended."""
    if row.revoked_at is None:
        ended = row.expires_at <= now
        return Revoked(row, "It has ended." if ended else f"Good until {row.expires_at:%H:%M} UTC.")
    if row.gone_at is not None:
        return Revoked(
            row,
            f"Taken back at {row.gone_at:%H:%M} UTC: within 10 s it opens nothing. {row.reason}",
        )
    if row.expires_at <= now:
        return Revoked(row, "It has ended by itself.")
    return Revoked(row, sentence_of(row.account, row.expires_at), row.expires_at)


def visible(user: User) -> KubeconfigQuerySet:
    """Those a person may see, with whose they are."""
    seen = Kubeconfig.objects.visible_to(user)
    return seen.select_related("account__cluster", "account__user")


def mark_due(accounts: Iterable[Account], *, now: datetime) -> list[int]:
    """Have these looked at now; gives which."""
    pks = [account.pk for account in accounts]
    Account.objects.filter(pk__in=pks).update(due_at=now, failures=0)
    return pks


def _opened_to(user: User, name: str) -> tuple[Cluster, tuple[Place, ...]]:
    """The cluster and where the person has a level there. One there is not is told as one not theirs."""
    cluster = Cluster.objects.filter(name=name).first()
    places = places_of(user, cluster) if cluster else ()
    if cluster is None or not places:
        audit.record(
            "kubeconfig.issue", target=f"cluster {name}", outcome=audit.Outcome.DENIED, team=""
        )
        raise NotAllowed(
            f"You have no level in a namespace on {name}: a kubeconfig would open nothing there. Whose group "
            "has a level is on each namespace's page; an owner of the team can say who brings it.",
            field="cluster",
        )
    return cluster, places


def _lasting(minutes: int | None) -> timedelta:
    longest = settings.KUBECONFIG_MINUTES
    asked = longest if minutes is None else minutes
    if not SHORTEST <= asked <= longest:
        raise DomainError(
            f"A kubeconfig is good for {SHORTEST} to {longest} minutes here, not for {asked}.",
            code="too_long" if asked > longest else "too_short",
            field="minutes",
        )
    return timedelta(minutes=asked)


def _account(user: User, cluster: Cluster) -> Account:
    account, made = Account.objects.get_or_create(
        cluster=cluster, name=name_of(user), defaults={"user": user, "username": user.username}
    )
    if not made and (account.user_id, account.username) != (user.pk, user.username):
        Account.objects.filter(pk=account.pk).update(user=user, username=user.username)
        account.refresh_from_db()
    return account


@transaction.atomic
def _begun(account: Account, *, now: datetime, until: datetime) -> Kubeconfig:
    """The row before the thing: whatever comes to be in the cluster is known to be there."""
    Account.objects.select_for_update().get(pk=account.pk)
    if account.kubeconfigs.good(now).count() >= MOST:
        raise NotNow(
            f"You have {MOST} kubeconfigs for {account.cluster.name} that are good; take one back first, or "
            "use one that renews itself (`argosy kubeconfig new --renewing`)."
        )
    row = Kubeconfig(account=account, issued_at=now, expires_at=until)
    row.save()
    return row


def _made(account: Account, row: Kubeconfig, *, seconds: int) -> tuple[str, datetime]:
    kube = connect(account.cluster).kube
    account.refresh_from_db()
    if not is_settled(account, row.issued_at):
        follow_or_fail(account)
    bound = kube.create(proof(row.proof, account=account.name))
    try:
        return kube.account_token(PEOPLE, account.name, seconds=seconds, bound=bound)
    except Missing:  # somebody took the account away since we looked
        follow_or_fail(account)
        return kube.account_token(PEOPLE, account.name, seconds=seconds, bound=bound)


def _keep(row: Kubeconfig, *, until: datetime, places: tuple[Place, ...]) -> None:
    """It is theirs, unless it was taken back while it was made."""
    with transaction.atomic():
        kept = Kubeconfig.objects.filter(pk=row.pk, revoked_at=None).update(expires_at=until)
        if not kept:
            raise NotNow(
                "Your access changed while this was made: nothing was given out. Try again."
            )
        next_look = Q(due_at=None) | Q(due_at__gt=until)
        Account.objects.filter(next_look, pk=row.account_id).update(due_at=until)
        if row.account.user is not None:
            grants.needed(row.account.user, until=until)
        _recorded("kubeconfig.issue", row, places)
    row.refresh_from_db()


def _withdrawn(row: Kubeconfig, *, now: datetime) -> None:
    Kubeconfig.objects.filter(pk=row.pk, revoked_at=None).update(revoked_at=now, reason=NOT_GIVEN)
    Account.objects.filter(pk=row.account_id).update(due_at=now)


def _recorded(
    action: str,
    row: Kubeconfig,
    places: Iterable[Place],
    outcome: audit.Outcome = audit.Outcome.DONE,
) -> None:
    """An event for each team that it opens: its owners read it among theirs."""
    account = row.account
    for team in sorted({place.team for place in places}) or [""]:
        audit.record(
            action,
            on_behalf_of=account.username,
            target=f"kubeconfig {row.short} for {account.cluster.name}",
            outcome=outcome,
            after={
                "account": account.name,
                "until": row.expires_at.isoformat(),
                "namespaces": [str(place) for place in places if place.team == team],
            },
            team=team,
        )


def _document(cluster: Cluster, places: tuple[Place, ...], user: dict[str, object]) -> str:
    return kubeconfigs.written(
        kubeconfigs.document(
            cluster=cluster.name,
            endpoint=endpoint_of(cluster),
            namespaces=[place.namespace for place in places],
            user=user,
        )
    )
