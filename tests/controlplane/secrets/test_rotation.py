"""From an old key to a new one without anything ending; and a key that goes too early stops the start."""

from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from controlplane import sealing
from controlplane.audit import acting
from controlplane.audit.models import Event
from controlplane.clusters.credentials import opened as opened_cluster
from controlplane.clusters.credentials import sealed as sealed_cluster
from controlplane.clusters.models import Cluster
from controlplane.identity.models import User
from controlplane.processes import beginning
from controlplane.processes.beginning import CannotBegin
from controlplane.secrets import contents, rotation, services
from controlplane.secrets.models import Version
from controlplane.secrets.services import Given
from tests.controlplane.cli.runner import run
from tests.factories import ClusterFactory

from .conftest import CANARY, Keep

pytestmark = pytest.mark.django_db
OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


def recorded(action: str) -> dict[str, Any]:
    """What the audit has of an act, each by whoever works at this machine."""
    found = Event.objects.filter(action=action)
    here = acting.at_this_machine()
    assert {(each.actor, each.through) for each in found} <= {(here.who(), here.through())}
    return {each.target: each.after for each in found}


@pytest.fixture(autouse=True)
def _old_key(settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = [OLD]


def test_after_a_rotation_the_old_key_opens_nothing_and_is_needed_for_nothing(
    keep: Keep, settings: Settings
) -> None:
    keep("one", "opaque")
    ClusterFactory(name="eu", sealed_kubeconfig=sealed_cluster({"users": []}, "eu"))
    settings.ENCRYPTION_KEYS = [OLD, NEW]  # deployed everywhere, and writing with the old one
    settings.ENCRYPTION_KEYS = [NEW, OLD]

    done = rotation.rotate()

    settings.ENCRYPTION_KEYS = [NEW]
    assert (done.moved, done.left, done.unreadable) == (2, 0, 0)
    assert contents.opened(Version.objects.get()).values == {"token": CANARY.encode()}
    assert opened_cluster(Cluster.objects.get(name="eu")) == {"users": []}
    beginning.secrets_open()


def test_rotating_again_moves_nothing(keep: Keep, settings: Settings) -> None:
    keep("one", "opaque")
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    rotation.rotate()

    again = rotation.rotate()

    assert (again.moved, again.left) == (0, 1)


def test_a_version_that_comes_while_it_rotates_is_not_set_back(
    keep: Keep, settings: Settings, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = keep("one", "opaque")
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    move = rotation.rotated

    def meanwhile(text: str) -> str:
        services.remove(secret, by=owner, now=timezone.now())
        return move(text)

    monkeypatch.setattr(rotation, "rotated", meanwhile)

    done = rotation.rotate()

    assert done.moved == 0
    assert Version.objects.get().sealed == ""


def test_a_key_removed_too_early_stops_the_start_and_names_the_rows(
    keep: Keep, settings: Settings
) -> None:
    keep("one", "opaque")
    ClusterFactory(name="eu", sealed_kubeconfig=sealed_cluster({}, "eu"))
    gone = sealing.fingerprints()[0]
    settings.ENCRYPTION_KEYS = [NEW]

    with pytest.raises(CannotBegin) as caught:
        beginning.secrets_open()

    said = caught.value.sentence
    assert f"cluster eu (key {gone})" in said
    assert f"version atlas/one, version 1 (key {gone})" in said
    assert "argosy secrets rotate" in said
    assert CANARY not in said


def test_many_that_do_not_open_are_counted_and_some_named(keep: Keep, settings: Settings) -> None:
    for number in range(12):
        ClusterFactory(sealed_kubeconfig=f"s1:000000000000:{number}")

    with pytest.raises(CannotBegin, match=r"12 of what is kept sealed .*; and 2 more\."):
        beginning.secrets_open()


@pytest.mark.django_db(transaction=True)  # a command begins with a connection of its own
def test_a_lost_key_has_a_way_out_on_the_command_line(keep: Keep, settings: Settings) -> None:
    keep("one", "opaque")
    ClusterFactory(name="eu", sealed_kubeconfig=sealed_cluster({}, "eu"))
    settings.ENCRYPTION_KEYS = [NEW]

    assert run("secrets", "check").exit_code == 1
    assert run("secrets", "rotate").exit_code == 1
    done = run("secrets", "forget-unreadable", "--yes")

    assert "2 were emptied" in done.output
    assert recorded("sealed.forgotten") == {
        "what is sealed of each cluster": {"rows": 1, "named": ["eu"]},
        "what is sealed of each version": {"rows": 1, "named": ["atlas/one, version 1"]},
    }
    assert run("secrets", "check").exit_code == 0
    beginning.secrets_open()


@pytest.mark.django_db(transaction=True)
def test_the_command_rotates_and_says_how_many(keep: Keep, settings: Settings) -> None:
    keep("one", "opaque")
    settings.ENCRYPTION_KEYS = [NEW, OLD]

    done = run("secrets", "rotate")

    assert "1 were sealed anew; 0 are under the newest key already." in done.output
    assert recorded("sealed.rotated") == {
        "what is sealed of each version": {"rows": 1, "to": sealing.fingerprints()[0]}
    }


@pytest.mark.django_db(transaction=True)
def test_a_rotation_that_moves_nothing_is_no_act(keep: Keep) -> None:
    keep("one", "opaque")

    assert run("secrets", "rotate").exit_code == 0
    assert run("secrets", "forget-unreadable", "--yes").exit_code == 0

    assert not Event.objects.filter(action__startswith="sealed.").exists()


def test_the_start_asks_one_question_of_each_sealed_column(keep: Keep) -> None:
    for number in range(3):
        keep(f"s-{number}", "opaque")

    with CaptureQueriesContext(connection) as asked:
        found = list(rotation.unreadable())

    assert found == []
    assert len(asked) == len(list(rotation.columns()))


def test_a_secret_that_no_key_opens_fails_its_delivery_with_the_way_out(
    keep: Keep, settings: Settings, owner: User
) -> None:
    secret = keep("one", "opaque")
    settings.ENCRYPTION_KEYS = [NEW]

    with pytest.raises(sealing.CannotOpen, match="add it back to ARGOSY_ENCRYPTION_KEYS"):
        services.held_of(secret, by=owner)
    services.renew(secret, given=Given(values={"token": b"new"}), by=owner, now=timezone.now())
    secret.refresh_from_db()
    assert services.held_of(secret, by=owner).values == {"token": b"new"}
