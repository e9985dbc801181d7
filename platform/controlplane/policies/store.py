"""What the rows say, as values: the one place where policies are read for a decision."""

from collections.abc import Iterable
from datetime import datetime

from django.conf import settings

from controlplane.clusters.models import Cluster
from tenants.models import TenantNamespace

from . import composing, saying
from .document import Document, Exemption
from .models import ImageExemption, ImagePolicy, RollOut, SigningKey
from .saying import Place, Policy, Said

Exempted = dict[str, tuple[Exemption, ...]]  # by team


def said(now: datetime) -> Said:
    """Everything that people decided, as of now. Four queries."""
    keys = list(SigningKey.objects.values_list("name", "key_id", "revoked_at"))
    exemptions, exempted_on = _exemptions(now)
    return Said(
        policies=tuple(map(policy_of, _in_force())),
        exemptions=exemptions,
        exempted_on=exempted_on,
        audited=frozenset(
            RollOut.objects.filter(mode=RollOut.Mode.AUDIT).values_list("team__slug", flat=True)
        ),
        keys={name: key_id for name, key_id, _ in keys},
        revoked=frozenset(key_id for _, key_id, revoked_at in keys if revoked_at is not None),
        argo_images=argo_images(),
    )


def policy_of(row: ImagePolicy) -> Policy:
    """A row as a value. Raises NotAPolicy for settings that cannot be read."""
    return Policy(
        name=row.name,
        scope=row.scope,
        settings=saying.read(row.settings),
        tier=row.tier.slug if row.tier else "",
        team=row.team.slug if row.team else "",
    )


def places(cluster: Cluster) -> tuple[Place, ...]:
    """The live tenant namespaces of a cluster."""
    return by_cluster(cluster).get(cluster.pk, ())


def by_cluster(cluster: Cluster | None = None) -> dict[int, tuple[Place, ...]]:
    """The live tenant namespaces of each cluster (or of one), by its key. One query."""
    live = TenantNamespace.objects.live()
    here = live if cluster is None else live.filter(cluster=cluster)
    rows = here.order_by("name").values_list("cluster", "name", "team__slug", "tier__slug")
    found: dict[int, list[Place]] = {}
    for pk, namespace, team, tier in rows:
        found.setdefault(pk, []).append(Place(namespace, team, tier))
    return {pk: tuple(those) for pk, those in found.items()}


def combinations() -> set[tuple[str, frozenset[str]]]:
    """Every team with the tiers that it has on one cluster: what decides which policies add up."""
    return {
        (team, tiers)
        for those in by_cluster().values()
        for team, tiers in composing.tiers_of_teams(those).items()
    }


def document_of(team: str, *, of: Said, namespace: str = "") -> tuple[Document, str] | None:
    """What a team may run in this namespace (or its first one, or one to come), and that one's name.

    None if the team has no such namespace.
    """
    live = TenantNamespace.objects.live().filter(team__slug=team).order_by("name", "pk")
    theirs = list(live.values_list("name", "tier__slug", "cluster"))
    chosen = next((row for row in theirs if namespace in {"", row[0]}), None)
    if chosen is None and namespace:
        return None
    name, cluster = (chosen[0], chosen[2]) if chosen else (team, None)
    here = [row for row in theirs if row[2] == cluster]
    document = composing.team_document(
        of.on(cluster),
        team,
        tiers=frozenset(row[1] for row in here),
        namespaces=tuple(row[0] for row in here) or (name,),
    )
    return document, name


def argo_images() -> tuple[str, ...]:
    """The images of the platform's own Argo, as its charts write them."""
    return tuple(
        f"{image}:{settings.ARGO_VERSION}"
        for image in (
            settings.ARGO_EXECUTOR_IMAGE,
            settings.ARGO_CONTROLLER_IMAGE,
            settings.ARGO_SERVER_IMAGE,
        )
        if image
    )


def exemption_of(row: ImageExemption) -> Exemption:
    """A row as the document has it."""
    return Exemption(
        image=row.image,
        not_after=row.not_after,
        not_before=row.not_before,
        approved_by=row.approved_by.username if row.approved_by else None,
        requested_by=row.requested_by.username,
        namespaces=(row.namespace.name,) if row.namespace else (),
        digest=row.image_digest or None,
        id=str(row.pk),
        reason=row.reason,
    )


def _in_force() -> Iterable[ImagePolicy]:
    return ImagePolicy.objects.in_force().select_related("tier", "team").order_by("name")


def _exemptions(now: datetime) -> tuple[Exempted, dict[int, Exempted]]:
    """Those of whole teams, by team, and those of one namespace, by its cluster and then by team."""
    rows = ImageExemption.objects.not_over(now).select_related(
        "team", "namespace", "approved_by", "requested_by"
    )
    everywhere: Exempted = {}
    on: dict[int, Exempted] = {}
    for row in rows.order_by("pk"):
        found = everywhere
        if row.namespace is not None:
            found = on.setdefault(row.namespace.cluster_id, {})
        found[row.team.slug] = (*found.get(row.team.slug, ()), exemption_of(row))
    return everywhere, on
