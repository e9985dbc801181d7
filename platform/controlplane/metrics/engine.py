"""Asking an engine that speaks the Prometheus API: bounded answers in time, and its absence as a value.

An engine that is down is a fact to be shown beside everything else, not an error of whoever looks: so
what comes back is series, or `Down` with its reason and since when.
"""

import math
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
from django.conf import settings

MIB = 2**20
CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 8.0  # for a whole answer, however steadily it trickles
MOST_BYTES = 8 * MIB
MOST_SERIES = 2000
STREAM_BYTES = 65_536
HTTP_OK = 200
FIELDS = 2  # of a sample: when, and how much


@dataclass(frozen=True)
class Series:
    """One line of an answer: its labels, and its points as (unix seconds, value)."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Down:
    """No answer: why, and since when nobody of this process has had one."""

    why: str
    since: datetime | None = None


Found = tuple[Series, ...]


class Engine:
    """One engine. Safe to share between threads."""

    def __init__(
        self,
        url: str,
        *,
        token: str = "",
        seconds: float = ANSWER_SECONDS,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.url = url.rstrip("/")
        self._seconds, self._most_bytes = seconds, most_bytes
        # Not by the machine's proxy: it is ours, and nobody between has to know what is asked.
        self._http = httpx.Client(
            headers=headers,
            timeout=httpx.Timeout(seconds, connect=CONNECT_SECONDS),
            trust_env=False,
        )
        self._lock = threading.Lock()
        self._down_since: datetime | None = None

    def instant(self, expression: str, *, at: datetime) -> Found | Down:
        """The series now, a point each."""
        return self._asked("query", {"query": expression, "time": f"{at.timestamp():.3f}"})

    def over(self, expression: str, *, start: datetime, end: datetime, step: int) -> Found | Down:
        """The series from `start` to `end`, a point every `step` seconds."""
        asked = {
            "query": expression,
            "start": f"{start.timestamp():.3f}",
            "end": f"{end.timestamp():.3f}",
            "step": str(step),
        }
        return self._asked("query_range", asked)

    def ready(self) -> Down | None:
        """None if it answers and has read what it keeps."""
        try:
            answer = self._http.get(f"{self.url}/-/ready")
        except httpx.HTTPError as exc:
            return self._down(_reason(exc))
        if answer.status_code != HTTP_OK:
            return self._down(f"it is not ready yet (HTTP {answer.status_code})")
        self._up()
        return None

    def close(self) -> None:
        """Leave it."""
        self._http.close()

    def _asked(self, what: str, form: Mapping[str, str]) -> Found | Down:
        form = {**form, "timeout": f"{self._seconds:.0f}s", "limit": str(MOST_SERIES)}
        try:
            raw = self._read(f"{self.url}/api/v1/{what}", form)
            found = _series(orjson.loads(raw))
        except httpx.HTTPError as exc:
            return self._down(_reason(exc))
        except (_Refused, orjson.JSONDecodeError, KeyError, TypeError, ValueError) as exc:
            return self._down(f"it does not answer as an engine does: {exc}")
        self._up()
        return found

    def _read(self, url: str, form: Mapping[str, str]) -> bytes:
        until = time.monotonic() + self._seconds
        pieces: list[bytes] = []
        size = 0
        with self._http.stream("POST", url, data=form) as answer:
            for piece in answer.iter_bytes(STREAM_BYTES):
                pieces.append(piece)
                size += len(piece)
                if size > self._most_bytes:
                    raise _Refused(f"more than {self._most_bytes // 1024} KiB are not read")
                if time.monotonic() > until:
                    raise _Refused(f"it did not end within {self._seconds:.0f} s")
        return b"".join(pieces)

    def _up(self) -> None:
        with self._lock:
            self._down_since = None

    def _down(self, why: str) -> Down:
        with self._lock:
            self._down_since = self._down_since or datetime.now(UTC)
            return Down(f"The metrics engine does not answer: {why}.", self._down_since)


class _Refused(Exception):
    """An answer that is not taken."""


def address_file() -> Path:
    """Where the embedded engine's address is written while it runs."""
    return Path(settings.HOME) / "metrics" / "engine.url"


def reason_file() -> Path:
    """Where it is written why the embedded engine is not there."""
    return Path(settings.HOME) / "metrics" / "engine.why"


_known: dict[tuple[str, str], Engine] = {}
_opening = threading.Lock()


def current() -> Engine | Down:
    """The engine there is: the one that is set, else the one that `argosy up` started."""
    url, token = str(settings.METRICS_URL), str(settings.METRICS_ENGINE_TOKEN)
    if not url:
        try:
            url, token = address_file().read_text(encoding="utf-8").strip(), ""
        except FileNotFoundError:
            return Down(_absence())
    with _opening:
        if (url, token) not in _known:
            _known[url, token] = Engine(url, token=token)
        return _known[url, token]


def _absence() -> str:
    try:
        return reason_file().read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return "No metrics engine runs: `argosy up` starts one, or ARGOSY_METRICS_URL names one."


def _reason(exc: httpx.HTTPError) -> str:
    if isinstance(exc, httpx.TimeoutException):
        return "it took too long"
    if isinstance(exc, httpx.ConnectError):
        return "nobody listens there"
    return f"{type(exc).__name__} while it was asked"


def _series(answer: Any) -> Found:
    if answer["status"] != "success":
        raise _Refused(str(answer.get("error", answer["status"]))[:300])
    data = answer["data"]
    rows = data["result"]
    if len(rows) > MOST_SERIES:
        raise _Refused(f"more than {MOST_SERIES} series are not read")
    return tuple(Series(dict(row["metric"]), _points(row)) for row in rows)


def _points(row: Any) -> tuple[tuple[float, float], ...]:
    pairs = row["values"] if "values" in row else [row["value"]]
    points = ((float(pair[0]), float(pair[1])) for pair in pairs if len(pair) == FIELDS)
    # No number is no point: a gap is drawn, not a nought.
    return tuple(point for point in points if math.isfinite(point[1]))
