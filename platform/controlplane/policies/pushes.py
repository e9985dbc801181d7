"""What the CI says of an image it pushed, verified once: the writer of an Artifact's columns."""

from datetime import datetime
from typing import Any

from django.db import transaction

from controlplane.audit import record
from controlplane.errors import DomainError, NotAllowed
from controlplane.identity.models import User
from tenants.levels import Act
from tenants.models import Team

from . import artifacts, references
from .artifacts import Signers
from .knowledge import signers_of
from .models import Artifact, SigningKey
from .services import locked_trust


@transaction.atomic
def push(
    *, team: Team, by: User, repository: str, digest: str, envelope: Any, now: datetime
) -> Artifact:
    """Keep who signed this image. Told again, by the same or another signer, it adds up."""
    check_pusher(team, by)
    _check_name(repository, digest)
    keys = list(SigningKey.objects.values_list("key_id", "pem", "revoked_at"))
    verified = artifacts.verify(
        envelope,
        repository=repository,
        digest=digest,
        keys={key_id: pem for key_id, pem, revoked_at in keys if revoked_at is None},
        revoked=[key_id for key_id, _, revoked_at in keys if revoked_at is not None],
    )
    # Locked: versions are given in the order in which they can be read.
    trust = locked_trust()
    found = Artifact.objects.filter(team=team, repository=repository, digest=digest).first()
    artifact = found or Artifact(team=team, repository=repository, digest=digest, pushed_by=by)
    signers = signers_of(artifact).with_statement(verified)
    if found is not None and signers == signers_of(found):
        return found  # said before: no agent needs to hear it again
    trust.version += 1
    artifact.key_ids, artifact.attestations = shown(signers)
    artifact.epoch, artifact.version, artifact.at = trust.epoch, trust.version, now
    artifact.full_clean()
    artifact.save()
    trust.save()
    record(
        "artifact.pushed",
        actor=by.get_username(),
        target=f"{repository}@{digest}",
        after={"key_ids": artifact.key_ids},
        team=team.slug,
    )
    return artifact


def check_pusher(team: Team, by: User) -> None:
    """Refuse who may not speak for this team's images."""
    if not by.is_platform_admin and not team.allows(by, Act.SUBMIT_WORKFLOWS):
        raise NotAllowed(f"Only owners and members of {team.slug} push its images.")


def shown(signers: Signers) -> tuple[list[str], list[dict[str, Any]]]:
    """A value as a row has it."""
    said = [{"type": kind, "key_ids": list(ids)} for kind, ids in signers.attestations]
    return list(signers.key_ids), said


def _check_name(repository: str, digest: str) -> None:
    """A fact is looked up by the name that a runtime would read: any other spelling would be lost."""
    try:
        found = references.parse(f"{repository}@{digest}")
    except references.NotAReference as error:
        raise DomainError(
            f"`{repository}@{digest}` names no image: {error}.",
            code="bad_image",
            field="repository",
        ) from None
    if found.name != repository or found.tag is not None:
        raise DomainError(
            f"Write the repository in full and without a tag: `{found.name}`.",
            code="bad_image",
            field="repository",
        )
    if found.registry != references.canonical_registry(found.registry):
        raise DomainError(
            f"Write the registry as `{references.canonical_registry(found.registry)}`.",
            code="bad_image",
            field="repository",
        )
