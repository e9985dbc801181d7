"""What goes wrong with a local cluster, said in one sentence that names the way out."""

from pathlib import Path

SHOWN_LINES = 8
READ_BYTES = 16_384


class LocalClusterError(Exception):
    """A failure a person can act on; `str()` is the whole story, log lines included."""


def last_lines(log: Path, *, since: int = 0) -> str:
    """The end of `log`, indented for an error message; only what came after byte `since`."""
    try:
        with log.open("rb") as lines:
            size = lines.seek(0, 2)
            lines.seek(max(since, size - READ_BYTES, 0))
            text = lines.read().decode(errors="replace")
    except OSError:
        return ""
    kept = [line.rstrip()[:400] for line in text.splitlines() if line.strip()][-SHOWN_LINES:]
    return "".join(f"\n    {line}" for line in kept)
