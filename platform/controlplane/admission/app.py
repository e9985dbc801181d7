"""Who answers the API server? One ASGI function: may this object be written here?

`POST /review` is the webhook; `/readyz`, `/livez` and `/metrics` are for whoever runs it. Whatever
goes wrong in here is a denial in the API server's own words, never an admission.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from controlplane.policies.decide import decide
from controlplane.policies.folding import clipped, same_of
from controlplane.policies.patches import Check, nothing
from controlplane.policies.sentences import denial, first_lines
from controlplane.policies.verdict import Verdict, Violation

from . import review
from .loaded import Loaded
from .review import Garbled, NotAReview, Request
from .spool import Spool
from .tally import Tally

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PATH = "/review"
HEALTH = frozenset({"/readyz", "/livez"})
LARGEST = (
    8 * 1024 * 1024
)  # an API server takes 3 MiB an object; a review holds two and its envelope
SMALL = 256 * 1024  # larger ones are judged in a thread, or everybody else would wait for them
ON_THE_LOOP = 0.05  # seconds; a small one that takes longer begins anew in a thread
LARGE_AT_ONCE = 2  # judged in threads; each may unfold to some hundred MB
MOST_HELD = 64 * 1024 * 1024  # bytes of all bodies that are here, or on their way
MOST_DIGITS = 15  # of a length
LONGEST_USER, LONGEST_OPERATION = 253, 40
TIMEOUT = 3.0  # what our webhook configurations say; the API server tells it in the query
MOST = 30.0  # that an API server may be told to wait
OURS = 5 / 6  # of the time we use; the rest is for our denial to arrive
LINGER = 1.0  # how long what is too large is still read and thrown away, so that the answer arrives
SHORTEST = 0.1  # a body that is here already is read, however little time was given
DENIED, ERROR, LATE = 403, 500, 504

GIVEN = re.compile(rb"(?:^|&)timeout=([0-9]{1,6}(?:\.[0-9]{1,9})?)(ms|s|m)(?:&|$)")
SECONDS = {b"ms": 0.001, b"s": 1.0, b"m": 60.0}

JSON = b"application/json"
TEXT = b"text/plain; charset=utf-8"

logger = logging.getLogger("argosy.admission")


def utc_now() -> datetime:
    """The clock that exemptions end by."""
    return datetime.now(UTC)


class TooLarge(Exception):
    """The body is longer than any review."""


class Gone(Exception):
    """The caller hung up."""


class Busy(Exception):
    """All the memory that bodies may take is taken."""


class NoTimeLeft(Exception):
    """Judging took longer than it may."""


@dataclass(slots=True)
class Admission:
    """What the app answers out of; given, so that it can be told anything in a test."""

    loaded: Loaded
    spool: Spool | None = None
    link: str = ""  # where a person goes on; `{same}` stands for the denial
    now: Callable[[], datetime] = utc_now
    tally: Tally = field(default_factory=Tally)
    measured: Callable[[datetime], list[tuple[str, str, float]]] = lambda _now: []
    draining: bool = False
    callers_known: bool = False  # only who showed a certificate of the client authority is answered
    _large: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LARGE_AT_ONCE))
    _held: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI function."""
        if scope["type"] != "http":
            return
        path, method = scope["path"], scope["method"]
        if self.callers_known and path not in HEALTH and not scope.get("known_caller"):
            # Before a byte of the body: who is nobody learns nothing, and leaves nothing behind.
            await self._refuse(send, 401, "show a client certificate", CLOSE)
        elif path == PATH:
            await self._review(scope, receive, send)
        elif path not in {*HEALTH, "/metrics"}:
            await self._say(send, 404, b"there is nothing here\n")
        elif method not in {"GET", "HEAD"}:
            await self._say(send, 405, b"GET only\n", (b"allow", b"GET, HEAD"))
        else:
            await self._tell(path, send)

    async def _review(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            await self._refuse(send, 405, "POST only", (b"allow", b"POST"))
            return
        headers = dict(scope["headers"])
        if headers.get(b"content-type", b"").partition(b";")[0].strip().lower() != JSON:
            await self._refuse(send, 415, "application/json only")
            return
        clock = asyncio.get_running_loop().time
        begun = clock()
        ends = begun + OURS * _timeout(scope["query_string"])
        held = _Held(self)
        try:
            async with asyncio.timeout_at(max(ends, begun + SHORTEST)):
                body = await _body(receive, headers.get(b"content-length", b""), held.more)
        except TimeoutError:
            held.let_go()
            await self._refuse(send, 408, "the body did not come in time", CLOSE)
        except Busy:
            held.let_go()
            await self._refuse(send, 503, "too much is being read at once; try again", CLOSE)
        except TooLarge:
            held.let_go()
            await self._refuse_large(receive, send)
        except Gone:
            held.let_go()
        else:
            try:
                await self._answer(body, ends, send)
            finally:
                held.let_go()
            self.tally.seconds += clock() - begun

    async def _answer(self, body: bytes, ends: float, send: Send) -> None:
        if len(body) <= SMALL:
            await self._answer_now(body, ends, send, small=True)
            return
        try:
            async with asyncio.timeout_at(max(ends, _now() + SHORTEST)):
                await self._large.acquire()
        except TimeoutError:
            await self._refuse(send, 503, "too many large objects at once; try again", CLOSE)
            return
        try:
            await self._answer_now(body, ends, send, small=False)
        finally:
            self._large.release()

    async def _answer_now(self, body: bytes, ends: float, send: Send, *, small: bool) -> None:
        try:
            request = review.read(body) if small else await asyncio.to_thread(review.read, body)
        except NotAReview as error:
            await self._refuse(send, 400, str(error))
            return
        except Garbled as garbled:
            verdict, answer = "denied", review.denied(garbled.uid, garbled.sentence, notes={})
        else:
            verdict, answer = await self._judged(request, ends, small=small)
        self.tally.reviews[verdict] += 1
        await self._say(send, 200, answer, kind=JSON)

    async def _judged(self, request: Request, ends: float, *, small: bool) -> tuple[str, bytes]:
        """Verdict and answer; a denial where we fail, or where the API server is about to give up."""
        left = ends - _now()
        try:
            if left <= 0:
                return self._late(request)
            if small:
                with suppress(NoTimeLeft):
                    return self._decide(request, _until(min(left, ON_THE_LOOP)))
                left = ends - _now()
            async with asyncio.timeout(left):
                # The thread looks at the clock itself: nobody can end it from here.
                return await asyncio.to_thread(self._decide, request, _until(left))
        except (TimeoutError, NoTimeLeft):
            return self._late(request)
        except Exception:  # the edge: whatever it is, the answer is no, and somebody must look
            self.tally.failures += 1
            logger.exception("a review could not be judged (uid %s)", request.uid)
            said = "The image policy could not be applied because of an error of the platform; "
            said += "its people can see it. Try again, and tell them if it lasts."
            return "denied", review.denied(
                request.uid, said, code=ERROR, notes={"verdict": "error"}
            )

    def _late(self, request: Request) -> tuple[str, bytes]:
        self.tally.late += 1
        said = "The image policy had no time left to look at this object; try again."
        return "denied", review.denied(request.uid, said, code=LATE, notes={"verdict": "late"})

    def _decide(self, request: Request, check: Check = nothing) -> tuple[str, bytes]:
        bundle = self.loaded.bundle
        if bundle is None:
            said = f"The image policy cannot be applied: {self.loaded.problem}"
            return "denied", review.denied(request.uid, said, notes={"verdict": "no policy"})
        question = request.question(self.now())
        document = bundle.document_for(request.namespace)
        verdict = decide(question, document, self.loaded.facts, check=check)
        notes = {"bundle": str(bundle.version)}
        if verdict.allowed:
            return self._allow(request, verdict, notes)
        notes["verdict"] = f"denied: {_codes(verdict.violations)}"
        if document is None:
            notes["verdict"] += " (a namespace of nobody)"
        link = self._link(request, verdict.violations)
        self._tell_platform(request, verdict.violations, "refused")
        said = denial(verdict, link)
        return "denied", review.denied(request.uid, said, code=DENIED, notes=notes)

    def _allow(
        self, request: Request, verdict: Verdict, notes: dict[str, str]
    ) -> tuple[str, bytes]:
        if not verdict.reported:
            return "allowed", review.admitted(request.uid, notes=notes)
        notes["verdict"] = f"reported: {_codes(verdict.reported)}"
        self._tell_platform(request, verdict.reported, "admitted")
        warnings = first_lines(verdict.reported, review.MOST_WARNINGS)
        return "reported", review.admitted(request.uid, warnings=warnings, notes=notes)

    def _link(self, request: Request, violations: tuple[Violation, ...]) -> str:
        if not self.link or not violations:
            return ""
        return self.link.replace("{same}", same(request, violations[0]))

    def _tell_platform(
        self, request: Request, violations: tuple[Violation, ...], state: str
    ) -> None:
        # A dry run has no effect, on no page either.
        if self.spool is None or request.dry_run:
            return
        at = self.now().isoformat()
        self.spool.say([sighting(request, v, state=state, at=at) for v in violations])

    async def _tell(self, path: str, send: Send) -> None:
        now = self.now()
        if path == "/metrics":
            text = self.tally.text(self.measured(now))
            await self._say(send, 200, text, kind=b"text/plain; version=0.0.4")
            return
        problem = self.loaded.not_ready(now) if path == "/readyz" else ""
        if path == "/readyz" and self.draining:
            problem = "Going away: a successor answers."
        await self._say(send, 503 if problem else 200, f"{problem or 'ok'}\n".encode())

    async def _refuse_large(self, receive: Receive, send: Send) -> None:
        """413, and the rest of it read into nothing for a moment: a sender hears better when not cut off."""
        self.tally.refused[413] += 1
        text = b"a review has at most 8 MiB\n"
        await _begin(send, 413, len(text), TEXT, CLOSE)
        await send({"type": "http.response.body", "body": text[:-1], "more_body": True})
        try:
            async with asyncio.timeout(LINGER):
                while (await receive()).get("more_body"):
                    pass
        except TimeoutError:
            pass
        await send({"type": "http.response.body", "body": text[-1:]})

    async def _refuse(self, send: Send, status: int, said: str, *more: tuple[bytes, bytes]) -> None:
        self.tally.refused[status] += 1
        await self._say(send, status, f"{said}\n".encode(), *more)

    async def _say(
        self, send: Send, status: int, body: bytes, *more: tuple[bytes, bytes], kind: bytes = TEXT
    ) -> None:
        if self.draining:
            more = (*more, CLOSE)
        await _begin(send, status, len(body), kind, *more)
        await send({"type": "http.response.body", "body": body})


CLOSE = (b"connection", b"close")


async def _begin(
    send: Send, status: int, length: int, kind: bytes, *more: tuple[bytes, bytes]
) -> None:
    headers = [(b"content-type", kind), (b"content-length", b"%d" % length), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})


class _Held:
    """How much of everybody's room one body takes, given back at its end."""

    __slots__ = ("_app", "_bytes")

    def __init__(self, app: Admission) -> None:
        self._app = app
        self._bytes = 0

    def more(self, count: int) -> None:
        if self._app._held + count > MOST_HELD:  # noqa: SLF001 - a part of it
            raise Busy
        self._app._held += count  # noqa: SLF001
        self._bytes += count

    def let_go(self) -> None:
        self._app._held -= self._bytes  # noqa: SLF001
        self._bytes = 0


def _now() -> float:
    return asyncio.get_running_loop().time()


def _until(seconds: float) -> Check:
    """What raises NoTimeLeft when so much time has gone by."""
    end = monotonic() + seconds

    def check() -> None:
        if monotonic() > end:
            raise NoTimeLeft

    return check


async def _body(receive: Receive, announced: bytes, hold: Callable[[int], None]) -> bytes:
    if announced.isdigit() and (len(announced) > MOST_DIGITS or int(announced) > LARGEST):
        raise TooLarge
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        whole: bytes = message["body"]
        if len(whole) > LARGEST:
            raise TooLarge
        hold(len(whole))
        return whole
    parts = bytearray()
    while message["type"] == "http.request":
        hold(len(message["body"]))
        parts += message["body"]
        if len(parts) > LARGEST:
            raise TooLarge
        if not message.get("more_body"):
            return bytes(parts)
        message = await receive()
    raise Gone


def _timeout(query: bytes) -> float:
    """How long the API server waits: `timeout=3s`, as Go writes it."""
    said = GIVEN.search(query)
    if said is None:
        return TIMEOUT
    return min(float(said[1]) * SECONDS[said[2]], MOST)


def _codes(violations: Iterable[Violation]) -> str:
    return ", ".join(sorted({violation.code for violation in violations}))


def same(request: Request, violation: Violation) -> str:
    """Equal for the same image that breaks the same rule in the same place: what its link names."""
    return same_of(
        namespace=request.namespace,
        kind=request.kind.kind,
        name=request.called(),
        path=violation.path,
        container=violation.container,
        image=violation.image,
        code=str(violation.code),
    )


def sighting(request: Request, violation: Violation, *, state: str, at: str) -> dict[str, Any]:
    """What the platform keeps of one violation."""
    said = {
        "namespace": request.namespace,
        "kind": request.kind.kind,
        "name": request.called(),
        "path": violation.path,
        "container": violation.container,
        "image": violation.image,
        "code": str(violation.code),
        "reason": violation.reason,
    }
    return {
        **clipped(said),
        "state": state,
        "source": "webhook",
        "at": at,
        "user": request.user_info.username[:LONGEST_USER],
        "operation": request.operation[:LONGEST_OPERATION],
    }
