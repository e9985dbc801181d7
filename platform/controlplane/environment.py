"""How a setting is read from the environment: typed, from a file where wanted, loud when wrong."""

import os
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from django.core.exceptions import ImproperlyConfigured

MEMORY = "memory://localhost/"
# What a server that hangs may cost: a few seconds each time, and never a thread for good.
POSTGRESQL: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,  # milliseconds that what was sent may stay unanswered by the network
    # As long as SQLite waits for a lock. `?options=` in the URL takes their place.
    "options": "-c lock_timeout=20s -c idle_in_transaction_session_timeout=60s",
}

YES, NO = {"1", "true", "yes", "on"}, {"0", "false", "no", "off", ""}


def given(name: str) -> bool:
    """True if the variable, or the one that names its file, is set."""
    return bool(os.environ.get(name) or os.environ.get(f"{name}_FILE"))


def text(name: str, *, default: str | None = None) -> str:
    """The value; the content of the file that NAME_FILE names; else the default, if there is one."""
    if path := os.environ.get(f"{name}_FILE"):
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as exc:
            raise ImproperlyConfigured(f"{name}_FILE cannot be read: {exc.strerror}") from exc
    value = os.environ.get(name, default)
    if value is None:
        raise ImproperlyConfigured(f"{name} is not set (or give a file by {name}_FILE)")
    return value


def switch(name: str, *, default: bool) -> bool:
    """A yes or a no."""
    value = text(name, default=str(default)).lower()
    if value not in YES | NO:
        raise ImproperlyConfigured(f"{name} must be yes or no, not {value!r}")
    return value in YES


def number(name: str, *, default: int, least: int = 1, most: int | None = None) -> int:
    """A positive whole number, in bounds where there are some."""
    value = text(name, default=str(default))
    if not value.isascii() or not value.isdigit() or int(value) < 1:
        raise ImproperlyConfigured(f"{name} must be a positive whole number, not {value!r}")
    if int(value) < least or (most is not None and int(value) > most):
        bounds = f"{least} or more" if most is None else f"{least} to {most}"
        raise ImproperlyConfigured(f"{name} must be {bounds}, not {value}")
    return int(value)


def one_of(name: str, values: Sequence[str]) -> str:
    """One of these; the first, where none is given."""
    value = text(name, default=values[0])
    if value not in values:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(values)}, not {value!r}")
    return value


def issuer(name: str) -> str:
    """An identity provider by its address, exactly as it calls itself; empty for none.

    What it says opens every door here, so it is asked over TLS; on this machine alone without.
    """
    value = text(name, default="")
    parts = urlsplit(value)
    near = parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost", "::1"}
    safe = parts.scheme == "https" and bool(parts.hostname)
    if value and (not (safe or near) or parts.query or parts.fragment or parts.username):
        raise ImproperlyConfigured(f"{name} must look like https://login.example.com/realms/main")
    return value


def words(name: str, *, default: list[str]) -> list[str]:
    """Words separated by commas."""
    return [w.strip() for w in text(name, default=",".join(default)).split(",") if w.strip()]


def networks(name: str) -> list[str]:
    """Networks as `10.20.0.0/16`, separated by commas; none, if it is not set."""
    found = words(name, default=[])
    try:
        return [str(ip_network(each)) for each in found]
    except ValueError as exc:
        raise ImproperlyConfigured(f"{name}: {exc}; write 10.20.0.0/16,fd00::/8") from exc


def proxied() -> dict[str, Any]:
    """waitress' options where a proxy stands before us, so that a caller's address is the caller's.

    `ARGOSY_TRUSTED_PROXY` is that proxy's own address; without it no forwarding header is believed.
    """
    if not given("ARGOSY_TRUSTED_PROXY"):
        return {}
    return {
        "trusted_proxy": text("ARGOSY_TRUSTED_PROXY"),
        "trusted_proxy_headers": {"x-forwarded-for", "x-forwarded-proto"},
        "clear_untrusted_proxy_headers": True,
    }


def folder(name: str, *, default: str) -> Path:
    """An absolute path, whatever folder the process was started in."""
    return Path(text(name, default=default)).expanduser().absolute()


def web_address(name: str, *, default: str) -> str:
    """An http:// or https:// address; the default may be none at all."""
    value = text(name, default=default)
    found = urlsplit(value)
    if value != default and (found.scheme not in {"http", "https"} or not found.hostname):
        # Not told what it says: it may hold a password.
        raise ImproperlyConfigured(f"{name} must begin with http:// or https:// and name a host")
    return value


def key(name: str, *, made_in: Path | None) -> str:
    """A secret key: given, or (where a folder is named) made once and kept there."""
    if given(name) or made_in is None:
        return text(name)
    return _kept(made_in / "django.key", make=lambda: secrets.token_urlsafe(50))


def fernet_keys(name: str, *, made_in: Path | None) -> list[str]:
    """Encryption keys, newest first; each must be a Fernet key."""
    if given(name) or made_in is None:
        keys = [k.strip() for k in text(name).split(",") if k.strip()]
    else:
        kept = _kept(made_in / "encryption.keys", make=lambda: Fernet.generate_key().decode())
        keys = kept.split(",")
    try:
        for each in keys:
            Fernet(each)
    except ValueError as exc:
        raise ImproperlyConfigured(f"{name} holds a word that is no Fernet key") from exc
    if not keys:
        raise ImproperlyConfigured(f"{name} is empty")
    return keys


def ed25519_key(name: str, *, made_in: Path | None) -> str:
    """A private Ed25519 key, PEM without a password: given, or made once as `key` does."""
    ours = None if given(name) else made_in
    pem = text(name) if ours is None else _kept(ours / "bundle.pem", make=_new_ed25519)
    try:
        found = load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
        raise ImproperlyConfigured(f"{name} is no private key in PEM without a password") from exc
    if not isinstance(found, Ed25519PrivateKey):
        raise ImproperlyConfigured(f"{name} must be an Ed25519 key")
    return pem


def _new_ed25519() -> str:
    made = Ed25519PrivateKey.generate()
    return made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def database(name: str, *, sqlite: Path) -> dict[str, Any]:
    """PostgreSQL by URL (postgresql://user:password@host:port/name), or SQLite where none is given."""
    if not given(name):
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": sqlite,
            # IMMEDIATE: a transaction takes the write lock at its start, so that what it counts
            # stays counted; select_for_update does nothing on SQLite.
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            },
        }
    words = _postgresql(name)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": words.pop("dbname"),
        "USER": words.pop("user", ""),
        "PASSWORD": words.pop("password", ""),
        "HOST": words.pop("host", ""),
        "PORT": words.pop("port", ""),
        "CONN_MAX_AGE": 60,
        # A server that was restarted costs the next one who asks a look, and not an error.
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {**POSTGRESQL, **words},
    }


def _postgresql(name: str) -> dict[str, Any]:
    """The words of a URL as libpq reads them, with whatever it knows behind the question mark."""
    # Where there is no production there is no psycopg needed either, and SQLite starts without it.
    from psycopg import ProgrammingError  # noqa: PLC0415
    from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415

    url = text(name)
    try:
        words = {key: value for key, value in conninfo_to_dict(url).items() if value is not None}
    except ProgrammingError:
        words = {}  # not told with libpq's words: they may hold the password
    if not url.startswith(("postgres://", "postgresql://")) or not words.get("dbname"):
        raise ImproperlyConfigured(
            f"{name} must look like postgresql://user:password@host/name?sslmode=verify-full"
        )
    return words


def broker(name: str, *, embedded: bool) -> str:
    """A Redis by URL; in embedded mode this process's own memory, where none is given."""
    url = text(name, default=MEMORY if embedded else None)
    scheme = urlsplit(url).scheme
    if scheme == "memory" and not embedded:
        raise ImproperlyConfigured(
            f"{name} must be a Redis: in production each process has a memory of its own, and no turn "
            "would reach a worker"
        )
    if scheme != "memory" and (scheme not in {"redis", "rediss"} or not urlsplit(url).hostname):
        raise ImproperlyConfigured(
            f"{name} must look like redis://:password@host:6379/0, or rediss:// for TLS"
        )
    return url


def _kept(path: Path, *, make: Callable[[], str]) -> str:
    """The file's content; made first, for its owner only, where there is none."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(make(), encoding="utf-8")
        # A link is made or fails: of two processes that start at once one wins, and both read its key.
        with suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return path.read_text(encoding="utf-8").strip()
