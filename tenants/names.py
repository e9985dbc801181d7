"""Which names a namespace may have: one question, asked by the form, the API and the model alike."""

import re

LONGEST = 58  # "-argo" is added for the control namespace, and a label holds 63
CONTROL_SUFFIX = "-argo"

_LABEL = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?", re.ASCII)
RESERVED = frozenset({"default", "argo", "argocd", "argosy", "kubernetes", "localhost"})
RESERVED_PREFIXES = ("kube-", "argosy-", "openshift-", "istio-")
RESERVED_SUFFIXES = ("-system", CONTROL_SUFFIX)


def problem_with(name: str) -> str | None:
    """Why this cannot be a namespace's name, as a sentence that says what can; None if it can."""
    if not name:
        return "A namespace needs a name, such as payments or payments-test."
    if len(name) > LONGEST:
        return f"That name has {len(name)} characters; at most {LONGEST} are allowed."
    if not _LABEL.fullmatch(name):
        return (
            "A namespace's name begins with a letter a-z, ends with a letter or digit, and has only "
            "lower-case letters a-z, digits and hyphens, such as payments-test."
        )
    if name in RESERVED or name.startswith(RESERVED_PREFIXES):
        return f"{name} is reserved for the cluster's own parts; put your team's name first."
    if name.endswith(RESERVED_SUFFIXES):
        return (
            f"Names that end in {' or '.join(RESERVED_SUFFIXES)} are reserved for the platform's own "
            "namespaces; choose another ending."
        )
    return None


def control_namespace(name: str) -> str:
    """The namespace beside `name` where its controller and secrets live."""
    return name + CONTROL_SUFFIX
