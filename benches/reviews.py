"""What API servers ask in our benches: bodies as Go writes them, and callers that count."""

import asyncio
import json
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

DIGEST = "sha256:" + "a" * 64
IDLE = 25  # connections an API server keeps for one webhook


def image(team: int, name: str = "api", digest: str = DIGEST) -> str:
    return f"harbor.acme.test/team-{team:03}/{name}@{digest}"


def container(of: str, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "image": of,
        "command": ["sh", "-c", 'echo "$STEP" > /tmp/step && exec run <input.json'],
        "env": [{"name": f"SETTING_{i}", "value": f"value of {i}"} for i in range(8)],
        "resources": {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "100m"}},
        "volumeMounts": [{"name": "token", "mountPath": "/var/run/secrets/token"}],
    }


def pod(team: int, of: str | None = None) -> bytes:
    """3 containers, a projected volume, managedFields: some 4.5 KB."""
    containers = [container(of or image(team), f"c{i}") for i in range(3)]
    fields = {f'k:{{"name":"c{i}"}}': {".": {}, "f:image": {}, "f:env": {}} for i in range(3)}
    manifest = {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {
            "generateName": "step-",
            "namespace": f"team-{team:03}",
            "labels": {"app": "step", "workflows.argoproj.io/workflow": "nightly"},
            "managedFields": [
                {"manager": "argo", "fieldsV1": {"f:spec": {"f:containers": fields}}},
            ],
        },
        "spec": {
            "containers": containers,
            "volumes": [{"name": "token", "projected": {"sources": [{"serviceAccountToken": {}}]}}],
        },
    }
    return review(team, manifest, ("", "v1", "Pod"))


def workflow(team: int, of: str | None = None) -> bytes:
    """36 templates, 44 images, 60 KB."""
    templates = []
    for i in range(36):
        template: dict[str, Any] = {
            "name": f"t{i}",
            "container": container(of or image(team), "main"),
        }
        if i < 8:
            template["sidecars"] = [container(of or image(team), "beside")]
        template["inputs"] = {
            "parameters": [{"name": f"p{j}", "value": "x" * 60} for j in range(8)]
        }
        templates.append(template)
    manifest = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "nightly", "namespace": f"team-{team:03}"},
        "spec": {"entrypoint": "t0", "templates": templates},
    }
    return review(team, manifest, ("argoproj.io", "v1alpha1", "Workflow"))


def review(team: int, manifest: dict[str, Any], kind: tuple[str, str, str]) -> bytes:
    known = dict(zip(("group", "version", "kind"), kind, strict=True))
    request = {
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
        "kind": known,
        "requestKind": known,
        "namespace": f"team-{team:03}",
        "operation": "CREATE",
        "userInfo": {
            "username": "system:serviceaccount:argo:argo",
            "groups": ["system:authenticated"],
        },
        "object": manifest,
        "oldObject": None,
        "dryRun": False,
        "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
    }
    values = {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request}
    text = json.dumps(values, separators=(",", ":"))
    for sign, escape in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(sign, escape)
    return text.encode() + b"\n"


@dataclass
class Count:
    """What callers saw."""

    answered: int = 0
    denied: int = 0
    dialled: int = 0
    seconds: list[float] = field(default_factory=list)


class Caller:
    """One connection at a time, as Go's client holds it."""

    def __init__(self, port: int, context: ssl.SSLContext, count: Count) -> None:
        self._port, self._context, self._count = port, context, count
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def call(self, body: bytes) -> bytes:
        if self._streams is None:
            self._streams = await asyncio.open_connection(
                "127.0.0.1", self._port, ssl=self._context
            )
            self._count.dialled += 1
        reader, writer = self._streams
        writer.write(
            b"POST /review?timeout=3s HTTP/1.1\r\nHost: webhook\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        said = await reader.readexactly(length)
        if not head.startswith(b"HTTP/1.1 200") or b'"uid":' not in said:
            raise AssertionError((head, said))
        self._count.answered += 1
        self._count.denied += b'"allowed":false' in said
        return said

    async def hang_up(self) -> None:
        if self._streams is not None:
            writer = self._streams[1]
            self._streams = None
            writer.close()
            await writer.wait_closed()


async def closed_loop(
    port: int,
    context: ssl.SSLContext,
    bodies: Sequence[bytes],
    *,
    calls: int,
    redial: int,
    width: int,
) -> Count:
    """So many calls, `width` at a time; each connection is dialled anew after `redial` calls."""
    count = Count()
    left = iter(range(calls))

    async def one() -> None:
        caller = Caller(port, context, count)
        for number in left:
            await caller.call(bodies[number % len(bodies)])
            if number % redial == 0:
                await caller.hang_up()
        await caller.hang_up()

    await asyncio.gather(*(one() for _ in range(width)))
    return count


async def open_loop(
    port: int,
    context: ssl.SSLContext,
    body: bytes,
    *,
    rate: int,
    seconds: float,
    width: int,
    burst: bool,
    clock: Callable[[], float] = time.perf_counter,
) -> Count:
    """`rate` calls a second, whatever the answers do.

    The `width` connections fire evenly one after the other, or (`burst`) almost together: then the
    last of them waits for all others. A call's time begins when it was due, so that a server that
    stalls cannot hide it.
    """
    count = Count()
    pause = width / rate
    begun = clock() + 0.2

    async def one(index: int) -> None:
        caller = Caller(port, context, count)
        await caller.call(body)
        for turn in range(int(seconds / pause)):
            due = begun + turn * pause + index * (0.0001 if burst else pause / width)
            await asyncio.sleep(max(0.0, due - clock()))
            await caller.call(body)
            count.seconds.append(clock() - due)
        await caller.hang_up()

    await asyncio.gather(*(one(i) for i in range(width)))
    return count
