"""Keycloak is believed by its checksum, and fetched once."""

import os
import tarfile
from hashlib import sha256
from pathlib import Path

import pytest

from localcluster import keycloak
from localcluster.errors import LocalClusterError
from localcluster.keycloak import VERSION

ARCHIVE = f"keycloak-quarkus-dist-{VERSION}.tar.gz"


def program(folder: Path, name: str, script: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """How often Maven was asked, a line each; what it brings is an archive that holds `bin/kc.sh`."""
    there, made, asked = (
        tmp_path / "there",
        tmp_path / f"keycloak-{VERSION}" / "bin",
        tmp_path / "asked",
    )
    there.mkdir()
    made.mkdir(parents=True)
    program(made, "kc.sh", "exit 0")
    with tarfile.open(there / ARCHIVE, "w:gz") as tar:
        tar.add(made.parent, made.parent.name)
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    take = f'for w in "$@"; do case $w in -DoutputDirectory=*) cp {there}/{ARCHIVE} "${{w#*=}}";; esac; done'
    program(bin_, "mvn", f"echo asked >> {asked}\n{take}")
    program(bin_, "java", "exit 0")
    monkeypatch.setenv("PATH", f"{bin_}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(keycloak, "SHA256", sha256((there / ARCHIVE).read_bytes()).hexdigest())
    return asked


def told(_: str) -> None:
    """Nobody listens."""


def test_it_is_fetched_once_and_kept(asked: Path) -> None:
    first = keycloak.distribution(told)

    assert keycloak.distribution(told) == first
    assert (first / "bin" / "kc.sh").exists()
    assert asked.read_text().splitlines() == ["asked"]
    assert [p.name for p in first.parent.iterdir() if not p.name.startswith(".keycloak.")] == [
        first.name
    ]


def test_what_comes_with_another_checksum_is_not_used_and_not_kept(
    asked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keycloak, "SHA256", "0" * 64)

    with pytest.raises(LocalClusterError, match="not what we know by that name"):
        keycloak.distribution(told)

    programs = Path(os.environ["XDG_CACHE_HOME"]) / "argosy" / "programs"
    assert [p.name for p in programs.iterdir()] == [".keycloak.lock"]


def test_a_maven_that_fetches_nothing_is_one_sentence_with_its_words(
    asked: Path, tmp_path: Path
) -> None:
    program(tmp_path / "bin", "mvn", "echo no route to anywhere >&2; exit 1")

    with pytest.raises(
        LocalClusterError, match=r"Maven could not fetch(.|\n)*no route to anywhere"
    ):
        keycloak.distribution(told)


def test_a_client_of_the_realm_may_use_the_code_flow_with_pkce_alone() -> None:
    made = keycloak._client("secret", ["http://127.0.0.1:8080"])

    assert made["redirectUris"] == ["http://127.0.0.1:8080/sign-in/provider/back/"]
    assert made["attributes"]["pkce.code.challenge.method"] == "S256"
    assert made["directAccessGrantsEnabled"] is False
