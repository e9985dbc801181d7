"""Many API servers in one process, each on a port of its own: real HTTP over real TLS, canned answers.

`python -m benches.many_servers FOLDER COUNT` writes the authority and the ports to FOLDER and serves until it
is ended. A line `hang 20` on its input makes the first 20 hang as a stopped process does: the kernel goes on
taking connections, and nobody says a word; `hang 0` has all of them answer again.
"""

import asyncio
import datetime as dt
import ipaddress
import json
import resource
import ssl
import sys
from contextlib import suppress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ADDRESS = "127.0.0.1"
SLICE = {"endpoints": [{"addresses": ["10.0.0.1"]}], "ports": [{"port": 6443}], "metadata": {}}
ANSWERS = {
    "/readyz": "ok",
    "/version": {"gitVersion": "v1.37.1"},
    "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices": {
        "metadata": {"resourceVersion": "1"},
        "items": [SLICE],
    },
}


class Server:
    """One of them."""

    def __init__(self, number: int, context: ssl.SSLContext) -> None:
        self.uid, self._context = f"uid-{number}", context
        self.port = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def answer(self) -> None:
        """Take connections and answer them."""
        self._close()
        self._server = await asyncio.start_server(
            self._talk, ADDRESS, self.port, ssl=self._context, reuse_port=True
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def hang(self) -> None:
        """Take connections and say nothing, to those that are open too."""
        if self._server is not None:
            self._server.close()
        for writer in self._open:
            with suppress(RuntimeError):  # it is closing
                writer.transport.pause_reading()
        self._server = await asyncio.start_server(self._silent, ADDRESS, self.port, reuse_port=True)

    async def _silent(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)

    def _close(self) -> None:
        """Whoever was kept waiting is let go."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._open):
            writer.transport.abort()
        self._open.clear()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                path = head.split(b" ", 2)[1].decode().split("?")[0]
                writer.write(self._said(path))
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    def _said(self, path: str) -> bytes:
        said: object = ANSWERS.get(path, {})
        if path == "/api/v1/namespaces/kube-system":
            said = {"metadata": {"name": "kube-system", "uid": self.uid}}
        body = said.encode() if isinstance(said, str) else json.dumps(said).encode()
        now = dt.datetime.now(dt.UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
        return (
            f"HTTP/1.1 200 OK\r\nDate: {now}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        )


def authority(folder: Path) -> ssl.SSLContext:
    """A certificate for this address, by which its own clients believe it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "many servers")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(ADDRESS))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    (folder / "ca.pem").write_bytes(pem)
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    return context


async def serve(folder: Path, count: int) -> None:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    context = authority(folder)
    servers = [Server(number, context) for number in range(count)]
    for server in servers:
        await server.answer()
    (folder / "ports.part").write_text(json.dumps([server.port for server in servers]))
    (folder / "ports.part").rename(folder / "ports.json")
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        hanging = int(line.split()[1])
        for number, server in enumerate(servers):
            await (server.hang() if number < hanging else server.answer())
        print("done", flush=True)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
