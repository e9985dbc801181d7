"""What of a value may be kept: nothing that is secret by its name, nothing endless, nothing unwritable."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Json: TypeAlias = Sequence[Any] | Mapping[str, Any] | str | float | bool | None

HIDDEN = "(not kept)"
# Callers hand over no secrets; a name that says it is one is not believed to be an exception.
SECRET = ("password", "secret", "token", "kubeconfig", "credential", "private_key", "client_key")
DEEP, LONG, MANY = 12, 2000, 200


def kept(value: Json, *, depth: int = 0) -> Json:
    """The value as it is written down."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return text(value, most=LONG)
    if isinstance(value, bytes | bytearray):
        return HIDDEN
    if isinstance(value, Mapping | Sequence):
        return _inside(value, depth) if depth < DEEP else "(deeper than is kept)"
    return text(str(value), most=LONG)  # a date, a quantity: callers are many


def _inside(value: Mapping[str, Json] | Sequence[Json], depth: int) -> Json:
    if isinstance(value, Mapping):
        return _fields(value, depth)
    shown: list[Json] = [kept(each, depth=depth + 1) for each in value[:MANY]]
    return [*shown, f"(and {len(value) - MANY} more)"] if len(value) > MANY else shown


def _fields(value: Mapping[str, Json], depth: int) -> Json:
    shown: dict[str, Json] = {}
    for name, inner in list(value.items())[:MANY]:
        key = text(str(name), most=LONG)
        shown[key] = HIDDEN if inner and is_secret(key) else kept(inner, depth=depth + 1)
    if len(value) > MANY:
        shown["…"] = f"(and {len(value) - MANY} more)"
    return shown


def is_secret(name: str) -> bool:
    """Whether what has this name is not to be written down."""
    return any(word in name.lower() for word in SECRET)


def text(value: str, *, most: int) -> str:
    """Text that every database writes, and a person reads to its end: no halves of characters, no NUL."""
    clean = value.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
    return clean if len(clean) <= most else f"{clean[: most - 1]}…"
