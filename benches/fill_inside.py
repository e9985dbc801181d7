"""What stands in every namespace beside workflows: what scans saw, exemptions, secrets. Past the services.

Everything is decided by a row's namespace, so filling twice is growing.
"""

import datetime as dt
from collections.abc import Iterable, Sequence

from controlplane.clusters.models import Cluster
from controlplane.identity.models import User
from controlplane.policies.folding import Sighting
from controlplane.policies.models import ImageExemption, RollOut, Scan, Violation
from controlplane.secrets.models import Delivery, DeliveryState, Secret, Version
from tenants.models import TenantNamespace

from .fill import BATCH

RULES = (
    ("not-allowed", "registry docker.io is not allowed here", "docker.io/evil/miner:{n}"),
    ("forbidden-tag", "tag latest is forbidden; name a version", "harbor.corp.example/a{n}:latest"),
    ("digest-required", "it must be pinned: write its digest", "harbor.corp.example/b{n}:2.4.1"),
)
STATES = ("refused", "refused", "running", "admitted", "gone")


def fill_inside(*, now: dt.datetime) -> None:
    """One scan, one violation, one exemption and one secret for each namespace that has none yet."""
    found = list(TenantNamespace.objects.order_by("pk").select_related("team"))
    there = set(Secret.objects.values_list("namespace", flat=True))
    new = [each for each in found if each.pk not in there]
    _scans(new, now)
    Violation.objects.bulk_create(_violations(new, now), batch_size=BATCH)
    _exemptions(new, now)
    _secrets(new, now)
    _roll_outs({each.team_id for each in new}, now)


def _scans(places: Sequence[TenantNamespace], now: dt.datetime) -> None:
    Scan.objects.bulk_create(
        (
            Scan(
                cluster_id=place.cluster_id,
                team=place.team,
                namespace=place.name,
                scanned_at=now - dt.timedelta(seconds=place.pk % 900),
                clean_as_of=None if place.pk % 6 == 0 else now,
                images=3 + place.pk % 40,
            )
            for place in places
        ),
        batch_size=BATCH,
    )


def _violations(places: Sequence[TenantNamespace], now: dt.datetime) -> Iterable[Violation]:
    clusters = Cluster.objects.in_bulk()
    for place in places:
        code, reason, image = RULES[place.pk % len(RULES)]
        seen = Sighting(
            namespace=place.name,
            kind="Pod",
            name=f"settle-{place.pk}",
            path="spec.containers[0].image",
            container="main",
            image=image.format(n=place.pk),
            code=code,
            reason=reason,
            state=STATES[place.pk % len(STATES)],
            source="scanner",
            at=now - dt.timedelta(minutes=place.pk),
        )
        said = {key: value for key, value in vars(seen).items() if key not in {"at", "count"}}
        yield Violation(
            cluster=clusters[place.cluster_id],
            team=place.team,
            count=1 + place.pk % 70,
            first_seen=seen.at - dt.timedelta(days=2),
            last_seen=seen.at,
            same=seen.same,
            **said,
        )


def _exemptions(places: Sequence[TenantNamespace], now: dt.datetime) -> None:
    by = User.objects.get(username="owner")
    ImageExemption.objects.bulk_create(
        (
            ImageExemption(
                team=place.team,
                namespace=place,
                image=f"ghcr.io/vendor/tool:{place.pk}",
                reason="The vendor moves it next week.",
                requested_by=by,
                requested_at=now - dt.timedelta(minutes=3 * place.pk),
                not_after=now + dt.timedelta(days=1 + place.pk % 7),
            )
            for place in places
        ),
        batch_size=BATCH,
    )


def _secrets(places: Sequence[TenantNamespace], now: dt.datetime) -> None:
    made = Secret.objects.bulk_create(
        (
            Secret(team=place.team, namespace=place, name="webhook", kind="opaque", version=1)
            for place in places
        ),
        batch_size=BATCH,
    )
    Version.objects.bulk_create(
        (Version(secret=secret, number=1, sizes={"token": 40}) for secret in made),
        batch_size=BATCH,
    )
    Delivery.objects.bulk_create(
        (
            Delivery(
                secret=secret,
                namespace=place,
                state=DeliveryState.DELIVERED,
                version=1,
                at=now,
            )
            for secret, place in zip(made, places, strict=True)
        ),
        batch_size=BATCH,
    )


def _roll_outs(teams: set[int], now: dt.datetime) -> None:
    for team in teams:
        said = {"mode": "enforce", "since": now, "reason": "Nothing was reported for a month."}
        RollOut.objects.get_or_create(team_id=team, defaults=said)
