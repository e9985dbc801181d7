"""Who may ask: with a client authority only who shows its certificate; and no caller takes all there is."""

import asyncio
import http.client
import json
import socket
import ssl
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from uvicorn import Config
from uvicorn.server import ServerState

from controlplane.admission import serving
from controlplane.admission.serving import LONGEST_HEAD, Guarded
from tests.webhook import BAD, JSON, Folders, Process, pod, response, review, within


def named(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def certificate(name, key, issuer, signer):
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=name == issuer, path_length=None), critical=True)
        .sign(signer, hashes.SHA256())
    )


class Authority:
    """An authority of callers, and one caller's pair, as files."""

    def __init__(self, folder, name):
        self.file, self.caller = folder / f"{name}-ca.pem", folder / f"{name}-caller.pem"
        own, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        self.file.write_bytes(certificate(name, own, name, own).public_bytes(Encoding.PEM))
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        shown = certificate("api-server", key, name, own).public_bytes(Encoding.PEM)
        self.caller.write_bytes(private + shown)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("callers"), "callers")


@pytest.fixture(scope="module")
def process(tmp_path_factory, authority):
    folders = Folders(tmp_path_factory.mktemp("webhook"))
    folders.publish()
    with Process(folders, options=("--client-ca", authority.file)) as running:
        yield running


def asked(process, pair):
    """Status and body of a review by who shows this pair."""
    context = process.trusting()
    context.load_cert_chain(pair)
    connection = http.client.HTTPSConnection(process.host, process.port, context=context)
    with closing(connection):
        connection.request("POST", "/review?timeout=3s", json.dumps(review(pod(BAD))), JSON)
        answer = connection.getresponse()
        return answer.status, answer.read()


def test_who_shows_a_certificate_of_the_authority_is_answered(process, authority):
    status, body = asked(process, authority.caller)

    assert (status, response(body)["allowed"]) == (200, False)


def test_who_shows_none_learns_nothing_but_that_we_live(process):
    status, _, body = process.post(review(pod(BAD)))

    assert (status, body) == (401, b"show a client certificate\n")
    assert process.get("/metrics")[0] == 401
    assert process.get("/livez")[0] == process.get("/readyz")[0] == 200


def test_a_certificate_of_another_authority_ends_the_handshake(process, tmp_path):
    with pytest.raises((ssl.SSLError, OSError, http.client.HTTPException)):
        asked(process, Authority(tmp_path, "others").caller)


def test_an_authority_that_comes_later_is_believed_beside_the_first(tmp_path):
    first, second = Authority(tmp_path, "first"), Authority(tmp_path, "second")
    folders = Folders(tmp_path / "webhook")
    folders.publish()
    file = tmp_path / "callers.pem"
    file.write_bytes(first.file.read_bytes())

    def answered(authority):
        try:
            return asked(process, authority.caller)[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    with Process(folders, options=("--client-ca", file)) as process:
        assert answered(first)
        assert not answered(second)
        file.write_bytes(b"half of a certificate")
        within(10, lambda: "the one before it is believed" in process.said())
        assert answered(first)

        file.write_bytes(first.file.read_bytes() + second.file.read_bytes())

        within(10, lambda: answered(second))
        assert answered(first)


def test_an_authority_that_is_not_there_is_told_with_the_way_out(tmp_path):
    folders = Folders(tmp_path)
    process = Process(folders, options=("--client-ca", tmp_path / "gone.pem"))

    assert process.popen.wait(20) == 1
    assert "leave --client-ca out" in process.said()


def test_headers_without_end_are_cut(process):
    before = process.rss()
    raw = socket.create_connection((process.host, process.port), timeout=10)
    with process.trusting().wrap_socket(raw, server_hostname=process.host) as tls:
        tls.sendall(b"POST /review HTTP/1.1\r\nHost: x\r\n")
        with pytest.raises(OSError), suppress(TimeoutError):  # noqa: PT011, PT012 - reset or broken pipe
            for _ in range(100):
                tls.sendall(b"X: " + b"a" * 16 * LONGEST_HEAD + b"\r\n")
    assert process.rss() - before < 50


def hung_up_on(*sayings):
    """Whether each caller that says this, and then nothing, is hung up on within five seconds."""

    async def app(_scope, _receive, _send):
        raise AssertionError("nobody asked for anything")

    async def ended(reader):
        try:
            return await reader.read() == b""
        except ConnectionError:
            return True

    async def run():
        config, state = Config(app, http=Guarded, lifespan="off", log_config=None), ServerState()
        config.load()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Guarded(config, state, {}), "127.0.0.1", 0)
        address = server.sockets[0].getsockname()
        callers = []
        for said in sayings:
            reader, writer = await asyncio.open_connection(*address)
            writer.write(said)
            callers.append((reader, writer))
        found = []
        for reader, _ in callers:
            try:
                found.append(await asyncio.wait_for(ended(reader), 5))
            except TimeoutError:
                found.append(False)
        for _, writer in callers:
            writer.close()
        server.close()
        return found

    return asyncio.run(run())


def test_a_connection_that_says_nothing_ends(monkeypatch):
    monkeypatch.setattr(serving, "FIRST_REQUEST", 0.1)

    assert hung_up_on(b"") == [True]


def test_half_a_head_ends(monkeypatch):
    monkeypatch.setattr(serving, "WHOLE_HEAD", 0.1)

    assert hung_up_on(b"POST /review HTTP/1.1\r\nHo") == [True]


def test_there_are_only_so_many_connections(monkeypatch):
    monkeypatch.setattr(serving, "MOST_CONNECTIONS", 1)
    monkeypatch.setattr(serving, "FIRST_REQUEST", 6)

    assert hung_up_on(b"", b"") == [False, True]
