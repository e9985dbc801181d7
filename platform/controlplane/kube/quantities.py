"""Kubernetes quantities as numbers: `1500m` is 1.5, `2Gi` is 2147483648."""

from decimal import Decimal

from kubernetes.utils.quantity import parse_quantity


def parse(quantity: str | float) -> Decimal:
    """The number a quantity stands for. Raises ValueError for what Kubernetes would not read."""
    return Decimal(parse_quantity(quantity))  # type: ignore[no-untyped-call]
