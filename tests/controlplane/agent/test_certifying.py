"""A certificate that will stop being believed is told of while there is time, once it lasts."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from controlplane.admission import certificates
from controlplane.agent.certifying import CONFIGURATION, Certifying
from controlplane.agent.seen import Sighting
from controlplane.objects import Manifest
from controlplane.policies.compile import probes
from tests.fakes.cluster import FakeCluster

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    certificates.keep(tmp_path, cluster="east", names=("webhook.test",), now=NOW)
    return tmp_path


def configuration(bundle: bytes) -> Manifest:
    return {
        "apiVersion": CONFIGURATION.api_version,
        "kind": CONFIGURATION.kind,
        "metadata": {"name": CONFIGURATION.name},
        "webhooks": [
            {"name": "asks", "clientConfig": {"caBundle": b64encode(bundle).decode()}},
            probes.sign("1a2b3c4d"),  # as every configuration that was brought has
        ],
    }


def told(folder: Path, bundle: bytes, *, days: int = 0, looks: int = 2) -> list[Sighting]:
    cluster = FakeCluster()
    cluster.apply(configuration(bundle))
    said: list[Sighting] = []
    certifying = Certifying("east", folder, said.extend)
    for _ in range(looks):
        certifying.look(cluster, now=NOW + timedelta(days=days))
    return said


def published(folder: Path) -> bytes:
    return (folder / certificates.BUNDLE_FILE).read_bytes()


def test_a_certificate_in_the_middle_of_its_life_is_no_news(folder: Path) -> None:
    assert told(folder, published(folder), days=30) == []


def test_one_that_was_not_renewed_is_told_of_once_however_often_it_is_seen(folder: Path) -> None:
    (alarm,) = told(folder, published(folder), days=55, looks=4)

    assert (alarm.name, alarm.code) == ("east", "certificate")
    assert "was not renewed" in alarm.reason


def test_a_bundle_that_does_not_hold_the_signer_is_an_alarm_when_it_lasts(
    folder: Path, tmp_path: Path
) -> None:
    other = certificates.make_authority("west", NOW).certificate
    stranger = other.public_bytes(certificates.Encoding.PEM)

    assert told(folder, stranger, looks=1) == []
    (alarm,) = told(folder, stranger)
    assert "does not hold who signed" in alarm.reason


@pytest.mark.parametrize("bundle", [b"", b"no certificate"])
def test_a_bundle_that_cannot_be_read_believes_nobody(folder: Path, bundle: bytes) -> None:
    (alarm,) = told(folder, bundle)

    assert "does not hold who signed" in alarm.reason


def test_where_no_webhook_is_called_nothing_can_end(folder: Path) -> None:
    certifying = Certifying("east", folder, lambda _: pytest.fail("told of nothing"))

    certifying.look(FakeCluster(), now=NOW + timedelta(days=80))

    assert certifying.alarms == []
