"""The agents of the clusters: their tokens, made once, shown once, kept as a hash, and ended by the next."""

import hashlib
import secrets
from contextlib import suppress
from datetime import datetime, timedelta

from django.db import OperationalError, transaction

from controlplane.clusters.models import Cluster

from .models import AgentToken

PREFIX = "argosy_agent_"  # so that secret scanners and people recognise one
USED_EVERY = timedelta(minutes=1)  # last_used_at is a hint; not one write a call


@transaction.atomic
def issue(cluster: Cluster) -> tuple[AgentToken, str]:
    """A new token and its plain text, never to be had again. The older one ends when this is used.

    So an agent that asks for the next one and is cut off before it has kept it is not locked out. Of
    more than two, the oldest ends at once.
    """
    # Lock the cluster, so that two at once do not each leave the other's behind.
    Cluster.objects.select_for_update().get(pk=cluster.pk)
    kept = list(AgentToken.objects.filter(cluster=cluster).order_by("-pk").values_list("pk"))
    AgentToken.objects.filter(pk__in=[pk for (pk,) in kept[1:]]).delete()
    plain = PREFIX + secrets.token_urlsafe(32)
    token = AgentToken.objects.create(
        cluster=cluster, digest=_digest(plain), hint=plain[: len(PREFIX) + 4]
    )
    return token, plain


def end(cluster: Cluster) -> int:
    """No agent of this cluster is heard any more; gives how many tokens there were."""
    return AgentToken.objects.filter(cluster=cluster).delete()[0]


def known(plain: str, *, now: datetime) -> AgentToken | None:
    """The token of this text, if it is one. Its first use ends the ones before it."""
    # The hash is looked up, so there is nothing to compare in constant time.
    found = AgentToken.objects.select_related("cluster").defer("cluster__sealed_kubeconfig")
    token = found.filter(digest=_digest(plain)).first()
    if token is None:
        return None
    # A hint: with a database that can only be read, agents still read.
    with suppress(OperationalError):
        if token.last_used_at is None:
            AgentToken.objects.filter(cluster=token.cluster, pk__lt=token.pk).delete()
        if token.last_used_at is None or token.last_used_at < now - USED_EVERY:
            AgentToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token


def heard(token: AgentToken, *, bundle_version: int | None) -> None:
    """Keep which bundle the agent says it has."""
    if bundle_version is not None and bundle_version != token.bundle_version:
        AgentToken.objects.filter(pk=token.pk).update(bundle_version=bundle_version)


def _digest(plain: str) -> str:
    """256 random bits need no slow hash: there is nothing to guess."""
    return hashlib.sha256(plain.encode()).hexdigest()
