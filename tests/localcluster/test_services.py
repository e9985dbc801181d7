"""Programs that fall, hang, or find their port taken."""

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcluster import services
from localcluster.api import healthy
from localcluster.errors import LocalClusterError
from localcluster.processes import Daemon
from localcluster.services import Service

SERVER = (
    "import http.server as h, sys, os\n"
    "class Well(h.BaseHTTPRequestHandler):\n"
    "    def do_GET(self):\n"
    "        self.send_response(200); self.end_headers()\n"
    "print('serving', flush=True)\n"
    "h.HTTPServer(('127.0.0.1', int(sys.argv[1])), Well).serve_forever()\n"
)


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    made = Daemon(tmp_path, "serve")
    yield made
    made.stop()


def serving(daemon: Daemon, port: int) -> Service:
    return Service(
        daemon=daemon,
        command=(sys.executable, "-c", SERVER, str(port)),
        ready=lambda: healthy(port),
        ports=(port,),
    )


def test_a_service_is_there_when_ensure_returns(daemon: Daemon, port: int) -> None:
    services.ensure(serving(daemon, port))

    assert healthy(port)


def test_a_service_that_runs_is_not_started_again(daemon: Daemon, port: int) -> None:
    services.ensure(serving(daemon, port))
    before = daemon.running()

    services.ensure(serving(daemon, port))

    assert daemon.running() == before


def test_one_that_hangs_is_started_anew(
    daemon: Daemon, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "HUNG_SECONDS", 0.2)
    daemon.start(("/bin/sleep", "60"))
    hung = daemon.running()

    services.ensure(serving(daemon, port))

    assert daemon.running() != hung
    assert healthy(port)


def test_one_that_ends_at_once_is_named_with_its_last_words(daemon: Daemon) -> None:
    daemon.start(("/bin/echo", "words of an earlier life"))
    last_words = "import sys; sys.exit('no such flag: --colour')"
    failing = Service(daemon, (sys.executable, "-c", last_words), ready=lambda: False)

    with pytest.raises(LocalClusterError) as raised:
        services.ensure(failing)

    told = str(raised.value)
    assert told.startswith("serve ended right after its start.")
    assert "no such flag: --colour" in told
    assert str(daemon.log) in told
    assert "earlier life" not in told


def test_one_that_never_gets_ready_is_stopped_and_told(daemon: Daemon) -> None:
    slow = Service(daemon, ("/bin/sleep", "60"), ready=lambda: False, seconds=0.2)

    with pytest.raises(LocalClusterError, match="serve was not ready within 0 s"):
        services.ensure(slow)

    assert daemon.running() is None


def test_a_taken_port_is_named_with_who_has_it(daemon: Daemon, tmp_path: Path, port: int) -> None:
    other = Daemon(tmp_path, "other")
    services.ensure(serving(other, port))

    with pytest.raises(LocalClusterError) as raised:
        services.ensure(serving(daemon, port))

    holder = other.running()
    assert holder
    assert f"Port {port} on 127.0.0.1, which serve needs, is taken by python" in str(raised.value)
    assert f"(process {holder.pid})" in str(raised.value)
    other.stop()


@pytest.mark.parametrize(
    ("words", "way_out"),
    [
        ("listen tcp: bind: address already in use", "was taken meanwhile"),
        ("write wal: no space left on device", "is full"),
    ],
)
def test_known_troubles_come_with_their_own_way_out(
    daemon: Daemon, words: str, way_out: str
) -> None:
    failing = Service(daemon, (sys.executable, "-c", f"raise SystemExit({words!r})"), lambda: False)

    with pytest.raises(LocalClusterError, match=way_out):
        services.ensure(failing)


def test_a_program_that_is_not_there_is_named(daemon: Daemon, tmp_path: Path) -> None:
    absent = Service(daemon, (tmp_path / "absent",), ready=lambda: False)

    with pytest.raises(LocalClusterError, match="serve could not be started: No such file"):
        services.ensure(absent)
