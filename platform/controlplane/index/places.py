"""Who looks when somebody changed an object of ours? A namespace's loop, or a look at a whole cluster.

Policies of the API server's own live in no namespace, and most of what keeps tenants apart hangs on them. The
base brings some of them and the delivery of image policies others; each looks at all that it brought.
"""

from controlplane.objects import Manifest

# As a namespace stands where an object is: none can be called so.
BASE, IMAGE_POLICIES = "(base)", "(image policies)"
WHOLE = frozenset({BASE, IMAGE_POLICIES})

ADMISSION = "admissionregistration.k8s.io/v1"
POLICY_KINDS = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
WEBHOOK_KIND = "ValidatingWebhookConfiguration"
IMAGES = "argosy-images"  # the webhook configuration; policies.compile begins each of its names so


def place_of(manifest: Manifest) -> str | None:
    """The namespace it lives in or is, or the look that finds it; None for what no API server would send."""
    meta, kind = manifest["metadata"], manifest.get("kind")
    name = meta.get("name")
    if not isinstance(name, str):
        return None
    if kind == WEBHOOK_KIND or kind in POLICY_KINDS:
        # By the name, which nobody can change, and not by a label.
        return IMAGE_POLICIES if name == IMAGES or name.startswith(f"{IMAGES}-") else BASE
    found = name if kind == "Namespace" else meta.get("namespace")
    return found if isinstance(found, str) else None
