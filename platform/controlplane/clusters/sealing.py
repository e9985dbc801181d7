"""How a credential rests in the database: encrypted, readable only with a key from the settings."""

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from controlplane.errors import DomainError


class CannotOpen(DomainError):
    """The key that sealed this is not among the settings' keys."""

    code = "sealed"


def seal(plain: str) -> str:
    """Encrypt under the newest key."""
    return _keys().encrypt(plain.encode()).decode()


def unseal(sealed: str) -> str:
    """Decrypt with whichever key fits."""
    try:
        return _keys().decrypt(sealed.encode()).decode()
    except InvalidToken as exc:
        raise CannotOpen(
            "A credential was sealed with a key that is no longer set: add it back to "
            "ARGOSY_ENCRYPTION_KEYS, or enter the credential again."
        ) from exc


def _keys() -> MultiFernet:
    return MultiFernet([Fernet(k) for k in settings.ENCRYPTION_KEYS])
