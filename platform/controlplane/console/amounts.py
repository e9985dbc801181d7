"""How much of a quota is used, as people read it: `18.2 of 32`, `61 Gi of 128 Gi`, a bar's length."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from controlplane.kube import quantities

KIB = 1024
UNITS = ("", " Ki", " Mi", " Gi", " Ti", " Pi", " Ei")
HIGH, FULL = 80, 95  # per cent, from where a bar warns
NAMES = {
    "requests.cpu": "CPU",
    "requests.memory": "Memory",
    "count/workflows.argoproj.io": "Workflows",
    "pods": "Pods",
    "requests.storage": "Storage",
    "persistentvolumeclaims": "Volumes",
    "limits.cpu": "CPU limits",
    "limits.memory": "Memory limits",
    "requests.ephemeral-storage": "Scratch",
    "limits.ephemeral-storage": "Scratch limits",
}
SHORT = ("requests.cpu", "requests.memory", "count/workflows.argoproj.io")  # what a card shows
IN_BYTES = ("memory", "storage")


@dataclass(frozen=True)
class Amount:
    """One line of a quota. `used` is empty where the cluster has not counted it."""

    key: str
    name: str
    used: str
    hard: str
    percent: int
    look: str

    @property
    def sentence(self) -> str:
        """For whoever cannot see the bar."""
        if not self.used:
            return f"{self.name}: {self.hard} at most, not counted yet"
        return f"{self.name}: {self.used} of {self.hard} used, {self.percent} %"


def amounts_of(
    hard: Mapping[str, str], used: Mapping[str, str], keys: Iterable[str] = ()
) -> tuple[Amount, ...]:
    """The lines of a quota, those people look for first; only `keys`, if any are named."""
    order = {key: place for place, key in enumerate(NAMES)}
    chosen = [key for key in hard if not keys or key in set(keys)]
    return tuple(
        _amount(key, hard[key], used.get(key))
        for key in sorted(chosen, key=lambda key: (order.get(key, len(order)), key))
    )


def shown(key: str, quantity: str) -> str:
    """A quantity with the unit its resource is counted in; as it stands, if it is none."""
    number = _number(quantity)
    if number is None:
        return quantity
    in_bytes = any(word in key for word in IN_BYTES) and not key.startswith("count/")
    return _binary(number) if in_bytes else _plain(number)


def _amount(key: str, hard: str, used: str | None) -> Amount:
    most, now = _number(hard), None if used is None else _number(used)
    percent = 0 if most is None or now is None else _percent(now, most)
    return Amount(
        key=key,
        name=NAMES.get(key, key.removeprefix("count/")),
        used="" if used is None else shown(key, used),
        hard=shown(key, hard),
        percent=percent,
        look="full" if percent >= FULL else "high" if percent >= HIGH else "",
    )


def _number(quantity: str) -> Decimal | None:
    try:
        return quantities.parse(quantity)
    except ValueError:
        return None


def _percent(used: Decimal, hard: Decimal) -> int:
    """Rounded down, so that only a full quota is 100; of nothing, anything is all."""
    if hard <= 0:
        return 100
    return int(min(used / hard, Decimal(1)) * 100)


def _binary(number: Decimal) -> str:
    unit = 0
    while number >= KIB and unit < len(UNITS) - 1:
        number, unit = number / KIB, unit + 1
    return f"{_plain(number)}{UNITS[unit]}"


def _plain(number: Decimal) -> str:
    """At most three digits that mean something after the point, and no zeros at the end."""
    places = 3 if number < 1 else 1
    rounded = round(number, places)
    return f"{rounded.normalize():f}" if rounded else "0"
