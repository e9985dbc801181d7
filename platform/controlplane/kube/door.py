"""What the loop may ask of a cluster: the two protocols that gateway, helm and the fake all answer."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from controlplane.objects import Manifest, Ref
from controlplane.releases import Release

EventType = Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]


@dataclass(frozen=True)
class Event:
    """What a watch says: an object as it is now, or was at its end; a bookmark has a version only."""

    type: EventType
    manifest: Manifest


@dataclass(frozen=True)
class Listing:
    """One page of a kind, the cursor of the next ('' at the end), and the version of all pages."""

    items: tuple[Manifest, ...]
    cursor: str
    resource_version: str


@dataclass(frozen=True)
class Knock:
    """An API server that says it is ready: how long that took, and what its clock says, if it says so."""

    seconds: float
    clock: datetime | None = None


class Kube(Protocol):
    """An API server. See `gateway.KubeGateway` for what each call promises."""

    def acting_as(self, user: str) -> "Kube": ...
    def within(self, seconds: float) -> "Kube": ...
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
    def list_from(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str = "",
        labels: str = "",
        fields: str = "",
        cursor: str = "",
        limit: int = ...,
        metadata_only: bool = False,
    ) -> Listing: ...
    def watch(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str = "",
        labels: str = "",
        fields: str = "",
        resource_version: str,
        seconds: int,
        metadata_only: bool = False,
    ) -> Iterator[Event]: ...
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
    def knock(self) -> Knock: ...
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
    def account_token(
        self, namespace: str, account: str, *, seconds: int, bound: Manifest | None = None
    ) -> tuple[str, datetime]: ...


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
