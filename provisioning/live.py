"""What is in the cluster for one tenant namespace, as a value."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from controlplane.objects import Manifest, Ref
from controlplane.releases import LiveRelease


def unread(manifest: Manifest) -> Manifest:
    """A Secret without what it holds: that is never kept, compared or told. Everything else as it is."""
    if manifest["kind"] != "Secret":
        return manifest
    return {key: value for key, value in manifest.items() if key not in {"data", "stringData"}}


@dataclass(frozen=True)
class Live:
    """One look at the cluster. `objects` holds all of the kinds we own, in both namespaces.

    `answers` is there after a thorough look: for each wanted object that exists, what the API server
    says it would be after our apply. `pods` is there while the controller is not available.
    """

    objects: Mapping[Ref, Manifest] = field(default_factory=dict)
    releases: Mapping[tuple[str, str], LiveRelease] = field(default_factory=dict)
    answers: Mapping[Ref, Manifest] = field(default_factory=dict)
    pods: tuple[Manifest, ...] = ()
