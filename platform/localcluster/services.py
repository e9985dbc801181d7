"""One program of a cluster kept running: started, awaited, restarted when it hangs."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from localcluster import slots
from localcluster.errors import LocalClusterError, last_lines
from localcluster.processes import Daemon

POLL_SECONDS = 0.05
HUNG_SECONDS = 8.0
LINGER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Service:
    """How one program runs: its command line, the ports it needs, how it says it is well."""

    daemon: Daemon
    command: tuple[str | Path, ...]
    ready: Callable[[], bool]
    ports: tuple[int, ...] = ()
    address: str = slots.LOOPBACK
    environment: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Started:
    """A service that was begun: whether by us now, and where its own log lines start."""

    service: Service
    fresh: bool
    since: int = 0


def begin(service: Service) -> Started:
    """Start it unless it runs already; `finish` waits for it."""
    if service.daemon.running():
        return Started(service, fresh=False)
    for port in service.ports:
        _refuse_taken(service, port)
    return Started(service, fresh=True, since=_start(service))


def finish(started: Started) -> None:
    """Return when it is well; one that runs but no longer answers is started anew, once."""
    service = started.service
    if started.fresh:
        _await(service, started.since)
        return
    if _becomes_ready(service, HUNG_SECONDS) is None:
        return
    service.daemon.stop()
    _await(service, _start(service))


def ensure(service: Service) -> None:
    """Have it running and well."""
    finish(begin(service))


def _start(service: Service) -> int:
    try:
        return service.daemon.start(service.command, service.environment)
    except OSError as exc:
        raise LocalClusterError(
            f"{service.daemon.name} could not be started: {exc.strerror} "
            f"({service.command[0]}, log {service.daemon.log})."
        ) from exc


def _await(service: Service, since: int) -> None:
    failed = _becomes_ready(service, service.seconds)
    if failed is None:
        return
    tail = last_lines(service.daemon.log, since=since)
    service.daemon.stop()
    raise LocalClusterError(
        f"{service.daemon.name} {failed}. {_way_out(service, tail)} "
        f"Its log is {service.daemon.log}; the last lines:{tail or ' (none)'}"
    )


def _becomes_ready(service: Service, seconds: float) -> str | None:
    """Nothing when it became ready, else what happened to it instead."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if service.daemon.running() is None:
            return "ended right after its start"
        if service.ready():
            return None
        time.sleep(POLL_SECONDS)
    return f"was not ready within {seconds:.0f} s"


def _way_out(service: Service, tail: str) -> str:
    told = tail.lower()
    if "address already in use" in told:
        ports = ", ".join(map(str, service.ports))
        return f"One of its ports ({ports}) was taken meanwhile: end the other program, try again."
    if "no space left on device" in told:
        return f"The disk under {service.daemon.folder} is full: free some space and try again."
    return "Try again; if it stays, `argosy local wipe NAME` starts over and loses all its data."


def _refuse_taken(service: Service, port: int) -> None:
    # A program that was just killed holds its ports for a moment, and is nobody already.
    deadline = time.monotonic() + LINGER_SECONDS
    while not slots.is_free(port, service.address):
        holder = _listener(port)
        if holder or time.monotonic() > deadline:
            raise LocalClusterError(
                f"Port {port} on {service.address}, which {service.daemon.name} needs, is taken by "
                f"{holder or 'another program'}: end that program and try again, or wipe the "
                "cluster (`argosy local wipe NAME`) for other ports; that loses its data."
            )
        time.sleep(POLL_SECONDS)


def _listener(port: int) -> str | None:
    """Who listens on this port, as far as this user may see."""
    inodes = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
            inodes.add(f"socket:[{fields[9]}]")
    for process in Path("/proc").glob("[0-9]*"):
        try:
            for descriptor in (process / "fd").iterdir():
                if str(descriptor.readlink()) in inodes:
                    name = (process / "comm").read_text().strip()
                    return f"{name} (process {process.name})"
        except OSError:
            continue
    return None
