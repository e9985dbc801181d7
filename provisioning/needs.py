"""What else must hold before a namespace may be used? Asked of whoever said so when Django started.

Provisioning makes what it renders and knows of nothing above it; what is brought to a cluster by
others (which images may run there) is a condition of their own, with their own words.
"""

from collections.abc import Callable

from tenants.conditions import Condition
from tenants.models import TenantNamespace

Need = Callable[[TenantNamespace], Condition]

_needs: list[Need] = []


def register(need: Need) -> Need:
    """Have every namespace wait for this too; to register twice is to register once."""
    if need not in _needs:
        _needs.append(need)
    return need


def of(namespace: TenantNamespace) -> tuple[Condition, ...]:
    """How each of them stands for this namespace, in the order they were registered."""
    return tuple(need(namespace) for need in _needs)
