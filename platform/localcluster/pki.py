"""The keys and certificates of one cluster, and of etcd, and how they are made.

EC keys: fast to make, fast in every handshake. One authority per cluster, so that a credential of
one cluster opens no other.
"""

import datetime as dt
import ipaddress
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

YEARS = dt.timedelta(days=3650)
CLOCK_SKEW = dt.timedelta(hours=1)
SERVER = ExtendedKeyUsageOID.SERVER_AUTH
CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH
API_NAMES = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One certificate: its file name, whose it is, who signs it, what it is for."""

    name: str
    common_name: str
    organization: str | None = None
    authority: str = "ca"
    usages: tuple[ObjectIdentifier, ...] = (CLIENT,)
    addresses: tuple[str, ...] = ()


MASTERS = "system:masters"
LEAVES = (
    Leaf("kubelet-client", "kube-apiserver-kubelet-client", MASTERS),
    Leaf("front-proxy-client", "front-proxy-client", authority="front-proxy-ca"),
    Leaf("admin", "admin", MASTERS),
    Leaf("controller-manager", "system:kube-controller-manager"),
    Leaf("scheduler", "system:kube-scheduler"),
    Leaf("kwok", "kwok", MASTERS),
    Leaf("kube-proxy", "system:kube-proxy"),
)


def ensure(folder: Path, *, api_addresses: Sequence[str]) -> None:
    """Make everything a control plane needs into `folder`, all or nothing; once made it stays."""
    with _all_or_nothing(folder) as draft:
        if draft is None:
            return
        for authority in ("ca", "front-proxy-ca"):
            _make_authority(draft, authority)
        server = Leaf(
            "apiserver", "kube-apiserver", usages=(SERVER,), addresses=tuple(api_addresses)
        )
        for leaf in (server, *LEAVES):
            issue(draft, leaf)
        service_accounts = _new_key(draft, "sa")
        public = service_accounts.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        (draft / "sa.pub").write_bytes(public)


def ensure_etcd(folder: Path, *, address: str) -> None:
    """Make what etcd and its clients need into `folder`, all or nothing; once made it stays.

    Whoever can speak to etcd is the master of every cluster in it, and a loopback port is open to
    all users of the machine: so it answers only who shows the certificate `admin`.
    """
    with _all_or_nothing(folder) as draft:
        if draft is None:
            return
        _make_authority(draft, "ca")
        # To its peers (there are none here, but the port is) etcd is server and client at once.
        issue(draft, Leaf("etcd", "etcd", usages=(SERVER, CLIENT), addresses=(address,)))
        issue(draft, Leaf("admin", "admin"))


@contextmanager
def _all_or_nothing(folder: Path) -> Iterator[Path | None]:
    """A folder to write into that takes its name only when all went well; None if it has it already."""
    if folder.exists():
        yield None
        return
    draft = folder.with_name(folder.name + ".new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True, mode=0o700)
    yield draft
    draft.rename(folder)


def issue(folder: Path, leaf: Leaf) -> None:
    """Write NAME.key and NAME.crt, signed by the leaf's authority in the same folder."""
    authority = x509.load_pem_x509_certificate((folder / f"{leaf.authority}.crt").read_bytes())
    signer = serialization.load_pem_private_key(
        (folder / f"{leaf.authority}.key").read_bytes(), password=None
    )
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{folder / leaf.authority}.key is no EC key")
    key = _new_key(folder, leaf.name)
    builder = (
        _builder(_subject(leaf.common_name, leaf.organization), authority.subject, key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(leaf.usages), critical=False)
    )
    if leaf.addresses:
        names = [x509.DNSName(name) for name in API_NAMES]
        reached = [x509.IPAddress(ipaddress.ip_address(address)) for address in leaf.addresses]
        builder = builder.add_extension(
            x509.SubjectAlternativeName([*names, *reached]), critical=False
        )
    _write_certificate(folder, leaf.name, builder.sign(signer, hashes.SHA256()))


def _make_authority(folder: Path, name: str) -> None:
    key = _new_key(folder, name)
    subject = _subject(name, None)
    builder = (
        _builder(subject, subject, key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_key_usage(signs=True), critical=True)
    )
    _write_certificate(folder, name, builder.sign(key, hashes.SHA256()))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + YEARS)
    )


def _subject(common_name: str, organization: str | None) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organization:
        parts.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(parts)


def _key_usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _new_key(folder: Path, name: str) -> ec.EllipticCurvePrivateKey:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path = folder / f"{name}.key"
    # Never readable by others, not even for the moment between making and chmod.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(pem)
    return key


def _write_certificate(folder: Path, name: str, certificate: x509.Certificate) -> None:
    (folder / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
