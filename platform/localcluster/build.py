"""The programs of a cluster, built on this machine when they are not there yet.

Built from their Go modules once and kept under `$XDG_CACHE_HOME/argosy`, in a folder named by what
they were built from. Each program appears there finished or not at all, so a build that was killed
goes on where it stopped. A folder named in ARGOSY_PROGRAMS replaces all of it.
"""

import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from rich.console import Console

from localcluster import go
from localcluster.errors import LocalClusterError, last_lines
from localcluster.home import locked_file
from localcluster.progress import Report, report_on
from localcluster.recipes import (
    IMAGE_PROGRAMS,
    KUBERNETES_PROGRAMS,
    METRICS_PROGRAMS,
    Program,
    Recipe,
)

BUILD_SECONDS = 3600
LIST_SECONDS = 900
DISK_FULL = ("no space left on device", "disk quota exceeded")
OFFLINE = ("dial tcp", "no such host", "proxyconnect", "i/o timeout", "connection refused")


def programs(console: Console | None = None) -> Path:
    """The folder of the Kubernetes programs, built now if they are not there."""
    named = os.environ.get("ARGOSY_PROGRAMS")
    return _ready_made(Path(named)) if named else build(KUBERNETES_PROGRAMS, console)


def image_programs(console: Console | None = None) -> Path:
    """The folder of the programs our own images are made of; small, so always from source."""
    return build(IMAGE_PROGRAMS, console)


def metrics_programs(console: Console | None = None) -> Path:
    """The folder of Prometheus and its checker, built now if they are not there.

    A folder named in ARGOSY_PROGRAMS that holds none of them is no reason to build: it replaces all of it.
    """
    named = os.environ.get("ARGOSY_PROGRAMS")
    if not named:
        return build(METRICS_PROGRAMS, console)
    built = cache_root() / "programs" / METRICS_PROGRAMS.key()
    for folder in (Path(named).absolute(), built):
        if not _missing(METRICS_PROGRAMS, folder):
            return folder
    raise _lacking(METRICS_PROGRAMS, Path(named))


def build(recipe: Recipe, console: Console | None = None) -> Path:
    """Build what is missing of `recipe`; two builds at once wait for each other."""
    folder = cache_root() / "programs" / recipe.key()
    if not _missing(recipe, folder):
        return folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked_file(folder / ".lock"):
            if missing := _missing(recipe, folder):
                for draft in folder.glob(".*.new"):
                    draft.unlink()
                told = report_on(console or Console(stderr=True), recipe.title)
                _build(recipe, missing, folder, told)
    except OSError as exc:
        raise LocalClusterError(
            f"Cannot build the {recipe.title} into {folder}: {exc.strerror}. "
            "Free some space there, or put XDG_CACHE_HOME on a disk with room (about 3 GB)."
        ) from exc
    return folder


def cache_root() -> Path:
    """`$XDG_CACHE_HOME/argosy`, or its usual place."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "argosy"


def _ready_made(folder: Path) -> Path:
    if _missing(KUBERNETES_PROGRAMS, folder):
        raise _lacking(KUBERNETES_PROGRAMS, folder)
    return folder.absolute()


def _lacking(recipe: Recipe, folder: Path) -> LocalClusterError:
    absent = [program.name for program in _missing(recipe, folder)]
    return LocalClusterError(
        f"ARGOSY_PROGRAMS is {folder}, but it holds no {', '.join(absent)}: put them there, "
        "or unset ARGOSY_PROGRAMS to have all programs built."
    )


def _missing(recipe: Recipe, folder: Path) -> list[Program]:
    return [entry for entry in recipe.programs if not os.access(folder / entry.name, os.X_OK)]


def _build(recipe: Recipe, missing: Sequence[Program], folder: Path, report: Report) -> None:
    compiler = go.find()
    log = folder / "build.log"
    report.note(f"looking up the modules of the {recipe.title}")
    report.begin(missing, _stale_packages(compiler, recipe, missing, log))
    try:
        for program in missing:
            report.start(program)
            _build_one(compiler, recipe, program, folder, report)
            report.finish(program)
    finally:
        report.end()


def _stale_packages(compiler: Path, recipe: Recipe, missing: Sequence[Program], log: Path) -> int:
    """How many packages the compiler has still to do; this also fetches the modules."""
    wanted = [program.package for program in missing]
    template = "{{if .Stale}}{{.ImportPath}}{{end}}"
    command: list[str | Path] = [
        compiler,
        "list",
        "-deps",
        *_flags(recipe),
        "-f",
        template,
        *wanted,
    ]
    with (
        log.open("w+") as errors,
        _running(command, recipe, output=subprocess.PIPE, errors=errors) as process,
    ):
        listed = [line for line in process.stdout or () if line.strip()]
        status = process.wait(LIST_SECONDS)
    if status != 0:
        raise _failure("the list of packages", log)
    return len(listed)


def _build_one(
    compiler: Path, recipe: Recipe, program: Program, folder: Path, report: Report
) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{program.name}.", suffix=".new", dir=folder)
    os.close(descriptor)
    draft, log = Path(name), folder / f"{program.name}.log"
    command: list[str | Path] = [
        compiler,
        "build",
        "-v",
        *_flags(recipe),
        "-o",
        draft,
        program.package,
    ]
    try:
        with (
            log.open("w") as kept,
            _running(command, recipe, output=subprocess.DEVNULL, errors=subprocess.PIPE) as process,
        ):
            # With -v the compiler names each package it starts with, and every error.
            for line in process.stderr or ():
                kept.write(line)
                report.compiled()
            status = process.wait(BUILD_SECONDS)
        if status != 0:
            raise _failure(program.name, log)
        draft.chmod(0o755)
        draft.replace(folder / program.name)
    finally:
        draft.unlink(missing_ok=True)


def _flags(recipe: Recipe) -> list[str]:
    return [f"-tags={recipe.tags}", "-ldflags", recipe.ldflags]


@contextmanager
def _running(
    command: Sequence[str | Path], recipe: Recipe, *, output: int, errors: int | IO[str]
) -> Iterator[subprocess.Popen[str]]:
    """A process of go that is ended with the block, whatever ends the block, or its deadline."""
    with subprocess.Popen(
        command,
        cwd=recipe.module,
        env=go.environment(),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=errors,
        text=True,
    ) as process:
        # Reading its output would wait for ever on a compiler that hangs.
        deadline = threading.Timer(BUILD_SECONDS, process.kill)
        deadline.daemon = True
        deadline.start()
        try:
            yield process
        except BaseException:
            process.terminate()
            raise
        finally:
            deadline.cancel()


def _failure(what: str, log: Path) -> LocalClusterError:
    tail = last_lines(log)
    told = tail.lower()
    if any(sign in told for sign in DISK_FULL):
        way_out = (
            "The disk is full: free about 6 GB, or put XDG_CACHE_HOME and GOCACHE on a disk "
            "with room, and run it again; what is built already stays."
        )
    elif any(sign in told for sign in OFFLINE):
        way_out = (
            "The Go modules cannot be fetched: look at the network and at `go env GOPROXY`, or "
            "name a folder of ready programs in ARGOSY_PROGRAMS."
        )
    else:
        way_out = f"All of it is in {log}; run it again, it goes on where it stopped."
    return LocalClusterError(f"Building {what} failed. {way_out}{tail}")
