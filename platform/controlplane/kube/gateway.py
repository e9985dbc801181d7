"""One cluster's API: plain dicts in and out, our errors only, a deadline and a bound on every call."""

import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Self, cast, get_args

import orjson
import urllib3
from kubernetes.client import ApiClient, Configuration
from kubernetes.client.exceptions import ApiException
from kubernetes.client.rest import RESTResponse
from kubernetes.config import new_client_from_config_dict
from kubernetes.config.config_exception import ConfigException

from controlplane.objects import Manifest, Ref, ref_of

from .door import Event, EventType, Knock, Listing
from .errors import CutOff, KubeError, Missing, Silent, TooLarge, Unreachable, Untrusted, refused
from .resources import collection_path, object_path
from .timely import deadline_of, keep_time

FIELD_MANAGER = "argosy"
CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 15.0
KNOCK_SECONDS = 5.0  # for who is only asked whether it is there
LATE_SECONDS = 5.0  # how much longer than asked a watch may last before it is taken for dead
PAGE = 500
SHRINK = 8  # a page that is too large is asked for with so many times fewer objects
STREAM_BYTES = 65_536
MIB = 2**20
FEW_WORDS = 500  # of what is no JSON
MOST_WORDS = 16 * 1024
KNOCK_BYTES = 64 * 1024  # an API server that is not ready lists what is not
POOL = 32  # above the number of worker threads, or they would queue for a socket

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
JSON = "application/json"
# What the API server leaves out at our wish: all but who, when, and by whom.
METADATA = f"{JSON};as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = f"{JSON};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
HTTP_OK = 200
ANOTHER_HOST = {62, 64}  # OpenSSL's numbers for a name and for an address that do not fit
EVENT_TYPES = frozenset(get_args(EventType))


@dataclass(frozen=True)
class Bounds:
    """How much of an answer is read, and for how long: what is beyond has no place in this process."""

    object_bytes: int = 8 * MIB  # an API server keeps 1.5 MiB, unless it was told otherwise
    page_bytes: int = 16 * MIB
    list_bytes: int = 64 * MIB  # all pages of what is read whole
    log_slack: int = 64 * 1024  # a cut-off log may end a little late
    seconds: float = 60.0  # for a whole answer, however steadily it trickles
    silence: float = ANSWER_SECONDS  # before it begins, and between its parts


class KubeGateway:
    """The only door to a cluster's API server. Safe to share between threads."""

    def __init__(
        self,
        client: ApiClient,
        *,
        headers: Mapping[str, str] | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        self._client = client
        self._bounds = bounds or Bounds()
        self._headers = dict(headers or {})

    @classmethod
    def from_kubeconfig(cls, config: Manifest, *, bounds: Bounds | None = None) -> Self:
        """A door by a kubeconfig that holds everything inline (clusters.kubeconfig checks that)."""
        settings = Configuration()
        settings.connection_pool_maxsize = POOL
        settings.retries = False  # when to try again is the row's schedule, not the socket's
        try:
            client = new_client_from_config_dict(  # type: ignore[no-untyped-call]
                config, persist_config=False, client_configuration=settings
            )
        except (ConfigException, ValueError) as exc:
            raise Unreachable(f"the kubeconfig cannot be used: {exc}") from exc
        keep_time(client.rest_client.pool_manager)
        return cls(client, bounds=bounds)

    def acting_as(self, user: str) -> "KubeGateway":
        """The same cluster, with every call made as `user`: its RBAC decides, not ours."""
        headers = {**self._headers, "Impersonate-User": user}
        return KubeGateway(self._client, headers=headers, bounds=self._bounds)

    def within(self, seconds: float) -> "KubeGateway":
        """The same cluster, of which each answer is there in so many seconds, or given up."""
        bounds = replace(
            self._bounds,
            seconds=min(seconds, self._bounds.seconds),
            silence=min(seconds, self._bounds.silence),
        )
        return KubeGateway(self._client, headers=self._headers, bounds=bounds)

    def get(self, ref: Ref) -> Manifest | None:
        """The object, or None where there is none."""
        try:
            return self._call("GET", object_path(ref))
        except Missing:
            return None

    def list(
        self,
        api_version: str,
        kind: str,
        namespace: str = "",
        *,
        labels: str = "",
        fields: str = "",
    ) -> tuple[Manifest, ...]:
        """All objects of a kind, complete or an error: pages are followed to the end."""
        return tuple(self._pages(api_version, kind, namespace, labels=labels, fields=fields))

    def page(
        self,
        api_version: str,
        kind: str,
        namespace: str,
        *,
        limit: int,
        cursor: str = "",
        labels: str = "",
    ) -> tuple[tuple[Manifest, ...], str]:
        """One page of a kind, and the cursor of the next ('' at the end)."""
        found = self.list_from(
            api_version, kind, namespace=namespace, labels=labels, cursor=cursor, limit=limit
        )
        return found.items, found.cursor

    def list_from(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str = "",
        labels: str = "",
        fields: str = "",
        cursor: str = "",
        limit: int = PAGE,
        metadata_only: bool = False,
    ) -> Listing:
        """One page with the version to watch from once the last page is read.

        All pages of one listing show the same moment; Expired if that was too long ago.
        `metadata_only`: of each object its `metadata`, and nothing else.
        """
        query = {"continue": cursor, "labelSelector": labels, "fieldSelector": fields}
        accept = METADATA_LIST if metadata_only else JSON
        listing, _ = self._page(api_version, kind, namespace, query, limit, accept=accept)
        return listing

    def watch(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str = "",
        labels: str = "",
        fields: str = "",
        resource_version: str,
        seconds: int,
        metadata_only: bool = False,
    ) -> Iterator[Event]:
        """What happens after `resource_version`, with bookmarks, for so long; then it just ends.

        Open when this returns: who is refused or finds nobody learns it here. Expired, here or while
        it is read, if the API server has forgotten what came after that version.
        """
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(seconds),
            "labelSelector": labels,
            "fieldSelector": fields,
        }
        with _translated():
            path = collection_path(api_version, kind, namespace)
            accept = METADATA if metadata_only else JSON
            answer = self._send("GET", path, query, accept=accept)
            if answer.status != HTTP_OK:
                _document(answer.status, self._body(answer.response, self._bounds.object_bytes))
            # The answer had to begin as soon as any; from here on, silence is no failure.
            deadline_of(answer.response).extend(seconds + LATE_SECONDS, idle=seconds + LATE_SECONDS)
        until = time.monotonic() + seconds + LATE_SECONDS
        events = _events(answer.response, until, most=self._bounds.object_bytes)
        return _named(events, api_version, kind) if metadata_only else events

    def apply(
        self,
        manifest: Manifest,
        *,
        manager: str = FIELD_MANAGER,
        dry_run: bool = False,
        strict: bool = False,
    ) -> Manifest:
        """Make the fields in `manifest` so, and own them (server-side apply, forced)."""
        query = {"fieldManager": manager, "force": "true"}
        if dry_run:
            query["dryRun"] = "All"
        if strict:
            query["fieldValidation"] = "Strict"
        return self._call("PATCH", object_path(ref_of(manifest)), query, manifest, APPLY)

    def replace(self, manifest: Manifest, *, manager: str = FIELD_MANAGER) -> Manifest:
        """Make the whole object so. Its resourceVersion must be the live one, else Conflict."""
        query = {"fieldManager": manager}
        return self._call("PUT", object_path(ref_of(manifest)), query, manifest)

    def create(self, manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        """Make a new object; one of that name already there is a Conflict."""
        ref = ref_of(manifest)
        query = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}
        if dry_run:
            query["dryRun"] = "All"
        path = collection_path(ref.api_version, ref.kind, ref.namespace)
        return self._call("POST", path, query, manifest)

    def patch(self, ref: Ref, change: Manifest, *, manager: str = FIELD_MANAGER) -> Manifest:
        """Merge `change` into the object (JSON merge patch)."""
        return self._call("PATCH", object_path(ref), {"fieldManager": manager}, change, MERGE)

    def delete(self, ref: Ref, *, uid: str = "") -> None:
        """Make it gone; already gone is success. With `uid`, only that very object."""
        options: Manifest = {"propagationPolicy": "Background"}
        if uid:
            options["preconditions"] = {"uid": uid}
        with suppress(Missing):
            _document(*self._answer("DELETE", object_path(ref), None, options))

    def read(self, path: str) -> Manifest:
        """A document that is no object: `/version`, or `/readyz`'s plain text as `{"text": …}`."""
        return _document(*self._answer("GET", path))

    def knock(self) -> Knock:
        """Whether it is there and ready. Raises Unreachable for who answers and is no API server.

        In one small call with deadlines of its own, so that a crowd of silent ones can be asked.
        """
        hurried, began = self.within(KNOCK_SECONDS), time.monotonic()
        with _translated():
            answer = hurried._send("GET", "/readyz", accept="*/*")  # noqa: SLF001 - ourselves
            raw = hurried._body(answer.response, KNOCK_BYTES)  # noqa: SLF001
        seconds = time.monotonic() - began
        if 300 <= answer.status <= 399:  # noqa: PLR2004 - HTTP's own numbers
            raise Unreachable(
                f"what answers there sends us elsewhere (HTTP {answer.status}), which no API server "
                "does; we did not go"
            )
        _document(answer.status, raw)
        if raw.strip() != b"ok":
            said = " ".join(raw[:80].decode(errors="replace").split())
            raise Unreachable(f"what answers there is no API server: its /readyz says {said!r}")
        return Knock(seconds, _time(answer.headers.get("Date")))

    def logs(
        self,
        namespace: str,
        pod: str,
        container: str,
        *,
        since_time: str = "",
        tail_lines: int | None = None,
        limit_bytes: int,
    ) -> str:
        """What a container said, each line after its time; from the second `since_time` on.

        The first `limit_bytes` of that, or of its last `tail_lines`.
        """
        query = {
            "container": container,
            "sinceTime": since_time,
            "tailLines": "" if tail_lines is None else str(tail_lines),
            "limitBytes": str(limit_bytes),
            "timestamps": "true",
        }
        path = f"{object_path(Ref('v1', 'Pod', namespace, pod))}/log"
        most = limit_bytes + self._bounds.log_slack
        code, raw = self._answer("GET", path, query, accept="*/*", most=most)
        if not 200 <= code <= 299:  # noqa: PLR2004 - HTTP's own numbers
            _document(code, raw)
        return raw.decode(errors="replace")

    def account_token(
        self, namespace: str, account: str, *, seconds: int, bound: Manifest | None = None
    ) -> tuple[str, datetime]:
        """A token of a service account for about so long, and when it ends. Missing: no such account.

        `bound` to an object of its namespace, as that was created: with it the token ends too.
        """
        spec: Manifest = {"expirationSeconds": seconds}
        if bound is not None:
            ref, uid = ref_of(bound), bound["metadata"]["uid"]
            spec["boundObjectRef"] = {
                "apiVersion": ref.api_version,
                "kind": ref.kind,
                "name": ref.name,
                "uid": uid,
            }
        path = f"{object_path(Ref('v1', 'ServiceAccount', namespace, account))}/token"
        asked = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": spec,
        }
        status = self._call("POST", path, body=asked)["status"]
        return str(status["token"]), datetime.fromisoformat(status["expirationTimestamp"])

    def _pages(
        self, api_version: str, kind: str, namespace: str, *, labels: str, fields: str
    ) -> Iterator[Manifest]:
        cursor, read = "", 0
        while True:
            query = {"continue": cursor, "labelSelector": labels, "fieldSelector": fields}
            listing, size = self._page(api_version, kind, namespace, query, PAGE)
            read += size
            if read > self._bounds.list_bytes:
                raise _too_large(f"list of {kind}", self._bounds.list_bytes)
            yield from listing.items
            cursor = listing.cursor
            if not cursor:
                return

    def _page(
        self,
        api_version: str,
        kind: str,
        namespace: str,
        query: Mapping[str, str],
        limit: int,
        *,
        accept: str = JSON,
    ) -> tuple[Listing, int]:
        """One page and how many bytes it was; with fewer objects than asked where they are large.

        Objects are a team's own, and 500 of the largest would fill the memory of this process: what
        all teams share must not stop at one of them.
        """
        path = collection_path(api_version, kind, namespace)
        while True:
            asked = {**query, "limit": str(limit)}
            try:
                code, raw = self._answer(
                    "GET", path, asked, accept=accept, most=self._bounds.page_bytes
                )
            except TooLarge:
                if limit == 1:
                    raise
                limit = max(1, limit // SHRINK)
            else:
                return _listing(api_version, kind, _object(code, raw)), len(raw)

    def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Manifest | None = None,
        content_type: str = JSON,
    ) -> Manifest:
        return _object(*self._answer(method, path, query, body, content_type))

    def _answer(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Manifest | None = None,
        content_type: str = JSON,
        *,
        accept: str = JSON,
        most: int = 0,
    ) -> tuple[int, bytes]:
        with _translated():
            answer = self._send(method, path, query, body, content_type, accept=accept)
            return answer.status, self._body(answer.response, most or self._bounds.object_bytes)

    def _body(self, response: Any, most: int) -> bytes:
        """The whole body, in time and of a bounded size; a connection with a rest in it is done with."""
        seconds, deadline = self._bounds.seconds, deadline_of(response)
        deadline.extend(seconds, idle=self._bounds.silence)
        pieces: list[bytes] = []
        size = 0
        try:
            while piece := response.read1(STREAM_BYTES):
                pieces.append(piece)
                size += len(piece)
                if size > most:
                    response.close()
                    raise _too_large("answer", most)
                deadline.check()
        except (TimeoutError, urllib3.exceptions.ReadTimeoutError) as exc:
            response.close()
            if deadline.left > 0:
                raise
            raise Silent(f"the API server did not end its answer within {seconds:.0f} s") from exc
        return b"".join(pieces)

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Manifest | None = None,
        content_type: str = JSON,
        *,
        accept: str = JSON,
    ) -> RESTResponse:
        """The answer with its body unread."""
        headers = {"Accept": accept, "Content-Type": content_type, **self._headers}
        request = self._client.param_serialize(
            method,
            path,
            query_params=[(key, value) for key, value in (query or {}).items() if value],
            header_params=headers,
            # The library writes JSON itself; what it does not know to be JSON it passes on.
            body=orjson.dumps(body) if body and content_type == APPLY else body,
            auth_settings=["BearerToken"],
        )
        silence = self._bounds.silence
        timeout = (min(CONNECT_SECONDS, silence), silence)
        return self._client.call_api(*request, _request_timeout=timeout)


def _too_large(what: str, most: int) -> TooLarge:
    size = f"{most // MIB} MiB" if most >= MIB else f"{most // 1024} KiB"
    return TooLarge(f"The API server's {what} is more than {size}: it is not read.")


def _time(said: str | None) -> datetime | None:
    """What a Date header says; nothing, if it says nothing that is a time."""
    try:
        found = parsedate_to_datetime(said or "")
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _events(response: Any, deadline: float, *, most: int) -> Iterator[Event]:
    """The stream's events to its end, or to the deadline of a server that knows no end."""
    try:
        with _translated():
            for line in _lines(response, most):
                yield _event(line)
                if time.monotonic() > deadline:
                    return
    finally:
        # Left before its end, it would go on talking into the pool.
        response.close()


def _named(events: Iterator[Event], api_version: str, kind: str) -> Iterator[Event]:
    """The same events, each object by the kind it is of: metadata alone has a kind of its own."""
    for event in events:
        yield Event(event.type, {**event.manifest, "apiVersion": api_version, "kind": kind})


def _lines(response: Any, most: int) -> Iterator[bytes]:
    """What came, line by line; what a stream that broke off left of a line is no line."""
    parts: list[bytes] = []  # of one line: an object can be a megabyte, and come in many pieces
    size = 0
    for piece in response.stream(STREAM_BYTES):
        first, *others = piece.split(b"\n")
        parts.append(first)
        size += len(first)
        if size > most:
            raise _too_large("event", most)
        for other in others:
            if line := b"".join(parts):
                yield line
            parts, size = [other], len(other)


def _event(line: bytes) -> Event:
    try:
        match orjson.loads(line):
            case {"type": str(kind), "object": dict(manifest)} if kind in EVENT_TYPES:
                return Event(cast("EventType", kind), manifest)
            case {"type": "ERROR", "object": {"code": int(code)} as status}:
                raise refused(code, status)
    except orjson.JSONDecodeError:
        pass
    raise Unreachable("the API server's watch says what is no event")


def _listing(api_version: str, kind: str, answer: Manifest) -> Listing:
    """The answer as one page of this kind. Raises Unreachable for what is none, or is less than it says.

    What is not in a list is taken to be gone: half a list must not pass for a whole one.
    """
    meta, items = answer.get("metadata") or {}, answer.get("items")
    left, cursor = meta.get("remainingItemCount") or 0, meta.get("continue", "")
    if items is not None and not isinstance(items, list):
        raise Unreachable(f"the API server's list of {kind} is no list")
    if "items" not in answer or (left and not cursor):
        raise Unreachable(f"the API server's list of {kind} breaks off before its end")
    # A list names the kind once, for all, and metadata alone never; our references need it on each.
    named = ({**o, "apiVersion": api_version, "kind": kind} for o in items or ())
    return Listing(tuple(named), cursor, meta.get("resourceVersion", ""))


def _object(code: int, raw: bytes) -> Manifest:
    """The object that the answer is, or the error it stands for."""
    found = _document(code, raw)
    if "metadata" not in found:
        raise Unreachable("the API server's answer is no object: no JSON, or nested too deep")
    return found


def _document(code: int, raw: bytes) -> Manifest:
    """The answer's body, or the error it stands for."""
    try:
        document: Any = orjson.loads(raw)
    except orjson.JSONDecodeError:
        document = {"text": _words(raw)}
    if not isinstance(document, dict):
        document = {"value": document}
    parsed: Manifest = document
    if not 200 <= code <= 299:  # noqa: PLR2004 - HTTP's own numbers
        raise refused(code, {"message": parsed.get("text", ""), **parsed})
    return parsed


def _words(raw: bytes) -> str:
    """What is no JSON, cut: of /readyz what is not well, which is said after forty lines of what is."""
    text = raw[:MOST_WORDS].decode(errors="replace")
    if unwell := [line[3:].split(" ")[0] for line in text.splitlines() if line.startswith("[-]")]:
        return f"the API server says that it is not ready: it misses {', '.join(unwell)}"[
            :FEW_WORDS
        ]
    return text[:FEW_WORDS]


@contextmanager
def _translated() -> Iterator[None]:
    """Nothing of the client library's leaves the door."""
    try:
        yield
    except KubeError:
        raise
    except (ApiException, urllib3.exceptions.HTTPError, OSError) as exc:
        if untrusted := _untrusted(exc):
            raise Untrusted(untrusted) from exc
        if isinstance(exc, ApiException):
            raise Unreachable(f"the API server cannot be reached: {exc.reason}") from exc
        if _waited_in_vain(exc):
            raise Silent(f"the API server cannot be reached: {_short(exc)}") from exc
        if isinstance(exc, urllib3.exceptions.ProtocolError | ConnectionResetError):
            raise CutOff(f"the API server cannot be reached: {_short(exc)}") from exc
        raise Unreachable(f"the API server cannot be reached: {_short(exc)}") from exc


def _waited_in_vain(exc: Exception) -> bool:
    """Whether nothing came in time; a connection that was refused at once is a timeout to urllib3 alone."""
    timed_out = isinstance(exc, urllib3.exceptions.TimeoutError | TimeoutError)
    return timed_out and not isinstance(exc, urllib3.exceptions.NewConnectionError)


def _untrusted(exc: BaseException | None) -> str:
    """Why the server's certificate was not believed, with the way out; '' if that was not the trouble."""
    while exc is not None and not isinstance(exc, ssl.SSLCertVerificationError):
        inner = [getattr(exc, "reason", None), *exc.args, exc.__cause__, exc.__context__]
        exc = next((each for each in inner if isinstance(each, BaseException)), None)
    if exc is None:
        return ""
    said = exc.verify_message or str(exc)
    if exc.verify_code in ANOTHER_HOST:
        return (
            f"The server's certificate is for another host ({said}). Give the address that it is for as "
            "`server`, or one of its names as `tls-server-name`."
        )
    return (
        f"The server's certificate cannot be believed ({said}): it is not signed by the kubeconfig's "
        "certificate-authority-data, or has ended. Take the authority from the cluster itself; if nobody "
        "changed it, somebody else may be answering there."
    )


def _short(exc: Exception) -> str:
    """The cause without urllib3's wrapping of addresses of Python objects."""
    cause = getattr(exc, "reason", None) or exc
    return str(cause).rsplit(">: ", maxsplit=1)[-1].rsplit("): ", maxsplit=1)[-1]
