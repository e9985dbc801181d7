"""What one secret is in one namespace: the object we apply. Pure: values in, values out."""

from base64 import b64encode
from collections.abc import Mapping

from controlplane.objects import Manifest, Ref
from provisioning.desired import labels_of
from tenants.spec import NamespaceSpec

SECRET, VERSION = "argosy.dev/secret", "argosy.dev/secret-version"


def secret_object(
    spec: NamespaceSpec,
    ref: Ref,
    *,
    number: int,
    version: int,
    type_: str,
    data: Mapping[str, bytes],
) -> Manifest:
    """The Secret, labelled so that we know it again as this one's and no other's."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": ref.name,
            "namespace": ref.namespace,
            "labels": {**labels_of(spec), SECRET: str(number)},
            "annotations": {VERSION: str(version)},
        },
        "type": type_,
        "data": {key: b64encode(value).decode() for key, value in sorted(data.items())},
    }


def is_of(spec: NamespaceSpec, found: Manifest, number: int) -> bool:
    """True if our labels say that this object is this secret's, of this team, in this namespace."""
    labels = found["metadata"].get("labels") or {}
    return {**labels_of(spec), SECRET: str(number)}.items() <= labels.items()
