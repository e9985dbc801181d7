"""What has this process done so far? Counts and ages, written as Prometheus reads them."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

PREFIX = "argosy_admission"


@dataclass(slots=True)
class Tally:
    """Counted by the one thread that answers."""

    reviews: Counter[str] = field(default_factory=Counter)  # allowed, denied, reported
    refused: Counter[int] = field(default_factory=Counter)  # HTTP status of what was no review
    failures: int = 0  # our own mistakes, each of them a denial
    late: int = 0  # denied because the API server was about to give up
    seconds: float = 0.0

    def text(self, measured: Iterable[tuple[str, str, float]]) -> bytes:
        """The page of `/metrics`; `measured` are (name, what it is, value) of the moment."""
        lines = [*_family("reviews_total", "Reviews answered, by verdict.", "counter")]
        lines += [f'{PREFIX}_reviews_total{{verdict="{k}"}} {v}' for k, v in self.reviews.items()]
        lines += _family("refused_total", "Calls that were no review, by HTTP status.", "counter")
        lines += [f'{PREFIX}_refused_total{{status="{k}"}} {v}' for k, v in self.refused.items()]
        for name, said, value in (
            ("failures_total", "Denials by mistakes of our own.", self.failures),
            ("late_total", "Denials because time was nearly up.", self.late),
            ("seconds_total", "Time spent answering reviews.", self.seconds),
        ):
            lines += [*_family(name, said, "counter"), f"{PREFIX}_{name} {value:.10g}"]
        for name, said, value in measured:
            lines += [*_family(name, said, "gauge"), f"{PREFIX}_{name} {value:.10g}"]
        return "\n".join([*lines, ""]).encode()


def _family(name: str, said: str, kind: str) -> list[str]:
    return [f"# HELP {PREFIX}_{name} {said}", f"# TYPE {PREFIX}_{name} {kind}"]
