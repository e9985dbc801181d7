"""What a cluster is told: its bundle, and who signed what since it last asked. Both sealed."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from django.conf import settings
from django.db import transaction

from controlplane.clusters.models import Cluster

from . import composing, store
from .artifacts import Signers
from .bundle import AttestationFact, Fact, FactsDelta, seal
from .knowledge import signers_of, united
from .models import Artifact, SealedBundle, StandDown
from .services import trust

MOST_FACTS = 5000  # in one answer; the next is asked for from its version on
# Made anew so often though nothing changed: its age tells a cluster whether the platform lives.
RENEWED_EVERY = timedelta(days=1)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Told:
    """A cluster's newest bundle."""

    version: int
    content: str
    envelope: bytes

    @property
    def etag(self) -> str:
        """The same for the same bytes."""
        return f'"{self.version}-{self.content[:16]}"'


def bundle_for(cluster: Cluster, *, now: datetime) -> Told:
    """What this cluster is to enforce. Its version grows when that changes, and else once a day."""
    return current(cluster, now=now)[0]


def current(cluster: Cluster, *, now: datetime) -> tuple[Told, composing.Unversioned]:
    """The same, and what it says. Raises Conflict."""
    content, wanted = _wanted(cluster, now)
    kept = SealedBundle.objects.filter(cluster=cluster).first()
    if kept is None or not _serves(kept, content, now):
        kept, wanted = _renewed(cluster, now)
    return Told(kept.version, kept.content, bytes(kept.envelope)), wanted


def facts_for(cluster: Cluster, *, since: int, now: datetime) -> bytes:
    """What was verified after version `since`, at most 5,000 images. Empty: that is all there is."""
    rows = list(Artifact.objects.since(since)[:MOST_FACTS])
    delta = FactsDelta(
        version=rows[-1].version if rows else since,
        since=since,
        created=now,
        cluster=cluster.name,
        facts=_facts(rows),
    )
    return seal(delta, signing_key())


def public_key() -> str:
    """What agents believe bundles by, as PEM."""
    public = signing_key().public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def signing_key() -> Ed25519PrivateKey:
    """The platform's own; the settings made sure that it is one."""
    key = load_pem_private_key(settings.BUNDLE_KEY.encode(), None)
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError("ARGOSY_BUNDLE_KEY is no Ed25519 key")
    return key


@transaction.atomic
def _renewed(cluster: Cluster, now: datetime) -> tuple[SealedBundle, composing.Unversioned]:
    # Lock the cluster: of two agents that ask at once one makes the version, and both get it.
    Cluster.objects.select_for_update().get(pk=cluster.pk)
    content, wanted = _wanted(cluster, now)
    kept, _ = SealedBundle.objects.get_or_create(cluster=cluster)
    if _serves(kept, content, now):
        return kept, wanted
    kept.version, kept.content, kept.created_at = kept.version + 1, content, now
    kept.envelope = seal(wanted.at(kept.version, now), signing_key())
    kept.save()
    logger.info(
        "bundle %d of %s: %d documents, %d bytes",
        kept.version,
        cluster.name,
        len(wanted.documents),
        len(kept.envelope),
    )
    return kept, wanted


def _serves(kept: SealedBundle, content: str, now: datetime) -> bool:
    recent = kept.created_at is not None and now - kept.created_at < RENEWED_EVERY
    return recent and kept.content == content


def _wanted(cluster: Cluster, now: datetime) -> tuple[str, composing.Unversioned]:
    """What the bundle is to say, and a hash of that and of the key that is to sign it."""
    standing = StandDown.objects.active(now).filter(cluster=cluster).order_by("-until").first()
    wanted = composing.bundle(
        store.said(now).on(cluster.pk),
        store.places(cluster),
        cluster=cluster.name,
        trust_epoch=trust().epoch,
        stand_down_until=standing.until if standing else None,
    )
    return hashlib.sha256(f"{wanted.digest()} {public_key()}".encode()).hexdigest(), wanted


def _facts(rows: Sequence[Artifact]) -> tuple[Fact, ...]:
    """Of each image all that any team told: a cluster knows images, not whose row it was."""
    same = Artifact.objects.filter(digest__in={row.digest for row in rows})
    signers = united(same)
    return tuple(_fact(row, signers.get(str(row)) or signers_of(row)) for row in rows)


def _fact(row: Artifact, signers: Signers) -> Fact:
    return Fact(
        repository=row.repository,
        digest=row.digest,
        key_ids=signers.key_ids,
        epoch=row.epoch,
        at=row.at,
        attestations=tuple(
            AttestationFact(type=kind, key_ids=ids) for kind, ids in signers.attestations
        ),
    )
