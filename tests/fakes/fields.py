"""Who owns which field of an object: paths, leaves and the tree that managedFields shows."""

import copy
from collections.abc import Iterator
from typing import Any

from controlplane.objects import Manifest

Path = tuple[str, ...]
UNOWNED = {("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace")}
KEPT = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields")


def all_paths(value: Any, at: Path = ()) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from all_paths(inner, (*at, key))
    else:
        yield at, value


def leaves(manifest: Manifest) -> dict[Path, Any]:
    """The fields somebody can own: all but the name and what the server keeps."""
    return {
        path: value
        for path, value in all_paths(manifest)
        if path not in UNOWNED
        and path[0] != "status"
        and not (path[0] == "metadata" and path[1] in KEPT)
    }


def without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: without_none(v) for k, v in value.items() if v is not None}
    return value


def body(manifest: Manifest) -> Manifest:
    return {k: v for k, v in manifest.items() if k not in {"metadata", "status"}}


def value_at(manifest: Manifest, path: Path) -> Any:
    value: Any = manifest
    for key in path:
        if not isinstance(value, dict) or key not in value:
            return None
        value = value[key]
    return value


def put(manifest: Manifest, path: Path, value: Any) -> None:
    for key in path[:-1]:
        inner = manifest.get(key)
        if not isinstance(inner, dict):
            manifest[key] = inner = {}
        manifest = inner
    manifest[path[-1]] = copy.deepcopy(value)


def remove(manifest: Manifest, path: Path) -> None:
    for key in path[:-1]:
        inner = manifest.get(key)
        if not isinstance(inner, dict):
            return
        manifest = inner
    manifest.pop(path[-1], None)


def tree(paths: set[Path]) -> Manifest:
    tree: Manifest = {}
    for path in sorted(paths):
        branch = tree
        for key in path:
            branch = branch.setdefault(f"f:{key}", {})
    return tree
