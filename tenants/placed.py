"""Where a wish goes and why, as a value: made by whoever chooses, kept with the request, shown to people."""

import re
from collections.abc import Mapping

import msgspec

from controlplane.errors import DomainError

MOST_LABELS = 10
LONGEST = 63
WORD = re.compile(r"\A[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\Z")


class NoPlace(DomainError):
    """No cluster, or not this one, can take the wish as things are now. `kept_out` says why of each."""

    code = "no_place"

    def __init__(
        self,
        sentence: str,
        *,
        code: str | None = None,
        field: str | None = "cluster",
        kept_out: tuple["KeptOut", ...] = (),
    ) -> None:
        super().__init__(sentence, code=code, field=field)
        self.kept_out = kept_out


class KeptOut(msgspec.Struct, frozen=True, omit_defaults=True):
    """A cluster that could not be it, and why. `figures` are for the platform's people alone."""

    cluster: str
    code: str
    sentence: str
    figures: str = ""


class Placed(msgspec.Struct, frozen=True, omit_defaults=True):
    """The cluster that was chosen, and why this one and none of the others."""

    cluster: str
    why: tuple[str, ...] = ()
    kept_out: tuple[KeptOut, ...] = ()
    others: str = ""  # how many more were out of the question, in a sentence
    figures: str = ""

    @property
    def sentences(self) -> tuple[str, ...]:
        """All of it, for people of any standing."""
        said = (*self.why, *(each.sentence for each in self.kept_out), self.others)
        return tuple(sentence for sentence in said if sentence)


def read(kept: object) -> Placed | None:
    """What a request keeps of it; None where it names its cluster itself."""
    return msgspec.convert(kept, Placed) if kept else None


def shown(placed: Placed, *, figures: bool) -> dict[str, object]:
    """As an answer; how much of a cluster is promised to all teams is not every team's to know."""
    if not figures:
        others = tuple(msgspec.structs.replace(each, figures="") for each in placed.kept_out)
        placed = msgspec.structs.replace(placed, figures="", kept_out=others)
    found: dict[str, object] = msgspec.to_builtins(placed)
    return found


def check_labels(labels: Mapping[str, str]) -> None:
    """Refuse labels that no cluster could carry, beside the field they were typed in."""
    if len(labels) > MOST_LABELS:
        raise DomainError(
            f"A request names at most {MOST_LABELS} labels of a cluster.",
            code="bad_labels",
            field="labels",
        )
    for word in (*labels.keys(), *labels.values()):
        if len(word) > LONGEST or not WORD.match(word.replace("/", "-", 1)):
            raise DomainError(
                f"{word[:LONGEST]!r} is no part of a label: letters, digits, dots, hyphens and "
                "underscores, as in region=eu.",
                code="bad_labels",
                field="labels",
            )


def written(labels: Mapping[str, str]) -> str:
    """`environment=prod and region=eu`."""
    pairs = [f"{key}={value}" for key, value in sorted(labels.items())]
    return " and ".join([", ".join(pairs[:-1]), pairs[-1]] if len(pairs) > 1 else pairs)
