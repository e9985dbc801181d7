"""Who comes to the desk, and one of everything to look at there."""

from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from controlplane.identity.models import ApiToken
from controlplane.identity.tokens import issue
from controlplane.metrics import prices
from controlplane.metrics.models import Price
from controlplane.placement import services
from provisioning.models import Turn
from tests.controlplane.desk.everything import Everything, of_images, signed_in
from tests.factories import (
    NamespaceFactory,
    approver,
    filed,
    member_of,
    owner_of,
    platform_admin,
    tier,
    viewer_of,
)


def priced() -> Price:
    """What usage costs from this month on."""
    today = timezone.now().date()
    rates = dict.fromkeys(("cpu_hour", "memory_gib_hour", "workflow", "shared_month"), Decimal(1))
    return prices.put(Price(since=today.replace(day=1), **rates), today=today)


@pytest.fixture
def everything() -> Everything:
    request = filed()
    namespace = NamespaceFactory(team=request.team)
    person = owner_of(request.team)
    token, _ = issue(user=person, name="laptop")
    turn = Turn.objects.create(
        namespace=namespace,
        generation=1,
        steps=[{"step": "apply x", "stage": "namespaces", "state": "failed", "error": "no"}],
    )
    return Everything(
        {
            **of_images(namespace),
            "metrics_price": priced(),
            "tenants_team": request.team,
            "tenants_tier": tier(),
            "tenants_tenantnamespace": namespace,
            "tenants_request": request,
            "provisioning_turn": turn,
            "clusters_cluster": namespace.cluster,
            "placement_room": services.save_room(
                namespace.cluster, cpu=Decimal(64), memory_gib=Decimal(256)
            ),
            "identity_user": person,
            "identity_apitoken": ApiToken.objects.get(pk=token.pk),
        }
    )


@pytest.fixture
def admin(client: Client) -> Client:
    """A person of the admins' group: no superuser, no `is_staff`."""
    return signed_in(client, platform_admin())


@pytest.fixture
def reader(client: Client) -> Client:
    """An approver."""
    return signed_in(client, approver())


@pytest.fixture(params=[owner_of, member_of, viewer_of])
def of_the_team(request: pytest.FixtureRequest, client: Client, everything: Everything) -> Client:
    """A person of the team that everything is about, at each level."""
    return signed_in(client, request.param(everything.rows["tenants_team"]))
