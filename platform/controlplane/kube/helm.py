"""The real helm, one process a call: bounded, killed with its group, and dying with its parent.

pyhelm3 knows helm's flags; how a process is run is ours, because nothing else gives a deadline: helm's
`--timeout` bounds only hooks, and a helm whose worker was killed would write on.
"""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pyhelm3
import yaml

from controlplane.objects import Manifest
from controlplane.releases import Chart, Release

from .errors import ChartBroken, HelmFailed, HelmTimedOut

DEADLINE_SECONDS = 60.0
HISTORY = 5

T = TypeVar("T")


class BoundedCommand(pyhelm3.Command):  # type: ignore[misc]  # pyhelm3 ships no types
    """pyhelm3's command lines, run our way: no shell, a deadline, own group, parent-death signal."""

    def __init__(self, *, deadline: float = DEADLINE_SECONDS, **rest: Any) -> None:
        super().__init__(**rest)
        self._deadline = deadline

    async def run(self, command: list[Any], input: bytes | None = None) -> bytes:  # noqa: A002
        """Run helm to its end and give its standard output; raise HelmFailed with its own sentence."""
        argv = [self._executable, *map(str, command)]
        if self._kubeconfig:
            argv += ["--kubeconfig", str(self._kubeconfig)]
        # Blocking on purpose: a turn has a thread of its own, and waits for helm anyway.
        return run_helm(argv, input, deadline=self._deadline)


class Helm:
    """helm against one cluster, by a kubeconfig file that only we can read."""

    def __init__(
        self, kubeconfig: Path, *, executable: str, deadline: float = DEADLINE_SECONDS
    ) -> None:
        self._command = BoundedCommand(
            executable=executable,
            kubeconfig=kubeconfig,
            deadline=deadline,
            default_timeout=f"{deadline:.0f}s",
            history_max_revisions=HISTORY,
        )

    def upgrade(self, release: Release) -> None:
        """Install or upgrade, without waiting for pods; the fingerprint becomes its description."""
        finish(
            self._command.install_or_upgrade(
                release.name,
                release.chart.path,
                dict(release.values),
                namespace=release.namespace,
                create_namespace=False,
                description=release.fingerprint,
                server_side="true",
                force_conflicts=True,
                reset_values=True,
            )
        )

    def rollback(self, name: str, namespace: str, revision: int) -> None:
        """Go back to a revision that was deployed."""
        finish(self._command.rollback(name, revision, namespace=namespace))

    def uninstall(self, name: str, namespace: str) -> None:
        """Take the release away, with what it made."""
        finish(self._command.uninstall(name, namespace=namespace))


def template(
    chart: Chart, *, release: str, namespace: str, values: Mapping[str, Any], executable: str
) -> tuple[Manifest, ...]:
    """The objects a chart makes of these values. Raises ChartBroken with helm's own sentence."""
    argv = [executable, "template", release, str(chart.path)]
    argv += ["--namespace", namespace, "--skip-crds", "--values", "-"]
    try:
        output = run_helm(argv, yaml.safe_dump(dict(values)).encode(), deadline=DEADLINE_SECONDS)
    except HelmTimedOut:
        raise
    except HelmFailed as exc:
        raise ChartBroken(exc.sentence) from exc
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster where libyaml is
    return tuple(doc for doc in yaml.load_all(output, Loader=loader) if doc)


def finish(work: Awaitable[T]) -> T:
    """Run one of pyhelm3's coroutines to its end, in this thread."""

    async def wait() -> T:
        return await work

    return asyncio.run(wait())


def run_helm(argv: list[str], stdin: bytes | None, *, deadline: float) -> bytes:
    """Run helm under the parent-death signal, in a group of its own that is killed at the deadline."""
    process = subprocess.Popen(
        [*_dying_with_us(), *argv],
        stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    with process:
        try:
            out, err = process.communicate(stdin, timeout=deadline)
        except subprocess.TimeoutExpired as exc:
            os.killpg(process.pid, signal.SIGKILL)
            raise HelmTimedOut(
                f"helm {argv[1]} did not end within {deadline:.0f} s and was stopped"
            ) from exc
    if process.returncode:
        raise HelmFailed(_sentence(err) or f"helm {argv[1]} ended with {process.returncode}")
    return out


def _dying_with_us() -> tuple[str, ...]:
    """The prefix that makes the kernel kill helm when its worker dies (util-linux)."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "KILL", "--") if setpriv else ()


def _sentence(stderr: bytes) -> str:
    """helm's error without its warnings: the last line that says Error, or the last line."""
    lines = [line for line in stderr.decode(errors="replace").splitlines() if line.strip()]
    errors = [i for i, line in enumerate(lines) if line.startswith("Error:")]
    chosen = lines[errors[-1] :] if errors else lines[-1:]
    return " ".join(chosen).removeprefix("Error: ").strip()
