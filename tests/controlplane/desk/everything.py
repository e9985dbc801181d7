"""One of everything to look at, and a way in."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from controlplane.identity.models import User
from controlplane.policies import agents, pushes, services, sightings
from controlplane.policies.models import Delivery, ImagePolicy, Scan, Violation
from controlplane.policies.sightings import Scanned
from tenants.models import TenantNamespace
from tests.factories import member_of, platform_admin
from tests.images import DIGEST, REPOSITORY, asked, envelope, sighting, signer

BACKEND = "django.contrib.auth.backends.ModelBackend"


@dataclass(frozen=True)
class Everything:
    """One row of each model of the desk, all about one team."""

    rows: dict[str, Model]

    def urls(self) -> list[str]:
        """Every page of the desk, those that take a row included."""
        plain = ["index", "search", "password_change"]
        found = [reverse(f"admin:{name}") for name in plain]
        for name, row in self.rows.items():
            found += [reverse(f"admin:{name}_{page}") for page in ("changelist", "add", "export")]
            pages = ("change", "history", "delete")
            found += [reverse(f"admin:{name}_{page}", args=[row.pk]) for page in pages]
        policy = self.rows["policies_imagepolicy"].pk
        found += [
            reverse("admin:auth_user_password_change", args=[self.rows["identity_user"].pk]),
            reverse("admin:policies_try"),
            reverse("admin:policies_back_test_all"),
            reverse("admin:policies_back_test", args=[policy]),
        ]
        return found


def signed_in(client: Client, user: User) -> Client:
    client.force_login(user, backend=BACKEND)
    return client


def of_images(namespace: TenantNamespace) -> dict[str, Model]:
    """One of everything about images, all about the team of this namespace."""
    now, team, by, ana = timezone.now(), namespace.team, platform_admin(), signer()
    key = ana.known("ci")
    artifact = pushes.push(
        team=team,
        by=member_of(team),
        repository=REPOSITORY,
        digest=DIGEST,
        envelope=envelope(ana),
        now=now,
    )
    sightings.record(
        cluster=namespace.cluster,
        now=now,
        sightings=[sighting(namespace.name)],
        scanned=[Scanned(namespace.name, now)],
    )
    return {
        "policies_imagepolicy": ImagePolicy.objects.get(name="everything"),
        "policies_imageexemption": asked(team, now=now),
        "policies_rollout": services.roll_out(
            team=team, mode="audit", by=by, reason="first week", now=now
        ),
        "policies_standdown": services.stand_down(
            cluster=namespace.cluster,
            until=now + timedelta(hours=1),
            by=by,
            reason="it fails",
            now=now,
        ),
        "policies_signingkey": key,
        "policies_artifact": artifact,
        "policies_violation": Violation.objects.get(),
        "policies_scan": Scan.objects.get(),
        "policies_agenttoken": agents.issue(namespace.cluster)[0],
        "policies_delivery": Delivery.objects.create(cluster=namespace.cluster),
    }


def more_of_images(namespace: TenantNamespace) -> None:
    """What a list grows by: rows about another team's images."""
    now, by = timezone.now(), platform_admin()
    services.roll_out(team=namespace.team, mode="audit", by=by, reason="first week", now=now)
    services.stand_down(
        cluster=namespace.cluster, until=now + timedelta(hours=1), by=by, reason="x", now=now
    )
    agents.issue(namespace.cluster)
    Delivery.objects.create(cluster=namespace.cluster)
    asked(namespace.team, now=now, namespace=namespace)
    settings = {"deny": [{"registry": "evil.example"}]}
    of_team = ImagePolicy(name=namespace.name, scope="team", team=namespace.team, settings=settings)
    services.save_policy(of_team, now=now)
    sightings.record(
        cluster=namespace.cluster,
        now=now,
        sightings=[sighting(namespace.name)],
        scanned=[Scanned(namespace.name, now)],
    )
