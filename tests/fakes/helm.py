"""helm without helm: what it leaves on a FakeCluster."""

import base64
import gzip
from collections.abc import Callable
from dataclasses import dataclass, field

import orjson

from controlplane.kube.errors import KubeError
from controlplane.objects import Manifest, ref_of
from controlplane.releases import DEPLOYED, Release

from .cluster import FakeCluster


@dataclass
class FakeHelm:
    """helm's behaviour on a FakeCluster: a storage Secret a revision, objects owned by `helm`."""

    cluster: FakeCluster
    render: Callable[[Release], tuple[Manifest, ...]]
    fails_with: KubeError | None = None
    runs: list[str] = field(default_factory=list)

    def upgrade(self, release: Release) -> None:
        self.runs.append(f"upgrade {release}")
        if self.fails_with is not None:
            self.store(release, "failed", str(self.fails_with))
            raise self.fails_with
        self.store(release, DEPLOYED, release.fingerprint)
        for manifest in self.render(release):
            self.cluster.apply(_installed(manifest, release), manager="helm")

    def rollback(self, name: str, namespace: str, revision: int) -> None:
        self.runs.append(f"rollback {name} in {namespace} to {revision}")
        for secret in self.cluster.list(
            "v1", "Secret", namespace, labels=f"owner=helm,name={name}"
        ):
            wanted = int(secret["metadata"]["labels"]["version"]) == revision
            self.cluster.patch(
                ref_of(secret),
                {"metadata": {"labels": {"status": DEPLOYED if wanted else "superseded"}}},
            )

    def uninstall(self, name: str, namespace: str) -> None:
        self.runs.append(f"uninstall {name} in {namespace}")
        for secret in self.cluster.list(
            "v1", "Secret", namespace, labels=f"owner=helm,name={name}"
        ):
            self.cluster.delete(ref_of(secret))

    def store(self, release: Release, status: str, description: str) -> None:
        """Write the record of one more revision."""
        there = self.cluster.list(
            "v1", "Secret", release.namespace, labels=f"owner=helm,name={release.name}"
        )
        record = {"info": {"description": description}, "config": dict(release.values)}
        packed = gzip.compress(orjson.dumps(record))
        revision = len(there) + 1
        self.cluster.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {
                    "name": f"sh.helm.release.v1.{release.name}.v{revision}",
                    "namespace": release.namespace,
                    "labels": {
                        "owner": "helm",
                        "name": release.name,
                        "status": status,
                        "version": str(revision),
                    },
                },
                "data": {"release": base64.b64encode(base64.b64encode(packed)).decode()},
            },
            manager="helm",
        )


def _installed(manifest: Manifest, release: Release) -> Manifest:
    meta = manifest["metadata"]
    return {
        **manifest,
        "metadata": {
            **meta,
            "labels": {**(meta.get("labels") or {}), "app.kubernetes.io/managed-by": "Helm"},
            "annotations": {
                **(meta.get("annotations") or {}),
                "meta.helm.sh/release-name": release.name,
                "meta.helm.sh/release-namespace": release.namespace,
            },
        },
    }
