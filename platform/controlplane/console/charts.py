"""A chart as its table: what is drawn is what stands in the rows beside it, so both say the same.

Without scripts, and for who cannot see it, the table is the chart.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

Number = Decimal | float | int | None


@dataclass(frozen=True)
class Line:
    """One column of the table, and how it is drawn. `look` is one of the style sheet's colours."""

    name: str
    look: str = "accent"
    dashed: bool = False


@dataclass(frozen=True)
class Cell:
    """A number as it is drawn and as it is read; none where none is known."""

    value: str
    shown: str


@dataclass(frozen=True)
class Row:
    """One step of time."""

    at: datetime
    cells: tuple[Cell, ...]
    note: str = ""  # what has to be said of it, such as of how many it is


@dataclass(frozen=True)
class Chart:
    """One chart. `empty` is the sentence that stands there instead of one, if there is nothing to draw."""

    key: str
    title: str
    unit: str
    lines: tuple[Line, ...]
    rows: tuple[Row, ...]
    by_hour: bool
    bars: bool = False
    note: str = ""
    empty: str = ""

    @property
    def is_empty(self) -> bool:
        return all(not cell.value for row in self.rows for cell in row.cells)

    @property
    def has_notes(self) -> bool:
        return any(row.note for row in self.rows)

    @property
    def sentence(self) -> str:
        """The chart in words, for who cannot see it: each line's latest number, and its most."""
        return f"{self.title}. " + " ".join(
            said for n, line in enumerate(self.lines) if (said := self._said(n, line))
        )

    def _said(self, number: int, line: Line) -> str:
        known = [(row, row.cells[number]) for row in self.rows if row.cells[number].value]
        if not known:
            return f"{line.name}: not known."
        most = max(known, key=lambda each: float(each[1].value))[1].shown
        return f"{line.name}: {known[-1][1].shown} {self.unit} last, {most} at most."


def row(at: datetime, numbers: Iterable[Number], note: str = "") -> Row:
    """A step with its numbers."""
    return Row(at, tuple(cell(number) for number in numbers), note)


def cell(number: Number) -> Cell:
    """A number that may be unknown."""
    if number is None:
        return Cell("", "")
    return Cell(f"{float(number):.6g}", shown(number))


def shown(number: Decimal | float) -> str:
    """At most three digits after the point, and only those that say something."""
    value = Decimal(number)
    places = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 3  # noqa: PLR2004 - digits that say something
    text = f"{value:,.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
