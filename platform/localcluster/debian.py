"""Debian packages, those of a real node above all, installed without starting any daemon of the machine."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from localcluster.errors import LocalClusterError

INSTALL_SECONDS = 600
POLICY = Path("/usr/sbin/policy-rc.d")
SAID_NO = "#!/bin/sh\n# Nothing that is being installed may start its daemon.\nexit 101\n"
Needed = Mapping[str, tuple[str, str]]  # by program: its package, and what it is for
NEEDED: Needed = {
    "containerd": ("containerd", "runs the containers"),
    "runc": ("runc", "starts each of them"),
    "/usr/lib/cni/bridge": ("containernetworking-plugins", "connects pods to each other"),
    "nft": ("nftables", "carries traffic of services to their pods"),
    "conntrack": ("conntrack", "forgets connections of services that moved"),
    "ip": ("iproute2", "makes the bridge that pods are connected to"),
}


def missing(needed: Needed = NEEDED) -> dict[str, str]:
    """The packages that are not here, each with what it is needed for."""
    return dict(reason for program, reason in needed.items() if shutil.which(program) is None)


def can_install() -> bool:
    """True for root on Debian and what descends from it."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    try:
        release = Path("/etc/os-release").read_text()
    except OSError:
        return False
    kinds = [line for line in release.splitlines() if line.startswith(("ID=", "ID_LIKE="))]
    return any("debian" in line for line in kinds)


def ensure(say: Callable[[str], None], needed: Needed = NEEDED) -> None:
    """Have all packages; tells `say` which are installed and why."""
    lacking = missing(needed)
    if not lacking:
        return
    if not can_install():
        whose = "A real node needs" if needed is NEEDED else "Needed are"
        raise LocalClusterError(
            f"{whose} the packages {', '.join(lacking)}, and they can be installed here "
            "only as root on Debian: install them yourself, or use --node simulated."
        )
    add(lacking, say)
    if lacking := missing(needed):
        raise LocalClusterError(
            f"apt-get installed {', '.join(lacking)}, but the programs are not on PATH; "
            "use --node simulated, or look at PATH."
        )


def add(packages: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Install these, each with what it is for, and start no daemon of theirs."""
    for package, reason in packages.items():
        say(f"installing {package}: {reason}")
    with no_daemons_started():
        install(tuple(packages))


def install(packages: tuple[str, ...]) -> None:
    """Install them, from fresh lists if the lists at hand do not suffice."""
    command = ["apt-get", "-o", "DPkg::Lock::Timeout=120", "-y", "-q"]
    wanted = [*command, "install", "--no-install-recommends", *packages]
    if _run(wanted)[0]:
        return
    _run([*command, "update"])
    done, told = _run(wanted)
    if not done:
        raise LocalClusterError(
            f"apt-get could not install {', '.join(packages)}: use --node simulated, or mend what "
            f"it says:{told}"
        )


@contextmanager
def no_daemons_started(policy: Path = POLICY) -> Iterator[None]:
    """While it lasts no installed service is started; afterwards the machine's rule is back."""
    kept = policy.with_name(policy.name + ".before-argosy")
    # What a run that was killed left is not the machine's rule: not ours, and not kept twice.
    if not kept.exists() and policy.exists() and policy.read_text() != SAID_NO:
        policy.rename(kept)
    try:
        policy.write_text(SAID_NO)
        policy.chmod(0o755)
        yield
    finally:
        if kept.exists():
            kept.replace(policy)
        else:
            policy.unlink(missing_ok=True)


def _run(command: list[str]) -> tuple[bool, str]:
    try:
        done = subprocess.run(
            command,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=INSTALL_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return False, f"\n    {command[0]} did not end within {INSTALL_SECONDS} s"
    tail = [line for line in done.stdout.splitlines() if line.strip()][-6:]
    return done.returncode == 0, "".join(f"\n    {line}" for line in tail)
