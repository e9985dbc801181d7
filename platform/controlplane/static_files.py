"""Serving styles and scripts, compressed once at the start: less than a third goes over the wire."""

import gzip
import hashlib
import os
import re
from pathlib import Path

from django.conf import settings
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile

WORTH_IT = (".js", ".css", ".svg")
SMALLEST = 1_000  # bytes; less fits in a packet anyway
ACCEPTS = re.compile(r"\bgzip\b")


class Compressed(WhiteNoiseMiddleware):  # type: ignore[misc]  # it ships no types
    """WhiteNoise, which has for each such file a compressed one in the platform's own folder."""

    def get_static_file(
        self, path: str, url: str, stat_cache: dict[str, os.stat_result] | None = None
    ) -> StaticFile:
        """The file as it is served: with its compressed twin before it, unless it brings its own."""
        found: StaticFile = super().get_static_file(path, url, stat_cache)
        plain = found.alternatives[-1]
        size = int(dict(plain[2])["Content-Length"])
        if len(found.alternatives) > 1 or not path.endswith(WORTH_IT) or size < SMALLEST:
            return found
        twin = twin_of(Path(path))
        kept = [(name, value) for name, value in plain[2] if name != "Content-Length"]
        vary = ("Vary", "Accept-Encoding")
        small = [*kept, vary, ("Content-Encoding", "gzip"), _length(twin.stat().st_size)]
        found.alternatives = [
            (ACCEPTS, str(twin), small),
            (plain[0], plain[1], [*kept, vary, _length(size)]),
        ]
        return found


def _length(size: int) -> tuple[str, str]:
    return "Content-Length", str(size)


def twin_of(path: Path) -> Path:
    """The compressed file, made if it is not there yet. Its name is what it holds."""
    content = path.read_bytes()
    name = hashlib.sha256(content).hexdigest()
    twin = Path(settings.STATIC_ROOT) / "compressed" / f"{name}.gz"
    if not twin.is_file():
        twin.parent.mkdir(parents=True, exist_ok=True)
        half = twin.with_suffix(f".{os.getpid()}")
        half.write_bytes(gzip.compress(content, mtime=0))
        half.replace(twin)
    return twin
