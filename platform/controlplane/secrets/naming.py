"""What a secret and its keys may be called: what Kubernetes takes, and nothing that is somebody else's."""

import re

LONGEST = 63
LONGEST_KEY = 253
# Kubernetes' own bound is 1 MiB for an object, names and all; what is over it would fail in the cluster.
MOST_BYTES = 2**20 - 4096
MOST_KEYS = 100

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}", re.ASCII)
# The platform's own objects, Argo's, and helm's; and `sso`, in which Argo's server keeps its cookies' key.
TAKEN = ("argo-", "argosy-", "sh-helm-", "default-token-")
TAKEN_WHOLE = frozenset({"sso", "argo", "argosy", "argo-workflows-webhook-clients"})


def problem_with_name(name: str) -> str:
    """Why a secret cannot be called so; '' if it can."""
    if not _NAME.fullmatch(name):
        return (
            f"A secret's name is made of lower-case letters, digits and hyphens, at most {LONGEST}, and "
            "begins and ends with a letter or digit."
        )
    if name in TAKEN_WHOLE or name.startswith(TAKEN):
        return f"{name} is kept for Argo and the platform; choose another, as my-{name}."
    return ""


def problem_with_key(key: str) -> str:
    """Why nothing can be kept under this key; '' if it can. A mount makes it a file's name."""
    if not _KEY.fullmatch(key):
        return (
            f"{key[:60]!r} cannot be a key: letters, digits, hyphens, dots and underscores, at most "
            f"{LONGEST_KEY}."
        )
    if key.startswith(".."):
        return f"{key[:60]!r} cannot be a key: as a file's name it would lead out of its folder."
    if key == ".":
        return "A single dot cannot be a key: as a file's name it is the folder itself."
    return ""
