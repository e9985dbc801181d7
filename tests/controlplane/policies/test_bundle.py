"""The sealed bundle: who may be believed, and what may replace what."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner

from controlplane.policies import bundle as bundles
from controlplane.policies.bundle import Bundle, BundleRefused, Fact, FactsDelta
from controlplane.policies.document import Document, Repositories, Scope

KEY = Ed25519PrivateKey.generate()
KEYS = [KEY.public_key()]
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
PAYMENTS = Document(
    name="payments",
    scopes=(Scope(("payments",), (Repositories("harbor.acme.test", "payments/**"),)),),
)


def bundle(**changed):
    said = {
        "version": 7,
        "created": NOW,
        "cluster": "east",
        "trust_epoch": 1,
        "documents": {"payments": PAYMENTS},
        "namespaces": {"payments": "payments"},
    }
    return Bundle(**said | changed)


def facts(**changed):
    fact = Fact("harbor.acme.test/payments/api", "sha256:" + "a" * 64, ("k1",), 1, NOW)
    said = {"version": 1, "since": 0, "created": NOW, "cluster": "east", "facts": (fact,)}
    return FactsDelta(**said | changed)


def refusal(data, keys=KEYS, **options):
    with pytest.raises(BundleRefused) as refused:
        bundles.open_sealed(data, keys, **options)
    return refused.value.sentence


def test_what_was_sealed_is_what_is_opened():
    sealed = bundles.seal(bundle(stand_down_until=NOW), KEY)

    assert bundles.open_sealed(sealed, KEYS, cluster="east") == bundle(stand_down_until=NOW)


def test_the_same_content_is_the_same_bytes():
    one = bundle(namespaces={"a": "payments", "b": "payments"})
    other = bundle(namespaces={"b": "payments", "a": "payments"})

    assert bundles.seal(one, KEY) == bundles.seal(other, KEY)


@pytest.mark.parametrize("kept", [0, 1, 10, 100, 0.5, -1])
def test_a_truncated_bundle_is_refused(kept):
    sealed = bundles.seal(bundle(), KEY)
    kept = int(len(sealed) * kept) if isinstance(kept, float) else kept

    assert "truncated or not a signed file" in refusal(sealed[:kept])


@pytest.mark.parametrize(
    "data",
    [
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b'{"payload":1,"payloadType":2,"signatures":3}',
        b'{"payload":"e30=","payloadType":"x","signatures":[{}]}',
        b'{"payload":"e30=","payloadType":7,"signatures":[]}',
    ],
)
def test_what_is_no_envelope_is_refused_and_raises_nothing_else(data):
    assert "truncated or not a signed file" in refusal(data)


def test_an_unsigned_bundle_is_refused():
    envelope = json.loads(bundles.seal(bundle(), KEY)) | {"signatures": []}

    assert "carries no signature" in refusal(json.dumps(envelope).encode())


def test_a_bundle_signed_by_somebody_else_is_refused():
    sealed = bundles.seal(bundle(), Ed25519PrivateKey.generate())

    assert "not signed by this platform's bundle key" in refusal(sealed)


def test_a_foreign_signature_under_our_key_id_is_refused():
    ours = json.loads(bundles.seal(bundle(), KEY))
    theirs = json.loads(bundles.seal(bundle(), Ed25519PrivateKey.generate()))
    ours["signatures"][0]["sig"] = theirs["signatures"][0]["sig"]

    assert "not signed" in refusal(json.dumps(ours).encode())


def test_one_changed_byte_is_refused():
    envelope = json.loads(bundles.seal(bundle(), KEY))
    payload = base64.b64decode(envelope["payload"]).replace(b"payments/**", b"paymentz/**")
    envelope["payload"] = base64.b64encode(payload).decode()

    assert "changed after signing" in refusal(json.dumps(envelope).encode())


def test_nothing_is_believed_without_a_key():
    assert "not signed" in refusal(bundles.seal(bundle(), KEY), keys=[])


def test_a_key_may_be_replaced_while_both_are_believed():
    successor = Ed25519PrivateKey.generate()
    both = [KEY.public_key(), successor.public_key()]

    assert bundles.open_sealed(bundles.seal(bundle(), successor), both) == bundle()
    assert bundles.open_sealed(bundles.seal(bundle(), KEY), both) == bundle()


def test_a_bundle_of_another_cluster_is_refused():
    sealed = bundles.seal(bundle(cluster="west"), KEY)

    assert (
        refusal(sealed, cluster="east")
        == "The policy bundle is for cluster west, and this is east."
    )


def test_signed_facts_are_no_bundle():
    assert "it is no policy bundle" in refusal(bundles.seal(facts(), KEY))


def test_facts_are_sealed_and_opened_the_same_way():
    sealed = bundles.seal(facts(), KEY)

    assert bundles.open_facts(sealed, KEYS, cluster="east") == facts()
    with pytest.raises(BundleRefused, match="truncated"):
        bundles.open_facts(sealed[:-1], KEYS)
    with pytest.raises(BundleRefused, match="no list of verified images"):
        bundles.open_facts(bundles.seal(bundle(), KEY), KEYS)


def test_a_field_this_version_does_not_know_is_refused_not_ignored():
    class Later(Bundle, frozen=True):
        only_on_fridays: bool = False

    said = {f: getattr(bundle(), f) for f in bundle().__struct_fields__}
    later = Later(**said, only_on_fridays=True)
    bundles.TYPES[Later] = bundles.BUNDLE_TYPE
    try:
        sealed = bundles.seal(later, KEY)
    finally:
        del bundles.TYPES[Later]

    assert "this version of Argosy cannot read it" in refusal(sealed)


def payload(sealed):
    return json.loads(base64.b64decode(json.loads(sealed)["payload"]))


def test_what_is_as_by_default_is_not_sent():
    (fact,) = payload(bundles.seal(facts(), KEY))["facts"]

    assert fact == {
        "repository": "harbor.acme.test/payments/api",
        "digest": "sha256:" + "a" * 64,
        "key_ids": ["k1"],
        "epoch": 1,
        "at": "2026-11-21T12:00:00Z",
    }
    assert "stand_down_until" not in payload(bundles.seal(bundle(), KEY))


def later_fact(**said):
    class Later(Fact, frozen=True):
        only_on_fridays: bool = False

    fact = facts().facts[0]
    return Later(**{f: getattr(fact, f) for f in fact.__struct_fields__}, **said)


def test_a_newer_platforms_list_is_read_while_nobody_uses_what_is_new_in_it():
    sealed = bundles.seal(facts(facts=(later_fact(),)), KEY)

    assert bundles.open_facts(sealed, KEYS) == facts()


def test_a_newer_platforms_list_that_says_something_new_is_refused_not_half_read():
    sealed = bundles.seal(facts(facts=(later_fact(only_on_fridays=True),)), KEY)

    with pytest.raises(BundleRefused, match="this version of Argosy cannot read it"):
        bundles.open_facts(sealed, KEYS)


def sealed_in_full(content, **defaults):
    """As platforms wrote it before: with every field, whatever it says."""
    said = json.loads(bundles.canonical(content)) | defaults
    for fact in said.get("facts", ()):
        fact |= {"attestations": [], "made_for": {}, "error": ""}
    envelope = Envelope(json.dumps(said).encode(), bundles.TYPES[type(content)], {})
    envelope.sign(CryptoSigner(KEY))
    return json.dumps(envelope.to_dict()).encode()


def test_files_on_disks_that_say_the_defaults_too_hold_and_are_no_other_content():
    old = bundles.open_sealed(sealed_in_full(bundle(), stand_down_until=None), KEYS)

    assert old == bundle()
    assert not bundles.newer(old, bundle())
    assert bundles.open_facts(sealed_in_full(facts()), KEYS) == facts()


def test_an_enormous_file_is_not_even_read(monkeypatch):
    monkeypatch.setattr(bundles, "LARGEST", 100)

    assert "it is not read" in refusal(bundles.seal(bundle(), KEY))


def test_a_later_version_replaces_and_the_same_one_need_not():
    assert bundles.newer(None, bundle())
    assert bundles.newer(bundle(), bundle(version=8))
    assert not bundles.newer(bundle(), bundle())


def test_a_step_back_is_refused():
    with pytest.raises(BundleRefused, match="version 6, but version 7 is in force"):
        bundles.newer(bundle(), bundle(version=6))
    with pytest.raises(BundleRefused, match="before keys were revoked"):
        bundles.newer(bundle(trust_epoch=2), bundle(version=8))
    with pytest.raises(BundleRefused, match="both call themselves version 7"):
        bundles.newer(bundle(), bundle(namespaces={}))


def test_an_old_bundle_says_how_old():
    week = timedelta(days=7)
    bundles.fresh(bundle(), now=NOW + week, within=week)

    with pytest.raises(BundleRefused, match="made 8 days ago, and 7 days is allowed"):
        bundles.fresh(bundle(), now=NOW + timedelta(days=8), within=week)
    with pytest.raises(BundleRefused, match="one of the two clocks is wrong"):
        bundles.fresh(bundle(), now=NOW - timedelta(hours=2), within=week)


def test_a_namespace_has_one_document_and_a_foreign_one_none():
    held = bundle(namespaces={"payments": "payments", "torn": "gone"})

    assert held.document_for("payments") == PAYMENTS
    assert held.document_for("payments-2") is None
    assert held.document_for("torn") is None


def test_a_key_file_may_hold_an_old_and_a_new_key():
    def pem(key):
        return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    other = Ed25519PrivateKey.generate()

    assert bundles.read_keys(pem(KEY) + pem(other)) == (KEY.public_key(), other.public_key())
    for wrong in (b"", b"-----BEGIN nonsense", pem(generate_private_key(SECP256R1()))):
        with pytest.raises(BundleRefused, match="bundle keys"):
            bundles.read_keys(wrong)
