"""Who has signed an image: only what was checked, key by key, for exactly that image."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from controlplane.policies import artifacts
from controlplane.policies.artifacts import BadKey, NotVerified, Signers, Verified
from tests.images import DIGEST, REPOSITORY, Signer, envelope, signer, statement

ANA, BEN = signer(), signer()
KNOWN = {ANA.key_id: ANA.pem, BEN.key_id: BEN.pem}


def verified(made: Any, *, keys: dict[str, str] = KNOWN, **more: Any) -> Verified:
    return artifacts.verify(made, repository=REPOSITORY, digest=DIGEST, keys=keys, **more)


def test_every_key_that_really_signed_is_told() -> None:
    assert verified(envelope(ANA)).key_ids == (ANA.key_id,)
    assert verified(envelope(ANA, BEN)).key_ids == tuple(sorted((ANA.key_id, BEN.key_id)))
    assert verified(envelope(ANA)).is_signature


def test_an_unknown_signer_beside_a_known_one_is_not_counted() -> None:
    assert verified(envelope(ANA, signer())).key_ids == (ANA.key_id,)


def test_a_known_name_over_another_keys_signature_is_not_counted() -> None:
    forged = envelope(ANA, BEN)
    forged["signatures"][1]["sig"] = forged["signatures"][0]["sig"]

    assert verified(forged).key_ids == (ANA.key_id,)


def test_nobody_we_trust_is_refused_and_told_how() -> None:
    with pytest.raises(NotVerified, match="admin adds signing keys"):
        verified(envelope(signer()))
    with pytest.raises(NotVerified, match="no signature"):
        verified(envelope())


def test_a_revoked_key_is_said_to_be_revoked() -> None:
    with pytest.raises(NotVerified, match="revoked"):
        verified(envelope(ANA), keys={BEN.key_id: BEN.pem}, revoked=[ANA.key_id])


def test_a_statement_about_another_digest_is_refused() -> None:
    other = statement(digest="sha256:" + "b" * 64)

    with pytest.raises(NotVerified, match="another digest") as refused:
        verified(envelope(ANA, said=other))

    assert refused.value.field == "digest"


@pytest.mark.parametrize("name", ["harbor.corp.example/atlas/api", "", f"{REPOSITORY}2"])
def test_a_statement_made_for_another_repository_is_refused(name: str) -> None:
    with pytest.raises(NotVerified, match="counts for the repository") as refused:
        verified(envelope(ANA, said=statement(repository=name)))

    assert refused.value.field == "repository"


def test_a_statement_may_be_about_several_images_and_counts_for_each_named() -> None:
    many = statement()
    many["subject"].insert(0, {"name": "other.example/x", "digest": {"sha256": "c" * 64}})

    assert verified(envelope(ANA, said=many)).key_ids == (ANA.key_id,)


def test_a_changed_payload_is_refused() -> None:
    made = envelope(ANA)
    made["payload"] = envelope(BEN, said=statement(predicate={"x": 1}))["payload"]

    with pytest.raises(NotVerified):
        verified(made)


@pytest.mark.parametrize(
    "broken",
    [
        None,
        [],
        {},
        {"payload": "e30=", "payloadType": "x"},
        {"payload": "e30=", "payloadType": "x", "signatures": "none"},
        {"payload": "%%%", "payloadType": "x", "signatures": [{"keyid": "a", "sig": "b"}]},
        {"payload": "e30=", "payloadType": 3, "signatures": []},
        {"payload": "e30=", "payloadType": "text/plain", "signatures": []},
        {"payload": "e30=", "signatures": [{"keyid": "a", "sig": "YQ=="}] * 21},
        {"payload": "e30=", "payloadType": "x", "signatures": [None]},
        {"payload": "e30=", "payloadType": "x", "signatures": [{"sig": "YQ=="}]},
        {"payload": "e30=", "payloadType": "x", "signatures": [{"keyid": [], "sig": "YQ=="}]},
    ],
)
def test_what_is_no_envelope_is_a_sentence_and_never_a_crash(broken: Any) -> None:
    with pytest.raises(NotVerified):
        verified(broken)


@pytest.mark.parametrize(
    "said",
    [
        statement(_type="https://example.test/Statement/v9"),
        statement(predicateType=" "),
        {"_type": "https://in-toto.io/Statement/v1"},
        statement(subject="everything"),
        {"just": "json"},
    ],
)
def test_what_is_signed_must_be_a_statement(said: dict[str, Any]) -> None:
    with pytest.raises(NotVerified):
        verified(envelope(ANA, said=said))


def test_the_same_signature_twice_in_one_envelope_is_refused() -> None:
    made = envelope(ANA)
    made["signatures"].append(dict(made["signatures"][0]))

    with pytest.raises(NotVerified, match="Multiple"):
        verified(made)


def test_an_envelope_is_not_changed_by_being_read() -> None:
    made = envelope(ANA)
    before = repr(made)

    verified(made)

    assert repr(made) == before


def test_statements_of_several_signers_add_up_and_one_key_is_one() -> None:
    ana, ben = Verified(artifacts.SIGNATURE, ("a",)), Verified(artifacts.SIGNATURE, ("b",))
    sbom = Verified("sbom", ("a",))

    both = Signers().with_statement(ana).with_statement(ben).with_statement(ana)

    assert both.key_ids == ("a", "b")
    assert both.with_statement(sbom).attestations == (("sbom", ("a",)),)
    assert both.with_statement(sbom).without("a") == Signers(("b",))


def test_a_keys_id_is_made_of_the_key_however_its_text_is_written() -> None:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    assert artifacts.key_id_of(pem) == artifacts.key_id_of("\n" + pem.replace("\n", "\r\n"))


def test_a_private_key_that_was_sent_is_called_so() -> None:
    secret = signer().key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    with pytest.raises(BadKey, match="private key"):
        artifacts.key_id_of(secret.decode())


@pytest.mark.parametrize("pem", ["", "ssh-ed25519 AAAA", "-----BEGIN PUBLIC KEY-----\nx\n", "é"])
def test_what_is_no_key_is_a_sentence(pem: str) -> None:
    with pytest.raises(BadKey):
        artifacts.key_id_of(pem)


def test_signers_differ_by_their_keys() -> None:
    assert Signer(ANA.key).key_id == ANA.key_id != BEN.key_id


@pytest.mark.parametrize("field", ["payload", "payloadType", "keyid"])
def test_half_a_character_anywhere_in_an_envelope_is_a_refusal(field: str) -> None:
    made = envelope(signer())
    where = made["signatures"][0] if field == "keyid" else made
    where[field] = "\ud800"

    with pytest.raises(NotVerified, match="no text"):
        artifacts.verify(made, repository=REPOSITORY, digest=DIGEST, keys={})


@pytest.mark.parametrize("kind", ["a\0b", "x" * 501])
def test_a_predicate_type_nobody_can_read_is_refused(kind: str) -> None:
    ana = signer()
    made = envelope(ana, said=statement(predicateType=kind))

    with pytest.raises(NotVerified, match="predicateType"):
        artifacts.verify(made, repository=REPOSITORY, digest=DIGEST, keys={ana.key_id: ana.pem})
