"""A watch as bytes: events however they are cut, and nothing of a stream that is none."""

import time
from collections.abc import Iterator

import orjson
import pytest
import urllib3

from controlplane.kube.errors import Expired, Refused, Unreachable
from controlplane.kube.gateway import _events
from controlplane.objects import Manifest

LONG = time.monotonic() + 3600
MOST = 1_000_000


class Answer:
    """An answer whose body comes in these pieces."""

    def __init__(self, *pieces: bytes, broken: bool = False) -> None:
        self.pieces = pieces
        self.broken = broken
        self.is_closed = False

    def stream(self, _size: int) -> Iterator[bytes]:
        yield from self.pieces
        if self.broken:
            raise urllib3.exceptions.ProtocolError("Response ended prematurely")

    def close(self) -> None:
        self.is_closed = True


def line(kind: str, manifest: Manifest) -> bytes:
    return orjson.dumps({"type": kind, "object": manifest}) + b"\n"


def named(name: str) -> Manifest:
    return {"metadata": {"name": name}}


BOTH = line("ADDED", named("a")) + b"\n" + line("BOOKMARK", named("b"))


@pytest.mark.parametrize("cut", [1, 7, len(BOTH) // 2, len(BOTH)])
def test_events_are_whole_however_they_are_cut(cut: int) -> None:
    answer = Answer(*(BOTH[at : at + cut] for at in range(0, len(BOTH), cut)))

    events = list(_events(answer, LONG, most=MOST))

    assert [(e.type, e.manifest) for e in events] == [
        ("ADDED", named("a")),
        ("BOOKMARK", named("b")),
    ]
    assert answer.is_closed


def test_a_stream_that_breaks_off_is_unreachable_after_what_was_whole() -> None:
    stream = _events(Answer(BOTH[:-1], broken=True), LONG, most=MOST)

    assert next(stream).type == "ADDED"
    with pytest.raises(Unreachable, match="ended prematurely"):
        next(stream)


@pytest.mark.parametrize(("code", "error"), [(410, Expired), (500, Refused)])
def test_an_error_in_the_stream_is_the_error_it_stands_for(code: int, error: type[Refused]) -> None:
    answer = Answer(line("ERROR", {"code": code, "message": "too old resource version"}))

    with pytest.raises(error, match="too old"):
        list(_events(answer, LONG, most=MOST))


@pytest.mark.parametrize(
    "said", [b"<html>\n", b"[]\n", b"{}\n", line("ADDED", []), line("NEWS", {}), line("ERROR", {})]
)
def test_what_is_no_event_is_no_answer_of_an_api_server(said: bytes) -> None:
    with pytest.raises(Unreachable, match="no event"):
        list(_events(Answer(said), LONG, most=MOST))


def test_a_server_that_knows_no_end_is_left_at_the_deadline() -> None:
    answer = Answer(BOTH, BOTH, BOTH)

    assert len(list(_events(answer, time.monotonic() - 1, most=MOST))) == 1
    assert answer.is_closed


def test_a_stream_that_is_left_early_is_closed() -> None:
    answer = Answer(BOTH)
    stream = _events(answer, LONG, most=MOST)
    next(stream)

    stream.close()

    assert answer.is_closed
