"""What a state's platform says about images, and what was seen of it."""

import datetime as dt

from controlplane.clusters.models import Cluster
from controlplane.identity.models import User
from controlplane.policies.folding import Sighting
from controlplane.policies.models import (
    AdmittedImage,
    ExemptionState,
    ImageExemption,
    ImagePolicy,
    RollOut,
    Scan,
    SigningKey,
    Violation,
)
from tenants.models import Team, TenantNamespace

DRAFT = "no-more-k8s-registry"
HARBOR = "harbor.corp.example"
MINER = "docker.io/evil/miner:latest"
LONG_IMAGE = f"{'registry' * 7}.example/{'team/' * 20}{'a' * 60}:{'v' * 100}@sha256:{'0' * 64}"
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)

# image, code, reason, kind, name, container, state, source, how often
SEEN = (
    (
        MINER,
        "not-allowed",
        "registry docker.io is not allowed here",
        *("Workflow", "settle-7xk2p", "extract", "refused", "audit-log", 3),
    ),
    (
        f"{HARBOR}/payments/export:latest",
        "forbidden-tag",
        "tag latest is forbidden; name a version",
        *("Pod", "export-28f4c-9xkq2", "main", "refused", "event", 41),
    ),
    (
        f"{HARBOR}/payments/api:2.4.1",
        "digest-required",
        "it must be pinned: write its digest after it, @sha256:…",
        *("Deployment", "api", "api", "running", "scanner", 12),
    ),
    (
        f"{HARBOR}/payments/report@sha256:{'4be1' * 16}",
        "signature",
        "1 of 2 signatures that count; release and security sign here",
        *("CronWorkflow", "report-nightly", "render", "admitted", "webhook", 2),
    ),
    (
        "{{inputs.parameters.image}}",
        "templated-image",
        "an image put together while it runs; write it out",
        *("WorkflowTemplate", "fan-out", "worker", "refused", "argo", 1),
    ),
)


def ordinary(place: TenantNamespace, now: dt.datetime) -> tuple[str, int]:
    """A policy with all its parts, some violations, an exemption in each state; the pages' rows."""
    _policy(place.team, now)
    first = ""
    for number, seen in enumerate(SEEN):
        row = _violation(place, seen, now - number * 7 * HOUR / 10)
        first = first or row.same
    _scans(now)
    _draft(place, now)
    return first, _exemptions(place, now)


def bad_day(place: TenantNamespace, now: dt.datetime) -> tuple[str, int]:
    """The agent was silent since yesterday; in audit, and its controller's image is refused."""
    _policy(place.team, now)
    RollOut.objects.filter(team=place.team).update(mode="audit")
    seen = (MINER, "unheard-of", "", "Pod", "x", "", "refused", "webhook", 1)
    row = _violation(place, seen, now - DAY)
    Scan.objects.create(
        cluster=place.cluster, team=place.team, namespace=place.name, scanned_at=now - DAY
    )
    return row.same, _exemption(place, now, days=-1).pk


def longest(place: TenantNamespace, now: dt.datetime) -> tuple[str, int]:
    """Names as long as they may be."""
    _policy(place.team, now)
    word = "Donaudampfschifffahrtselektrizitaetenhauptbetriebswerkbauunterbeamtengesellschaft"
    seen = (LONG_IMAGE[:512], "not-allowed", (word * 12)[:1000])
    where = ("WorkflowTaskSet", "n" * 253, "c" * 253, "refused", "audit-log", 123_456_789)
    row = _violation(place, (*seen, *where), now, path="spec.templates[1234]." + "p" * 250)
    made = _exemption(place, now, image=LONG_IMAGE[:512], reason=(word * 12)[:1000], days=7)
    Scan.objects.create(
        cluster=place.cluster, team=place.team, namespace=place.name, scanned_at=now
    )
    return row.same, made.pk


def many(place: TenantNamespace, now: dt.datetime, count: int) -> tuple[str, int]:
    """So many of each."""
    rows = [
        _row(place, (f"evil.example/miner:{n}", *SEEN[0][1:]), now - n * dt.timedelta(seconds=9))
        for n in range(count)
    ]
    Violation.objects.bulk_create(rows, batch_size=500)
    _scans(now)
    by = User.objects.get(username="member")
    ImageExemption.objects.bulk_create(
        [
            ImageExemption(
                team=place.team,
                image=f"evil.example/miner:{n}",
                reason="The vendor moves it next week.",
                requested_by=by,
                requested_at=now - n * dt.timedelta(minutes=3),
                not_after=now + DAY,
            )
            for n in range(count)
        ],
        batch_size=500,
    )
    return rows[0].same, ImageExemption.objects.latest("pk").pk


def _policy(team: Team, now: dt.datetime) -> None:
    ImagePolicy.objects.all().delete()
    SigningKey.objects.create(name="release", pem="-", key_id="a" * 64)
    allow = [
        {"registry": HARBOR, "repository": "payments/**"},
        {"registry": HARBOR, "repository": "base/python"},
        {"registry": "quay.io", "repository": "argoproj/**"},
        {"registry": "registry.k8s.io"},
    ]
    said = {
        "allow": allow,
        "deny": [{"registry": HARBOR, "repository": "payments/legacy/**"}],
        "default": "deny",
        "tags": {"forbid": ["latest", "main"]},
        "signature": {"keys": ["release"], "repositories": [allow[0]]},
    }
    ImagePolicy.objects.create(name="harbor-only", settings=said)
    RollOut.objects.create(
        team=team,
        mode="enforce",
        since=now - 12 * DAY,
        by=User.objects.get(username="admin"),
        reason="Nothing was reported for a month.",
    )


def _draft(place: TenantNamespace, now: dt.datetime) -> None:
    """A policy that would break what was admitted lately."""
    denied = {"deny": [{"registry": "registry.k8s.io"}], "tags": {"forbid": ["3.10"]}}
    ImagePolicy.objects.create(
        name=DRAFT,
        description="Of registry.k8s.io nothing is needed any more.",
        settings=denied,
        enabled=False,
    )
    for image in ("registry.k8s.io/pause:3.10", "registry.k8s.io/ingress-nginx/controller:v1.14.0"):
        AdmittedImage.objects.create(
            cluster=place.cluster,
            team=place.team,
            namespace=place.name,
            image=image,
            last_seen=now - HOUR,
        )


def _violation(
    place: TenantNamespace, seen: tuple[object, ...], at: dt.datetime, **changed: str
) -> Violation:
    row = _row(place, seen, at, **changed)
    row.save()
    return row


def _row(
    place: TenantNamespace, seen: tuple[object, ...], at: dt.datetime, **changed: str
) -> Violation:
    image, code, reason, kind, name, container, state, source, count = seen
    said = {
        "namespace": place.name,
        "kind": str(kind),
        "name": str(name),
        "path": "spec.templates[1].container.image",
        "container": str(container),
        "image": str(image),
        "code": str(code),
        **changed,
    }
    same = Sighting(**said, reason="", state="", source="", at=at).same  # type: ignore[arg-type]
    return Violation(
        cluster=place.cluster,
        team=place.team,
        reason=str(reason),
        state=str(state),
        source=str(source),
        count=int(str(count)),
        first_seen=at - 2 * DAY,
        last_seen=at,
        same=same,
        **said,
    )


def _scans(now: dt.datetime) -> None:
    places = TenantNamespace.objects.live().order_by("pk").select_related("team")
    clusters = Cluster.objects.in_bulk()
    for number, place in enumerate(places[:40]):
        at = now - number * dt.timedelta(seconds=20)
        clean = at if number % 6 else at - DAY
        Scan.objects.create(
            cluster=clusters[place.cluster_id],
            team=place.team,
            namespace=place.name,
            scanned_at=at,
            clean_as_of=clean,
            images=3 + number,
        )


def _exemptions(place: TenantNamespace, now: dt.datetime) -> int:
    """One of each state; gives the one that waits."""
    approver = User.objects.get(username="approver")
    approved = {"state": ExemptionState.APPROVED, "approved_by": approver, "decided_by": approver}
    decided = {"decided_at": now - 3 * DAY}
    _exemption(place, now, image="ghcr.io/vendor/tool:1.2", days=5, **approved, **decided)
    _exemption(place, now, image="ghcr.io/vendor/tool:1.1", days=-1, **approved, **decided)
    _exemption(place, now, image="ghcr.io/vendor/tool:1.0", days=-2)
    rejected = {
        "state": ExemptionState.REJECTED,
        "decided_by": approver,
        "note": "Push it to Harbor.",
    }
    _exemption(place, now, image="evil.example/miner:1", days=3, **rejected, **decided)
    ended = {"state": ExemptionState.ENDED, "decided_by": approver}
    _exemption(place, now, image="ghcr.io/vendor/cli:7", days=2, **ended, **decided)
    return _exemption(place, now, image=f"{HARBOR}/payments/api:2.4.1", days=7).pk


def _exemption(
    place: TenantNamespace, now: dt.datetime, *, days: float, **said: object
) -> ImageExemption:
    return ImageExemption.objects.create(
        **{
            "team": place.team,
            "namespace": place,
            "image": MINER,
            "reason": "The vendor publishes a signed one next week.",
            "requested_by": User.objects.get(username="member"),
            "requested_at": now - 4 * DAY,
            "not_after": now + days * DAY,
            **said,
        }
    )
