"""How is a CEL expression written? Texts out of texts, never read back."""

from collections.abc import Iterable

_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def quoted(text: str) -> str:
    """A string constant; what does not print is written as its number."""
    return f"'{''.join(_ESCAPES.get(c) or _shown(c) for c in text)}'"


def either(choices: Iterable[tuple[str, str]], otherwise: str) -> str:
    """The first value whose condition holds."""
    written = otherwise
    for condition, value in reversed(list(choices)):
        written = f"({condition} ? {value} : {written})"
    return written


def all_of(conditions: Iterable[str]) -> str:
    """Every condition holds; without any, it does."""
    return " && ".join(f"({condition})" for condition in conditions) or "true"


def any_of(conditions: Iterable[str]) -> str:
    """One condition holds; without any, none does."""
    return " || ".join(f"({condition})" for condition in conditions) or "false"


def there(holder: str, field: str) -> str:
    """Whether the field is there and not null."""
    return f"has({holder}.{field}) && {holder}.{field} != null"


def list_in(holder: str, field: str) -> str:
    """The list in this field, or none. Calls, not choices: those the API server reads in no time."""
    return f"optional.ofNonZeroValue({holder}.?{field}.orValue([])).orValue([])"


def text_in(holder: str, field: str) -> str:
    """The text in this field, or none."""
    return f"optional.ofNonZeroValue({holder}.?{field}.orValue('')).orValue('')"


def added(lists: Iterable[str]) -> str:
    """All lists in one."""
    return " + ".join(lists) or "[]"


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    return f"\\U{ord(character):08x}"
