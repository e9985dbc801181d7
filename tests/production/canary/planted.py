"""What is planted, and how it is found again in whatever dress it comes.

Of a value its marks are looked for: random pieces of it without a character that anybody escapes. A page, a
URL and JSON write what stands between them each in their own way, and the marks as they are; and a value of
which only a part comes up is found too.
"""

import secrets
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

SHORTEST = 16  # characters of a mark: what is shorter comes up by chance


@dataclass(frozen=True)
class Planted:
    """A value with a name, and the pieces of it that are nowhere else by chance."""

    name: str
    value: str
    marks: tuple[str, ...]

    def __post_init__(self) -> None:
        assert all(len(mark) >= SHORTEST and mark in self.value for mark in self.marks), self.name


@dataclass(frozen=True, order=True)
class Found:
    """A value that came up, and where."""

    name: str
    where: str


def canary(name: str) -> Planted:
    """A new value with whatever is written differently in a page, a URL, a shell and JSON."""
    first, last = secrets.token_hex(8), secrets.token_hex(8)
    return Planted(name, f"{first}/+&%<\"'>ü ${{{name}}}{last}", (first, last))


def existing(name: str, value: str) -> Planted:
    """One that was made elsewhere: its end, as the beginning may be what all of its kind have."""
    return Planted(name, value, (value[-24:],))


def disguises(mark: str) -> frozenset[bytes]:
    """A mark as it is, reversed, in hex, as in a URL, and in base64 once and twice, at any place of it."""
    plain = mark.encode()
    once = frozenset(in_base64(plain))
    twice = frozenset(each for text in once for each in in_base64(text))
    others = {
        plain,
        plain[::-1],
        plain.hex().encode(),
        plain.hex().upper().encode(),
        quote(mark, safe="").encode(),
        quote_plus(mark).encode(),
    }
    return others | once | twice


def in_base64(plain: bytes) -> Iterator[bytes]:
    """What is always there of it, wherever in the encoded text it begins, in both alphabets."""
    for before in range(3):
        text = b64encode(b"\0" * before + plain)
        certain = text[-(-before * 8 // 6) : (before + len(plain)) * 8 // 6]
        yield certain
        yield certain.translate(bytes.maketrans(b"+/", b"-_"))


class Search:
    """All that is planted, looked for at once."""

    def __init__(self, planted: Iterable[Planted]) -> None:
        self._dresses = {
            (each.name, dress)
            for each in planted
            for mark in each.marks
            for dress in disguises(mark)
        }

    def found(self, texts: Mapping[str, bytes]) -> set[Found]:
        """What came up, and in which of the texts."""
        # Asked of all together first: nearly always nothing is there, and thousands of texts are small.
        together = b"\n\0\n".join(texts.values())
        there = [(name, dress) for name, dress in self._dresses if dress in together]
        return {
            Found(name, where)
            for name, dress in there
            for where, text in texts.items()
            if dress in text
        }
