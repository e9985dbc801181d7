"""Which kubeconfig may be entered: one with everything inline, that runs nothing and reads no file.

A kubeconfig is a program in disguise: `exec` starts one, `tokenFile` and the path fields read files of
whoever opens it. The platform opens it, so all of them are refused, each by its place in the document.
"""

import base64
import binascii
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import yaml
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from controlplane.errors import DomainError

LONGEST = 256 * 1024

# What each part may hold, and why the rest is refused.
CLUSTER_FIELDS = {"server", "certificate-authority-data", "tls-server-name"}
USER_FIELDS = {"client-certificate-data", "client-key-data", "token"}
REASONS = {
    "exec": "would start a program",
    "auth-provider": "would start a sign-in plug-in",
    "tokenFile": "is a file on another machine; put the token itself",
    "certificate-authority": "is a file on another machine; use certificate-authority-data",
    "client-certificate": "is a file on another machine; use client-certificate-data",
    "client-key": "is a file on another machine; use client-key-data",
    "insecure-skip-tls-verify": "would trust any server",
    "proxy-url": "would send the credential through another host",
    "username": "passwords are not taken; use a token or a certificate",
    "password": "passwords are not taken; use a token or a certificate",
    "as": "impersonation is the platform's own business",
}


class BadKubeconfig(DomainError):
    """The document cannot be taken; the sentence names every field at fault."""

    code = "bad_kubeconfig"


def checked(text: str) -> dict[str, Any]:
    """The one context in use, as a minimal kubeconfig. Raises BadKubeconfig and changes nothing."""
    document = _parsed(text)
    context = _context(document)
    cluster = _named(document, "clusters", "cluster", context.get("cluster"))
    user = _named(document, "users", "user", context.get("user"))
    if faults := [*_faults(document), *_cluster_faults(cluster), *_user_faults(user)]:
        raise BadKubeconfig(
            "This kubeconfig cannot be taken: " + "; ".join(dict.fromkeys(faults)) + ".",
            field="kubeconfig",
        )
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "member", "cluster": cluster}],
        "users": [{"name": "platform", "user": user}],
        "contexts": [{"name": "member", "context": {"cluster": "member", "user": "platform"}}],
        "current-context": "member",
    }


def server_of(config: dict[str, Any]) -> str:
    """The API server's address in a checked kubeconfig."""
    return str(config["clusters"][0]["cluster"]["server"])


def _parsed(text: str) -> dict[str, Any]:
    if len(text.encode()) > LONGEST:
        raise BadKubeconfig("This is no kubeconfig: it is larger than 256 KiB.", field="kubeconfig")
    try:
        document = yaml.safe_load(text)
    except (
        yaml.YAMLError,
        RecursionError,
        ValueError,
        LookupError,
        AttributeError,
        TypeError,
    ) as exc:
        # The reader's own errors for `!!bool x` and its like are no YAMLErrors.
        raise BadKubeconfig("This is no kubeconfig: not valid YAML.", field="kubeconfig") from exc
    if not isinstance(document, dict) or document.get("kind", "Config") != "Config":
        raise BadKubeconfig(
            "This is no kubeconfig: it should begin with `kind: Config`.", field="kubeconfig"
        )
    return document


def _context(document: dict[str, Any]) -> dict[str, Any]:
    entries = list(_entries(document, "contexts", "context"))
    wanted = _text(document.get("current-context"))
    chosen = [c for name, c in entries if name == wanted] if wanted else [c for _, c in entries]
    if len(chosen) != 1:
        raise BadKubeconfig(
            "This kubeconfig does not say which context to use: set `current-context`.",
            field="kubeconfig",
        )
    return chosen[0]


def _named(document: dict[str, Any], plural: str, part: str, name: object) -> dict[str, Any]:
    wanted = _text(name)
    for entry_name, entry in _entries(document, plural, part):
        if entry_name == wanted:
            return entry
    raise BadKubeconfig(
        f"This kubeconfig's context names the {part} {wanted!r}, which is not under `{plural}`.",
        field="kubeconfig",
    )


def _entries(
    document: dict[str, Any], plural: str, part: str
) -> Iterator[tuple[object, dict[str, Any]]]:
    listed = document.get(plural)
    for entry in listed if isinstance(listed, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get(part), dict):
            # A name is a text: an alias may be there that stands for gigabytes once it is written out.
            yield _text(entry.get("name")), entry[part]


def _faults(document: dict[str, Any]) -> Iterator[str]:
    """Every field of every entry that is not on the list, used by the context or not."""
    for plural, part, allowed in (
        ("clusters", "cluster", CLUSTER_FIELDS),
        ("users", "user", USER_FIELDS),
    ):
        for name, entry in _entries(document, plural, part):
            for field in sorted(set(map(str, entry)) - allowed):
                reason = REASONS.get(field, "is not taken")
                yield f"{plural}[{name}].{field} {reason}"


def _cluster_faults(cluster: dict[str, Any]) -> Iterator[str]:
    if not _is_address(_text(cluster.get("server"))):
        yield "the server must be an https:// address"
    if not _is_base64(cluster.get("certificate-authority-data")):
        yield "certificate-authority-data is missing or not base64"


def _is_address(text: str) -> bool:
    try:
        server = urlsplit(text)
        port = server.port  # read here: it raises where it is no port
    except ValueError:
        return False
    whole = server.scheme == "https" and bool(server.hostname) and port != 0
    return whole and not server.username and not server.query


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _user_faults(user: dict[str, Any]) -> Iterator[str]:
    pair = [user.get("client-certificate-data"), user.get("client-key-data")]
    token = user.get("token")
    if token is not None and not (isinstance(token, str) and token.strip() == token != ""):
        yield "token must be one word"
    if any(pair) and not all(_is_base64(half) for half in pair):
        yield "client-certificate-data and client-key-data must both be there, in base64"
    elif all(pair):
        yield from _pair_faults(*(base64.b64decode(str(half)) for half in pair))
    if not token and not any(pair):
        yield "there is no credential: give a token, or a client certificate with its key"


def _pair_faults(certificate: bytes, key: bytes) -> Iterator[str]:
    now = datetime.now(UTC)
    try:
        found = x509.load_pem_x509_certificate(certificate)
    except ValueError:
        yield "client-certificate-data holds no certificate"
    else:
        if found.not_valid_after_utc <= now:
            yield f"the client certificate ended on {found.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
        if found.not_valid_before_utc > now:
            yield f"the client certificate begins on {found.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
    try:
        load_pem_private_key(key, password=None)
    except (ValueError, TypeError):
        yield "client-key-data holds no key that can be read without a password"


def _is_base64(value: object) -> bool:
    if not isinstance(value, str) or not value:
        return False
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True
