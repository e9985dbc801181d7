"""Somebody who opens everything they can find, and keeps every answer."""

import json
import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import urldefrag, urljoin, urlsplit

import httpx

from .places import Texts

LINK = re.compile(r'(?:href|hx-get)="([^"]+)"')
PARAMETER = re.compile(r"\{\w+\}")
MOST_PAGES, MOST_OF_A_LIST = 200, 6
SECONDS = 60
LEFT_OUT = ("/static/", "/sign-out/", "/sign-in/provider/")


class Visitor:
    """A browser and a terminal of one person; or of nobody, who has no name."""

    def __init__(self, url: str, name: str = "") -> None:
        self.name = name or "nobody"
        self.answers: Texts = {}
        self.broken: list[str] = []  # what answered that it was its own mistake
        self._url = url
        self._client = httpx.Client(
            base_url=url,
            timeout=SECONDS,
            trust_env=False,
            follow_redirects=True,
            event_hooks={"response": [self._keep]},
        )

    def close(self) -> None:
        self._client.close()

    def sign_in(self, password: str, *, name: str = "") -> httpx.Response:
        """By the form."""
        who = {"username": name or self.name, "password": password}
        return self.send("/sign-in/", who)

    def sign_in_by_the_provider(self) -> httpx.Response:
        return self._client.get("/sign-in/provider/")

    def send(self, path: str, form: dict[str, str]) -> httpx.Response:
        """A page's form, with what keeps others from sending it."""
        if "csrftoken" not in self._client.cookies:
            self._client.get("/sign-in/")
        hidden = {"csrfmiddlewaretoken": self._client.cookies["csrftoken"]}
        return self._client.post(path, data=hidden | form, headers={"Referer": self._url})

    def ask(self, method: str, path: str, body: Any = None, **how: Any) -> httpx.Response:
        """The API, by the session of the browser."""
        said = {"X-CSRFToken": self._client.cookies.get("csrftoken", ""), "Referer": self._url}
        kind = {"Content-Type": "application/json"}
        content = {} if body is None else {"content": json.dumps(body)}
        return self._client.request(
            method, f"/api/v1/{path}", headers=said | kind, **(content | how)
        )

    def see_every_page(self, start: str = "/") -> None:
        """From link to link; each address once, but of secrets' own with each thing that it can be asked."""
        waiting, known = [start], {start}
        while waiting and len(known) < MOST_PAGES:
            page = self._client.get(waiting.pop(0))
            for link in _links(page):
                path = urlsplit(link).path
                address = link if "/secrets/" in path else path
                if address not in known and not path.startswith(LEFT_OUT):
                    known.add(address)
                    waiting.append(link)

    def see_the_whole_api(self, paths: list[str]) -> None:
        for path in paths:
            self._client.get(path)

    def _keep(self, response: httpx.Response) -> None:
        response.read()
        where = f"{self.name}: {response.status_code} {response.request.method} {response.url}"
        if response.is_server_error:
            self.broken.append(where)
        head = repr(response.headers.multi_items()).encode()
        if str(response.url).startswith(self._url):
            self.answers[f"{len(self.answers)} {where}"] = head + b"\n" + response.content


def paths_to_read(visitor: Visitor) -> list[str]:
    """Every address of the API that is read, filled with the numbers of what there is, as who sees all."""
    said = visitor.ask("GET", "schema/", params={"format": "json"}).json()
    readable = sorted(path for path, acts in said["paths"].items() if "get" in acts)
    return [filled for path in readable for filled in _filled(visitor, path)]


def _filled(visitor: Visitor, path: str) -> Iterator[str]:
    """One without a name of its own, or one for each of the first things in the list before it."""
    found = PARAMETER.search(path)
    if found is None:
        yield path
        return
    for name in _names(visitor, path[: found.start()]):
        yield PARAMETER.sub("nothing", path[: found.start()] + name + path[found.end() :])


def _names(visitor: Visitor, collection: str) -> list[str]:
    answer = visitor.ask("GET", collection.removeprefix("/api/v1/"))
    said = answer.json() if answer.is_success else {}
    rows = said.get("results", []) if isinstance(said, dict) else []
    return [str(row.get("id") or row.get("name")) for row in rows[:MOST_OF_A_LIST]] or ["nothing"]


def _links(page: httpx.Response) -> Iterator[str]:
    if "text/html" not in page.headers.get("Content-Type", ""):
        return
    for text in LINK.findall(page.text):
        link = urldefrag(urljoin(str(page.url), unescape(text))).url
        if urlsplit(link).netloc == urlsplit(str(page.url)).netloc:
            yield link
