"""The platform, as an agent speaks to it: HTTPS, one token, answers of bounded size, our errors only."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3
from urllib3.util import Timeout

from controlplane.errors import DomainError
from controlplane.policies.bundle import LARGEST

SECONDS = Timeout(connect=5.0, read=20.0)
SMALL = 64 * 1024
OK, NOT_MODIFIED = range(200, 300), 304
WHO_ARE_YOU = {401, 403}
NEVER = {400, 404, 405, 413, 415, 422}
LONGEST = 300


class Away(DomainError):
    """It did not answer, or not as itself: try again later."""

    code = "platform_away"


class NotLetIn(Away):
    """It does not know our token."""

    code = "token_refused"


class Unwanted(DomainError):
    """It understood, and will never take this."""

    code = "unwanted"


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and what came with it."""

    status: int
    etag: str
    body: bytes


class Platform:
    """The calls of an agent. Raises Away or Unwanted, and nothing else."""

    def __init__(self, url: str, token_file: Path, *, authority: Path | None = None) -> None:
        self._url = url.rstrip("/")
        self._token_file = token_file
        self._pool = urllib3.PoolManager(
            retries=False,
            timeout=SECONDS,
            ca_certs=str(authority) if authority else None,
            maxsize=2,
        )

    def bundle(self, etag: str) -> Answer | None:
        """The newest sealed bundle; None if it is the one of that tag."""
        headers = {"If-None-Match": etag} if etag else {}
        answer = self._call("GET", "bundle/", headers=headers, most=LARGEST)
        return None if answer.status == NOT_MODIFIED else answer

    def facts(self, since: int) -> bytes:
        """The sealed list of what was verified after that version."""
        return self._call("GET", f"facts/?since={since}", most=LARGEST).body

    def post(self, body: bytes) -> None:
        """Tell it what was seen. Told twice is told once."""
        self._call("POST", "sightings/", body=body)

    def _call(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
        most: int = SMALL,
    ) -> Answer:
        url = f"{self._url}/api/v1/agents/{path}"
        try:
            # Read at each call: who rotates it only writes the file.
            token = self._token_file.read_text(encoding="utf-8").strip()
            sent = {"Authorization": f"Bearer {token}", **(headers or {})}
            if body is not None:
                sent["Content-Type"] = "application/json"
            # A redirect would take the token to somebody else.
            response = self._pool.request(
                method, url, body=body, headers=sent, redirect=False, preload_content=False
            )
            try:
                content = response.read(most + 1, decode_content=True)
            finally:
                response.release_conn()
        except OSError as error:
            raise Away(_not_read(error)) from error
        except urllib3.exceptions.HTTPError as error:
            raise Away(f"The platform does not answer at {self._url}: {_short(error)}.") from error
        answer = Answer(response.status, response.headers.get("ETag", ""), content)
        return self._understood(answer, most)

    def _understood(self, answer: Answer, most: int) -> Answer:
        if answer.status in WHO_ARE_YOU:
            raise NotLetIn(
                f"The platform does not know this agent's token ({answer.status}); have a new one made, "
                f"and put it into {self._token_file}."
            )
        if answer.status in NEVER:
            raise Unwanted(f"The platform refuses it ({answer.status}): {_said(answer.body)}")
        if answer.status not in OK and answer.status != NOT_MODIFIED:
            raise Away(f"The platform answers {answer.status} at {self._url}.")
        if len(answer.body) > most:
            raise Away(f"The platform's answer is larger than {most // 1024} KiB; it is not read.")
        return answer


def _not_read(error: OSError) -> str:
    if error.filename:
        return f"{error.filename} cannot be read: {error.strerror}."
    return f"The platform does not answer: {error.strerror or error}."


def _short(error: Exception) -> str:
    """The cause without urllib3's wrapping of addresses of Python objects."""
    return str(error).rsplit(">: ", maxsplit=1)[-1].rsplit("): ", maxsplit=1)[-1]


def _said(body: bytes) -> str:
    """What a refusal says, as far as a log needs it."""
    try:
        values: Any = json.loads(body)
    except ValueError:
        values = body.decode(errors="replace")
    return str(values)[:LONGEST]
