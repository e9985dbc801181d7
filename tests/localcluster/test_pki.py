"""A cluster's keys and certificates."""

import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from localcluster import pki


def certificate(folder: Path, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / f"{name}.crt").read_bytes())


def test_every_certificate_is_signed_by_the_authority_it_names(tmp_path: Path) -> None:
    folder = tmp_path / "pki"

    pki.ensure(folder, api_addresses=["127.0.0.1"])

    for leaf in pki.LEAVES:
        certificate(folder, leaf.name).verify_directly_issued_by(
            certificate(folder, leaf.authority)
        )


def test_the_api_server_is_known_by_its_names_and_addresses(tmp_path: Path) -> None:
    folder = tmp_path / "pki"

    pki.ensure(folder, api_addresses=["127.0.0.1", "10.96.0.1"])

    server = certificate(folder, "apiserver")
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    usage = server.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert ipaddress.ip_address("10.96.0.1") in names.get_values_for_type(x509.IPAddress)
    assert "kubernetes.default.svc" in names.get_values_for_type(x509.DNSName)
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_only_the_administrators_programs_are_masters(tmp_path: Path) -> None:
    folder = tmp_path / "pki"

    pki.ensure(folder, api_addresses=["127.0.0.1"])

    masters = {
        leaf.name
        for leaf in pki.LEAVES
        for group in certificate(folder, leaf.name).subject.get_attributes_for_oid(
            NameOID.ORGANIZATION_NAME
        )
        if group.value == "system:masters"
    }
    assert masters == {"admin", "kubelet-client", "kwok"}


def test_no_key_can_be_read_by_others(tmp_path: Path) -> None:
    folder = tmp_path / "pki"

    pki.ensure(folder, api_addresses=["127.0.0.1"])

    assert {key.stat().st_mode & 0o077 for key in folder.glob("*.key")} == {0}


def test_two_clusters_trust_different_authorities(tmp_path: Path) -> None:
    pki.ensure(tmp_path / "one", api_addresses=["127.0.0.1"])
    pki.ensure(tmp_path / "two", api_addresses=["127.0.0.1"])

    one, two = ((tmp_path / name / "ca.crt").read_bytes() for name in ("one", "two"))
    assert one != two


def test_keys_once_made_stay(tmp_path: Path) -> None:
    folder = tmp_path / "pki"
    pki.ensure(folder, api_addresses=["127.0.0.1"])
    before = (folder / "ca.key").read_bytes()

    pki.ensure(folder, api_addresses=["127.0.0.1"])

    assert (folder / "ca.key").read_bytes() == before


def test_what_a_killed_run_left_half_made_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "pki.new").mkdir()
    (tmp_path / "pki.new" / "ca.key").write_text("half a key")

    pki.ensure(tmp_path / "pki", api_addresses=["127.0.0.1"])

    assert certificate(tmp_path / "pki", "admin")
    assert not (tmp_path / "pki.new").exists()
