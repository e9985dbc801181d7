"""The keys that production is given and never makes."""

import secrets

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


def given_keys() -> dict[str, str]:
    """New ones, as variables of the environment."""
    bundle = Ed25519PrivateKey.generate()
    pem = bundle.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {
        "ARGOSY_SECRET_KEY": secrets.token_urlsafe(50),
        "ARGOSY_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "ARGOSY_BUNDLE_KEY": pem.decode(),
    }
