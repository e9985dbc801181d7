"""What the loop may ask of a cluster: the two protocols that gateway, helm and the fake all answer."""

from dataclasses import dataclass
from typing import Protocol

from controlplane.objects import Manifest, Ref
from controlplane.releases import Release


class Kube(Protocol):
    """An API server. See `gateway.KubeGateway` for what each call promises."""

    def acting_as(self, user: str) -> "Kube": ...
    def get(self, ref: Ref) -> Manifest | None: ...
    def list(
        self,
        api_version: str,
        kind: str,
        namespace: str = "",
        *,
        labels: str = "",
        fields: str = "",
    ) -> tuple[Manifest, ...]: ...
    def page(
        self,
        api_version: str,
        kind: str,
        namespace: str,
        *,
        limit: int,
        cursor: str = "",
        labels: str = "",
    ) -> tuple[tuple[Manifest, ...], str]: ...
    def apply(
        self,
        manifest: Manifest,
        *,
        manager: str = ...,
        dry_run: bool = False,
        strict: bool = False,
    ) -> Manifest: ...
    def replace(self, manifest: Manifest, *, manager: str = ...) -> Manifest: ...
    def create(self, manifest: Manifest, *, dry_run: bool = False) -> Manifest: ...
    def patch(self, ref: Ref, change: Manifest, *, manager: str = ...) -> Manifest: ...
    def delete(self, ref: Ref, *, uid: str = "") -> None: ...
    def read(self, path: str) -> Manifest: ...
    def logs(
        self,
        namespace: str,
        pod: str,
        container: str,
        *,
        since_time: str = "",
        tail_lines: int | None = None,
        limit_bytes: int,
    ) -> str: ...


class Helm(Protocol):
    """helm against one cluster. See `helm.Helm` for what each call promises."""

    def upgrade(self, release: Release) -> None: ...
    def rollback(self, name: str, namespace: str, revision: int) -> None: ...
    def uninstall(self, name: str, namespace: str) -> None: ...


@dataclass(frozen=True)
class Connection:
    """One cluster, opened: its API and its helm."""

    kube: Kube
    helm: Helm
