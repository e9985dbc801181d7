"""Trying a secret: whom we call because a form says so, and that nothing of the answer is passed on."""

import ipaddress
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pytest_django import Settings

from controlplane.errors import NotNow
from controlplane.secrets.kinds import Held, Tried, archive, oidc, pull, s3
from controlplane.secrets.trying import deadline, postgresql, reaching
from controlplane.secrets.trying.reaching import allowed

INSIDE = "what-the-inside-says"


@contextmanager
def answering(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[int]:
    """A server on loopback that answers so; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, *_: object) -> None:
            pass

        do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815 - as http.server calls them

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def say(request: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    length = int(request.headers.get("Content-Length") or 0)
    request.rfile.read(length)
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name.replace("_", "-"), value)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


@pytest.fixture(autouse=True)
def _near(settings: Settings) -> None:
    settings.STORE_NETWORKS = ["127.0.0.0/8"]


def try_s3(port: int) -> Tried:
    said = {"endpoint": f"127.0.0.1:{port}", "bucket": "atlas", "region": "", "tls": "no"}
    return s3.test(Held(said, {"access_key": b"a", "secret_key": b"canary-key"}))


def try_oidc(port: int, path: str = "") -> Tried:
    said = {"issuer": f"http://127.0.0.1:{port}{path}", "client_id": "atlas"}
    return oidc.test(Held(said, {"client_secret": b"canary-key"}))


@pytest.mark.parametrize("status", [200, 204, 301, 302, 307, 400, 401, 403, 404, 500, 503])
def test_whatever_a_server_says_is_not_passed_on(status: int) -> None:
    """Who may name any address must not read by us what is not for them."""
    with answering(
        lambda r: say(r, status, INSIDE.encode(), Location=f"http://x/{INSIDE}")
    ) as port:
        for tried in (try_s3(port), try_oidc(port)):
            assert not tried.works
            assert INSIDE not in tried.sentence
            assert "canary-key" not in tried.sentence


def test_a_redirect_is_followed_nowhere() -> None:
    asked: list[str] = []

    def elsewhere(request: BaseHTTPRequestHandler) -> None:
        asked.append(request.path)
        say(request, 302, Location=f"http://127.0.0.1:{request.server.server_address[1]}/inside")

    with answering(elsewhere) as port:
        try_s3(port)
        try_oidc(port)

    assert len(asked) == 2
    assert "/inside" not in asked


def test_a_store_that_gives_back_something_else_is_no_store() -> None:
    with answering(lambda r: say(r, 200, b"something else")) as port:
        assert "is it a store?" in try_s3(port).sentence


def provider(request: BaseHTTPRequestHandler, **changed: str) -> None:
    port = request.server.server_address[1]
    base = f"http://127.0.0.1:{port}"
    if request.command == "GET":
        about = {"issuer": base, "token_endpoint": f"{base}/token", **changed}
        say(request, 200, json.dumps(about).encode())
    else:
        known = request.headers["Authorization"] == "Basic YXRsYXM6Y2FuYXJ5LWtleQ=="
        error = "invalid_grant" if known else "invalid_client"
        say(request, 400, json.dumps({"error": error}).encode())


def test_a_provider_that_knows_the_client_refuses_the_code_and_that_is_how_it_is_seen() -> None:
    with answering(provider) as port:
        assert try_oidc(port) == Tried(
            works=True, sentence="The provider knows this client by this secret."
        )
        said = {"issuer": f"http://127.0.0.1:{port}", "client_id": "atlas"}
        wrong = oidc.test(Held(said, {"client_secret": b"another"}))
        assert wrong.sentence == "The provider does not know this client by this secret."


def test_a_secret_goes_to_no_host_that_only_the_answer_names() -> None:
    seen: list[str] = []

    def thief(request: BaseHTTPRequestHandler) -> None:
        seen.append(request.command)
        provider(request, token_endpoint="http://localhost:1/token")

    with answering(thief) as port:
        tried = try_oidc(port)

    assert "no secret was sent there" in tried.sentence
    assert seen == ["GET"]


def test_a_provider_that_calls_itself_otherwise_is_another_one() -> None:
    with answering(lambda r: provider(r, issuer="https://other")) as port:
        assert "another issuer by its own words" in try_oidc(port).sentence


@pytest.mark.parametrize(
    ("address", "networks", "good"),
    [
        ("10.1.2.3", [], True),
        ("203.0.113.9", [], True),
        ("169.254.169.254", [], False),
        ("fe80::1", [], False),
        ("0.0.0.0", [], False),
        ("::", [], False),
        ("224.0.0.1", [], False),
        ("::ffff:169.254.169.254", [], False),
        ("10.1.2.3", ["10.0.0.0/8"], True),
        ("::ffff:10.1.2.3", ["10.0.0.0/8"], True),
        ("10.1.2.3", ["10.2.0.0/16"], False),
        ("203.0.113.9", ["10.0.0.0/8"], False),
        ("fd00::1", ["fd00::/8", "10.0.0.0/8"], True),
        ("203.0.113.9", ["0.0.0.0/0"], True),
        ("169.254.169.254", ["0.0.0.0/0"], False),
        ("127.0.0.1", ["0.0.0.0/0"], False),
        ("::ffff:127.0.0.1", ["0.0.0.0/0", "::/0"], False),
        ("127.0.0.1", ["127.0.0.0/8"], True),
    ],
)
def test_whom_we_call(settings: Settings, address: str, networks: list[str], *, good: bool) -> None:
    settings.STORE_NETWORKS, settings.EMBEDDED = networks, True

    assert allowed(ipaddress.ip_address(address)) is good


@pytest.mark.parametrize(
    ("address", "good"),
    [("10.1.2.3", False), ("fd00:ec2::254", False), ("169.254.169.254", False), ("8.8.8.8", True)],
)
def test_in_production_what_is_private_is_called_only_where_networks_say_so(
    settings: Settings, address: str, *, good: bool
) -> None:
    settings.STORE_NETWORKS, settings.EMBEDDED = [], False

    assert allowed(ipaddress.ip_address(address)) is good


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_this_machine_is_called_only_by_a_platform_that_is_alone_on_it(
    settings: Settings, address: str
) -> None:
    settings.STORE_NETWORKS = []
    for settings.EMBEDDED in (True, False):
        assert allowed(ipaddress.ip_address(address)) is settings.EMBEDDED


def test_what_is_not_to_be_called_is_not_called_by_any_kind(settings: Settings) -> None:
    settings.STORE_NETWORKS = ["10.0.0.0/8"]
    called: list[str] = []

    def note(request: BaseHTTPRequestHandler) -> None:
        called.append(request.path)
        say(request, 200)

    with answering(note) as port:
        place = {"host": "127.0.0.1", "port": str(port), "database": "a", "user": "u"}
        password = {"password": b"canary-key"}
        all_tried = [
            try_s3(port),
            try_oidc(port),
            archive.test(Held({**place, "sslmode": "disable"}, password)),
            pull.test(Held({"registry": f"127.0.0.1:{port}", "username": "u"}, password)),
        ]

    assert called == []
    for tried in all_tried:
        assert "which is not called from here" in tried.sentence


@contextmanager
def holding(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that lets one in and does what it does for as long as it is let; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            client = listening.accept()[0]
            with client, suppress(OSError):
                talk(client)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.close()
        thread.join(5)


def drop_by_drop(client: socket.socket) -> None:
    """A header that never ends: no read waits long, and the whole for ever."""
    client.sendall(b"HTTP/1.1 200 OK\r\n")
    waiting = threading.Event()
    while not waiting.wait(0.05):
        client.sendall(b"X-More: 1\r\n")


def in_and_then_silent(client: socket.socket) -> None:
    """PostgreSQL's words for: come in. No query is ever answered."""
    client.recv(1024)
    client.sendall(b"R\0\0\0\x08\0\0\0\0" + b"Z\0\0\0\x05I")
    while client.recv(1024):
        pass


def try_archive(port: int) -> Tried:
    said = {
        "host": "127.0.0.1",
        "port": str(port),
        "database": "d",
        "user": "u",
        "sslmode": "disable",
    }
    return archive.test(Held(said, {"password": b"canary-key"}))


@pytest.mark.parametrize(
    ("talk", "try_it"), [(drop_by_drop, try_s3), (in_and_then_silent, try_archive)]
)
def test_whom_we_call_keeps_us_no_longer_than_we_let_it(
    monkeypatch: pytest.MonkeyPatch,
    talk: Callable[[socket.socket], None],
    try_it: Callable[[int], Tried],
) -> None:
    for module in (reaching, postgresql):
        monkeypatch.setattr(module, "SECONDS", 1.0)
    with holding(talk) as port:
        began = time.monotonic()
        tried = try_it(port)

    assert not tried.works
    assert "did not answer within 1 s" in tried.sentence
    assert time.monotonic() - began < 5


def test_a_team_tries_one_at_a_time_and_all_of_them_leave_room_for_pages() -> None:
    with deadline.one_of_few(1):
        with pytest.raises(NotNow, match="of this team"), deadline.one_of_few(1):
            pass
        with (
            deadline.one_of_few(2),
            pytest.raises(NotNow, match="Other teams"),
            deadline.one_of_few(3),
        ):
            pass
    with deadline.one_of_few(3):
        pass


def test_a_bucket_is_one_place_however_it_is_spelt() -> None:
    def place(endpoint: str, tls: str = "yes") -> str:
        return s3.belongs_to({"endpoint": endpoint, "bucket": "atlas", "tls": tls})

    spelt = ("s3.example.com", "S3.example.com", "s3.example.com.", "s3.example.com:443")
    assert {place(each) for each in (*spelt, "s3.example.com:0443")} == {place(spelt[0])}
    assert place("s3.example.com:9000") != place("s3.example.com")
    assert place("s3.example.com", "no") != place("s3.example.com")


def test_a_port_that_there_is_not_and_an_issuer_of_two_lines_are_no_settings() -> None:
    keys = {"access_key": b"a", "secret_key": b"b"}
    far = {"endpoint": "s3.example.com:99999", "bucket": "atlas", "region": "", "tls": "yes"}
    two = {"issuer": "https://id.example.com/x\n y", "client_id": "atlas"}

    assert [each.field for each in s3.problems(Held(far, keys))] == ["endpoint"]
    assert [each.field for each in oidc.problems(Held(two, {"client_secret": b"c"}))] == ["issuer"]
