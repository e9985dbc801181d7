"""The table of places, held against what others say their objects hold."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from controlplane.policies.places import (
    ARGO,
    KINDS,
    OTHER_IMAGES,
    SHAPES,
    Each,
    Fields,
    Leaf,
    Values,
)
from localcluster.api import Api
from localcluster.clusters import RunningCluster
from localcluster.home import Home

# Every path in the schema of Argo 4.1.2 where an image, a patch or a manifest may stand. A local
# cluster cannot tell: like the smaller of Argo's own two sets, its CRDs leave the schema out.
UPSTREAM = json.loads((Path(__file__).parent / "argo-4.1-images.json").read_text())


def images_of(group: str, kind: str) -> Iterator[str]:
    """Every path of this kind where an image may stand; `inline` marks where templates recur."""
    return paths(KINDS[group, kind].fields, "")


def paths(fields: Fields, path: str) -> Iterator[str]:
    for field, holds in fields.items():
        here = f"{path}.{field}" if path else field
        while isinstance(holds, Each | Values):
            here += "[]" if isinstance(holds, Each) else "{}"
            holds = holds.of  # noqa: PLW2901 - down to what the lists hold
        if isinstance(holds, Leaf) or field == "inline":
            yield here
        else:
            yield from paths(SHAPES[holds], here)


def of_no_container(path: str) -> bool:
    return path.endswith(tuple(OTHER_IMAGES))


@pytest.mark.parametrize("kind", sorted(UPSTREAM))
def test_every_image_that_argo_knows_is_in_the_table(kind: str):
    upstream = {path for path in UPSTREAM[kind] if not of_no_container(path)}

    assert set(images_of(ARGO, kind)) == upstream


@pytest.fixture(scope="module")
def schemas(local_cluster: RunningCluster, cluster_home: Home) -> list[dict[str, Any]]:
    """What the API server itself publishes, group by group."""
    where = urlsplit(local_cluster.server)
    assert where.hostname is not None
    assert where.port is not None
    api = Api(where.hostname, where.port, cluster_home.cluster(local_cluster.name) / "pki")
    index = api.get("/openapi/v3")
    assert index is not None
    published = [api.get(group["serverRelativeURL"]) for group in index["paths"].values()]
    return [dict(schema) for schema in published if schema and "paths" in schema]


@pytest.mark.cluster
def test_every_image_of_every_kind_the_api_server_takes_is_in_the_table(schemas):
    published: dict[tuple[str, str], set[str]] = {}
    for schema in schemas:
        for group, kind, name in written(schema):
            found = published.setdefault((group, kind), set())
            found |= {path for path in images(schema, name) if not of_no_container(path)}

    assert {key: paths for key, paths in published.items() if paths} == {
        key: set(images_of(*key)) for key in KINDS if key[0] != ARGO
    }
    assert ("", "Pod") in published, "the walk found nothing: it proves nothing"


@pytest.mark.cluster
def test_every_pod_spec_the_api_server_takes_is_in_the_table(schemas):
    holders = {
        (group, kind)
        for schema in schemas
        for group, kind, name in written(schema)
        if any(reached.endswith(".PodSpec") for reached in reach(schema, name))
    }

    assert holders == {key for key in KINDS if key[0] != ARGO}


@pytest.mark.cluster
def test_every_subresource_that_carries_a_pod_is_judged_as_one(schemas):
    carrying = {
        path.rsplit("/", 1)[-1]
        for schema in schemas
        for path, kind in bodies(schema)
        if "{name}/" in path and kind.endswith(".Pod")
    }

    assert carrying == {"ephemeralcontainers", "resize", "status"}


@pytest.mark.cluster
def test_argos_kinds_are_there_to_be_judged(schemas):
    published = {(group, kind) for schema in schemas for group, kind, _ in written(schema)}

    assert {key for key in KINDS if key[0] == ARGO} <= published


def bodies(schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every path one may write to, with the name of the schema of what is written."""
    for path, methods in schema["paths"].items():
        for method in ("post", "put"):
            body = methods.get(method, {}).get("requestBody", {}).get("content", {})
            for content in body.values():
                for name in referred(content.get("schema", {})):
                    yield path, name


def written(schema: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Every kind one may write, with the name of its schema."""
    for name in sorted({name for _, name in bodies(schema)}):
        kinds = schema["components"]["schemas"][name].get("x-kubernetes-group-version-kind", [])
        if len(kinds) == 1:  # what every group takes, DeleteOptions, names them all
            yield kinds[0]["group"], kinds[0]["kind"], name


def reach(schema: dict[str, Any], name: str) -> set[str]:
    """Every schema that is somewhere inside the named one."""
    seen, waiting = set(), [name]
    while waiting:
        one = waiting.pop()
        if one not in seen:
            seen.add(one)
            waiting += referred(schema["components"]["schemas"][one])
    return seen


def referred(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"].rsplit("/", 1)[-1]
        for value in node.values():
            yield from referred(value)
    elif isinstance(node, list):
        for value in node:
            yield from referred(value)


def images(schema: dict[str, Any], name: str, within: tuple[str, ...] = ()) -> Iterator[str]:
    """Every path inside the named schema that is called `image`, or refers to one."""
    fields = schema["components"]["schemas"][name].get("properties", {})
    for field, about in fields.items():
        suffix, inner = unwrapped(about)
        if field == "image" and inner is None:
            yield field + suffix
        elif field == "reference" and name.endswith(".ImageVolumeSource"):
            yield field
        elif inner is not None and inner not in within:
            for path in images(schema, inner, (*within, name)):
                yield f"{field}{suffix}.{path}"


def unwrapped(about: dict[str, Any]) -> tuple[str, str | None]:
    """Through lists and maps to the schema of one entry; None if that has no name."""
    suffix = ""
    while True:
        if "allOf" in about:
            about = about["allOf"][0]
        elif about.get("type") == "array":
            about, suffix = about["items"], f"{suffix}[]"
        elif isinstance(about.get("additionalProperties"), dict):
            about, suffix = about["additionalProperties"], f"{suffix}{{}}"
        else:
            reference = about.get("$ref")
            return suffix, reference.rsplit("/", 1)[-1] if reference else None
