"""How do the rules of 500 teams stand in one policy? As constants: a table from names to texts.

Entries that the same teams share stand there once, as a block: what a platform allows everybody is
not written 500 times. A policy's text has a bound, and so has an expression: a long table is cut.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from controlplane.errors import DomainError

from . import cel
from .rule_sets import RuleSet

LONGEST_EXPRESSION = 90_000  # characters; CEL reads 100,000
LARGEST = 900 * 1024  # bytes of one policy's tables; the API server's store takes 1.5 MiB

# An entry that nothing is equal to or begins with: no list is empty, for everything begins with ''.
NOBODY = "!"
BLOCK = "."  # begins the names of blocks; no team is called so
FIELDS = ("flags", "algorithms", "allow", "deny", "exempt", "tags", "form")


class TooMuch(DomainError):
    """The API server could not hold, or not afford, these policies."""

    code = "policies_too_large"


@dataclass(frozen=True)
class Table:
    """Texts by name, cut into parts that an expression can hold."""

    parts: tuple[Mapping[str, str], ...]

    def variables(self) -> list[dict[str, str]]:
        """A CEL variable for each part."""
        return [
            {"name": f"table{n}", "expression": _written(part)} for n, part in enumerate(self.parts)
        ]

    def lookup(self, key: str, otherwise: str) -> str:
        """What stands under this key: CEL; `key` is a CEL expression without effort."""
        found = (
            (f"{key} in variables.table{n}", f"variables.table{n}[{key}]")
            for n in range(len(self.parts))
        )
        return cel.either(found, otherwise)


def table(rule_sets: Mapping[str, RuleSet]) -> Table:
    """The rules of every team. Raises TooMuch."""
    blocks = _Blocks(rule_sets)
    rows = {key: _row(rules, blocks) for key, rules in sorted(rule_sets.items())}
    parts = tuple(_cut({**blocks.rows, **rows}))
    size = sum(len(_written(part).encode()) for part in parts)
    if size > LARGEST:
        raise TooMuch(
            f"The policies of {len(rule_sets)} teams are {size // 1024} KiB of rules for the API "
            f"server, which takes {LARGEST // 1024} KiB. Allow prefixes (`team/**`) in place of "
            "single repositories, or say for the whole platform what many teams say."
        )
    return Table(parts or ({},))


def _row(rules: RuleSet, blocks: "_Blocks") -> str:
    fields = (
        " ".join((NOBODY, *sorted(rules.flags))),
        " ".join((NOBODY, *rules.algorithms)),
        " ".join(blocks.of(rules.allow)),
        " ".join(blocks.of(rules.deny)),
        "\n".join((NOBODY, *rules.exempt)),
        "\n".join((NOBODY, *rules.tags)),
        rules.form,
    )
    return "\t".join(fields)


class _Blocks:
    """Lists of names, each of entries that exactly the same teams have."""

    def __init__(self, rule_sets: Mapping[str, RuleSet]) -> None:
        owners: dict[str, list[int]] = {}
        for number, rules in enumerate(rule_sets.values()):
            for name in rules.allow:
                owners.setdefault(name, []).append(2 * number)
            for name in rules.deny:
                owners.setdefault(name, []).append(2 * number + 1)
        self._block: dict[str, str] = {}
        numbers: dict[tuple[int, ...], str] = {}
        members: dict[str, list[str]] = {}
        for name in sorted(owners):
            block = numbers.setdefault(tuple(owners[name]), f"{BLOCK}{len(numbers)}")
            self._block[name] = block
            members.setdefault(block, []).append(name)
        self.rows = {block: _block(names) for block, names in members.items()}

    def of(self, names: Iterable[str]) -> list[str]:
        return [NOBODY, *sorted({self._block[name] for name in names})]


def _block(names: Iterable[str]) -> str:
    listed = list(names)
    below = [name for name in listed if name.endswith("/")]
    exactly = [name for name in listed if not name.endswith("/")]
    return "\t".join(("\n".join((NOBODY, *below)), "\n".join((NOBODY, *exactly))))


def _cut(rows: Mapping[str, str]) -> Iterator[dict[str, str]]:
    part: dict[str, str] = {}
    size = 0
    for key, row in rows.items():
        length = len(_pair(key, row)) + 2
        if length > LONGEST_EXPRESSION:
            raise TooMuch(
                f"The rules of {key} alone are {length} characters, and the API server reads "
                f"{LONGEST_EXPRESSION} at once. Allow prefixes (`team/**`) in place of single "
                "repositories."
            )
        if part and size + length > LONGEST_EXPRESSION:
            yield part
            part, size = {}, 0
        part[key] = row
        size += length
    if part:
        yield part


def _written(part: Mapping[str, str]) -> str:
    return "{" + ", ".join(_pair(key, row) for key, row in part.items()) + "}"


def _pair(key: str, row: str) -> str:
    return f"{cel.quoted(key)}: {cel.quoted(row)}"
