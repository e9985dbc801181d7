"""Who makes pods in our benches: as many connections as wanted, each as fast as it is answered."""

import asyncio
import json
import ssl
import time
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlsplit

import httptools

MOST_SECONDS = 60.0  # for one answer


@dataclass(frozen=True)
class Target:
    """Where pods are made."""

    server: str
    context: ssl.SSLContext
    namespace: str

    def request(self, pod: dict[str, Any]) -> bytes:
        """One create, as it goes over the wire."""
        body = json.dumps(pod, separators=(",", ":")).encode()
        return (
            f"POST /api/v1/namespaces/{self.namespace}/pods HTTP/1.1\r\n"
            f"Host: {urlsplit(self.server).netloc}\r\nContent-Type: application/json\r\n"
            f"Accept: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode() + body


class Failed(Exception):
    """A create that was not taken, with what was said of it."""


@dataclass
class Made:
    """What the creators saw."""

    took: list[float] = field(default_factory=list)  # seconds of each that was made
    failed: list[str] = field(default_factory=list)


class Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._answered: asyncio.Future[None] | None = None
        self._transport: asyncio.WriteTransport | None = None
        self._body = b""

    async def call(self, request: bytes) -> None:
        """Send it and wait for its answer. Raises Failed."""
        if self._transport is None:
            raise Failed("nobody is at the other end")
        self._body = b""
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        async with asyncio.timeout(MOST_SECONDS):
            await self._answered
        if self._parser.get_status_code() != 201:
            raise Failed(self._body[:2000].decode())

    def hang_up(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop's is none by name

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(Failed(f"the connection ended: {exc}"))

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, part: bytes) -> None:
        self._body += part

    def on_message_complete(self) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(None)


async def dialled(target: Target) -> Connection:
    """A connection to the API server."""
    where = urlsplit(target.server)
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(
        Connection, where.hostname or "", where.port or 443, ssl=target.context
    )
    return connection


async def create(target: Target, pod: dict[str, Any], *, count: int, width: int) -> Made:
    """So many pods, `width` at a time."""
    request = target.request(pod)
    connections = [await dialled(target) for _ in range(width)]
    left, made = iter(range(count)), Made()

    async def one(connection: Connection) -> None:
        for _ in left:
            begun = time.perf_counter()
            try:
                await connection.call(request)
            except Failed as error:
                made.failed.append(str(error))
            else:
                made.took.append(time.perf_counter() - begun)

    try:
        async with asyncio.TaskGroup() as group:
            for connection in connections:
                group.create_task(one(connection))
    finally:
        for connection in connections:
            connection.hang_up()
    return made
