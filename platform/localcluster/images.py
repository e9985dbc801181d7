"""Container images as archives: written without a builder, read for what they are called, kept."""

import hashlib
import io
import json
import re
import shutil
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from localcluster import build
from localcluster.errors import LocalClusterError
from localcluster.home import Home

EPOCH = "1970-01-01T00:00:00Z"
OCI_NAMES = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
# Any number but 0: enough for "must not run as root", and Argo's images use the same.
NOBODY = "8737"
PAUSE = "localhost/pause:local"
SAY = "localhost/argosy-say:local"
ARGO = (
    "quay.io/argoproj/workflow-controller:v4.1.2",
    "quay.io/argoproj/argoexec:v4.1.2",
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of an image: where it comes from and where it goes."""

    source: Path
    target: str
    mode: int = 0o755


@dataclass(frozen=True, slots=True)
class Image:
    """An image of one layer."""

    ref: str
    entrypoint: tuple[str, ...]
    entries: tuple[Entry, ...]
    user: str = NOBODY


def write(image: Image, archive: Path) -> Path:
    """Write `image` as a docker-archive; the same input gives the same bytes."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=archive.parent, prefix=".image-") as scratch:
        layer, draft = Path(scratch) / "layer.tar", Path(scratch) / "image.tar"
        with tarfile.open(layer, "w") as tar:
            _fill(tar, image.entries)
        config = json.dumps(_config(image, _sha256(layer))).encode()
        config_name = f"{hashlib.sha256(config).hexdigest()}.json"
        listing = [{"Config": config_name, "RepoTags": [image.ref], "Layers": ["layer.tar"]}]
        with tarfile.open(draft, "w") as tar:
            with layer.open("rb") as data:
                _add(tar, "layer.tar", data, layer.stat().st_size, 0o644)
            _add_bytes(tar, config_name, config)
            _add_bytes(tar, "manifest.json", json.dumps(listing).encode())
        draft.replace(archive)
    return archive


def refs(archive: Path) -> tuple[str, ...]:
    """The names of the images in an archive, docker's or OCI's layout."""
    try:
        with tarfile.open(archive) as tar:
            members = {member.name.removeprefix("./") for member in tar.getmembers()}
            found = _docker_refs(tar) if "manifest.json" in members else ()
            if not found and "index.json" in members:
                found = _oci_refs(tar)
    except OSError as exc:
        raise LocalClusterError(f"{archive} cannot be opened: {exc.strerror}.") from exc
    except (tarfile.TarError, ValueError, KeyError, TypeError, AttributeError) as exc:
        raise LocalClusterError(
            f"{archive} is no image archive: save one, for example with "
            "`docker save -o FILE IMAGE:TAG` or `skopeo copy … docker-archive:FILE:IMAGE:TAG`."
        ) from exc
    if not found:
        raise LocalClusterError(
            f"{archive} names no image: save it with its name and tag "
            "(`docker save -o FILE IMAGE:TAG`, not the image's id)."
        )
    return tuple(sorted({_full(ref) for ref in found}))


def keep(home: Home, archive: Path) -> Path:
    """Keep a copy for every real node now and later; the same image again replaces its copy."""
    names = refs(archive)
    home.images.mkdir(parents=True, exist_ok=True)
    kept = home.images / f"{re.sub(r'[^A-Za-z0-9.-]+', '_', '+'.join(names))[:200]}.tar"
    if kept.exists() and kept.samefile(archive):
        return kept
    draft = kept.with_suffix(".new")
    try:
        shutil.copyfile(archive, draft)
        draft.replace(kept)
    except OSError as exc:
        draft.unlink(missing_ok=True)
        raise LocalClusterError(f"{archive} cannot be kept as {kept}: {exc.strerror}.") from exc
    return kept


def kept(home: Home) -> tuple[Path, ...]:
    """The archives that were loaded into this home."""
    return tuple(sorted(home.images.glob("*.tar")))


def kept_refs(home: Home) -> frozenset[str]:
    """The names of the images that were loaded into this home."""
    return frozenset(ref for archive in kept(home) for ref in refs(archive))


def own() -> tuple[Path, ...]:
    """The archives of our own images, made now if they are not there."""
    programs = build.image_programs()
    made = {
        "pause.tar": Image(PAUSE, ("/pause",), (Entry(programs / "pause", "/pause"),)),
        "say.tar": Image(SAY, ("/say",), (Entry(programs / "say", "/say"),)),
    }
    for name, image in made.items():
        if not (programs / name).exists():
            write(image, programs / name)
    return tuple(programs / name for name in made)


def _fill(tar: tarfile.TarFile, entries: tuple[Entry, ...]) -> None:
    folders: set[str] = set()
    for entry in entries:
        target = entry.target.lstrip("/")
        for parent in reversed(Path(target).parents[:-1]):
            if str(parent) not in folders:
                folders.add(str(parent))
                _add_folder(tar, str(parent))
        with entry.source.open("rb") as data:
            _add(tar, target, data, entry.source.stat().st_size, entry.mode)


def _config(image: Image, layer: str) -> dict[str, Any]:
    return {
        "architecture": "amd64",
        "os": "linux",
        "created": EPOCH,
        "config": {
            "Entrypoint": list(image.entrypoint),
            "Env": ["PATH=/usr/local/bin:/usr/bin:/bin"],
            "User": image.user,
            "WorkingDir": "/",
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer}"]},
        "history": [{"created": EPOCH, "created_by": "localcluster"}],
    }


def _add(tar: tarfile.TarFile, name: str, data: IO[bytes], size: int, mode: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, mode
    tar.addfile(member, data)


def _add_bytes(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    _add(tar, name, io.BytesIO(data), len(data), 0o644)


def _add_folder(tar: tarfile.TarFile, name: str) -> None:
    member = tarfile.TarInfo(name)
    member.type, member.mode = tarfile.DIRTYPE, 0o755
    tar.addfile(member)


def _sha256(path: Path) -> str:
    with path.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def _docker_refs(tar: tarfile.TarFile) -> tuple[str, ...]:
    listing = _json(tar, "manifest.json")
    return tuple(ref for image in listing for ref in image.get("RepoTags") or ())


def _oci_refs(tar: tarfile.TarFile) -> tuple[str, ...]:
    found = []
    for manifest in _json(tar, "index.json")["manifests"]:
        annotations = manifest.get("annotations") or {}
        names = [annotations[key] for key in OCI_NAMES if key in annotations]
        # The OCI annotation may hold a bare tag, which is no name.
        found += [name for name in names if "/" in name][:1]
    return tuple(found)


def _json(tar: tarfile.TarFile, name: str) -> Any:
    for spelled in (name, f"./{name}"):
        try:
            member = tar.extractfile(spelled)
        except KeyError:
            continue
        if member is not None:
            return json.loads(member.read())
    raise KeyError(name)


def _full(ref: str) -> str:
    """As a node stores it: with its registry, which may be left out only for Docker's own."""
    registry, slash, _rest = ref.partition("/")
    if slash and (registry == "localhost" or "." in registry or ":" in registry):
        return ref
    return f"docker.io/{ref}" if slash else f"docker.io/library/{ref}"
