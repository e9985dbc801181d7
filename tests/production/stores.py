"""A PostgreSQL and a Redis of a test's own: on loopback, in a folder of theirs, by nobody privileged.

They die with whoever started them, and no service of the machine is touched.
"""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from tests.production import packages

DEADLINE = 30.0
LOOK_EVERY = 0.02
LOOPBACK = "127.0.0.1"
DATABASE = "argosy"
FAST = {
    # A machine that falls loses a test's rows: let it.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "150",
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "log_statement": "none",
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


@dataclass
class PostgreSQL:
    """A database server that can be ended and started again, with what it keeps."""

    folder: Path
    port: int = field(default_factory=free_port)
    password: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql://{DATABASE}:{self.password}@{LOOPBACK}:{self.port}/{DATABASE}"

    def start(self) -> None:
        """Answer at `url`; made first, where nothing is kept yet."""
        user = unprivileged("postgres")
        data = self.folder / "postgresql"
        if not data.exists():
            self._make(data, user)
        options = [word for name, value in FAST.items() for word in ("-c", f"{name}={value}")]
        # Told to end by SIGQUIT: at once, and with everybody who is connected.
        command = [str(_program("postgres")), "-D", str(data), "-p", str(self.port), *options]
        self._process = begin(command, user, self.folder / "postgresql.log", "QUIT")
        self._until_it_answers()

    def stop(self) -> None:
        """End it at once, whoever is connected."""
        end(self._process, signal.SIGQUIT)
        self._process = None

    def _make(self, data: Path, user: str) -> None:
        own(self.folder, user)
        secret = self.folder / "password"
        secret.write_text(self.password)
        secret.chmod(0o600)
        own(secret, user)
        # Sorted as people read, which is not how bytes do: what leans on the order of bytes must fail.
        locale = ["--locale-provider=icu", "--icu-locale=en-US", "--locale=C.UTF-8"]
        safe = ["--auth=scram-sha-256", f"--pwfile={secret}", f"--username={DATABASE}"]
        command = [str(_program("initdb")), "-D", str(data), "-E", "UTF8", "--no-sync"]
        log = self.folder / "initdb.log"
        made = begin([*command, *locale, *safe], user, log, "KILL").wait(DEADLINE)
        assert made == 0, log.read_text()

    def _until_it_answers(self) -> None:
        deadline = time.monotonic() + DEADLINE
        while not self._there():
            log = (self.folder / "postgresql.log").read_text()
            assert self._process is not None
            assert self._process.poll() is None, log
            assert time.monotonic() < deadline, log
            time.sleep(LOOK_EVERY)

    def _there(self) -> bool:
        """Whether it answers, and has our database, made if it had none."""
        try:
            with psycopg.connect(self.url.removesuffix(DATABASE) + "postgres") as db:
                db.autocommit = True
                known = db.execute("select 1 from pg_database where datname = %s", [DATABASE])
                if known.fetchone() is None:
                    db.execute(f"create database {DATABASE}")
        except psycopg.OperationalError:
            return False
        return True


@dataclass
class Redis:
    """A broker that keeps nothing: whoever starts it again finds it empty."""

    folder: Path
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://{LOOPBACK}:{self.port}/0"

    def start(self) -> None:
        program = packages.redis()
        assert program is not None, "no Redis here: python -m tests.production.packages"
        user = unprivileged("redis")
        own(self.folder, user)
        options = {"bind": LOOPBACK, "port": self.port, "save": "", "dir": self.folder}
        words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
        self._process = begin([str(program), *words], user, self.folder / "redis.log", "KILL")
        deadline = time.monotonic() + DEADLINE
        while not answers(self.port):
            assert self._process.poll() is None, (self.folder / "redis.log").read_text()
            assert time.monotonic() < deadline, "Redis does not answer"
            time.sleep(LOOK_EVERY)

    def stop(self) -> None:
        end(self._process, signal.SIGKILL)
        self._process = None


@contextmanager
def postgresql() -> Iterator[PostgreSQL]:
    """A running one, gone afterwards."""
    with _folder() as folder:
        server = PostgreSQL(folder)
        try:
            server.start()
            yield server
        finally:
            server.stop()


@contextmanager
def redis() -> Iterator[Redis]:
    """A running one, gone afterwards."""
    with _folder() as folder:
        server = Redis(folder)
        try:
            server.start()
            yield server
        finally:
            server.stop()


def begin(command: list[str], user: str, log: Path, last_word: str) -> subprocess.Popen[bytes]:
    """Start it as this user; it gets `last_word` as a signal when whoever started it dies."""
    account = pwd.getpwnam(user)
    # Only root can become somebody else, and only root must.
    become = [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
    words = ["setpriv", f"--pdeathsig={last_word}", *(become if os.geteuid() == 0 else [])]
    with log.open("ab") as output:
        return subprocess.Popen(
            [*words, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        )


def end(process: subprocess.Popen[bytes] | None, how: signal.Signals) -> None:
    """End exactly this process. Already gone is success."""
    if process is None:
        return
    process.send_signal(how)
    try:
        process.wait(DEADLINE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(DEADLINE)


def unprivileged(preferred: str) -> str:
    """Whom a server runs as: us, unless we are root."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid()).pw_name
    return preferred


def own(path: Path, user: str) -> None:
    """Give a file or a folder to this user."""
    account = pwd.getpwnam(user)
    if account.pw_uid != path.stat().st_uid:
        os.chown(path, account.pw_uid, account.pw_gid)


def answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


def _program(name: str) -> Path:
    found = packages.postgresql(name)
    if found is None:
        pytest.fail("no PostgreSQL here: python -m tests.production.packages")
    return found


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="argosy-test-stores-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
