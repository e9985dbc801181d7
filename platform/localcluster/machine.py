"""What a real node changes on its machine, and how every bit of it is taken back.

All of it can be found again without remembering anything: one bridge, one cgroup, one folder under
/run, the mounts under two folders, and two tables of kube-proxy. So a crash leaves nothing that the
next `down` does not find. Only kernel settings must be written down before they change.
"""

import ipaddress
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from localcluster.errors import LocalClusterError
from localcluster.processes import end, identify

RUN = Path("/run/argosy-node")
BRIDGE = "argosy0"
CGROUP = "argosy"
CGROUPS = Path("/sys/fs/cgroup")
PROXY_TABLES = ("ip", "ip6")
COMMAND_SECONDS = 30
END_SECONDS = 5.0
# What kubelet, kube-proxy and the bridge plug-in write.
SETTINGS = (
    "kernel/keys/root_maxbytes",
    "kernel/keys/root_maxkeys",
    "kernel/panic",
    "kernel/panic_on_oops",
    "net/ipv4/conf/all/route_localnet",
    "net/ipv4/ip_forward",
    "net/ipv6/conf/all/forwarding",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
)
# Where kubelet and the network plug-ins write, whatever folders they are told to use.
PLACES = tuple(map(Path, ("/var/lib/cni", "/var/lib/kubelet", "/var/log/containers")))


@dataclass(frozen=True, slots=True)
class Network:
    """The addresses of pods; the first is the machine itself."""

    subnet: str

    @property
    def gateway(self) -> str:
        return str(next(ipaddress.ip_network(self.subnet).hosts()))

    @property
    def with_length(self) -> str:
        return f"{self.gateway}/{ipaddress.ip_network(self.subnet).prefixlen}"


NETWORKS = tuple(Network(f"10.{second}.0.0/24") for second in (244, 214, 184, 154))


def make_bridge() -> Network:
    """The bridge that pods are connected to, on the first network that the machine has no use for.

    It is made before the API server starts, which listens on its address.
    """
    if (has := _bridge_network()) is not None:
        return has
    network = _free_network()
    if not Path(f"/sys/class/net/{BRIDGE}").exists():
        _must("ip", "link", "add", BRIDGE, "type", "bridge")
    _must("ip", "addr", "replace", network.with_length, "dev", BRIDGE)
    _must("ip", "link", "set", BRIDGE, "up")
    return network


def has_foreign_proxy() -> bool:
    """True if kube-proxy's tables are here: this machine is a node of some cluster already."""
    return any(_run("nft", "list", "table", family, "kube-proxy") for family in PROXY_TABLES)


def remember(folder: Path) -> None:
    """Write down what will change, unless a crash left it changed and written already."""
    kept = folder / "before.json"
    if kept.exists():
        return
    present = {name: Path("/proc/sys") / name for name in SETTINGS}
    before = {
        "settings": {name: path.read_text() for name, path in present.items() if path.exists()},
        "absent": [str(place) for place in PLACES if not place.exists()],
    }
    draft = kept.with_suffix(".new")
    draft.write_text(json.dumps(before, indent=1))
    draft.replace(kept)


def restore(folder: Path) -> None:
    """Put back what differs from what was written down."""
    kept = folder / "before.json"
    if not kept.exists():
        return
    before = json.loads(kept.read_text())
    for name, value in before["settings"].items():
        path = Path("/proc/sys") / name
        with suppress(OSError):
            if path.read_text() != value:
                path.write_text(value)
    for place in before["absent"]:
        shutil.rmtree(place, ignore_errors=True)
    kept.unlink()


def make_cgroups() -> None:
    """The one group everything in a pod belongs to, in each hierarchy there is."""
    for hierarchy in _hierarchies():
        try:
            (hierarchy / CGROUP).mkdir(exist_ok=True)
        except OSError as exc:
            raise LocalClusterError(
                f"The control group {hierarchy / CGROUP} cannot be made ({exc.strerror}), so this "
                "machine lets nobody run pods: use --node simulated."
            ) from exc
        _seed_cpuset(hierarchy)


def end_pods() -> None:
    """End every process in our control groups, then remove the groups."""
    for number, patience in ((signal.SIGTERM, 2.0), (signal.SIGKILL, END_SECONDS)):
        deadline = time.monotonic() + patience
        while (pids := _pids()) and time.monotonic() < deadline:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
            time.sleep(0.05)
    for hierarchy in _hierarchies():
        for folder, _folders, _files in os.walk(hierarchy / CGROUP, topdown=False):
            with suppress(OSError):
                Path(folder).rmdir()


def end_shims(socket: Path) -> None:
    """End the shims of our containerd: they carry its address, and outlive it by design."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        shim = arguments[0].endswith(b"containerd-shim-runc-v2")
        if shim and str(socket).encode() in arguments and (who := identify(int(process.name))):
            end(who, END_SECONDS)


def unmount(*folders: Path) -> None:
    """Undo every mount under these folders, the innermost first."""
    for mount in sorted({mount for folder in folders for mount in _mounts(folder)}, reverse=True):
        _run("umount", "--lazy", str(mount))


def refuse_mounts(folder: Path) -> None:
    """Deleting `folder` must never reach into what is mounted below it."""
    if left := _mounts(folder):
        raise LocalClusterError(
            f"{left[0]} is still mounted and cannot be undone, so nothing is deleted: find what "
            f"uses it (`fuser -m {left[0]}`), unmount it, and try again."
        )


def remove_network() -> None:
    """The bridge with the cables to it, and kube-proxy's tables."""
    for link in Path(f"/sys/class/net/{BRIDGE}/brif").glob("*"):
        _run("ip", "link", "delete", link.name)
    if Path(f"/sys/class/net/{BRIDGE}").exists():
        _must("ip", "link", "delete", BRIDGE)
    for family in PROXY_TABLES:
        _run("nft", "delete", "table", family, "kube-proxy")


def snapshotter(folder: Path) -> str:
    """Overlays cannot lie on an overlay, which is what a container's own disk usually is."""
    folder.mkdir(parents=True, exist_ok=True)
    kind = subprocess.run(
        ["stat", "--file-system", "--format=%T", folder],
        capture_output=True,
        text=True,
        check=False,
        timeout=COMMAND_SECONDS,
    ).stdout.strip()
    return "native" if kind == "overlayfs" else "overlayfs"


def _free_network() -> Network:
    taken = list(_routed())
    for network in NETWORKS:
        subnet = ipaddress.ip_network(network.subnet)
        if not any(subnet.overlaps(other) for other in taken):
            return network
    raise LocalClusterError(
        f"Every network that pods could use ({', '.join(n.subnet for n in NETWORKS)}) is in use on "
        "this machine: use --node simulated."
    )


def _routed() -> Iterator[ipaddress.IPv4Network]:
    """The networks this machine has routes to, its way out apart."""
    for route in json.loads(_must("ip", "-json", "-4", "route", "show", "table", "all") or "[]"):
        if route["dst"] != "default" and route.get("dev") != BRIDGE:
            yield ipaddress.IPv4Network(route["dst"], strict=False)


def _bridge_network() -> Network | None:
    if not Path(f"/sys/class/net/{BRIDGE}").exists():
        return None
    links = json.loads(_must("ip", "-json", "-4", "addr", "show", "dev", BRIDGE) or "[]")
    local = {address["local"] for link in links for address in link.get("addr_info", [])}
    return next((network for network in NETWORKS if network.gateway in local), None)


def _hierarchies() -> list[Path]:
    """The one of cgroup v2, or each controller's of v1."""
    if (CGROUPS / "cgroup.controllers").exists():
        return [CGROUPS]
    return sorted(
        folder.resolve()
        for folder in CGROUPS.iterdir()
        if not folder.is_symlink() and (folder / "cgroup.procs").exists()
    )


def _seed_cpuset(hierarchy: Path) -> None:
    """In v1 a new cpuset is empty and holds no process until it is told its processors."""
    for name in ("cpuset.cpus", "cpuset.mems"):
        own, parents = hierarchy / CGROUP / name, hierarchy / name
        if own.exists() and parents.exists() and not own.read_text().strip():
            own.write_text(parents.read_text())


def _mounts(folder: Path) -> list[Path]:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    # Spaces in a path are written as octal escapes there.
    points = [Path(line.split()[4].encode().decode("unicode_escape")) for line in lines]
    return [point for point in points if point.is_relative_to(folder)]


def _pids() -> set[int]:
    found: set[int] = set()
    for hierarchy in _hierarchies():
        # Groups end while we look at them: a walk goes on, where a glob would not.
        for folder, _folders, _files in os.walk(hierarchy / CGROUP):
            with suppress(OSError):
                found.update(map(int, (Path(folder) / "cgroup.procs").read_text().split()))
    return found


def _run(*command: str) -> bool:
    """Whether it worked; a program that is not here did not."""
    return _call(command)[0]


def _must(*command: str) -> str:
    done, told = _call(command)
    if not done:
        raise LocalClusterError(
            f"`{' '.join(command)}` failed: {told.strip()}; a real node needs it: use "
            "--node simulated, or mend it."
        )
    return told


def _call(command: tuple[str, ...]) -> tuple[bool, str]:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=COMMAND_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        return False, str(exc)
    return done.returncode == 0, done.stdout if done.returncode == 0 else done.stderr
