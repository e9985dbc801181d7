"""Half a list is no list: what is not in it is not gone, whatever way it was cut."""

import json
import socket
import threading
from collections.abc import Iterator

import pytest

from controlplane.kube.errors import KubeError, Unreachable
from controlplane.kube.gateway import KubeGateway
from controlplane.objects import Manifest
from tests.controlplane.kube.test_bounds import Server, serving


def pod(name: str) -> Manifest:
    return {"metadata": {"name": name, "namespace": "payments"}}


def listing(names: str, **meta: object) -> bytes:
    return json.dumps({"metadata": meta, "items": [pod(name) for name in names]}).encode()


@pytest.fixture
def server() -> Iterator[Server]:
    yield from serving(Server())


def door(address: str) -> KubeGateway:
    return KubeGateway.from_kubeconfig(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": address}}],
            "users": [{"name": "u", "user": {"token": "t"}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
    )


@pytest.mark.parametrize(
    "answer",
    [
        listing("ab", remainingItemCount=3),
        json.dumps({"metadata": {}}).encode(),
        json.dumps({"metadata": {}, "items": {"a": 1}}).encode(),
        b"<html>Bad gateway</html>",
        b'{"metadata": {}, "items": [{"metadata": {"name": "a"}}',
        b"",
    ],
    ids=["says it has more", "no items", "items are no list", "a page", "broken off", "nothing"],
)
def test_an_answer_that_is_no_whole_list_is_an_error_and_not_fewer_objects(
    server: Server, answer: bytes
) -> None:
    server.says = lambda *_: answer

    with pytest.raises(Unreachable):
        door(server.address).list("v1", "Pod")


def test_a_list_whose_second_page_fails_gives_nothing_of_the_first(server: Server) -> None:
    def says(_path: str, query: dict[str, list[str]]) -> bytes:
        if "continue" in query:
            server.code = 500
            return b'{"kind": "Status", "message": "etcd is away"}'
        return listing("ab", **{"continue": "more", "remainingItemCount": 2})

    server.says = says

    with pytest.raises(KubeError, match="etcd is away"):
        door(server.address).list("v1", "Pod")


def test_a_list_that_is_whole_and_empty_is_empty(server: Server) -> None:
    server.says = lambda *_: b'{"metadata": {}, "items": null}'

    assert door(server.address).list("v1", "Pod") == ()


def test_a_connection_that_ends_in_the_middle_of_a_list_is_an_error() -> None:
    body = listing("abcdefgh")
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(head + body[: len(body) // 2])

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        with pytest.raises(Unreachable):
            door(f"http://127.0.0.1:{listening.getsockname()[1]}").list("v1", "Pod")
        thread.join(10)
