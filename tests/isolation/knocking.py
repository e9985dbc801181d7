"""Making one call as somebody, and what is to be known of its answer."""

import copy
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.core.cache import cache
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from controlplane.identity.models import User

from .endpoints import Endpoint
from .roles import Answer, meaning
from .rules import Rule
from .world import Side, World

WRITES = re.compile(r'^\s*(INSERT INTO|UPDATE|DELETE FROM)\s+"?(\w+)', re.IGNORECASE)
# What is kept of who comes and goes, and of what was denied: no thing of anybody's.
OF_THE_DOOR = re.compile(r"^(django_session|axes_\w+|audit_\w+|django_admin_log)$")
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Seen:
    """An answer: what it means, what it says, and what was written for it."""

    status: int
    answer: Answer
    body: str
    written: frozenset[str]  # tables
    asked: tuple[str, ...]  # of the cluster

    def about(self, side: Side, url: str) -> tuple[int, str]:
        """The answer without the names and the numbers that it was asked by."""
        said = self.body.replace(url, "").replace(side.word, "").replace(side.word.title(), "")
        return self.status, re.sub(r"[0-9]+|csrfmiddlewaretoken\" value=\"\w+", "", said)


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
    content, kind = _content(endpoint, body)
    with _undone(world), CaptureQueriesContext(connection) as queries:
        answer = world.client(user).generic(endpoint.method, url, content, content_type=kind)
        said = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
        asked = tuple(world.fake.calls)
    tables = (found[2] for q in queries if (found := WRITES.match(q["sql"])))
    return Seen(
        status=answer.status_code,
        answer=meaning(answer.status_code, answer.headers.get("Location", "")),
        body=said.decode("utf-8", "replace"),
        written=frozenset(table for table in tables if not OF_THE_DOOR.match(table)),
        asked=asked,
    )


def _content(endpoint: Endpoint, body: Mapping[str, Any]) -> tuple[str | bytes, str]:
    if not endpoint.writes:
        return b"", FORM
    if endpoint.of_the_api:
        from orjson import dumps

        return dumps(dict(body)), "application/json"
    return urlencode(body, doseq=True), FORM


@contextmanager
def _undone(world: World) -> Iterator[None]:
    """The rows and the cluster are afterwards as before."""
    cache.clear()  # nobody is throttled for what others tried
    kept = copy.deepcopy(world.fake.objects)
    world.fake.calls.clear()
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
    world.fake.objects = kept
