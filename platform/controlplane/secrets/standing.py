"""How a secret stands by its end: good, ending soon, or past it. Pure: dates in, words out."""

from dataclasses import dataclass
from datetime import date

WARNED = 14  # days before its end


@dataclass(frozen=True)
class Standing:
    """A word for a program, a sentence for a person, and whether somebody should act."""

    word: str
    sentence: str

    @property
    def calls_for_somebody(self) -> bool:
        return self.word in {"ends-soon", "ended"}


def of(expires_on: date | None, today: date) -> Standing:
    """The standing of what is good until the end of that day."""
    if expires_on is None:
        return Standing("no-end", "No end is known.")
    left = (expires_on - today).days
    day = f"{expires_on:%-d %b %Y}"
    if left < 0:
        return Standing(
            "ended", f"Ended on {day}. It stays where it was delivered: enter a new one."
        )
    if left <= WARNED:
        when = "today" if left == 0 else "tomorrow" if left == 1 else f"in {left} days"
        return Standing("ends-soon", f"Ends {when}, on {day}: enter a new one before.")
    return Standing("good", f"Good until {day}.")
