"""Settings that are missing or malformed stop the process, and are named."""

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.core.exceptions import ImproperlyConfigured

from controlplane import environment
from tests.production.keys import given_keys

NAME = "ARGOSY_TEST_KEY"


def test_a_bundle_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    first = environment.ed25519_key(NAME, made_in=tmp_path / "keys")

    assert environment.ed25519_key(NAME, made_in=tmp_path / "keys") == first
    assert stat.S_IMODE((tmp_path / "keys" / "bundle.pem").stat().st_mode) == 0o600


def test_where_keys_are_given_one_that_is_missing_is_no_start() -> None:
    with pytest.raises(ImproperlyConfigured, match=f"{NAME} is not set"):
        environment.ed25519_key(NAME, made_in=None)


def test_a_key_of_another_kind_or_no_key_is_no_start(monkeypatch: pytest.MonkeyPatch) -> None:
    other = generate_private_key(SECP256R1())
    pem = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    for text, says in ((pem, "Ed25519"), ("no key", "no private key")):
        monkeypatch.setenv(NAME, text)
        with pytest.raises(ImproperlyConfigured, match=f"{NAME}.*{says}"):
            environment.ed25519_key(NAME, made_in=None)


def database(monkeypatch: pytest.MonkeyPatch, url: str) -> dict[str, Any]:
    monkeypatch.setenv(NAME, url)
    return environment.database(NAME, sqlite=Path("unused"))


def test_a_database_is_read_as_libpq_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    said = database(
        monkeypatch,
        "postgresql://ar%40gosy:p%2Fw@db.example.com:6432/prod"
        "?sslmode=verify-full&sslrootcert=/etc/ca.crt&connect_timeout=3",
    )

    assert (said["USER"], said["PASSWORD"], said["NAME"]) == ("ar@gosy", "p/w", "prod")
    assert (said["HOST"], said["PORT"]) == ("db.example.com", "6432")
    # Dropped, it would be a connection that anybody can listen to.
    assert said["OPTIONS"]["sslmode"] == "verify-full"
    assert said["OPTIONS"]["sslrootcert"] == "/etc/ca.crt"
    assert said["OPTIONS"]["connect_timeout"] == "3"
    assert said["CONN_HEALTH_CHECKS"]


@pytest.mark.parametrize(
    "url",
    [
        "mysql://argosy:hunter2@db/prod",
        "postgresql://argosy:hunter2@db",
        "postgresql://argosy:hunter2@db/",
        "postgresql://argosy:hunter2@db/prod?sslmod=verify-full",
        "postgresql://argosy:hunter2%zz@db/prod",
        "host=db dbname=prod password=hunter2",
    ],
)
def test_a_database_that_cannot_be_meant_is_no_start_and_no_password_in_the_log(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"{NAME} must look like postgresql:") as told:
        database(monkeypatch, url)

    assert "hunter2" not in str(told.value)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("memory://localhost/", "a memory of its own"),
        ("amqp://queue.example.com//", "must look like redis:"),
        ("redis://", "must look like redis:"),
        ("redis.example.com", "must look like redis:"),
    ],
)
def test_a_broker_that_no_worker_would_hear_of_is_no_start(
    monkeypatch: pytest.MonkeyPatch, url: str, says: str
) -> None:
    monkeypatch.setenv(NAME, url)

    with pytest.raises(ImproperlyConfigured, match=f"{NAME}.*{says}"):
        environment.broker(NAME, embedded=False)


@pytest.mark.parametrize(
    ("left_out", "kind"),
    [
        ("ARGOSY_BROKER_URL", "web"),
        ("ARGOSY_SECRET_KEY", "worker"),
        ("ARGOSY_ENCRYPTION_KEYS", "beat"),
        ("ARGOSY_BUNDLE_KEY", "watch"),
    ],
)
def test_in_production_what_is_missing_is_named_in_one_sentence(
    tmp_path: Path, left_out: str, kind: str
) -> None:
    given = {
        "ARGOSY_DATABASE_URL": "postgresql://argosy@127.0.0.1:1/prod",
        "ARGOSY_BROKER_URL": "redis://127.0.0.1:1/0",
        **given_keys(),
    }
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ARGOSY_", "DJANGO_"))}
    env = kept | given | {"ARGOSY_HOME": str(tmp_path)}
    del env[left_out]

    done = subprocess.run(
        [sys.executable, "-m", "controlplane.cli", kind],
        env=env, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 1
    assert done.stderr.strip() == f"{left_out} is not set (or give a file by {left_out}_FILE)."


def test_a_database_that_does_not_answer_is_one_sentence(tmp_path: Path) -> None:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ARGOSY_", "DJANGO_"))}
    env = kept | given_keys() | {
        "ARGOSY_HOME": str(tmp_path),
        "ARGOSY_DATABASE_URL": "postgresql://argosy:hunter2@127.0.0.1:1/prod",
        "ARGOSY_BROKER_URL": "redis://127.0.0.1:1/0",
    }  # fmt: skip

    done = subprocess.run(
        [sys.executable, "-m", "controlplane.cli", "migrate"],
        env=env, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 1
    assert "The database at 127.0.0.1:1 cannot be used" in done.stderr
    assert "hunter2" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "issuer",
    [
        "https://login.example.com",
        "https://login.example.com/realms/main",
        "https://login.example.com/",
        "http://127.0.0.1:8180/realms/argosy",
        "",
    ],
)
def test_a_provider_is_named_as_it_names_itself(
    monkeypatch: pytest.MonkeyPatch, issuer: str
) -> None:
    monkeypatch.setenv(NAME, issuer)

    assert environment.issuer(NAME) == issuer


@pytest.mark.parametrize(
    "issuer",
    [
        "http://login.example.com",
        "login.example.com",
        "https://",
        "ftp://login.example.com",
        "https://login.example.com/?tenant=1",
        "https://login.example.com/#main",
        "https://user@login.example.com/",
        "http://127.0.0.1.example.com/",
    ],
)
def test_a_provider_that_would_be_asked_in_the_clear_or_cannot_be_meant_is_no_start(
    monkeypatch: pytest.MonkeyPatch, issuer: str
) -> None:
    monkeypatch.setenv(NAME, issuer)

    with pytest.raises(ImproperlyConfigured, match=f"{NAME} must look like https://"):
        environment.issuer(NAME)


def test_of_a_few_values_another_is_no_start(monkeypatch: pytest.MonkeyPatch) -> None:
    assert environment.one_of(NAME, ("RS256", "ES256")) == "RS256"
    monkeypatch.setenv(NAME, "none")

    with pytest.raises(ImproperlyConfigured, match=f"{NAME} must be one of RS256, ES256"):
        environment.one_of(NAME, ("RS256", "ES256"))
