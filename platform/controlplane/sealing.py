"""How a secret rests in the database: encrypted, opened by one of our keys, and of use in one row only.

A sealed text is `s1:<key's fingerprint>:<ciphertext>`. The fingerprint says which key opens it, so a key that
is missing is noticed before anything needs it. Inside, before the secret, stands whose it is: whoever may
write the table cannot put one row's ciphertext into another and have the platform hand it out there.
"""

import hashlib
from base64 import urlsafe_b64decode
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from controlplane.errors import DomainError

FORM = "s1"
DIGITS = 12  # of a fingerprint: enough to tell a handful of keys apart, nothing to guess a key by


class CannotOpen(DomainError):
    """What is sealed cannot be opened here: its key is not among the settings', or it was changed."""

    code = "sealed"


class OfAnother(CannotOpen):
    """It opens, but it was sealed for another row."""

    code = "sealed_for_another"


def seal(plain: bytes, *, of: str) -> str:
    """Encrypt under the newest key. `of` names the row and column, and does not change while it is there."""
    if "\0" in of:
        raise ValueError("a row's identity holds no NUL: it is what ends it")
    ring = _ring()
    token = ring.fernet.encrypt(of.encode() + b"\0" + plain).decode()
    return f"{FORM}:{ring.newest}:{token}"


def unseal(text: str, *, of: str) -> bytes:
    """What was sealed for this row. Raises CannotOpen; OfAnother if it was sealed for another one."""
    whose, _, plain = _opened(text).partition(b"\0")
    if whose != of.encode():
        raise OfAnother(
            f"What is kept for {of} was sealed for another row: somebody wrote to the database past the "
            "platform. It is not used; enter it again."
        )
    return plain


def rotated(text: str) -> str:
    """The same secret of the same row under the newest key, or the same text if it is. Raises CannotOpen."""
    ring = _ring()
    if fingerprint_of(text) == ring.newest:
        return text
    return f"{FORM}:{ring.newest}:{ring.fernet.encrypt(_opened(text)).decode()}"


def fingerprint_of(text: str) -> str:
    """The fingerprint of the key that a sealed text names; empty if it is no sealed text."""
    form, _, rest = text.partition(":")
    return rest.partition(":")[0] if form == FORM else ""


def fingerprints() -> tuple[str, ...]:
    """Those of the keys that are set, newest first."""
    return _ring().fingerprints


class _Ring:
    """The keys that are set: the first one writes, all of them read."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        self.fernet = MultiFernet([Fernet(key) for key in keys])
        self.fingerprints = tuple(map(_fingerprint, keys))

    @property
    def newest(self) -> str:
        return self.fingerprints[0]


def _opened(text: str) -> bytes:
    ring = _ring()
    key, token = fingerprint_of(text), text.rpartition(":")[2]
    if key not in ring.fingerprints:
        raise CannotOpen(
            f"It was sealed with the key {key or 'of an older version'}, which is no longer set: add it "
            "back to ARGOSY_ENCRYPTION_KEYS, or enter what it holds again."
        )
    try:
        return ring.fernet.decrypt(token.encode())
    except InvalidToken as exc:
        raise CannotOpen(
            "It was changed since it was sealed, so it cannot be opened: enter what it holds again."
        ) from exc


def _ring() -> _Ring:
    return _ring_of(tuple(settings.ENCRYPTION_KEYS))


@lru_cache(maxsize=8)
def _ring_of(keys: tuple[str, ...]) -> _Ring:
    return _Ring(keys)


def _fingerprint(key: str) -> str:
    return hashlib.sha256(b"argosy key " + urlsafe_b64decode(key)).hexdigest()[:DIGITS]
