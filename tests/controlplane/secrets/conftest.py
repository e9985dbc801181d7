"""A team with a namespace that is there, on a cluster in memory."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from controlplane.clusters.models import Cluster
from controlplane.identity.models import User
from controlplane.kube.door import Connection
from controlplane.secrets import delivering, services
from controlplane.secrets.models import Secret
from controlplane.secrets.services import Given
from provisioning.desired import namespaces_of
from tenants.models import Team, TenantNamespace
from tests.factories import NamespaceFactory, TeamFactory, owner_of
from tests.fakes import FakeCluster, FakeHelm

CANARY = "canary-7f3a-do-not-tell"
S3 = {"endpoint": "s3.example.com:9000", "bucket": "atlas", "tls": "yes"}
KEYS = {"access_key": b"AKIA-ATLAS", "secret_key": CANARY.encode()}

Keep = Callable[..., Secret]


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    """The cluster that every row's cluster is."""
    cluster = FakeCluster()
    connection = Connection(kube=cluster, helm=FakeHelm(cluster, lambda _: ()))
    monkeypatch.setattr(delivering, "connect", lambda _: connection)
    return cluster


@pytest.fixture
def team(db: None) -> Team:
    return TeamFactory(slug="atlas")


@pytest.fixture
def owner(team: Team) -> User:
    return owner_of(team)


@pytest.fixture
def namespace(team: Team, there: FakeCluster) -> TenantNamespace:
    return brought_up(there, team, "atlas-prod")


@pytest.fixture
def keep(team: Team, owner: User) -> Keep:
    """Add a secret of the team: an S3 repository, unless said otherwise."""

    def added(name: str = "artifacts", kind: str = "s3", **more: Any) -> Secret:
        given = Given(
            settings=more.pop("settings", S3 if kind == "s3" else {}),
            values=more.pop("values", KEYS if kind == "s3" else {"token": CANARY.encode()}),
            expires_on=more.pop("expires_on", None),
        )
        who = more.pop("by", owner)
        return services.add(
            team=more.pop("team", team), name=name, kind=kind, given=given, by=who,
            now=timezone.now(), **more,
        )  # fmt: skip

    return added


def brought_up(
    there: FakeCluster, team: Team, name: str, cluster: Cluster | None = None
) -> TenantNamespace:
    """A namespace whose plan was carried out: its two namespaces are in the cluster."""
    on = {"cluster": cluster} if cluster else {}
    made: TenantNamespace = NamespaceFactory(team=team, name=name, **on)
    made.applied_at = timezone.now()
    made.save()
    for manifest in namespaces_of(made.spec()):
        there.create(manifest)
    return made
