"""A platform as production runs it: each process by itself, all secrets in files, PostgreSQL and Redis."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.production.keys import given_keys
from tests.production.stores import LOOPBACK, PostgreSQL, Redis, free_port

ARGOSY = [sys.executable, "-m", "controlplane.cli"]
DEADLINE = 180.0  # on a machine with much else to do
LOOK_EVERY = 0.1


@dataclass
class Process:
    """One `argosy web`, `worker`, `beat` or `watch`."""

    name: str
    popen: subprocess.Popen[bytes]
    log: Path
    live: str
    ready: str

    def asked(self, url: str) -> tuple[int, str]:
        """What it says of itself."""
        try:
            answer = httpx.get(url, timeout=10, trust_env=False)
        except httpx.HTTPError as exc:
            return 0, f"{self.name}: {exc}"
        return answer.status_code, answer.text.strip()

    @property
    def is_ready(self) -> bool:
        assert self.popen.poll() is None, self.log.read_text()
        return self.asked(self.ready)[0] == 200

    @property
    def is_alive(self) -> bool:
        return self.popen.poll() is None and self.asked(self.live)[0] == 200

    def told_to_end(self) -> int:
        """Its exit code after a SIGTERM."""
        self.popen.send_signal(signal.SIGTERM)
        return self.popen.wait(DEADLINE)


@dataclass
class Platform:
    """All of them."""

    folder: Path
    database: PostgreSQL
    broker: Redis
    given: Mapping[str, str] = field(default_factory=dict)  # settings of a test's own, as files too
    around: Mapping[str, str] = field(default_factory=dict)  # and what is no setting
    port: int = field(default_factory=free_port)
    processes: list[Process] = field(default_factory=list)

    def __post_init__(self) -> None:
        """What production is given, is given as files: as a cluster mounts Secrets."""
        secrets = {
            "ARGOSY_DATABASE_URL": self.database.url,
            "ARGOSY_BROKER_URL": self.broker.url,
            **given_keys(),
            **self.given,
        }
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("ARGOSY_", "DJANGO_"))}
        programs = os.environ.get("ARGOSY_PROGRAMS")
        self.env = kept | ({"ARGOSY_PROGRAMS": programs} if programs else {})
        self.env |= {
            "ARGOSY_HOME": str(self.folder / "home"),
            "ARGOSY_URL": self.url,
            **self.around,
        }
        for name, value in secrets.items():
            file = self.folder / name
            file.write_text(value)
            self.env[f"{name}_FILE"] = str(file)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def argosy(self, *words: str, **env: str) -> "subprocess.CompletedProcess[str]":
        """A command, to its end."""
        return subprocess.run(
            [*ARGOSY, *words],
            env=self.env | env,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )

    def django(self, program: str) -> str:
        """What a program prints that has the platform's rows at hand."""
        told = "import os\nos.environ['DJANGO_SETTINGS_MODULE'] = 'controlplane.settings'\n"
        done = subprocess.run(
            [sys.executable, "-c", f"{told}import django\ndjango.setup()\n{program}"],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def start(self, kind: str) -> Process:
        """One more process."""
        name = f"{kind}-{len(self.processes)}"
        if kind == "web":
            words, base = ["web", "--port", str(self.port)], self.url
            paths = ("/healthz", "/readyz/web")
        else:
            health = f"{LOOPBACK}:{free_port()}"
            words, base = [kind, "--health", health], f"http://{health}"
            paths = ("/livez", "/readyz")
        log = self.folder / f"{name}.log"
        with log.open("ab") as output:
            popen = subprocess.Popen(
                [*ARGOSY, *words],
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        live, ready = (base + path for path in paths)
        process = Process(name, popen, log, live, ready)
        self.processes.append(process)
        return process

    def stop(self) -> None:
        """End what is left, asking nobody."""
        for process in self.processes:
            process.popen.kill()
            process.popen.wait(DEADLINE)

    def call(self, method: str, path: str, token: str, body: Any = None) -> Any:
        """The API's answer to somebody."""
        answer = httpx.request(
            method,
            f"{self.url}/api/v1/{path}",
            json=body,
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
            trust_env=False,
        )
        assert answer.is_success, f"{answer.status_code}: {answer.text}"
        return answer.json()

    def until(self, true: Callable[[], bool], *, within: float = DEADLINE) -> None:
        """Wait for it; else fail with the end of each process' log."""
        deadline = time.monotonic() + within
        while not true():
            assert time.monotonic() < deadline, self.logs()
            time.sleep(LOOK_EVERY)

    def logs(self) -> str:
        return "\n".join(
            f"--- {p.name}: {p.asked(p.ready)}\n{p.log.read_text(errors='replace')[-3000:]}"
            for p in self.processes
        )


@contextmanager
def running(
    folder: Path,
    database: PostgreSQL,
    broker: Redis,
    given: Mapping[str, str] | None = None,
    around: Mapping[str, str] | None = None,
) -> Iterator[Platform]:
    """Migrated, with two workers and two watches, all of them ready; gone afterwards."""
    platform = Platform(folder, database, broker, given or {}, around or {})
    migrated = platform.argosy("migrate")
    assert migrated.returncode == 0, migrated.stderr
    try:
        for kind in ("web", "worker", "worker", "beat", "watch", "watch"):
            platform.start(kind)
        platform.until(lambda: all(process.is_ready for process in platform.processes))
        yield platform
    finally:
        platform.stop()
