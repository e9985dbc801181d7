"""Talking to the platform as any client does: its REST API, a token, a deadline."""

import hashlib
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson

from controlplane.environment import folder
from controlplane.processes import background

from .waiting import waiting

SECONDS = 60.0  # a plan asks the cluster about every object
URL = "http://127.0.0.1:8080"
LOOPBACK = {"127.0.0.1", "localhost", "::1"}

Answer = dict[str, Any]


class ApiError(Exception):
    """The platform said no (exit code 1), or did not answer (3)."""

    def __init__(self, sentence: str, *, code: str = "refused", exit_code: int = 1) -> None:
        super().__init__(sentence)
        self.code = code
        self.exit_code = exit_code


@dataclass(frozen=True)
class Client:
    """One platform, as one person."""

    url: str
    token: str = ""

    def get(self, path: str, **query: str | list[str]) -> Answer:
        """One document."""
        return self._call("GET", path, query=query)

    def standstill(self) -> str:
        """Why the platform does no work, in its own words; '' if it is at work."""
        try:
            answer = httpx.get(
                f"{self.url}/readyz",
                timeout=SECONDS,
                **self._way(),
            )
        except (httpx.HTTPError, httpx.InvalidURL, ValueError):
            return ""  # it is a hint: whoever asks has had an answer, or been told why not
        return answer.text if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE else ""

    def every(self, path: str, **query: str) -> list[Answer]:
        """A whole list, page after page."""
        found: list[Answer] = []
        page = 1
        while True:
            answer = self.get(path, page=str(page), page_size="500", **query)
            found += answer["results"]
            if not answer["next"]:
                return found
            page += 1

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        """Ask for something to be made or done."""
        return self._call("POST", path, body=body or {})

    def patch(self, path: str, body: Mapping[str, Any]) -> Answer:
        """Change what is named, and leave the rest."""
        return self._call("PATCH", path, body=body)

    def delete(self, path: str) -> None:
        """Ask for something to end."""
        self._call("DELETE", path)

    def mark(self) -> str:
        """A short word that is another for another platform or another sign-in, and tells neither."""
        return hashlib.sha256(f"{self.url} {self.token}".encode()).hexdigest()[:16]

    def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | list[str]] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Answer:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            with waiting(self.url, at_most=SECONDS):
                response = httpx.request(
                    method,
                    f"{self.url}/api/v1/{path}",
                    params=query,
                    json=body,
                    headers=headers,
                    timeout=SECONDS,
                    **self._way(),
                )
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as exc:
            raise ApiError(
                f"The platform at {self.url} does not answer ({exc}). Start it with `make demo` or "
                "`argosy up`, or name another, with its http:// or https://, by --url or ARGOSY_URL.",
                code="unreachable",
                exit_code=3,
            ) from exc
        return _document(response, self.url)

    def _way(self) -> dict[str, Any]:
        """Whom to believe, and whether by a proxy: what answers on this machine is never behind one."""
        elsewhere = urlsplit(self.url).hostname not in LOOPBACK
        return {"trust_env": elsewhere, "verify": _authorities(elsewhere)}


@cache
def _authorities(elsewhere: bool) -> ssl.SSLContext:
    """All that this machine believes, read once a command: it takes longer than a call."""
    return httpx.create_ssl_context(trust_env=elsewhere)


def signed_in() -> Client:
    """The client of the last `argosy login`, or of ARGOSY_URL and ARGOSY_TOKEN."""
    kept: dict[str, str] = {}
    if kept_file().is_file():
        kept = orjson.loads(kept_file().read_bytes())
    url = os.environ.get("ARGOSY_URL") or kept.get("url") or known_url()
    token = os.environ.get("ARGOSY_TOKEN")
    if not token and kept:
        if url != kept["url"]:  # a token is for the platform that gave it, and shown to no other
            raise ApiError(
                f"You are signed in to {kept['url']}, not to {url}: run `argosy login --url {url}`, "
                "or set ARGOSY_TOKEN."
            )
        token = kept["token"]
    if not token:
        raise ApiError(
            "You are not signed in: run `argosy login`, or set ARGOSY_TOKEN. "
            f"(Nothing is kept in {kept_file().parent}; ARGOSY_HOME names another folder.)"
        )
    return Client(url, token)


def known_url() -> str:
    """The platform of this home, where it answers in the background; else where `argosy up` would."""
    return os.environ.get("ARGOSY_URL") or background.address() or URL


def kept_file() -> Path:
    """Where the last sign-in is kept, for its owner only."""
    return folder("ARGOSY_HOME", default=".argosy") / "cli.json"


def keep(client: Client) -> None:
    """Remember a sign-in."""
    kept_file().parent.mkdir(parents=True, exist_ok=True)
    kept_file().touch(mode=0o600)
    kept_file().write_bytes(orjson.dumps({"url": client.url, "token": client.token}))


def _document(response: httpx.Response, url: str) -> Answer:
    if response.status_code == httpx.codes.NO_CONTENT:
        return {}
    try:
        document: Answer = response.json()
    except ValueError as exc:
        raise ApiError(f"{url} is no Argosy: it answered {response.status_code}.") from exc
    if response.is_error:
        error = document.get("error") or {}
        raise ApiError(
            error.get("sentence", f"HTTP {response.status_code}"), code=error.get("code", "refused")
        )
    return document
