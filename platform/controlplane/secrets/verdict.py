"""What came of trying a secret where it is used."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Tried:
    """Whether it works, and a sentence that holds nothing of what the other side said."""

    works: bool
    sentence: str
