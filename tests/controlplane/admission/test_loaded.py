"""Bad days of the folder: what is bad is not taken in, and what held goes on to hold."""

import os
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from controlplane.admission.loaded import Loaded
from controlplane.policies.bundle import AttestationFact, Fact
from controlplane.policies.document import Document, Scope
from tests.webhook import CLUSTER, DIGEST

NOW = datetime.now(UTC)
NAME = "harbor.acme.test/payments/api"
OTHER = Document(name="payments", scopes=(Scope(("payments",)),))


@pytest.fixture
def loaded(folders):
    keys = folders.bundle / "bundle.pem"
    return Loaded(folder=folders.bundle, keys_file=keys, cluster=CLUSTER)


def fact(digest=DIGEST, epoch=1, keys=("k1",), **more):
    return Fact(NAME, digest, tuple(keys), epoch, NOW, **more)


def test_before_the_first_bundle_nobody_should_ask(loaded):
    loaded.look()

    assert "bundle.json cannot be read" in loaded.not_ready(NOW)
    assert loaded.bundle is None


def test_a_bundle_that_comes_is_taken_and_a_later_one_replaces_it(loaded, folders):
    folders.publish()
    loaded.look()
    assert (loaded.not_ready(NOW), loaded.bundle.version) == ("", 1)

    folders.publish(OTHER, version=2)
    loaded.look()
    assert (loaded.bundle.version, loaded.bundle.documents["payments"]) == (2, OTHER)


@pytest.mark.parametrize("day", ["truncated", "empty", "unsigned", "foreign key", "older", "gone"])
@pytest.mark.parametrize("restarted", [False, True])
def test_after_a_bad_bundle_the_last_good_one_holds_also_after_a_restart(folders, day, restarted):
    def look():
        fresh = Loaded(
            folder=folders.bundle, keys_file=folders.bundle / "bundle.pem", cluster=CLUSTER
        )
        fresh.look()
        return fresh

    folders.publish(OTHER, version=7)
    loaded = look()
    _spoil(folders, day)
    if restarted:
        loaded = look()
    else:
        loaded.look()

    assert loaded.bundle.version == 7
    assert loaded.problem
    assert loaded.not_ready(NOW) == ""


def _spoil(folders, day):
    file = folders.bundle / "bundle.json"
    match day:
        case "truncated":
            os.truncate(file, file.stat().st_size // 2)
        case "empty":
            os.truncate(file, 0)
        case "unsigned":
            folders.put(b'{"payload":"e30=","payloadType":"x","signatures":[]}')
        case "foreign key":
            folders.publish(version=8, key=Ed25519PrivateKey.generate())
        case "older":
            folders.publish(version=6)
        case "gone":
            file.unlink()


def test_after_a_bad_day_a_good_bundle_needs_no_hand(loaded, folders):
    folders.publish()
    loaded.look()
    _spoil(folders, "truncated")
    loaded.look()

    folders.publish(version=2)
    loaded.look()

    assert (loaded.bundle.version, loaded.problem) == (2, "")


def test_a_bundle_of_another_cluster_is_not_taken(loaded, folders):
    folders.publish(cluster="west")
    loaded.look()

    assert "for cluster west, and this is east" in loaded.not_ready(NOW)


def test_the_first_bundle_says_which_cluster_this_is(folders):
    loaded = Loaded(folder=folders.bundle, keys_file=folders.bundle / "bundle.pem")
    folders.publish()
    loaded.look()
    folders.publish(version=2, cluster="west")
    loaded.look()

    assert (loaded.bundle.cluster, loaded.bundle.version) == (CLUSTER, 1)
    assert "another cluster's is not taken" in loaded.problem


def test_a_day_without_the_platform_is_no_reason_to_stop_and_a_week_is_told(loaded, folders):
    folders.publish()
    loaded.look()

    assert loaded.not_ready(NOW + timedelta(days=1)) == ""
    later = loaded.bundle.created + timedelta(days=8)
    assert "made 8 days ago" in loaded.not_ready(later)
    assert loaded.bundle is not None  # asked anyway, it answers


def test_a_new_key_is_believed_as_soon_as_it_is_in_the_file(loaded, folders):
    successor = Ed25519PrivateKey.generate()
    folders.publish()
    loaded.look()
    folders.publish(version=2, key=successor)
    loaded.look()
    assert loaded.bundle.version == 1

    old = (folders.bundle / "bundle.pem").read_bytes()
    other = type(folders)(folders.bundle / "other")
    (folders.bundle / "bundle.pem").write_bytes(old + (other.bundle / "bundle.pem").read_bytes())
    folders.publish(version=3, key=other.key)
    loaded.look()

    assert loaded.bundle.version == 3


def test_a_folder_that_cannot_be_written_is_read_all_the_same(loaded, folders, monkeypatch):
    folders.publish()
    monkeypatch.setattr("pathlib.Path.write_bytes", _refuse)

    loaded.look()

    assert loaded.not_ready(NOW) == ""


def _refuse(*_):
    raise OSError(30, "Read-only file system")


def test_facts_come_as_a_chain_and_a_missing_link_is_told(loaded, folders):
    folders.publish()
    folders.verified(fact())
    loaded.look()
    assert loaded.facts.of(NAME, DIGEST).signatures[0].key == "k1"

    folders.verified(fact("sha256:" + "c" * 64), version=3, since=2, file="facts-000000000003.json")
    loaded.look()
    assert "only those up to 1 are here" in loaded.facts_problem
    assert loaded.facts.of(NAME, DIGEST) is not None
    assert loaded.not_ready(NOW) == ""

    said = AttestationFact("https://slsa.dev/provenance/v1", ("k2",))
    between = fact("sha256:" + "b" * 64, attestations=(said,))
    folders.verified(between, version=2, since=1, file="facts-000000000002.json")
    loaded.look()
    assert loaded.facts_problem == ""
    assert loaded.facts.version == 3
    assert loaded.facts.of(NAME, "sha256:" + "b" * 64).attestations[0].key == "k2"


def test_forged_facts_are_not_taken(loaded, folders):
    folders.publish()
    folders.verified(fact())
    data = (folders.bundle / "facts.json").read_bytes()
    folders.put(data.replace(b'"sig":"', b'"sig":"AAAA'), "facts.json")
    loaded.look()

    assert "not signed by this platform" in loaded.facts_problem
    assert loaded.facts.of(NAME, DIGEST) is None


def test_a_revoked_key_makes_a_new_epoch_and_what_was_verified_before_is_void(loaded, folders):
    folders.publish()
    folders.verified(fact(epoch=1))
    loaded.look()
    assert loaded.facts.of(NAME, DIGEST) is not None

    folders.publish(version=2, trust_epoch=2)
    loaded.look()
    assert loaded.facts.of(NAME, DIGEST) is None

    folders.verified(fact(epoch=2), version=2, since=1, file="facts-000000000002.json")
    loaded.look()
    assert loaded.facts.of(NAME, DIGEST) is not None


def test_nothing_is_read_twice_that_did_not_change(loaded, folders, monkeypatch):
    folders.publish()
    folders.verified(fact())
    loaded.look()
    monkeypatch.setattr("pathlib.Path.read_bytes", _refuse)

    loaded.look()

    assert (loaded.problem, loaded.facts_problem) == ("", "")
