"""How is it served? uvicorn over TLS, on a port it shares with its successor, and no create lost.

An API server does not repeat a call whose connection closed under it: with `failurePolicy: Fail`
each of them is somebody's error. So the way out is long: on SIGTERM everything goes on, new
connections too, for DRAIN seconds, and each answer asks for its connection to be closed. Then the
last ones that knocked are let in, the door is shut between two of them, and what is under way ends.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import FrameType

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from . import certificates
from .app import Admission

KEEP_ALIVE = 120  # seconds; an API server drops idle connections at 90, and must be the first to
DRAIN = 3.0
LAST_ANSWERS = 1.0  # for who knocked last: a handshake and a call
LOOK_EVERY = 0.5  # at the folders
BACKLOG = 2048
HANDSHAKE = 5.0  # seconds for all of it
FIRST_REQUEST = 30.0  # for a connection to say anything
WHOLE_HEAD = 10.0  # from the first byte of a request to the end of its headers
LONGEST_HEAD = 64 * 1024
MOST_CONNECTIONS = 1024  # an API server keeps a few dozen
MOST_STRANGERS = 128  # of them, without a certificate where callers have one

logger = logging.getLogger("argosy.admission")


class NoCertificate(Exception):
    """There is nothing to serve TLS with. The sentence says what was looked for."""


class NoAuthority(Exception):
    """There is nothing to know callers by. The sentence says what was looked for."""


class Tls:
    """One context for the process's whole life: what is loaded into it later, later handshakes use."""

    def __init__(self, folder: Path, client_authority: Path | None = None) -> None:
        self._folder = folder
        self._stamp: tuple[int, ...] = ()
        self.problem = ""
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        # Nothing else is spoken here; without it a loopback API server tries HTTP/2 first.
        self.context.set_alpn_protocols(["http/1.1"])
        self._client_authority = client_authority
        self._known_authority, self._wrong_authority = b"", ""
        if not self._look_at_pair():
            raise NoCertificate(self.problem)
        if client_authority is not None:
            self._ask_for_certificates(client_authority)

    def look(self) -> None:
        """Serve what is in the folder now, and know callers by their file. What is bad is not taken."""
        self._look_at_pair()
        if self._client_authority is not None:
            try:
                self._ask_for_certificates(self._client_authority)
                self._wrong_authority = ""
            except NoAuthority as error:
                if self._wrong_authority != str(error):
                    logger.warning("%s; the one before it is believed", error)
                self._wrong_authority = str(error)

    def _look_at_pair(self) -> bool:
        """True if there is something new to serve."""
        files = self._files()
        try:
            stamp = tuple(
                n for f in map(Path, files) for n in (f.stat().st_ino, f.stat().st_mtime_ns)
            )
            if stamp == self._stamp:
                return False
            self._stamp = stamp
            # Tried elsewhere first: half of a pair would spoil the context that serves.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*files)
            self.context.load_cert_chain(*files)
        except OSError as error:  # ssl.SSLError is one
            self.problem = f"no certificate to serve in {self._folder}: {error.strerror or error}"
            logger.warning(self.problem)
            return False
        self.problem = ""
        return True

    def _ask_for_certificates(self, authority: Path) -> None:
        """Callers may show a certificate, and a wrong one ends the handshake.

        Asked for, not demanded: who looks at our health has none. The app tells the two apart. An
        authority that comes later is believed beside the first; a context forgets none.
        """
        try:
            pem = authority.read_bytes()
            if pem == self._known_authority:
                return
            self.context.load_verify_locations(cadata=pem.decode("ascii"))
        except (OSError, ValueError) as error:  # ssl.SSLError is one
            said = getattr(error, "strerror", None) or error
            raise NoAuthority(f"no authority of callers in {authority}: {said}") from None
        self._known_authority = pem
        self.context.verify_mode = ssl.CERT_OPTIONAL

    def _files(self) -> list[str]:
        """Our own file, or the pair that a cluster's Secret is mounted as."""
        pair = [self._folder / "tls.crt", self._folder / "tls.key"]
        if pair[0].exists():
            return [str(file) for file in pair]
        return [str(self._folder / certificates.SERVING_FILE)]


def listen(host: str, port: int) -> socket.socket:
    """A socket that a successor may listen beside, before we are gone."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)  # noqa: FBT003 - its name is its meaning
    return listener


class Guarded(HttpToolsProtocol):
    """A connection that costs little while it says nothing, and has so much time to say something.

    `known_caller` in the scope: whether it showed a certificate of the client authority.
    """

    _timer: asyncio.TimerHandle | None = None
    _known = False
    _in_head = False
    _head = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        self._known = bool(tls is not None and tls.getpeercert())
        callers_known = tls is not None and tls.context.verify_mode is not ssl.CERT_NONE
        strangers = callers_known and not self._known
        others = len(self.connections)
        if strangers:
            others = sum(not getattr(each, "_known", True) for each in self.connections)
        if others > (MOST_STRANGERS if strangers else MOST_CONNECTIONS):
            transport.abort()
        elif not self._known:
            # An API server that showed its certificate may keep a spare connection.
            self._within(FIRST_REQUEST)

    def connection_lost(self, exc: Exception | None) -> None:
        self._no_hurry()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        before = self._in_head
        super().data_received(data)
        # Counted from the second piece on: in the first, an earlier body may have ended.
        if before and self._in_head:
            self._head += len(data)
            if self._head > LONGEST_HEAD:
                self.transport.abort()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._head = True, 0
        self._within(WHOLE_HEAD)

    def on_headers_complete(self) -> None:
        self._no_hurry()
        self._in_head = False
        self.scope["known_caller"] = self._known  # type: ignore[typeddict-unknown-key]
        super().on_headers_complete()

    def _within(self, seconds: float) -> None:
        self._no_hurry()
        self._timer = self.loop.call_later(seconds, self.transport.abort)

    def _no_hurry(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Server(uvicorn.Server):
    """uvicorn with our way out, and with its eyes on the folders."""

    def __init__(
        self,
        app: Admission,
        tls: Tls,
        listener: socket.socket,
        *,
        look: Callable[[], None],
        drain: float = DRAIN,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=Guarded,
                loop="uvloop",
                lifespan="off",
                interface="asgi3",
                access_log=False,
                log_config=None,
                server_header=False,
                date_header=False,
                proxy_headers=False,
                timeout_keep_alive=KEEP_ALIVE,
                timeout_graceful_shutdown=5,
                ssl_context_factory=lambda _config, _default: tls.context,
            )
        )
        self._app = app
        self._tls = tls
        self._listener = listener
        self._look = look
        self._drain = drain
        self._leaving = asyncio.Event()
        self._hurry = asyncio.Event()

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 - uvicorn's
        """Serve until told to go, and a while longer."""
        self._loop = asyncio.get_running_loop()
        # A second descriptor of the same door: uvicorn may close its own, and ours still lets in.
        await super().serve([self._listener.dup()])

    async def main_loop(self) -> None:
        looking = asyncio.create_task(self._looking())
        await self._leaving.wait()
        self._app.draining = True
        logger.info(
            "going: %s s more for every caller, the last answers, then the end", self._drain
        )
        await self._passed(self._drain)
        await self._shut_the_door()
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's
        """The first signal begins the way out, the second ends it. Neither is raised again."""
        if self._leaving.is_set():
            self.should_exit = self.force_exit = True
            self._loop.call_soon_threadsafe(self._hurry.set)
        self._loop.call_soon_threadsafe(self._leaving.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        # As uvicorn does, but who does not finish its handshake does not keep its descriptor long.
        await self.lifespan.startup()
        self.servers = [
            await self._loop.create_server(
                lambda: Guarded(self.config, self.server_state, app_state={}),
                sock=door,
                ssl=self._tls.context,
                backlog=BACKLOG,
                ssl_handshake_timeout=HANDSHAKE,
            )
            for door in sockets or ()
        ]
        self.started = True
        host, port, *_ = self._listener.getsockname()
        logger.info("listening on %s port %d", host, port)

    async def _looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                await asyncio.to_thread(self._look)
            except Exception:  # a bad day of the disk must not end the looking
                logger.exception("looking at the folders failed")

    async def _passed(self, seconds: float) -> None:
        """That time is over, or there was a second signal."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._hurry.wait(), seconds)

    async def _shut_the_door(self) -> None:
        """Whoever stands in the queue comes in; closing it under them would be their error."""
        for server in self.servers:
            server.close()
        self.servers = []
        # uvicorn's descriptor is gone with its next turn of the loop; ours keeps the queue until now.
        await asyncio.sleep(0)
        arrivals = []
        with suppress(BlockingIOError):
            while True:
                arrivals.append(self._listener.accept()[0])
        self._listener.close()
        letting_in = [asyncio.create_task(self._let_in(arrival)) for arrival in arrivals]
        await self._passed(LAST_ANSWERS)
        await asyncio.gather(*letting_in, return_exceptions=True)

    async def _let_in(self, arrival: socket.socket) -> None:
        await self._loop.connect_accepted_socket(
            lambda: Guarded(self.config, self.server_state, app_state={}),
            arrival,
            ssl=self._tls.context,
        )


def gauges(app: Admission, folder: Path) -> Callable[[datetime], list[tuple[str, str, float]]]:
    """What `/metrics` tells beside the counts: ages, and how long certificates last."""

    def measured(now: datetime) -> list[tuple[str, str, float]]:
        loaded = app.loaded
        values = [
            (
                "ready",
                "1 where the policies in force may be asked.",
                float(not loaded.not_ready(now)),
            ),
            ("verified_images", "Images whose push was seen.", float(len(loaded.facts))),
        ]
        if loaded.bundle is not None:
            age = (now - loaded.bundle.created).total_seconds()
            values += [
                ("bundle_version", "The policy bundle in force.", float(loaded.bundle.version)),
                ("bundle_age_seconds", "How long ago it was made.", age),
            ]
        if app.spool is not None:
            values.append(
                ("dropped_sightings", "Denials nobody will read.", float(app.spool.dropped))
            )
        if (leaf := certificates.served(folder)) is not None:
            left = (leaf.not_valid_after_utc - now).total_seconds()
            values.append(("certificate_seconds_left", "Until the served one ends.", left))
        return values

    return measured
