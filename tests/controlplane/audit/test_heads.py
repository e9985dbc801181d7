"""Telling the chain's head to a webhook: a real one, which may be away, slow to agree, or gone elsewhere."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from controlplane import environment
from controlplane.audit import heads
from controlplane.audit.heads import Head

HEAD = Head(12, "a" * 64, datetime(2026, 11, 22, tzinfo=UTC))
NEXT = Head(13, "b" * 64, datetime(2026, 11, 22, tzinfo=UTC))


@dataclass
class Receiver:
    """Who is told, and what they answer."""

    url: str = ""
    status: int = 204
    told: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def listening(receiver: Receiver) -> Iterator[None]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            said = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.told.append(json.loads(said))
            self.send_response(receiver.status)
            self.send_header("Location", f"{receiver.url}/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def receiver(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setattr(heads, "_told", {})
    found = Receiver()
    with listening(found):
        settings.AUDIT_WEBHOOK = found.url
        yield found


def test_a_webhook_is_told_each_head_once(receiver: Receiver) -> None:
    assert heads.tell(HEAD)
    assert heads.tell(HEAD)
    assert heads.tell(NEXT)

    assert [said["number"] for said in receiver.told] == [12, 13]
    assert receiver.told[0]["digest"] == HEAD.digest


@pytest.mark.parametrize("status", [500, 302, 404])
def test_one_that_did_not_take_it_is_told_again(receiver: Receiver, status: int) -> None:
    receiver.status = status
    assert not heads.tell(HEAD)

    receiver.status = 204
    assert heads.tell(HEAD)

    assert [said["number"] for said in receiver.told] == [12, 12]


def test_one_that_is_away_holds_nobody_up_and_its_address_is_not_told(
    settings: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(heads, "_told", {})
    settings.AUDIT_WEBHOOK = "http://someone:hunter2@127.0.0.1:9/heads"

    assert not heads.tell(HEAD)

    assert "is not in the webhook" in caplog.text
    assert "hunter2" not in caplog.text


def test_a_file_that_cannot_be_written_does_not_keep_the_webhook_from_hearing(
    receiver: Receiver, settings: Any
) -> None:
    settings.AUDIT_HEADS_FILE = "/nowhere/heads"

    assert not heads.tell(HEAD)

    assert [said["number"] for said in receiver.told] == [12]


@pytest.mark.parametrize(
    "address", ["ftp://hunter2@a.example/", "hunter2.example.org", "https:///hunter2"]
)
def test_an_address_that_is_none_stops_the_start_without_telling_it(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("ARGOSY_AUDIT_WEBHOOK", address)

    with pytest.raises(ImproperlyConfigured, match="must begin with http") as refused:
        environment.web_address("ARGOSY_AUDIT_WEBHOOK", default="")

    assert "hunter2" not in str(refused.value)
