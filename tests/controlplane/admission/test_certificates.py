"""An authority of its own, that nobody notices being replaced."""

import stat
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store

from controlplane.admission import certificates
from controlplane.admission.certificates import due, make_authority, make_leaf

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAY = timedelta(days=1)
NAMES = ["argosy-admission.argosy-system.svc", "10.0.0.7"]


def kept(folder, now, names=NAMES):
    return certificates.keep(folder, cluster="east", names=names, now=now)


def believed(folder, now):
    """As a strict verifier sees what is served under what is published."""
    store = Store(certificates.published(folder))
    verifier = PolicyBuilder().store(store).time(now).build_server_verifier(x509.DNSName(NAMES[0]))
    verifier.verify(certificates.served(folder), [])
    return True


def test_two_years_and_a_half_pass_and_the_api_server_never_doubts(tmp_path):
    """Webhook configurations hear of a new bundle some time after it is published: a day at worst."""
    leaves, authorities = set(), set()
    told = []  # what was published, day by day

    for day in range(900):
        now = NOW + day * DAY
        kept(tmp_path, now)
        told.append(certificates.published(tmp_path))
        leaf = certificates.served(tmp_path)
        leaves.add(leaf.serial_number)
        authorities |= {a.serial_number for a in told[-1]}

        assert believed(tmp_path, now)
        yesterday = told[-2:][0]
        assert any(certificates.signed_by(leaf, a) for a in yesterday)
        assert certificates.alarms(leaf, told[-1], now) == []
        assert len(told[-1]) <= 2

    assert len(authorities) == 2
    assert 900 / 40 <= len(leaves) <= 900 / 40 + 3
    assert len(told[-1]) == 1
    assert len(list(tmp_path.glob(certificates.AUTHORITIES))) == 1


def test_keeping_it_twice_is_keeping_it_once(tmp_path):
    assert kept(tmp_path, NOW)
    before = {f.name: f.read_bytes() for f in tmp_path.iterdir()}

    assert not kept(tmp_path, NOW + DAY)
    assert {f.name: f.read_bytes() for f in tmp_path.iterdir()} == before


def test_other_names_or_a_broken_file_are_a_new_certificate_of_the_same_authority(tmp_path):
    kept(tmp_path, NOW)
    authorities = certificates.published(tmp_path)

    assert kept(tmp_path, NOW + DAY, names=[*NAMES, "127.0.0.1"])
    (tmp_path / certificates.SERVING_FILE).write_bytes(b"half")
    assert kept(tmp_path, NOW + DAY, names=NAMES)

    assert certificates.published(tmp_path) == authorities
    assert believed(tmp_path, NOW + DAY)


def test_only_the_owner_may_read_any_of_it(tmp_path):
    folder = tmp_path / "new"
    kept(folder, NOW)

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for file in folder.glob("*.pem"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_strict_verifier_takes_it_and_lives_are_as_promised():
    authority = make_authority("east", NOW)
    leaf = make_leaf(authority, NAMES, NOW).certificate
    usage = leaf.extensions.get_extension_for_class(x509.KeyUsage)

    assert usage.critical
    assert usage.value.digital_signature
    assert not usage.value.key_cert_sign
    assert authority.certificate.extensions.get_extension_for_class(x509.BasicConstraints).critical
    assert authority.certificate.not_valid_after_utc - NOW == timedelta(days=730)
    assert timedelta(days=30) <= leaf.not_valid_after_utc - NOW <= timedelta(days=90)


def test_a_leaf_never_outlives_who_signed_it():
    authority = make_authority("east", NOW)
    late = NOW + timedelta(days=700)

    leaf = make_leaf(authority, NAMES, late).certificate

    assert leaf.not_valid_after_utc == authority.certificate.not_valid_after_utc


def test_after_years_in_a_drawer_everything_is_made_anew(tmp_path):
    kept(tmp_path, NOW)
    later = NOW + timedelta(days=2000)

    assert kept(tmp_path, later)
    assert believed(tmp_path, later)
    assert len(certificates.published(tmp_path)) == 1


def test_alarms_name_what_will_break_and_when():
    authority, other = make_authority("east", NOW), make_authority("east", NOW)
    leaf = make_leaf(authority, NAMES, NOW).certificate
    ours = [authority.certificate]

    assert certificates.alarms(leaf, ours, NOW + 49 * DAY) == []
    assert "was not renewed" in certificates.alarms(leaf, ours, NOW + 51 * DAY)[0]
    (said,) = certificates.alarms(leaf, [other.certificate], NOW)
    assert "does not hold who signed" in said
    late = NOW + timedelta(days=650)
    fresh = make_leaf(authority, NAMES, late).certificate
    (said,) = certificates.alarms(fresh, ours, late)
    assert "caBundle ends 2028-11-20" in said


def test_one_of_two_authorities_being_old_is_no_alarm():
    old, new = make_authority("east", NOW), make_authority("east", NOW + 500 * DAY)
    leaf = make_leaf(new, NAMES, NOW + 650 * DAY).certificate

    both = [old.certificate, new.certificate]
    assert certificates.alarms(leaf, both, NOW + 650 * DAY) == []


def test_a_new_authority_does_not_sign_before_everybody_had_a_day_to_hear_of_it():
    old, new = make_authority("east", NOW), make_authority("east", NOW + 490 * DAY)
    leaf = make_leaf(old, NAMES, NOW + 480 * DAY).certificate
    both = [old.certificate, new.certificate]

    soon = due(both, leaf, NAMES, NOW + 490 * DAY + timedelta(hours=23))
    then = due(both, leaf, NAMES, NOW + 491 * DAY)

    assert (soon.leaf, soon.signer) == (False, old.certificate)
    assert (then.leaf, then.signer) == (True, new.certificate)
    assert then.forget == ()


def test_a_certificate_needs_a_name():
    with pytest.raises(ValueError, match="needs a name"):
        make_leaf(make_authority("east", NOW), [], NOW)
