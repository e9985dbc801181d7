"""Does a tag have the form a policy asks for? Read as RE2 reads it, in time that only its length sets.

The API server matches with RE2. Python's own engine reads more, and can be kept busy for hours by a
harmless looking pattern. So this takes the part of the language that both read alike, and follows
all ways through a pattern at once.
"""

import re
import string
from collections.abc import Callable, Iterable

LETTERS = frozenset(string.ascii_letters + string.digits + "_.-")  # all that a tag may hold
LONGEST = 500
_MOST_STATES = 2000
_MOST_TURNS = 20_000
_MOST_KEPT = 5000
_DEEPEST = 20
_CLASSES = {
    "d": frozenset(string.digits),
    "w": frozenset(string.ascii_letters + string.digits + "_"),
    "D": LETTERS - frozenset(string.digits),
    "W": frozenset(".-"),
}
_count = re.compile(r"\{([0-9]{1,3})(?:(,)([0-9]{1,3})?)?\}").match

# Adds its states behind the given one, and says behind which the next begin.
Part = Callable[[int], int]


class NotAPattern(ValueError):
    """Two engines would read it otherwise, or one of them not at all; the sentence says why."""


class Pattern:
    """The form of a whole tag. Raises NotAPattern when it is made."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        machine = _Machine()
        self._end = _Reader(pattern, machine).whole()(machine.state())
        self._machine = machine
        self._first = machine.with_free([0])
        self._known: dict[tuple[frozenset[int], str], frozenset[int]] = {}

    def fullmatch(self, tag: str) -> bool:
        """Whether the whole tag has this form."""
        here = self._first
        for letter in tag:
            here = self._after(here, letter)
        return self._end in here

    def _after(self, here: frozenset[int], letter: str) -> frozenset[int]:
        known = self._known.get((here, letter))
        if known is None:
            if len(self._known) >= _MOST_KEPT:
                self._known.clear()
            known = self._known[here, letter] = self._machine.after(here, letter)
        return known


class _Machine:
    """States, and where one comes from each: by a letter, or for nothing."""

    def __init__(self) -> None:
        self._steps: list[list[tuple[frozenset[str], int]]] = []
        self._free: list[list[int]] = []
        self._turns = 0

    def state(self) -> int:
        self.spend(len(self._steps), _MOST_STATES)
        self._steps.append([])
        self._free.append([])
        return len(self._steps) - 1

    @staticmethod
    def spend(spent: int, most: int) -> None:
        if spent >= most:
            raise NotAPattern("it is too long with its repetitions written out")

    def after(self, here: Iterable[int], letter: str) -> frozenset[int]:
        reached = [to for at in here for letters, to in self._steps[at] if letter in letters]
        return self.with_free(reached)

    def with_free(self, states: list[int]) -> frozenset[int]:
        reached, waiting = set(states), list(states)
        while waiting:
            new = [to for to in self._free[waiting.pop()] if to not in reached]
            reached.update(new)
            waiting += new
        return frozenset(reached)

    def one_of(self, letters: frozenset[str]) -> Part:
        def part(start: int) -> int:
            end = self.state()
            self._steps[start].append((letters, end))
            return end

        return part

    def in_turn(self, parts: list[Part]) -> Part:
        def part(start: int) -> int:
            for one in parts:
                # Counted too: a repetition of nothing adds no state, and could go on for ever.
                self.spend(self._turns, _MOST_TURNS)
                self._turns += 1
                start = one(start)
            return start

        return part

    def either(self, parts: list[Part]) -> Part:
        def part(start: int) -> int:
            end = self.state()
            for one in parts:
                begin = self.state()
                self._free[start].append(begin)
                self._free[one(begin)].append(end)
            return end

        return part

    def repeated(self, one: Part, least: int, most: int | None) -> Part:
        """At least so often; without a most, as often as one likes."""
        must = [one] * least
        if most is None:
            return self.in_turn([*must, self._any_number_of(one)])
        return self.in_turn([*must, *[self.either([one, self.in_turn([])])] * (most - least)])

    def _any_number_of(self, one: Part) -> Part:
        def part(start: int) -> int:
            again = self.state()
            self._free[start].append(again)
            self._free[one(again)].append(again)
            end = self.state()
            self._free[again].append(end)
            return end

        return part


class _Reader:
    """From the text to the parts; one method a level of the grammar."""

    def __init__(self, pattern: str, machine: _Machine) -> None:
        if len(pattern) > LONGEST:
            raise NotAPattern(f"it is longer than {LONGEST} characters")
        # The whole tag is matched anyhow.
        self._text = pattern.removeprefix("^")
        if self._text.endswith("$") and not self._text.endswith("\\$"):
            self._text = self._text[:-1]
        # `^a|b$` means something else than `a|b`: there is no leaving them off.
        self._anchored = len(self._text) != len(pattern)
        self._at = 0
        self._depth = 0
        self._make = machine

    def whole(self) -> Part:
        part = self._choice()
        if self._at < len(self._text):
            raise NotAPattern("it closes a ) that it did not open")
        return part

    def _choice(self) -> Part:
        parts = [self._sequence()]
        while self._takes("|"):
            if self._anchored and not self._depth:
                raise NotAPattern("^ and $ beside a | hold for one side only; leave them off")
            parts.append(self._sequence())
        return self._make.either(parts) if len(parts) > 1 else parts[0]

    def _sequence(self) -> Part:
        parts: list[Part] = []
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            parts.append(self._repetition())
        return self._make.in_turn(parts)

    def _repetition(self) -> Part:
        one = self._atom()
        bounds = self._bounds()
        if bounds is None:
            return one
        self._takes("?")  # lazy: the same tags, found in another order
        if self._bounds() is not None or self._peek() in {"+", "*", "?"}:
            raise NotAPattern("it repeats a repetition; put it in ( )")
        return self._make.repeated(one, *bounds)

    def _bounds(self) -> tuple[int, int | None] | None:
        for sign, bounds in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self._takes(sign):
                return bounds
        if self._peek() != "{":
            return None
        count = _count(self._text, self._at)
        if count is None:
            raise NotAPattern("a { must be part of a repetition such as {2,3}")
        self._at = count.end()
        least = int(count[1])
        most = least if count[2] is None else int(count[3]) if count[3] else None
        if most is not None and most < least:
            raise NotAPattern("a repetition ends before it begins")
        return least, most

    def _atom(self) -> Part:
        letter = self._next()
        match letter:
            case "(":
                return self._group()
            case "[":
                return self._make.one_of(self._set())
            case ".":
                return self._make.one_of(LETTERS)
            case "\\":
                return self._make.one_of(self._escaped())
            case "*" | "+" | "?" | "{":
                raise NotAPattern(f"there is nothing before a {letter} to repeat")
            case "^" | "$":
                raise NotAPattern(f"a {letter} inside it is never true; the whole tag is matched")
        return self._make.one_of(frozenset(letter))

    def _group(self) -> Part:
        if self._takes("?") and not self._takes(":"):
            raise NotAPattern("of groups it may have ( ) and (?: ) only")
        self._depth += 1
        if self._depth > _DEEPEST:
            raise NotAPattern(f"its groups are nested deeper than {_DEEPEST} levels")
        part = self._choice()
        self._depth -= 1
        if not self._takes(")"):
            raise NotAPattern("it opens a ( that it does not close")
        return part

    def _set(self) -> frozenset[str]:
        turned = self._takes("^")
        letters: set[str] = set()
        while not self._takes("]"):
            letters |= self._range()
        if not letters:
            raise NotAPattern("a [ ] must hold a letter, digit or one of _ . -")
        return LETTERS - letters if turned else frozenset(letters)

    def _range(self) -> frozenset[str]:
        first = self._in_set()
        if self._peek() != "-" or self._text[self._at + 1 : self._at + 2] in {"", "]"}:
            return first
        self._next()
        last = self._in_set()
        if len(first) != 1 or len(last) != 1 or max(first) > max(last):
            raise NotAPattern("a range must go upwards from one letter to another")
        return frozenset(map(chr, range(ord(max(first)), ord(max(last)) + 1)))

    def _in_set(self) -> frozenset[str]:
        letter = self._next()
        if letter == "\\":
            return self._escaped()
        # Python warns of some signs inside [ ], and RE2 reads [: as the start of a class.
        if letter in "[&~|":
            raise NotAPattern(f"inside [ ] a {letter} is read in more than one way")
        return frozenset(letter)

    def _escaped(self) -> frozenset[str]:
        letter = self._next()
        if letter in _CLASSES:
            return _CLASSES[letter]
        if letter.isalnum() or not letter.isascii():
            raise NotAPattern(f"\\{letter} is not read alike everywhere")
        return frozenset(letter)

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _takes(self, sign: str) -> bool:
        taken = self._peek() == sign
        self._at += taken
        return taken

    def _next(self) -> str:
        letter = self._peek()
        if not letter:
            raise NotAPattern("it ends in the middle")
        self._at += 1
        return letter
