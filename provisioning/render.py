"""Turning a spec into what is desired: helm renders our charts; the same values come from the cache."""

import hashlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
import yaml
from django.conf import settings

from controlplane.advisories.lookup import refusal
from controlplane.advisories.skew import problem_with
from controlplane.advisories.table import argo_workflows
from controlplane.clusters import base_release
from controlplane.clusters.connections import helm_program
from controlplane.errors import DomainError
from controlplane.kube import helm
from controlplane.objects import Manifest
from controlplane.releases import Chart
from tenants.spec import NamespaceSpec

from . import desired, sign_on
from .desired import Desired, Images, WantedRelease

GUARD_RAILS, ARGO = "team-guardrails", "team-argo"
CACHED = 4096  # rendered charts kept in memory, about 30 kB each


def render(spec: NamespaceSpec) -> Desired:
    """Everything that should be there for this spec; nothing if it is to be gone.

    Raises ChartBroken with helm's own sentence, or ChartEscapesError.
    """
    if spec.deleted:
        return Desired()
    provider, server = sign_on.provider(), sign_on.server_of(spec)
    values = desired.guard_rail_values(spec, provider, server, settings.STORE_NETWORKS)
    rails = rendered(chart(GUARD_RAILS), GUARD_RAILS, spec.name, values)
    values = desired.release_values(spec, images(), provider, server)
    release = desired.release_of(spec, chart(ARGO), values)
    objects = rendered(release.chart, release.name, release.namespace, release.values)
    return Desired(
        namespaces=desired.namespaces_of(spec),
        guard_rails=desired.guard_rails_of(spec, rails),
        releases=(WantedRelease(release, desired.release_objects_of(spec, objects)),),
        cluster=spec.cluster.name,
    )


class ForbiddenArgo(DomainError):
    """The Argo that the platform is set to give is never to be installed, or not beside these kinds."""

    code = "forbidden_argo"


def images() -> Images:
    """Which Argo this platform gives to teams. Raises ForbiddenArgo, and nothing is rendered."""
    check_argo(settings.ARGO_VERSION)
    return Images(
        version=settings.ARGO_VERSION,
        controller=settings.ARGO_CONTROLLER_IMAGE,
        executor=settings.ARGO_EXECUTOR_IMAGE,
        server=settings.ARGO_SERVER_IMAGE,
    )


@lru_cache(maxsize=8)
def check_argo(version: str) -> None:
    """Refuse a version that is forbidden, or that the definitions of our base would eat fields of."""
    said = refusal(version, argo_workflows()) or problem_with(base_release.crds(), [version])
    if said:
        raise ForbiddenArgo(said)


def chart(name: str) -> Chart:
    """One of our charts as it is on disk now."""
    path = settings.CHARTS / name
    newest = max(file.stat().st_mtime_ns for file in _files(path))
    return _read_chart(path, newest)


def rendered(
    source: Chart, release: str, namespace: str, values: Mapping[str, Any]
) -> tuple[Manifest, ...]:
    """The objects of a chart; helm is started only for a chart and values not seen before."""
    packed = orjson.dumps(values, option=orjson.OPT_SORT_KEYS)
    # Bytes in the cache, so that no caller can change what the next one gets.
    return tuple(orjson.loads(_rendered(source, release, namespace, packed)))


@lru_cache(maxsize=CACHED)
def _rendered(source: Chart, release: str, namespace: str, values: bytes) -> bytes:
    return orjson.dumps(
        helm.template(
            source,
            release=release,
            namespace=namespace,
            values=orjson.loads(values),
            executable=helm_program(),
        )
    )


@lru_cache(maxsize=64)
def _read_chart(path: Path, newest: int) -> Chart:  # noqa: ARG001 - a part of the cache's key
    about = yaml.safe_load((path / "Chart.yaml").read_text(encoding="utf-8"))
    digest = hashlib.sha256()
    for file in _files(path):
        digest.update(f"{file.relative_to(path)}\0".encode())
        digest.update(file.read_bytes())
    return Chart(about["name"], path, str(about["version"]), digest.hexdigest()[:32])


def _files(path: Path) -> Iterator[Path]:
    """What makes the chart: not its test values, not its README."""
    for file in sorted(path.rglob("*")):
        inside = file.relative_to(path)
        if file.is_file() and inside.parts[0] != "ci" and file.suffix != ".md":
            yield file
