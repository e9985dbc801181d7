"""A real S3-compatible store for tests: versitygw on loopback, with a folder for its buckets."""

import os
import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from controlplane.secrets.trying.reaching import NotReached, ask
from controlplane.secrets.trying.signing import signed
from localcluster.build import build
from localcluster.recipes import Program, Recipe
from tests.production.stores import LOOPBACK, free_port

RECIPE = Recipe(
    title="store for tests",
    module=Path(__file__).parent / "stores",
    programs=(Program("versitygw", "github.com/versity/versitygw/cmd/versitygw", 90),),
)
REGION = "us-east-1"
DEADLINE = 60.0


@dataclass(frozen=True)
class Store:
    """Where it answers, and the keys of who may do everything there."""

    port: int
    access_key: str
    secret_key: str

    @property
    def endpoint(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    def make_bucket(self, name: str) -> int:
        """The status of its answer."""
        headers = signed(
            "PUT",
            f"/{name}",
            host=self.endpoint,
            region=REGION,
            access_key=self.access_key,
            secret_key=self.secret_key,
            at=datetime.now(UTC),
        )
        return ask(
            "PUT", f"/{name}", host=LOOPBACK, port=self.port, tls=False, headers=headers
        ).status


@contextmanager
def store(folder: Path) -> Iterator[Store]:
    """One that runs until the block ends."""
    there = Store(free_port(), secrets.token_hex(8), secrets.token_hex(16))
    data, beside = folder / "data", folder / "beside"
    data.mkdir()
    beside.mkdir()
    command = [
        str(build(RECIPE) / "versitygw"), "--port", there.endpoint, "--region", REGION,
        "posix", "--sidecar", str(beside), str(data),
    ]  # fmt: skip
    keys = {"ROOT_ACCESS_KEY": there.access_key, "ROOT_SECRET_KEY": there.secret_key}
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, env={**os.environ, **keys}, stdout=log, stderr=log) as process,
    ):
        try:
            _until_it_answers(there, process, folder / "log")
            yield there
        finally:
            process.terminate()


def _until_it_answers(there: Store, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + DEADLINE
    while True:
        try:
            ask("GET", "/", host=LOOPBACK, port=there.port, tls=False)
        except NotReached:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, "the store did not come up"
            time.sleep(0.05)
        else:
            return
