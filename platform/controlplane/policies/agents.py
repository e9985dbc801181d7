"""The agents of the clusters: their tokens, made once, shown once, kept as a hash, and ended by the next.

Several replicas share one token, out of a Secret that reaches each of them in its own time. So the older
one goes on for a while after the next was first used, and no replica is turned away meanwhile.
"""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from controlplane.audit import record
from controlplane.clusters.models import Cluster
from controlplane.hints import hinted

from .models import AgentToken

PREFIX = "argosy_agent_"  # so that secret scanners and people recognise one
OVERLAP = timedelta(minutes=15)  # a kubelet brings a changed Secret within two or three
USED_EVERY = timedelta(minutes=1)  # last_used_at is a hint; not one write a call


@transaction.atomic
def issue(cluster: Cluster) -> tuple[AgentToken, str]:
    """A new token and its plain text, never to be had again. The older one ends after this is used.

    So an agent that asks for the next one and is cut off before it has kept it is not locked out. Of
    more than two, the oldest ends at once: so does one that leaked, when two are made after it.
    """
    # Lock the cluster, so that two at once do not each leave the other's behind.
    Cluster.objects.select_for_update().get(pk=cluster.pk)
    kept = list(AgentToken.objects.filter(cluster=cluster).order_by("-pk").values_list("pk"))
    AgentToken.objects.filter(pk__in=[pk for (pk,) in kept[1:]]).delete()
    plain = PREFIX + secrets.token_urlsafe(32)
    token = AgentToken.objects.create(
        cluster=cluster, digest=_digest(plain), hint=plain[: len(PREFIX) + 4]
    )
    record("agent-token.issued", target=f"agent token {token.hint}… of cluster {cluster.name}")
    return token, plain


def end(cluster: Cluster) -> int:
    """No agent of this cluster is heard any more; gives how many tokens there were."""
    count = AgentToken.objects.filter(cluster=cluster).delete()[0]
    if count:
        record("agent-token.ended", target=f"all {count} of cluster {cluster.name}")
    return count


def known(plain: str, *, now: datetime) -> AgentToken | None:
    """The token of this text, if it is one. From its first use on the ones before it end."""
    # The hash is looked up, so there is nothing to compare in constant time.
    found = AgentToken.objects.select_related("cluster").defer("cluster__sealed_kubeconfig")
    lasting = found.filter(Q(ends_at=None) | Q(ends_at__gt=now))
    token = lasting.filter(digest=_digest(plain)).first()
    if token is None:
        return None
    # A hint: with a database that can only be read, agents still read.
    with hinted():
        if token.last_used_at is None:
            before = AgentToken.objects.filter(cluster=token.cluster, pk__lt=token.pk)
            before.filter(ends_at=None).update(ends_at=now + OVERLAP)
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
