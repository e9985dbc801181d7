"""A cluster's credential is of use in its own row only, also one that was sealed by an older version."""

from importlib import import_module

import pytest
from cryptography.fernet import Fernet
from django.apps import apps
from pytest_django import Settings

from controlplane.clusters.connections import connect
from controlplane.clusters.credentials import opened, sealed
from controlplane.clusters.models import Cluster
from controlplane.sealing import CannotOpen, OfAnother
from tests.factories import ClusterFactory

pytestmark = pytest.mark.django_db
CONFIG = {"users": [{"name": "u", "user": {"token": "t"}}]}
name_whose = import_module(
    "controlplane.clusters.migrations.0009_credentials_know_whose_they_are"
).name_whose


def test_a_clusters_credential_put_into_anothers_row_opens_no_door() -> None:
    ours = ClusterFactory(name="ours", sealed_kubeconfig=sealed(CONFIG, "ours"))
    theirs = ClusterFactory(name="theirs", sealed_kubeconfig=ours.sealed_kubeconfig)

    assert opened(ours) == CONFIG
    with pytest.raises(OfAnother):
        connect(theirs)


def test_a_credential_of_an_older_version_is_sealed_anew_for_its_row(
    settings: Settings,
) -> None:
    old = Fernet(settings.ENCRYPTION_KEYS[-1]).encrypt(b'{"users":[]}').decode()
    ClusterFactory(name="eu", sealed_kubeconfig=old)

    name_whose(apps, None)

    assert opened(Cluster.objects.get()) == {"users": []}


def test_one_whose_key_is_gone_stays_as_it_is_and_one_that_was_removed_stays_empty() -> None:
    lost = Fernet(Fernet.generate_key()).encrypt(b"{}").decode()
    ClusterFactory(name="lost", sealed_kubeconfig=lost)
    ClusterFactory(name="removed", sealed_kubeconfig="")
    ClusterFactory(name="kept", sealed_kubeconfig=(kept := sealed(CONFIG, "kept")))

    name_whose(apps, None)

    found = dict(Cluster.objects.values_list("name", "sealed_kubeconfig"))
    assert found == {"lost": lost, "removed": "", "kept": kept}
    with pytest.raises(CannotOpen):
        opened(Cluster.objects.get(name="lost"))
