"""When a credential ends is read out of itself: who has two ends with the first of them."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from controlplane.clusters.credentials import end_of

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LATER = NOW + timedelta(days=90)


def certificate(ends: datetime) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(ends)
        .sign(key, hashes.SHA256())
    )
    return base64.b64encode(made.public_bytes(serialization.Encoding.PEM)).decode()


def token(claims: object) -> str:
    said = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{said}.c2ln"


def config(**user: str) -> dict[str, Any]:
    return {"users": [{"name": "platform", "user": user}]}


def test_a_certificate_ends_as_it_says() -> None:
    assert end_of(config(**{"client-certificate-data": certificate(LATER)})) == LATER


def test_a_token_ends_as_it_says() -> None:
    assert end_of(config(token=token({"exp": LATER.timestamp()}))) == LATER


def test_of_two_ends_the_first_counts() -> None:
    both = {
        "token": token({"exp": NOW.timestamp()}),
        "client-certificate-data": certificate(LATER),
    }

    assert end_of(config(**both)) == NOW


@pytest.mark.parametrize(
    "said",
    ["opaque", "a.b.c", "a.b", token({}), token([]), token({"exp": "x"}), token({"exp": 1e300})],
)
def test_a_token_that_names_no_end_has_none(said: str) -> None:
    assert end_of(config(token=said)) is None
