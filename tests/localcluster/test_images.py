"""Image archives: written, read, kept."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from localcluster import images
from localcluster.errors import LocalClusterError
from localcluster.home import Home
from localcluster.images import Entry, Image


@pytest.fixture
def image(tmp_path: Path) -> Image:
    (tmp_path / "hello").write_text("#!/bin/true\n")
    entries = (
        Entry(tmp_path / "hello", "/usr/bin/hello"),
        Entry(tmp_path / "hello", "/usr/share/hello.txt", 0o644),
    )
    return Image("localhost/hello:one", ("/usr/bin/hello", "--now"), entries)


def archive_of(path: Path, files: dict[str, object], prefix: str = "") -> Path:
    with tarfile.open(path, "w") as tar:
        for name, content in files.items():
            data = json.dumps(content).encode()
            member = tarfile.TarInfo(prefix + name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def read(archive: Path, name: str) -> bytes:
    with tarfile.open(archive) as tar:
        member = tar.extractfile(name)
        assert member
        return member.read()


def test_an_image_is_written_with_its_name_entry_point_and_user(
    tmp_path: Path, image: Image
) -> None:
    archive = images.write(image, tmp_path / "out" / "hello.tar")

    (listed,) = json.loads(read(archive, "manifest.json"))
    config = json.loads(read(archive, listed["Config"]))["config"]
    assert listed["RepoTags"] == ["localhost/hello:one"]
    assert config["Entrypoint"] == ["/usr/bin/hello", "--now"]
    assert config["User"] == "8737"


def test_files_have_their_modes_and_every_folder_above_them(tmp_path: Path, image: Image) -> None:
    archive = images.write(image, tmp_path / "hello.tar")

    with tarfile.open(fileobj=io.BytesIO(read(archive, "layer.tar"))) as layer:
        found = {member.name: (member.isdir(), member.mode) for member in layer}
    assert found == {
        "usr": (True, 0o755),
        "usr/bin": (True, 0o755),
        "usr/bin/hello": (False, 0o755),
        "usr/share": (True, 0o755),
        "usr/share/hello.txt": (False, 0o644),
    }


def test_the_same_image_is_the_same_bytes(tmp_path: Path, image: Image) -> None:
    one = images.write(image, tmp_path / "one.tar")
    two = images.write(image, tmp_path / "two.tar")

    assert one.read_bytes() == two.read_bytes()


def test_our_own_archives_say_what_they_hold(tmp_path: Path, image: Image) -> None:
    assert images.refs(images.write(image, tmp_path / "hello.tar")) == ("localhost/hello:one",)


@pytest.mark.parametrize(
    ("tag", "full"),
    [
        ("busybox:1.36", "docker.io/library/busybox:1.36"),
        ("argoproj/argoexec:v4", "docker.io/argoproj/argoexec:v4"),
        ("quay.io/argoproj/argoexec:v4", "quay.io/argoproj/argoexec:v4"),
        ("registry:5000/x:1", "registry:5000/x:1"),
        ("localhost/pause:local", "localhost/pause:local"),
    ],
)
def test_a_name_is_told_as_a_node_stores_it(tmp_path: Path, tag: str, full: str) -> None:
    archive = archive_of(tmp_path / "a.tar", {"manifest.json": [{"RepoTags": [tag]}]})

    assert images.refs(archive) == (full,)


@pytest.mark.parametrize("prefix", ["", "./"])
@pytest.mark.parametrize("key", ["io.containerd.image.name", "org.opencontainers.image.ref.name"])
def test_oci_archives_are_read_too(tmp_path: Path, key: str, prefix: str) -> None:
    index = {"manifests": [{"annotations": {key: "quay.io/team/app:v1"}}]}

    archive = archive_of(tmp_path / "a.tar", {"index.json": index, "oci-layout": {}}, prefix)

    assert images.refs(archive) == ("quay.io/team/app:v1",)


@pytest.mark.parametrize(
    "files",
    [
        {"manifest.json": [{"RepoTags": None}]},
        {"manifest.json": []},
        {"index.json": {"manifests": [{}]}},
        {
            "index.json": {
                "manifests": [{"annotations": {"org.opencontainers.image.ref.name": "v1"}}]
            }
        },
        {"readme": "no image at all"},
    ],
)
def test_an_archive_without_a_name_says_how_to_save_one(
    tmp_path: Path, files: dict[str, object]
) -> None:
    archive = archive_of(tmp_path / "a.tar", files)

    with pytest.raises(LocalClusterError, match=r"a\.tar names no image: save it with its name"):
        images.refs(archive)


@pytest.mark.parametrize("files", [{"manifest.json": "text"}, {"index.json": {"other": 1}}])
def test_an_archive_with_another_shape_is_refused(tmp_path: Path, files: dict[str, object]) -> None:
    archive = archive_of(tmp_path / "a.tar", files)

    with pytest.raises(LocalClusterError, match="is no image archive"):
        images.refs(archive)


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_text("text")

    with pytest.raises(LocalClusterError, match=r"a\.tar is no image archive: save one"):
        images.refs(tmp_path / "a.tar")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LocalClusterError, match=r"a\.tar cannot be opened: No such file"):
        images.refs(tmp_path / "a.tar")


def test_a_kept_archive_is_a_copy_of_its_own(tmp_path: Path, image: Image) -> None:
    archive = images.write(image, tmp_path / "hello.tar")

    kept = images.keep(Home(tmp_path / "home"), archive)
    archive.unlink()

    assert images.kept(Home(tmp_path / "home")) == (kept,)
    assert images.kept_refs(Home(tmp_path / "home")) == {"localhost/hello:one"}


def test_the_same_image_again_replaces_its_copy(tmp_path: Path, image: Image) -> None:
    home = Home(tmp_path / "home")
    images.keep(home, images.write(image, tmp_path / "hello.tar"))
    (tmp_path / "hello").write_text("#!/bin/false\n")
    newer = images.write(image, tmp_path / "hello.tar")

    kept = images.keep(home, newer)

    assert images.kept(home) == (kept,)
    assert kept.read_bytes() == newer.read_bytes()


def test_keeping_the_kept_copy_itself_changes_nothing(tmp_path: Path, image: Image) -> None:
    home = Home(tmp_path / "home")
    kept = images.keep(home, images.write(image, tmp_path / "hello.tar"))
    before = kept.read_bytes()

    images.keep(home, kept)

    assert kept.read_bytes() == before
