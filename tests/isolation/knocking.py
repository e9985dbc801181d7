"""Making one call as somebody, and what is to be known of its answer."""

import pickle
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

import orjson
from django.core.cache import cache
from django.db import connection, transaction

from controlplane.identity.models import User

from .endpoints import Endpoint
from .roles import Answer, meaning
from .rules import Rule
from .world import SHORES, Side, World

Execute = Callable[..., Any]
WRITES = re.compile(r'^\s*(INSERT INTO|UPDATE|DELETE FROM)\s+"?(\w+)', re.IGNORECASE)
# What is kept of who comes and goes, and of what was denied: no thing of anybody's.
OF_THE_DOOR = re.compile(r"^(django_session|axes_\w+|audit_\w+|django_admin_log)$")
# Numbers, what a request is known by, and a form's token, which is another one on every page.
CHANGING = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b[0-9a-f]{32}\b|[0-9]+"
    r'|csrfmiddlewaretoken" value="\w+|"X-CSRFToken": "\w+"'
)
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Seen:
    """An answer: what it means, what it says, and what was written for it."""

    status: int
    answer: Answer
    body: str
    written: frozenset[str]  # tables
    asked: tuple[str, ...]  # of the cluster
    headers: Mapping[str, str]
    cookies: tuple[str, ...]

    def about(self, side: Side, url: str) -> tuple[int, str]:
        """The answer without the names and the numbers that it was asked by."""
        said = self.body
        names = (url, str(side.violation.same), side.word, side.word.title(), *SHORES)
        for name in names:
            said = said.replace(name, "")
        return self.status, CHANGING.sub("", said)


def knock(world: World, user: User | None, endpoint: Endpoint, rule: Rule, side: Side) -> Seen:
    """The call that the rule says, as this person, at that side's thing. All is undone afterwards."""
    url = rule.address(endpoint, side)
    return call(world, user, endpoint, url, query=rule.query(side), body=rule.body(side))


def call(
    world: World,
    user: User | None,
    endpoint: Endpoint,
    url: str,
    *,
    query: Mapping[str, Any],
    body: Mapping[str, Any],
) -> Seen:
    """Any call of an endpoint."""
    if query:
        url = f"{url}?{urlencode(query, doseq=True)}"
    content, kind = content_of(endpoint, body)
    written: set[str] = set()
    with undone(world, written):
        answer = world.client(user).generic(endpoint.method, url, content, content_type=kind)
        said = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
        asked = tuple(world.fake.calls)
    return Seen(
        status=answer.status_code,
        answer=meaning(answer.status_code, answer.headers.get("Location", "")),
        body=said.decode("utf-8", "replace"),
        written=frozenset(written),
        asked=asked,
        headers=answer.headers,
        cookies=tuple(answer.cookies),
    )


def _noted(written: set[str], execute: Execute, sql: str, *rest: Any) -> Any:
    """Which tables are written to, beside what is done."""
    found = WRITES.match(sql)
    if found and not OF_THE_DOOR.match(found[2]):
        written.add(found[2])
    return execute(sql, *rest)


def content_of(endpoint: Endpoint, body: Mapping[str, Any]) -> tuple[str | bytes, str]:
    """What is sent, and as what."""
    if not endpoint.writes:
        return b"", FORM
    if endpoint.of_the_api:
        return orjson.dumps(dict(body)), "application/json"
    return urlencode(body, doseq=True), FORM


@contextmanager
def undone(world: World, written: set[str]) -> Iterator[None]:
    """The rows and the cluster are afterwards as before; notes which tables were written to meanwhile."""
    cache.clear()  # nobody is throttled for what others tried
    kept = pickle.dumps(world.fake.objects)  # a copy of it all, a tenth of a call's time otherwise
    world.fake.calls.clear()
    with transaction.atomic():
        with connection.execute_wrapper(partial(_noted, written)):
            yield
        transaction.set_rollback(True)
    world.fake.objects = pickle.loads(kept)
