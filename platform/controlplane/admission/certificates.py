"""Why does the API server believe this webhook? An authority of its own per cluster, kept alive here.

ECDSA P-256. A leaf lives 60 days, the authority two years; each is renewed at two thirds of its
life. A new authority is first only published beside the old one, and signs when every API server has
had time to hear of it; the old one is published until nothing that it signed is valid any more.

What is due is decided by `due` out of values; `keep` does it to a folder.
"""

import fcntl
import ipaddress
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_LIFE = timedelta(days=730)
LEAF_LIFE = timedelta(days=60)
RENEWED_AT = 2 / 3  # of a life
ALARM_AT = 5 / 6  # of a life: half of the time left after it should have been renewed is gone
PUBLISHED = timedelta(hours=24)  # before a new authority signs
SKEW = timedelta(hours=1)  # clocks that go before ours

SERVING_FILE = "serving.pem"  # key and certificate in one file: never one without the other
BUNDLE_FILE = "ca-bundle.pem"  # what webhook configurations carry as caBundle
AUTHORITIES = "authority-*.pem"


@dataclass(frozen=True, slots=True)
class Signed:
    """A key and the certificate made for it."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return key + self.certificate.public_bytes(Encoding.PEM)


@dataclass(frozen=True, slots=True)
class Due:
    """What has to be done now."""

    authority: bool = False  # make a new one
    leaf: bool = False  # sign a new one, by `signer`
    signer: x509.Certificate | None = None  # none: the authority that is made now
    forget: tuple[x509.Certificate, ...] = ()  # authorities nobody needs any more


def due(
    authorities: Sequence[x509.Certificate],
    leaf: x509.Certificate | None,
    names: Sequence[str],
    now: datetime,
) -> Due:
    """What two thirds of a life, and a day of notice, ask for. Authorities are told oldest first."""
    living = [a for a in authorities if a.not_valid_after_utc > now]
    make = not living or passed(living[-1], now) >= RENEWED_AT
    signer = _signer(living, now)
    forget = [a for a in authorities if a not in living]
    if leaf is None or signer is None:
        return Due(authority=make, leaf=True, signer=signer, forget=tuple(forget))
    renew = (
        passed(leaf, now) >= RENEWED_AT
        or not signed_by(leaf, signer)
        or _names_in(leaf) != set(names)
    )
    # An authority is needed while a successor waits to sign, and while its leaves may be served.
    older = living[: living.index(signer)]
    forget += [
        a for a in older if now >= signer.not_valid_before_utc + SKEW + PUBLISHED + LEAF_LIFE
    ]
    return Due(authority=make, leaf=renew, signer=signer, forget=tuple(forget))


def _signer(living: Sequence[x509.Certificate], now: datetime) -> x509.Certificate | None:
    """The newest authority everybody had time to hear of; where there is none, the oldest there is."""
    known = [a for a in living if now - a.not_valid_before_utc >= SKEW + PUBLISHED]
    return known[-1] if known else next(iter(living), None)


def passed(certificate: x509.Certificate, now: datetime) -> float:
    """How much of its life is over, from 0 to 1 and beyond."""
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return (now - begin) / (end - begin)


def signed_by(leaf: x509.Certificate, authority: x509.Certificate) -> bool:
    """Whether this authority's key made the certificate's signature."""
    try:
        leaf.verify_directly_issued_by(authority)
    except Exception:  # noqa: BLE001 - whatever is wrong with it, it is not signed by that key
        return False
    return True


def alarms(
    leaf: x509.Certificate, ca_bundle: Iterable[x509.Certificate], now: datetime
) -> list[str]:
    """What will stop the API server from believing this leaf, while there is time: sentences.

    `ca_bundle` is what a webhook configuration carries, not what we meant it to carry.
    """
    said = []
    if passed(leaf, now) >= ALARM_AT:
        ends = leaf.not_valid_after_utc
        said.append(f"The webhook's certificate ends {ends:%F %H:%M} UTC and was not renewed.")
    signers = [a for a in ca_bundle if signed_by(leaf, a)]
    if not signers:
        said.append(
            "The webhook configuration's caBundle does not hold who signed its certificate."
        )
    elif all(passed(a, now) >= ALARM_AT for a in signers):
        ends = max(a.not_valid_after_utc for a in signers)
        said.append(
            f"The webhook configuration's caBundle ends {ends:%F %H:%M} UTC; publish the next."
        )
    return said


def make_authority(cluster: str, now: datetime) -> Signed:
    """A new authority. It signs leaves only, never another authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    # A name of its own each time: two authorities of one name are one to some verifiers.
    name = _name(f"argosy admission {cluster} {now:%Y%m%d%H%M%S}")
    usage = _usage(signs_certificates=True)
    certificate = (
        _begun(name, key, now, AUTHORITY_LIFE)
        .issuer_name(name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(_identifier(key), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Signed(certificate, key)


def make_leaf(authority: Signed, names: Sequence[str], now: datetime) -> Signed:
    """A server certificate for these DNS names and addresses. It does not outlive who signs it."""
    if not names:
        raise ValueError("a certificate needs a name: the one that API servers call")
    key = ec.generate_private_key(ec.SECP256R1())
    life = min(LEAF_LIFE, authority.certificate.not_valid_after_utc - now)
    certificate = (
        _begun(_name("argosy admission"), key, now, life)
        .issuer_name(authority.certificate.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_general(n) for n in names]), critical=False)
        .add_extension(_identifier(authority.key), critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    return Signed(certificate, key)


def keep(folder: Path, *, cluster: str, names: Sequence[str], now: datetime) -> bool:
    """Do to the folder what is due; true if a new certificate is to be served.

    Two processes may share it: one waits for the other and finds nothing left to do.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _locked(folder):
        files = {_read(file).certificate: file for file in sorted(folder.glob(AUTHORITIES))}
        authorities = sorted(files, key=lambda a: a.not_valid_before_utc)
        work = due(authorities, served(folder), names, now)
        if work.authority:
            made = make_authority(cluster, now)
            file = folder / f"authority-{made.certificate.serial_number:040x}.pem"
            _write(file, made.pem)
            files[made.certificate] = file
            authorities.append(made.certificate)
        for old in work.forget:
            authorities.remove(old)
        # Published before it signs, and before what it replaces is gone.
        _write(folder / BUNDLE_FILE, b"".join(a.public_bytes(Encoding.PEM) for a in authorities))
        for old in work.forget:
            files[old].unlink()
        if not work.leaf:
            return False
        signer = _read(files[work.signer or authorities[-1]])
        leaf = make_leaf(signer, names, now)
        _write(folder / SERVING_FILE, leaf.pem)
        return True


def served(folder: Path) -> x509.Certificate | None:
    """The leaf in this folder; none if there is none that can be read."""
    try:
        return x509.load_pem_x509_certificate((folder / SERVING_FILE).read_bytes())
    except (OSError, ValueError):
        return None


def published(folder: Path) -> list[x509.Certificate]:
    """The authorities that webhook configurations shall name."""
    return x509.load_pem_x509_certificates((folder / BUNDLE_FILE).read_bytes())


def _begun(
    name: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _identifier(signer: ec.EllipticCurvePrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _names_in(leaf: x509.Certificate) -> set[str]:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    return {str(name.value) for name in names}


def _read(file: Path) -> Signed:
    data = file.read_bytes()
    key = load_pem_private_key(data, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{file} holds a key of another kind")  # noqa: TRY004 - of the file
    return Signed(x509.load_pem_x509_certificate(data), key)


def _write(file: Path, data: bytes) -> None:
    """All of it or nothing, for the owner only from the first byte on."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(file)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
