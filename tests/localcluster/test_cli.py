"""`argosy local` says what happened, in words and in the exit code."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from localcluster import images
from localcluster.cli import app, summary
from localcluster.clusters import RunningCluster
from localcluster.images import Image


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARGOSY_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, [*arguments], catch_exceptions=False)
    return result.exit_code, result.output


def test_without_clusters_the_way_to_one_is_told(home: Path) -> None:
    assert run("status") == (0, f"no clusters in {home}; `argosy local up` makes one\n")


def test_status_can_be_read_by_programs() -> None:
    code, told = run("status", "--json")

    assert (code, json.loads(told)) == (0, [])


@pytest.mark.parametrize("command", ["down", "wipe", "kubeconfig"])
def test_a_cluster_that_is_not_there_is_an_error_without_a_traceback(command: str) -> None:
    code, told = run(command, "nobody")

    assert code == 1
    assert told.startswith("error: There is no local cluster 'nobody'")
    assert "Traceback" not in told


def test_down_without_a_name_is_fine_where_nothing_runs() -> None:
    assert run("down") == (0, "all clusters: stopped, data kept\n")


def test_a_folder_without_programs_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARGOSY_PROGRAMS", str(tmp_path))

    code, told = run("build")

    assert code == 1
    assert told.startswith(f"error: ARGOSY_PROGRAMS is {tmp_path}, but it holds no etcd")


def test_a_loaded_image_is_kept_and_what_argo_lacks_is_told(tmp_path: Path, home: Path) -> None:
    archive = images.write(Image(images.ARGO[0], ("x",), ()), tmp_path / "a.tar")

    code, told = run("load-image", str(archive))

    assert code == 0
    assert told == f"loaded {images.ARGO[0]}\nnot loaded yet for Argo: {images.ARGO[1]}\n"
    assert len(list((home / "images").glob("*.tar"))) == 1


def test_one_bad_archive_among_good_ones_loads_nothing(tmp_path: Path, home: Path) -> None:
    good = images.write(Image(images.ARGO[0], ("x",), ()), tmp_path / "good.tar")
    bad = tmp_path / "bad.tar"
    bad.write_text("no archive")

    code, told = run("load-image", str(good), str(bad))

    assert code == 1
    assert "bad.tar is no image archive" in told
    assert not (home / "images").exists()


def test_simulated_nodes_are_called_what_they_are() -> None:
    running = RunningCluster("demo", Path("/k"), "https://127.0.0.1:1", "simulated", "as asked")

    assert "simulated nodes: nothing runs in their pods" in summary(running)
