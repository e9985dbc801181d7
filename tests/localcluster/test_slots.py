"""Ports of clusters side by side."""

import socket
import tempfile
from pathlib import Path

import pytest

from localcluster import slots


@pytest.fixture(autouse=True)
def own_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "machine").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "machine"))


def owner(tmp_path: Path, name: str) -> Path:
    folder = tmp_path / name
    folder.mkdir()
    return folder


def test_two_owners_get_different_ports(tmp_path: Path) -> None:
    one, two = slots.reserve(owner(tmp_path, "one")), slots.reserve(owner(tmp_path, "two"))

    assert not set(one.ports) & set(two.ports)


def test_an_owner_keeps_its_ports(tmp_path: Path) -> None:
    mine = owner(tmp_path, "mine")

    assert slots.reserve(mine) == slots.reserve(mine)


def test_ports_of_an_owner_whose_folder_is_gone_are_given_away(tmp_path: Path) -> None:
    gone = owner(tmp_path, "gone")
    slot = slots.reserve(gone)
    gone.rmdir()

    assert slots.reserve(owner(tmp_path, "next")) == slot


def test_released_ports_are_given_away(tmp_path: Path) -> None:
    first = owner(tmp_path, "first")
    slot = slots.reserve(first)

    slots.release(first)

    assert slots.reserve(owner(tmp_path, "next")) == slot


def test_a_slot_with_a_port_in_use_is_passed_over(tmp_path: Path) -> None:
    first = owner(tmp_path, "first")
    slot = slots.reserve(first)
    slots.release(first)
    with socket.create_server(("127.0.0.1", slot.port(3))):
        got = slots.reserve(owner(tmp_path, "next"))

    assert got != slot


def test_a_torn_registry_is_started_anew(tmp_path: Path) -> None:
    mine = owner(tmp_path, "mine")
    slots.reserve(mine)
    next(Path(tempfile.gettempdir()).glob("argosy-ports-*/slots.json")).write_text('{"1": ')

    assert slots.reserve(mine).ports


def test_a_port_is_free_until_somebody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        taken = slots.is_free(port)

    assert (taken, slots.is_free(port)) == (False, True)
