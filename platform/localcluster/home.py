"""The folder on disk that everything of the local clusters lives in."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from localcluster.errors import LocalClusterError


@dataclass(frozen=True, slots=True)
class Home:
    """One folder with one etcd, any number of clusters, and at most one real node."""

    path: Path

    @classmethod
    def default(cls) -> "Home":
        """`$ARGOSY_HOME`, else `.argosy` in the working directory."""
        return cls(Path(os.environ.get("ARGOSY_HOME") or ".argosy").absolute())

    @property
    def etcd(self) -> Path:
        return self.path / "etcd"

    @property
    def clusters(self) -> Path:
        return self.path / "clusters"

    @property
    def images(self) -> Path:
        return self.path / "images"

    @property
    def node(self) -> Path:
        return self.path / "node"

    def cluster(self, name: str) -> Path:
        return self.clusters / name

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Only one `up`, `down` or `wipe` at a time works on this home."""
        with _told(self.path):
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            with locked_file(self.path / "lock"):
                yield


@contextmanager
def _told(home: Path) -> Iterator[None]:
    """What the system refuses, as a sentence with a way out."""
    try:
        yield
    except OSError as exc:
        if exc.errno in {errno.ENOSPC, errno.EDQUOT}:
            way_out = f"free some space under {home}, or put ARGOSY_HOME on a disk with room"
        elif exc.filename:
            way_out = f"look at who may write {exc.filename}, or choose another ARGOSY_HOME"
        else:
            way_out = "look at `argosy local status` and at the logs beside it, then try again"
        where = f" ({exc.filename})" if exc.filename else ""
        raise LocalClusterError(f"{exc.strerror or exc}{where}: {way_out}.") from exc


@contextmanager
def locked_file(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on `path`; it ends with the block, or with this process."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
