"""Rows for tests, made with as little as each needs."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import factory
from django.apps import apps
from factory.django import DjangoModelFactory

from controlplane.clusters.models import Cluster
from controlplane.identity.models import User
from tenants import requests
from tenants.models import Request, Team, TenantNamespace, Tier

Who = Callable[..., User]  # owner_of, approver…: makes a person of that standing

PASSWORD = "correct horse battery"


class PersonFactory(DjangoModelFactory):
    """A person with a password and whatever groups a test gives them."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence("person-{}".format)
    claimed_groups = factory.LazyFunction(list)

    @factory.post_generation
    def password(self, create: bool, given: str | None, **_: Any) -> None:
        if create and given:
            self.set_password(given)
            self.save()


# Names are padded from here on: what is sorted by name comes in the order it was made in.
class ClusterFactory(DjangoModelFactory):
    class Meta:
        model = Cluster

    name = factory.Sequence("cluster-{:05}".format)
    sealed_kubeconfig = "sealed"
    server = "https://10.0.0.1:6443"
    api_endpoints = factory.LazyFunction(lambda: [{"ip": "10.0.0.1", "port": 6443}])
    reachable = True


class TeamFactory(DjangoModelFactory):
    """A team whose groups are called after it: `atlas-owners`, `atlas-members`, `atlas-viewers`."""

    class Meta:
        model = Team

    slug = factory.Sequence("team-{:05}".format)
    name = factory.LazyAttribute(lambda team: team.slug.title())
    owner_group = factory.LazyAttribute(lambda team: f"{team.slug}-owners")
    member_group = factory.LazyAttribute(lambda team: f"{team.slug}-members")
    viewer_group = factory.LazyAttribute(lambda team: f"{team.slug}-viewers")


def tier(slug: str = "small") -> Tier:
    """One of the tiers that come as data, anew where another test's end took the data away."""
    if not Tier.objects.filter(slug=slug).exists():
        import_module("tenants.migrations.0002_three_tiers").add(apps, None)
    return Tier.objects.get(slug=slug)


class NamespaceFactory(DjangoModelFactory):
    class Meta:
        model = TenantNamespace

    team = factory.SubFactory(TeamFactory)
    cluster = factory.SubFactory(ClusterFactory)
    tier = factory.LazyFunction(tier)
    name = factory.Sequence("ns-{:05}".format)


def owner_of(team: Team) -> User:
    return PersonFactory(claimed_groups=[team.owner_group])


def member_of(team: Team) -> User:
    return PersonFactory(claimed_groups=[team.member_group])


def viewer_of(team: Team) -> User:
    return PersonFactory(claimed_groups=[team.viewer_group])


def approver() -> User:
    return PersonFactory(claimed_groups=["argosy-approvers"])


def platform_admin() -> User:
    return PersonFactory(claimed_groups=["argosy-admins"])


def wish(cluster: Cluster, name: str = "payments", tier: str = "small") -> dict[str, str]:
    """What a request of kind `create` asks."""
    return {"name": name, "tier": tier, "cluster": cluster.name}


def filed(team: Team | None = None, **asked: str) -> Request:
    """A pending request of a team's owner."""
    team = team or TeamFactory()
    fields = {**wish(ClusterFactory(), name=team.slug), **asked}
    return requests.file(kind="create", team=team, by=owner_of(team), fields=fields)
