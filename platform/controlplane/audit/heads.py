"""Where the chain ends, told elsewhere: who cuts its tail, or writes all of it anew, cannot cut that too."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import httpx
import orjson
from django.conf import settings

logger = logging.getLogger(__name__)

SECONDS = 5.0
DIGEST_LENGTH = 64
OF_SHA256 = frozenset("0123456789abcdef")


class NotAHead(ValueError):
    """The sentence says what cannot be read as a head."""


@dataclass(frozen=True)
class Head:
    """The newest seal at some time."""

    number: int
    digest: str
    at: datetime | None = None

    def __str__(self) -> str:
        return f"{self.number}:{self.digest}"


# To where this process told which head last: what could not be told is told with the next one, or again.
_told: dict[str, int] = {}


def tell(head: Head) -> bool:
    """Write the head to the log, and to the file and the webhook that are set. False: not everywhere.

    A receiver that is away holds nobody up: a later head says all that an earlier one did.
    """
    ways = {"log": _log, "file": _append, "webhook": _post}
    # Each is told, whatever became of the one before it.
    done = [_tell(name, way, head) for name, way in ways.items()]
    return all(done)


def _tell(name: str, way: Callable[[Head], None], head: Head) -> bool:
    if _told.get(name, 0) >= head.number:
        return True
    try:
        way(head)
    except (OSError, httpx.HTTPError, httpx.InvalidURL) as exc:
        # Not the address: it may carry what lets us in there.
        logger.warning("the audit's head %s is not in the %s: %s", head, name, type(exc).__name__)
        return False
    _told[name] = head.number
    return True


def read(text: str) -> Iterator[Head]:
    """The heads of a file, or of log lines: whatever has `number:digest` or is what `tell` appended."""
    for line in text.splitlines():
        if line.strip():
            yield _from_json(line) if line.lstrip().startswith("{") else parse(line.split()[-1])


def parse(word: str) -> Head:
    """A head as `12:9f2c…`."""
    number, _, digest = word.partition(":")
    if not number.isdigit() or len(digest) != DIGEST_LENGTH or set(digest) - OF_SHA256:
        raise NotAHead(
            f"{word[:80]!r} is no head: one looks like 12:9f2c…, with 64 hexadecimal digits."
        )
    return Head(int(number), digest)


def _from_json(line: str) -> Head:
    try:
        said = orjson.loads(line)
        return parse(f"{said['number']}:{said['digest']}")
    except (ValueError, KeyError, TypeError) as exc:
        raise NotAHead(f"{line[:80]!r} is no head.") from exc


def _log(head: Head) -> None:
    logger.info("audit head %s", head)


def _append(head: Head) -> None:
    if not settings.AUDIT_HEADS_FILE:
        return
    with Path(settings.AUDIT_HEADS_FILE).open("ab") as file:
        file.write(_document(head) + b"\n")


def _post(head: Head) -> None:
    if not settings.AUDIT_WEBHOOK:
        return
    answer = httpx.post(
        settings.AUDIT_WEBHOOK,
        content=_document(head),
        headers={"Content-Type": "application/json"},
        timeout=SECONDS,
    )
    answer.raise_for_status()


def _document(head: Head) -> bytes:
    return orjson.dumps({"number": head.number, "digest": head.digest, "at": head.at})
