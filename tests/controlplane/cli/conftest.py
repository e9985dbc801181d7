"""A platform that answers over HTTP, for who runs commands against it."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django.live_server_helper import LiveServer


@pytest.fixture
def home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, live_server: LiveServer
) -> Iterator[Path]:
    """A home of its own for the commands, which find the platform by their environment."""
    monkeypatch.setenv("ARGOSY_HOME", str(tmp_path))
    monkeypatch.setenv("ARGOSY_URL", live_server.url)
    monkeypatch.delenv("ARGOSY_TOKEN", raising=False)
    yield tmp_path
    # An answer is out before its request is over: let that end while there is a database.
    for thread in threading.enumerate():
        if thread.name.endswith("(process_request_thread)"):
            thread.join(5)
