"""How is an object made so whatever somebody has made of it?

A server-side apply merges lists that are sets: what somebody put into one stands beside ours. A binding that
was set to warn would be asked to warn and to deny, which the API server refuses, and it would warn for ever.
"""

from controlplane.objects import Manifest, ref_of

from .door import Kube
from .errors import Invalid
from .gateway import FIELD_MANAGER


def apply_over(kube: Kube, manifest: Manifest, *, manager: str = FIELD_MANAGER) -> Manifest:
    """Apply it; where that cannot stand beside what is there, put our lists in the place of theirs first.

    Raises Invalid for what is refused even so: a field that cannot be changed.
    """
    try:
        return kube.apply(manifest, manager=manager)
    except Invalid:
        body = {k: v for k, v in manifest.items() if k not in {"apiVersion", "kind", "metadata"}}
        kube.patch(ref_of(manifest), body, manager=manager)
        return kube.apply(manifest, manager=manager)
