"""Settings that are missing or malformed stop the process, and are named."""

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.core.exceptions import ImproperlyConfigured

from controlplane import environment

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
