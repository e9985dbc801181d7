"""What a real node changes on its machine."""

import json
from pathlib import Path

import pytest

from localcluster import machine
from localcluster.errors import LocalClusterError
from localcluster.machine import Network


def test_the_machine_has_the_first_address_of_the_pods_network() -> None:
    network = Network("10.244.0.0/24")

    assert (network.gateway, network.with_length) == ("10.244.0.1", "10.244.0.1/24")


def test_settings_that_a_crash_left_changed_are_not_taken_for_the_machines_own(
    tmp_path: Path,
) -> None:
    kept = tmp_path / "before.json"
    kept.write_text('{"settings": {}, "absent": []}')

    machine.remember(tmp_path)

    assert json.loads(kept.read_text()) == {"settings": {}, "absent": []}


def test_folders_that_were_not_there_before_are_removed_and_others_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    theirs.mkdir()
    monkeypatch.setattr(machine, "PLACES", (theirs, ours))
    monkeypatch.setattr(machine, "SETTINGS", ())
    machine.remember(tmp_path)
    ours.mkdir()

    machine.restore(tmp_path)

    assert (theirs.exists(), ours.exists()) == (True, False)


def test_restoring_twice_is_restoring_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "SETTINGS", ())
    machine.remember(tmp_path)

    machine.restore(tmp_path)
    machine.restore(tmp_path)

    assert not list(tmp_path.iterdir())


def test_nothing_is_deleted_over_something_mounted() -> None:
    with pytest.raises(LocalClusterError, match="is still mounted and cannot be undone"):
        machine.refuse_mounts(Path("/proc"))


def test_a_folder_without_mounts_may_be_deleted(tmp_path: Path) -> None:
    machine.refuse_mounts(tmp_path)
