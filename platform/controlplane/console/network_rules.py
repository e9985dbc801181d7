"""NetworkPolicies as sentences: who may reach whom, for people who do not read YAML."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from controlplane.objects import Manifest

INGRESS, EGRESS = "Ingress", "Egress"
EVERY_POD = "every pod"
ANYTHING = "anything"
CLOSED = {
    INGRESS: "Nothing reaches {}, but for what is listed here.",
    EGRESS: "No {} reach anything, but for what is listed here.",
}
NAME_LABEL = "kubernetes.io/metadata.name"
OPERATORS = {"In": "is one of", "NotIn": "is none of"}


def sentences(policies: Iterable[Manifest]) -> tuple[str, ...]:
    """What these policies of one namespace add up to: first what is closed, then what is open.

    Policies only ever add: a pod that none selects for a direction is open in it, and one that any
    selects is closed but for what some policy allows.
    """
    specs = [policy["spec"] for policy in policies]
    closed = [line for way in (INGRESS, EGRESS) for line in _closed(specs, way)]
    opened = sorted({line for spec in specs for line in _allowed(spec)})
    return (*closed, *opened)


def _closed(specs: Iterable[Mapping[str, Any]], way: str) -> Iterator[str]:
    """Whom policies isolate in this direction; a pod named apart is told only if not all are."""
    chosen = {_subject(spec) for spec in specs if way in _ways(spec)}
    for subject in ["pods"] if EVERY_POD in chosen else sorted(chosen):
        yield CLOSED[way].format(subject)
    if not chosen:
        yield "Anything may come in." if way == INGRESS else "Anything may be reached."


def _allowed(spec: Mapping[str, Any]) -> Iterator[str]:
    subject, ways = _subject(spec), _ways(spec)
    for rule in spec.get("egress") or () if EGRESS in ways else ():
        yield _capital(f"{subject} may reach {_peers(rule, 'to')}{_ports(rule)}.")
    for rule in spec.get("ingress") or () if INGRESS in ways else ():
        yield _capital(f"{_peers(rule, 'from')} may reach {subject}{_ports(rule)}.")


def _ways(spec: Mapping[str, Any]) -> set[str]:
    """The directions a policy is about; Kubernetes' own default where it does not say."""
    said = spec.get("policyTypes")
    return set(said) if said else {INGRESS, *([EGRESS] if spec.get("egress") else [])}


def _subject(spec: Mapping[str, Any]) -> str:
    return _pods(spec.get("podSelector") or {})


def _pods(selector: Mapping[str, Any]) -> str:
    found = _selected(selector)
    return f"pods with {found}" if found else EVERY_POD


def _selected(selector: Mapping[str, Any]) -> str:
    """A label selector: all of its parts must hold."""
    equal = [f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()]
    return " and ".join(equal + [_expression(e) for e in selector.get("matchExpressions") or ()])


def _expression(expression: Mapping[str, Any]) -> str:
    key, operator = expression["key"], expression["operator"]
    if operator in OPERATORS:
        return f"{key} that {OPERATORS[operator]} {', '.join(expression.get('values') or ())}"
    return f"the label {key}" if operator == "Exists" else f"no label {key}"


def _peers(rule: Mapping[str, Any], side: str) -> str:
    """All of a rule's peers; a rule that names none is about everything."""
    return " or ".join(_peer(peer) for peer in rule.get(side) or ()) or ANYTHING


def _peer(peer: Mapping[str, Any]) -> str:
    if block := peer.get("ipBlock"):
        hidden = block.get("except") or ()
        return _address(block["cidr"]) + (f" without {', '.join(hidden)}" if hidden else "")
    pods = _pods(peer.get("podSelector") or {})
    if "namespaceSelector" not in peer:
        return f"{pods} of the same namespace"
    return f"{pods} in {_namespaces(peer['namespaceSelector'] or {})}"


def _namespaces(selector: Mapping[str, Any]) -> str:
    labels = selector.get("matchLabels") or {}
    if set(labels) == {NAME_LABEL} and not selector.get("matchExpressions"):
        return f"the namespace {labels[NAME_LABEL]}"
    found = _selected(selector)
    return f"namespaces with {found}" if found else "any namespace"


def _address(cidr: str) -> str:
    """One address without the length of its mask."""
    alone = ("/128",) if ":" in cidr else ("/32",)
    return next((cidr.removesuffix(mask) for mask in alone if cidr.endswith(mask)), cidr)


def _ports(rule: Mapping[str, Any]) -> str:
    """The ports, each with the protocols it is open for; nothing where every port is."""
    by_port: dict[str, list[str]] = {}
    for port in rule.get("ports") or ():
        by_port.setdefault(_port(port), []).append(port.get("protocol", "TCP"))
    listed = [f"{port} ({', '.join(sorted(set(way)))})".strip() for port, way in by_port.items()]
    return f" on port {' and '.join(listed)}" if listed else ""


def _port(port: Mapping[str, Any]) -> str:
    if "port" not in port:
        return "any"
    return f"{port['port']} to {port['endPort']}" if "endPort" in port else str(port["port"])


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
