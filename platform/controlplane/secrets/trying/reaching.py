"""Whom may we call because a form says so? Nobody on this machine, nor what is machines' own."""

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from provisioning import stores

from .deadline import Line, ended_after

CONNECT_SECONDS = 3.0
SECONDS = 8.0
MOST = 64 * 1024

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class NotReached(Exception):
    """Why nothing came of it, as a sentence that may be shown."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True)
class Answer:
    """What was answered. It stays here: of it only a verdict is told."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def address_of(host: str, port: int) -> str:
    """The address to call. The name is looked up once, so that it is this one that is called.

    Raises NotReached for a name that there is not, and for an address that is not for the asking.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NotReached(f"There is no host {host[:100]} to be found from here.") from None
    addresses = [ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in found]
    for address in addresses:
        if not allowed(address):
            raise NotReached(
                f"{host[:100]} is {address}, which is not called from here: it is this machine's own, or "
                "of a kind that only machines use. ARGOSY_STORE_NETWORKS names the networks in which "
                "stores and databases are."
            )
    return str(addresses[0])


def allowed(address: Address) -> bool:
    """Where networks are set, those; else public addresses, and those near a platform of one machine.

    Never what is link-local (a cloud's metadata), multicast or nobody's. In production what is private is
    pods, services and others' things until somebody says which of it are stores.
    """
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    networks = [ipaddress.ip_network(each) for each in settings.STORE_NETWORKS]
    if networks:
        return any(stores.holds(network, address) for network in networks)
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        return False
    return bool(settings.EMBEDDED) or address.is_global


def ask(
    method: str,
    path: str,
    *,
    host: str,
    port: int,
    tls: bool,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> Answer:
    """One HTTP call, bounded in time and size. Raises NotReached."""
    address = address_of(host, port)
    with ended_after(SECONDS) as line:
        try:
            found = _answer(
                _Pinned(host, port, address, tls=tls, line=line), method, path, body, headers
            )
        except NotReached:
            if not line.was_cut:
                raise
    # What was cut in the middle may look whole.
    if line.was_cut:
        raise NotReached(f"{host}:{port} did not answer within {SECONDS:.0f} s.")
    return found


def _answer(
    call: "_Pinned", method: str, path: str, body: bytes, headers: Mapping[str, str] | None
) -> Answer:
    host, port = call.host, call.port
    try:
        call.request(method, path, body=body or None, headers=dict(headers or {}))
        answer = call.getresponse()
        return Answer(answer.status, dict(answer.headers.items()), _body(answer))
    except ssl.SSLCertVerificationError as exc:
        raise NotReached(f"{host}'s certificate cannot be believed: {exc.verify_message}.") from exc
    except ssl.SSLError as exc:
        raise NotReached(f"{host}:{port} does not speak TLS as we do.") from exc
    except TimeoutError as exc:
        raise NotReached(f"{host}:{port} did not answer within {SECONDS:.0f} s.") from exc
    except OSError as exc:
        raise NotReached(
            f"{host}:{port} cannot be reached: {exc.strerror or 'no answer'}."
        ) from exc
    except http.client.HTTPException as exc:
        raise NotReached(f"{host}:{port} does not speak HTTP, or TLS is expected there.") from exc
    finally:
        call.close()


def _body(answer: http.client.HTTPResponse) -> bytes:
    pieces = b""
    while len(pieces) < MOST and (piece := answer.read1(MOST - len(pieces))):
        pieces += piece
    return pieces


class _Pinned(http.client.HTTPConnection):
    """A connection to the address that was looked at, and to no other of that name."""

    def __init__(self, host: str, port: int, address: str, *, tls: bool, line: Line) -> None:
        super().__init__(host, port, timeout=SECONDS)
        self._address, self._tls, self._line = address, tls, line
        self.default_port = 443 if tls else 80

    def connect(self) -> None:
        plain = socket.create_connection((self._address, self.port), CONNECT_SECONDS)
        plain.settimeout(SECONDS)
        self.sock: Any = plain
        if self._tls:
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(
                plain, server_hostname=self.host, do_handshake_on_connect=False
            )
        self._line.is_by(self.sock)
        if self._tls:
            self.sock.do_handshake()
