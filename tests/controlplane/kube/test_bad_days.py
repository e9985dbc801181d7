"""Servers that hang, trickle, send us elsewhere or say what no API server says: each is an error in time."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from controlplane.kube import gateway
from controlplane.kube.errors import CutOff, KubeError, Silent, TooLarge, Unreachable
from controlplane.kube.gateway import Bounds, KubeGateway
from controlplane.objects import Ref

SHORT = 0.4
POD = Ref("v1", "Pod", "payments", "hello")
Says = Callable[[socket.socket, threading.Event], None]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Says], KubeGateway]]:
    """Starts a server that does with each connection what a test says; gives the door to it."""
    monkeypatch.setattr(gateway, "KNOCK_SECONDS", SHORT)
    listening = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()
    threads: list[threading.Thread] = []

    def start(says: Says) -> KubeGateway:
        def accept() -> None:
            with suppress(OSError):
                while True:
                    each, _ = listening.accept()
                    threads.append(threading.Thread(target=talk, args=(each,), daemon=True))
                    threads[-1].start()

        def talk(each: socket.socket) -> None:
            with each, suppress(OSError):
                each.recv(65_536)
                says(each, ended)

        threads.append(threading.Thread(target=accept, daemon=True))
        threads[0].start()
        return door(listening.getsockname()[1])

    yield start
    ended.set()
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    for thread in threads:
        thread.join(5)


def door(port: int) -> KubeGateway:
    named = {"name": "x"}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "x",
        "clusters": [{**named, "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{**named, "user": {"token": "t"}}],
        "contexts": [{**named, "context": {"cluster": "x", "user": "x"}}],
    }
    return KubeGateway.from_kubeconfig(config, bounds=Bounds(seconds=2 * SHORT, silence=SHORT))


def drip(first: bytes, drop: bytes) -> Says:
    """Something, and then a little more every few hundredths of a second: never silent, never done."""

    def says(to: socket.socket, ended: threading.Event) -> None:
        to.sendall(first)
        while not ended.wait(0.05):
            to.sendall(drop)

    return says


def answers(code: int, body: bytes, *headers: str) -> Says:
    head = [f"HTTP/1.1 {code} X", f"Content-Length: {len(body)}", *headers, "", ""]
    return lambda to, _: to.sendall("\r\n".join(head).encode() + body)


def silence(_to: socket.socket, ended: threading.Event) -> None:
    ended.wait(30)


OK = "HTTP/1.1 200 OK\r\n"
SLOW = {
    "says nothing": silence,
    "a first line without an end": drip(b"HTTP/1.1 200 ", b"O"),
    "headers without an end": drip(OK.encode(), b"X-A: b\r\n"),
    "a header without an end": drip(f"{OK}X-A: ".encode(), b"b"),
    "a body that trickles": drip(f"{OK}Content-Length: 5000\r\n\r\n".encode(), b"o"),
    "a chunk's size without an end": drip(
        f"{OK}Transfer-Encoding: chunked\r\n\r\n1;".encode(), b"a"
    ),
    "chunks without an end": drip(
        f"{OK}Transfer-Encoding: chunked\r\n\r\n".encode(), b"1\r\no\r\n"
    ),
}


@pytest.mark.parametrize("says", SLOW.values(), ids=SLOW.keys())
@pytest.mark.parametrize(
    "ask", [KubeGateway.knock, lambda kube: kube.get(POD)], ids=["knock", "get"]
)
def test_however_it_trickles_it_is_given_up_in_time(
    serve: Callable[[Says], KubeGateway], says: Says, ask: Callable[[KubeGateway], object]
) -> None:
    kube = serve(says)
    began = time.monotonic()

    with pytest.raises(Silent):
        ask(kube)

    # Its headers, its body, and a machine that is busy.
    assert time.monotonic() - began < 10 * SHORT


@pytest.mark.parametrize(
    "begins", [b"", f"{OK}Content-Length: 5000\r\n\r\no".encode()], ids=["nothing", "half a body"]
)
def test_a_connection_that_ends_midway_is_told_from_one_that_was_never_made(
    serve: Callable[[Says], KubeGateway], begins: bytes
) -> None:
    with pytest.raises(CutOff):
        serve(lambda to, _: to.sendall(begins)).get(POD)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        nobody = door(listening.getsockname()[1])
    with pytest.raises(Unreachable) as refused:
        nobody.get(POD)

    assert type(refused.value) is Unreachable


def test_who_sends_us_elsewhere_is_not_followed(serve: Callable[[Says], KubeGateway]) -> None:
    followed = threading.Event()
    elsewhere = socket.create_server(("127.0.0.1", 0))
    elsewhere.settimeout(SHORT)

    def accept() -> None:
        with suppress(OSError):
            elsewhere.accept()
            followed.set()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    port = elsewhere.getsockname()[1]
    kube = serve(answers(302, b"", f"Location: http://127.0.0.1:{port}/readyz"))

    with pytest.raises(Unreachable, match=r"sends us elsewhere \(HTTP 302\)"):
        kube.knock()
    with pytest.raises(KubeError):
        kube.get(POD)
    thread.join(10)
    elsewhere.close()
    assert not followed.is_set()


@pytest.mark.parametrize("body", [b"<html><h1>Welcome</h1></html>", b"{}", b"", b"okay", b"\xff"])
def test_a_200_that_is_not_an_api_servers_is_no_readiness(
    serve: Callable[[Says], KubeGateway], body: bytes
) -> None:
    with pytest.raises(Unreachable, match="is no API server"):
        serve(answers(200, body)).knock()


def test_a_500_says_only_what_is_not_well(serve: Callable[[Says], KubeGateway]) -> None:
    well = b"".join(b"[+]poststarthook/number-%d ok\n" % number for number in range(40))
    body = well + b"[-]etcd failed: reason withheld\n[-]ping failed: slow\nreadyz check failed"

    with pytest.raises(KubeError) as error:
        serve(answers(500, body)).knock()

    assert error.value.sentence == "the API server says that it is not ready: it misses etcd, ping"


def test_a_huge_answer_is_not_read(serve: Callable[[Says], KubeGateway]) -> None:
    def flood(to: socket.socket, ended: threading.Event) -> None:
        to.sendall(f"{OK}Transfer-Encoding: chunked\r\n\r\n".encode())
        while not ended.is_set():
            to.sendall(b"10000\r\n" + b"x" * 65_536 + b"\r\n")

    with pytest.raises(TooLarge):
        serve(flood).knock()


def test_a_knock_tells_how_long_it_took_and_what_their_clock_says(
    serve: Callable[[Says], KubeGateway],
) -> None:
    knock = serve(answers(200, b"ok", "Date: Sat, 21 Nov 2026 12:00:00 GMT")).knock()

    assert knock.clock == datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert 0 < knock.seconds < 10 * SHORT


@pytest.mark.parametrize("said", ["Date: yesterday", "X: y", "Date: 99"])
def test_a_clock_that_cannot_be_read_is_none(
    serve: Callable[[Says], KubeGateway], said: str
) -> None:
    assert serve(answers(200, b"ok", said)).knock().clock is None


def test_a_server_that_ends_its_answers_is_asked_again_over_the_same_connection(
    serve: Callable[[Says], KubeGateway],
) -> None:
    def says(to: socket.socket, _: threading.Event) -> None:
        for _each in range(3):
            to.sendall(f"{OK}Content-Length: 2\r\n\r\nok".encode())
            to.recv(65_536)

    kube = serve(says)

    assert [kube.knock().clock for _ in range(3)] == [None] * 3
