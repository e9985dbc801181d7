"""What needs no running cluster: names, homes, what a killed run left."""

import errno
from pathlib import Path

import pytest

from localcluster import clusters
from localcluster.errors import LocalClusterError, last_lines
from localcluster.home import Home
from localcluster.processes import Daemon
from tests import cluster_fixtures


@pytest.mark.parametrize("name", ["", "Big", "-x", "x-", "a/b", "..", "a" * 41, "été", "a b"])
def test_a_name_that_cannot_be_a_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(LocalClusterError, match="cannot name a cluster: use up to 40"):
        clusters.up(name, node="simulated", home=Home(tmp_path))


def test_a_cluster_that_is_not_there_is_named_beside_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(LocalClusterError, match=r"no local cluster 'demo'.*there: none yet"):
        clusters.wipe("demo", home=Home(tmp_path))


def test_a_home_that_was_never_used_has_no_clusters(tmp_path: Path) -> None:
    home = Home(tmp_path / "never")

    clusters.down_all(home=home)

    assert clusters.status(home=home) == ()
    assert not home.path.exists()


def test_the_home_is_chosen_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARGOSY_HOME", str(tmp_path / "here"))
    chosen = Home.default().path
    monkeypatch.delenv("ARGOSY_HOME")
    monkeypatch.chdir(tmp_path)

    assert (chosen, Home.default().path) == (tmp_path / "here", tmp_path / ".argosy")


def test_a_cluster_whose_record_was_spoilt_is_told_as_to_be_mended_beside_the_others(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path)
    runs = Daemon(home.cluster("eu"), "kwok")
    runs.start(("/bin/sleep", "60"))
    (runs.folder / "cluster.json").write_text("")
    home.cluster("us").mkdir()
    record = '{"node": "simulated", "server": "https://127.0.0.1:1", "durable": false}'
    (home.cluster("us") / "cluster.json").write_text(record)
    try:
        found = {each.name: (each.state, each.server) for each in clusters.status(home=home)}
    finally:
        clusters.down_all(home=home)

    assert found == {"eu": ("half", ""), "us": ("stopped", "https://127.0.0.1:1")}
    assert runs.running() is None


def test_a_full_disk_is_told_with_its_way_out(tmp_path: Path) -> None:
    with (
        pytest.raises(LocalClusterError, match=r"No space left.*\(/x/ca\.key\): free some space"),
        Home(tmp_path).locked(),
    ):
        raise OSError(errno.ENOSPC, "No space left on device", "/x/ca.key")


def test_a_home_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(LocalClusterError, match="choose another ARGOSY_HOME"):
        clusters.load_images([], home=Home(tmp_path / "file" / "home"))


def test_only_the_end_of_a_long_log_is_shown(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_text("".join(f"line {number}\n\n" for number in range(9999)))

    shown = last_lines(log).splitlines()

    assert shown[-1] == "    line 9998"
    assert len(shown) == 9


def test_what_a_killed_test_run_left_is_ended_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = tmp_path / f"{cluster_fixtures.PREFIX}killed"
    left = Daemon(Home(folder).cluster("tests"), "kwok")
    left.start(("/bin/sleep", "60"))
    record = '{"node": "simulated", "server": "https://127.0.0.1:1", "durable": false}'
    (left.folder / "cluster.json").write_text(record)
    (folder / cluster_fixtures.OWNED).touch()

    cluster_fixtures.sweep_abandoned()

    assert left.running() is None
    assert not folder.exists()
