"""Whether limits for containers agree with each other and with the quota: before a cluster refuses them.

The API server's own rules for a LimitRange, of which one that is broken leaves every namespace of a tier
without its limits; and amounts that it takes, with which no container could ever start.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from controlplane.kube import quantities

Amounts = Mapping[str, str]
Parts = Mapping[str, Amounts]

STANDARD = frozenset({"cpu", "memory", "ephemeral-storage"})
# Each may not be more than the other.
ORDERED = (
    ("min", "max"),
    ("min", "default"),
    ("min", "defaultRequest"),
    ("defaultRequest", "default"),
    ("default", "max"),
    ("defaultRequest", "max"),
)
RATIO = "maxLimitRequestRatio"


def problems_of(parts: Parts) -> list[str]:
    """What the API server would refuse, each as a sentence; `parts` are mappings to quantities."""
    keys = list(dict.fromkeys(key for amounts in parts.values() for key in amounts))
    unknown = [key for key in keys if not _is_of_containers(key)]
    if unknown:
        sentence = (
            f"{unknown[0]} is no resource of a container; write cpu, memory, ephemeral-storage, or "
            "one with its domain, such as example.com/gpu."
        )
        return [sentence]
    return [problem for key in keys for problem in _of_one(parts, key)]


def problems_with_quota(parts: Parts, hard: Amounts) -> list[str]:
    """Amounts that a container gets, or must have, of which the quota has not even one."""
    filled = filled_in(parts)
    found = []
    for part, side in (("default", "limits"), ("defaultRequest", "requests"), ("min", "requests")):
        for key, amount in filled[part].items():
            room = hard.get(f"{side}.{key}", hard.get(key) if side == "requests" else None)
            if room is not None and quantities.parse(amount) > quantities.parse(room):
                found.append(
                    f"{part}.{key} ({amount}) is more than the whole quota's {side}.{key} ({room}): "
                    "no container that leaves it at that could start."
                )
    return found


def filled_in(parts: Parts) -> dict[str, dict[str, str]]:
    """The parts as the API server completes them before it looks at them."""
    filled = {
        part: dict(parts.get(part) or {}) for part in ("default", "defaultRequest", "max", "min")
    }
    filled["default"] = {**filled["max"], **filled["default"]}
    filled["defaultRequest"] = {
        **filled["min"], **filled["default"], **filled["defaultRequest"],
    }  # fmt: skip
    return filled


def _is_of_containers(key: str) -> bool:
    domain, slash, name = key.partition("/")
    if not slash:
        return key in STANDARD or key.startswith("hugepages-")
    return bool(name) and "." in domain


def _of_one(parts: Parts, key: str) -> Iterator[str]:
    filled = filled_in(parts)
    amount = {part: quantities.parse(found[key]) for part, found in filled.items() if key in found}
    for small, large in ORDERED:
        # What the API server fills in from elsewhere is told of where it was written.
        written = key in parts.get(small, {}) and key in parts.get(large, {})
        if written and amount[small] > amount[large]:
            yield (
                f"{small}.{key} ({parts[small][key]}) is more than {large}.{key} "
                f"({parts[large][key]}); it may be at most that."
            )
    if key in parts.get(RATIO, {}):
        yield from _of_ratio(parts, key, amount)
    if "/" in key or key.startswith("hugepages-"):
        given, asked = amount.get("default"), amount.get("defaultRequest")
        if given is not None and asked is not None and given != asked:
            yield f"default.{key} and defaultRequest.{key} must be the same: {key} is not shared."


def _of_ratio(parts: Parts, key: str, amount: Mapping[str, Decimal]) -> Iterator[str]:
    ratio = quantities.parse(parts[RATIO][key])
    if ratio < 1:
        yield f"{RATIO}.{key} ({parts[RATIO][key]}) must be at least 1."
    low, high = amount.get("min"), amount.get("max")
    if low and high is not None and ratio > high / low:
        yield (
            f"{RATIO}.{key} ({parts[RATIO][key]}) is more than max.{key} over min.{key} "
            f"({(high / low).normalize():f}); it may be at most that."
        )
