"""Whether quantities that an admin enters are ones Kubernetes will take."""

import re
from collections.abc import Mapping

from django.core.exceptions import ValidationError

from controlplane.kube import quantities

from . import limit_range

# What the guard rails count for every team; a tier may not leave one open.
REQUIRED = (
    "requests.cpu",
    "requests.memory",
    "requests.storage",
    "limits.ephemeral-storage",
    "pods",
    "count/workflows.argoproj.io",
)
_KEY = re.compile(r"[a-z0-9]([a-z0-9./-]{0,120}[a-z0-9])?", re.ASCII)
# Kubernetes' own grammar, bounded: Python would also read NaN, 1_000 and the digits of any script.
_QUANTITY = re.compile(
    r"-?[0-9]{1,15}(\.[0-9]{1,9})?(m|k|[KMGTPE]i|[MGTPE]|[eE][0-9]{1,2})?", re.ASCII
)
COUNTED = {
    "pods", "configmaps", "secrets", "persistentvolumeclaims", "replicationcontrollers",
    "resourcequotas",
}  # fmt: skip
LIMITS = {"default", "defaultRequest", "max", "min", "maxLimitRequestRatio"}
RESOURCES = {"requests", "limits"}


def check_quota(hard: object) -> None:
    """A ResourceQuota's `hard`: all that must be limited is there, every quantity is one."""
    if not isinstance(hard, Mapping):
        raise ValidationError('A quota is a mapping, such as {"requests.cpu": "4"}.')
    for key, value in hard.items():
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            raise ValidationError(f"{key!r} is no resource that a quota can count.")
        _check_quantity(key, value)
        if _is_counted(key) and quantities.parse(value) % 1:
            raise ValidationError(f"{key} counts whole things; {value} is no whole number.")
    if missing := [key for key in REQUIRED if key not in hard]:
        raise ValidationError(f"The quota must also limit {', '.join(missing)}.")


def check_limits(parts: object) -> None:
    """A LimitRange's parts for containers, `default` among them: each a mapping to quantities.

    Without a default, a container that says nothing would be refused by the quota.
    """
    _check_parts(parts, LIMITS)
    if not isinstance(parts, Mapping) or not parts.get("default"):
        raise ValidationError(
            'Limits need a default, such as {"default": {"cpu": "500m", "memory": "512Mi"}}.'
        )
    if problems := limit_range.problems_of(parts):
        raise ValidationError(problems)


def check_resources(parts: object) -> None:
    """A container's requests and limits: each a mapping of cpu, memory… to a quantity."""
    _check_parts(parts, RESOURCES)
    if not isinstance(parts, Mapping):
        return
    limits = parts.get("limits", {})
    for key, asked in parts.get("requests", {}).items():
        if key in limits and quantities.parse(asked) > quantities.parse(limits[key]):
            raise ValidationError(
                f"requests.{key} ({asked}) is more than limits.{key} ({limits[key]}); it may be at "
                "most that."
            )


def check_together(hard: object, parts: object) -> None:
    """A quota and the limits beside it: a container that says nothing fits into what there is."""
    if isinstance(hard, Mapping) and isinstance(parts, Mapping):
        problems = limit_range.problems_with_quota(parts, hard)
        if problems:
            raise ValidationError({"limits": problems})


def _is_counted(key: str) -> bool:
    return key.startswith(("count/", "services")) or key in COUNTED


def _check_parts(parts: object, known: set[str]) -> None:
    if not isinstance(parts, Mapping) or not parts.keys() <= known:
        raise ValidationError(f"Write {', '.join(sorted(known))}, and nothing else.")
    for part, amounts in parts.items():
        if not isinstance(amounts, Mapping):
            raise ValidationError(f'{part} is a mapping, such as {{"cpu": "500m"}}.')
        for key, value in amounts.items():
            _check_quantity(f"{part}.{key}", value)


def _check_quantity(key: str, value: object) -> None:
    # Text only: as a number, 0.1 would reach the cluster as whatever a float prints.
    if not isinstance(value, str):
        raise ValidationError(f'{key} must be a quantity in quotes, such as "2" or "512Mi".')
    if not _QUANTITY.fullmatch(value):
        raise ValidationError(f"{key}: {value!r} is no quantity; write 2, 500m or 4Gi.")
    if quantities.parse(value) < 0:
        raise ValidationError(f"{key} cannot be negative.")
