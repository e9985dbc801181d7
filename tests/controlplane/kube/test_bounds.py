"""What an API server may send at most: beyond it there is a sentence, and no memory is taken."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from controlplane.kube.errors import Refused, TooLarge, Unreachable
from controlplane.kube.gateway import Bounds, KubeGateway
from controlplane.objects import Manifest, Ref

SMALL = 20_000
POD = Ref("v1", "Pod", "payments", "hello")


@dataclass
class Server:
    """An API server that says what a test has it say, over a real socket."""

    says: Callable[[str, dict[str, list[str]]], bytes] = lambda _path, _query: b"{}"
    code: int = 200
    chunked: bool = False
    asked: list[dict[str, list[str]]] = field(default_factory=list)
    address: str = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        url = urlsplit(handler.path)
        query = parse_qs(url.query)
        self.asked.append(query)
        body = self.says(url.path, query)
        handler.send_response(self.code)
        if self.chunked:
            handler.send_header("Transfer-Encoding", "chunked")
        else:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        for at in range(0, len(body), 4096):
            piece = body[at : at + 4096]
            framed = b"%x\r\n%s\r\n" % (len(piece), piece) if self.chunked else piece
            handler.wfile.write(framed)
        if self.chunked:
            handler.wfile.write(b"0\r\n\r\n")


@pytest.fixture(params=[False, True], ids=["whole", "chunked"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    yield from serving(Server(chunked=request.param))


def serving(said: Server) -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            try:
                said.answer(self)
            except OSError:
                self.close_connection = True  # the reader went away: that is what is tested

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    said.address = f"http://127.0.0.1:{http.server_port}"
    yield said
    http.shutdown()
    http.server_close()
    thread.join(10)


@pytest.fixture
def kube(server: Server) -> KubeGateway:
    return door(server, Bounds(SMALL, SMALL, 3 * SMALL, 100))


def door(server: Server, bounds: Bounds) -> KubeGateway:
    named = {"name": "x"}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "x",
        "clusters": [{**named, "cluster": {"server": server.address}}],
        "users": [{**named, "user": {"token": "t"}}],
        "contexts": [{**named, "context": {"cluster": "x", "user": "x"}}],
    }
    return KubeGateway.from_kubeconfig(config, bounds=bounds)


def pod(size: int, name: str = "hello") -> Manifest:
    return {"metadata": {"name": name, "annotations": {"a": "x" * size}}}


def test_an_object_is_read_whole_up_to_the_bound(server: Server, kube: KubeGateway) -> None:
    body = json.dumps(pod(SMALL - 100)).encode()
    server.says = lambda *_: body

    assert kube.get(POD) == json.loads(body)
    assert kube.get(POD) == json.loads(body)  # and the connection is good for the next


def test_an_object_beyond_it_is_a_sentence(server: Server, kube: KubeGateway) -> None:
    server.says = lambda *_: json.dumps(pod(50 * SMALL)).encode()

    with pytest.raises(TooLarge, match="answer is more than 19 KiB: it is not read"):
        kube.get(POD)
    server.says = lambda *_: json.dumps(pod(1)).encode()
    assert kube.get(POD) == pod(1)


def test_an_error_of_any_length_is_still_an_error(server: Server, kube: KubeGateway) -> None:
    server.code = 500
    server.says = lambda *_: b"x" * 10_000

    with pytest.raises(Refused) as refusal:
        kube.get(POD)
    assert len(refusal.value.sentence) <= 1000


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b"7", b"", b"{}", b'{"metadata":' + b"[" * 3000 + b"]" * 3000 + b"}"]
)
def test_what_is_no_object_is_no_answer(server: Server, kube: KubeGateway, body: bytes) -> None:
    server.says = lambda *_: body

    with pytest.raises(Unreachable, match="no object"):
        kube.get(POD)
    with pytest.raises(Unreachable, match="no object"):
        kube.list("v1", "Pod")


def paged(count: int, size: int) -> Callable[[str, dict[str, list[str]]], bytes]:
    """So many objects of a size, in pages as they are asked for."""

    def says(_path: str, query: dict[str, list[str]]) -> bytes:
        first = int(query.get("continue", ["0"])[0])
        last = min(count, first + int(query["limit"][0]))
        items = [pod(size, f"p{at}") for at in range(first, last)]
        meta = {"continue": str(last) if last < count else "", "resourceVersion": "7"}
        return json.dumps({"metadata": meta, "items": items}).encode()

    return says


def test_large_objects_come_in_smaller_pages(server: Server, kube: KubeGateway) -> None:
    server.says = paged(20, SMALL // 10)

    names: list[str] = []
    cursor, pages = "", 0
    while cursor or not pages:
        listing = kube.list_from("v1", "Pod", cursor=cursor)
        assert listing.items
        names += [item["metadata"]["name"] for item in listing.items]
        cursor, pages = listing.cursor, pages + 1

    assert names == [f"p{at}" for at in range(20)]
    assert pages > 1


def test_a_list_beyond_the_bound_is_a_sentence_and_not_a_part(
    server: Server, kube: KubeGateway
) -> None:
    server.says = paged(40, SMALL // 10)

    with pytest.raises(TooLarge, match="list of Pod is more than 58 KiB"):
        kube.list("v1", "Pod", "payments")


def test_one_object_too_large_for_a_page_is_a_sentence(server: Server, kube: KubeGateway) -> None:
    server.says = paged(1, 2 * SMALL)

    with pytest.raises(TooLarge):
        kube.page("v1", "Pod", "payments", limit=50)
    assert [query["limit"] for query in server.asked] == [["50"], ["6"], ["1"]]


def test_a_log_longer_than_was_asked_for_is_a_sentence(server: Server, kube: KubeGateway) -> None:
    server.says = lambda *_: b"x" * 5000

    assert kube.logs("payments", "hello", "main", limit_bytes=5000) == "x" * 5000
    with pytest.raises(TooLarge):
        kube.logs("payments", "hello", "main", limit_bytes=1000)


def test_an_event_without_an_end_is_a_sentence(server: Server, kube: KubeGateway) -> None:
    server.says = lambda *_: b"x" * (100 * SMALL)

    with pytest.raises(TooLarge, match="event"):
        list(kube.watch("v1", "Pod", resource_version="1", seconds=5))


def test_who_has_less_time_is_told_so_in_it(server: Server, kube: KubeGateway) -> None:
    held = threading.Event()
    server.says = lambda *_: held.wait(10) and b""

    began = time.monotonic()
    with pytest.raises(Unreachable, match="cannot be reached"):
        kube.within(0.2).get(POD)
    took = time.monotonic() - began
    held.set()

    assert took < 5


def test_an_answer_that_trickles_is_left_at_the_deadline(server: Server) -> None:
    server.says = lambda *_: json.dumps(pod(1)).encode()

    with pytest.raises(Unreachable, match="did not end its answer"):
        door(server, Bounds(seconds=-1.0)).get(POD)
