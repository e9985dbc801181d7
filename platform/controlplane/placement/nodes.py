"""What the nodes of a cluster have for teams' pods. Pure: listed nodes in, an amount out."""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from controlplane.objects import Manifest

from .choice import Amount

GIB = Decimal(2**30)
KEEPS_OUT = {"NoSchedule", "NoExecute"}
Parse = Callable[[str], Decimal]  # a quantity's number


def allocatable(nodes: Iterable[Manifest], placement: Mapping[str, Any], parse: Parse) -> Amount:
    """The sum over nodes that a pod placed so may go to: its selector fits, its tolerations suffice."""
    cpu = memory = Decimal()
    for node in nodes:
        if _takes_pods(node, placement):
            has = (node.get("status") or {}).get("allocatable") or {}
            cpu += parse(has.get("cpu", "0"))
            memory += parse(has.get("memory", "0"))
    return Amount(cpu, memory / GIB)


def _takes_pods(node: Manifest, placement: Mapping[str, Any]) -> bool:
    labels = node["metadata"].get("labels") or {}
    spec = node.get("spec") or {}
    selector = placement.get("nodeSelector") or {}
    if spec.get("unschedulable") or any(labels.get(k) != v for k, v in selector.items()):
        return False
    tolerations = placement.get("tolerations") or ()
    taints = [t for t in spec.get("taints") or () if t.get("effect") in KEEPS_OUT]
    return all(any(_tolerates(each, taint) for each in tolerations) for taint in taints)


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    if toleration.get("effect") not in {None, "", taint.get("effect")}:
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in {None, "", taint.get("key")}
    return (toleration.get("key"), toleration.get("value", "")) == (
        taint.get("key"),
        taint.get("value", ""),
    )
