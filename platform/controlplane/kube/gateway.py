"""One cluster's API: plain dicts in and out, our errors only, a deadline on every call."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Self, cast, get_args

import orjson
import urllib3
from kubernetes.client import ApiClient, Configuration
from kubernetes.client.exceptions import ApiException
from kubernetes.client.rest import RESTResponse
from kubernetes.config import new_client_from_config_dict
from kubernetes.config.config_exception import ConfigException

from controlplane.objects import Manifest, Ref, ref_of

from .door import Event, EventType, Listing
from .errors import KubeError, Missing, Unreachable, refused
from .resources import collection_path, object_path

FIELD_MANAGER = "argosy"
CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 15.0
LATE_SECONDS = 5.0  # how much longer than asked a watch may last before it is taken for dead
PAGE = 500
STREAM_BYTES = 65_536
POOL = 32  # above the number of worker threads, or they would queue for a socket

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
JSON = "application/json"
# What the API server leaves out at our wish: all but who, when, and by whom.
METADATA = f"{JSON};as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = f"{JSON};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
HTTP_OK = 200
EVENT_TYPES = frozenset(get_args(EventType))


class KubeGateway:
    """The only door to a cluster's API server. Safe to share between threads."""

    def __init__(self, client: ApiClient, *, headers: Mapping[str, str] | None = None) -> None:
        self._client = client
        self._headers = dict(headers or {})

    @classmethod
    def from_kubeconfig(cls, config: Manifest) -> Self:
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
        return cls(client)

    def acting_as(self, user: str) -> "KubeGateway":
        """The same cluster, with every call made as `user`: its RBAC decides, not ours."""
        return KubeGateway(self._client, headers={**self._headers, "Impersonate-User": user})

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
        cursor: str = "",
        limit: int = PAGE,
        metadata_only: bool = False,
    ) -> Listing:
        """One page with the version to watch from once the last page is read.

        All pages of one listing show the same moment; Expired if that was too long ago.
        `metadata_only`: of each object its `metadata`, and nothing else.
        """
        query = {"limit": str(limit), "continue": cursor, "labelSelector": labels}
        path = collection_path(api_version, kind, namespace)
        accept = METADATA_LIST if metadata_only else JSON
        answer = _document(*self._answer("GET", path, query, accept=accept))
        # A list names the kind once, for all, and metadata alone never; our references need it on each.
        named = ({**o, "apiVersion": api_version, "kind": kind} for o in answer.get("items") or ())
        meta = answer["metadata"]
        return Listing(tuple(named), meta.get("continue", ""), meta.get("resourceVersion", ""))

    def watch(
        self,
        api_version: str,
        kind: str,
        *,
        namespace: str = "",
        labels: str = "",
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
        }
        with _translated():
            path = collection_path(api_version, kind, namespace)
            accept = METADATA if metadata_only else JSON
            answer = self._send("GET", path, query, accept=accept)
            if answer.status != HTTP_OK:
                _document(answer.status, answer.read())  # type: ignore[no-untyped-call]
            # The answer had to begin as soon as any; from here on, silence is no failure.
            _be_patient(answer.response, seconds + LATE_SECONDS)
        events = _events(answer.response, time.monotonic() + seconds + LATE_SECONDS)
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
            self._call("DELETE", object_path(ref), None, options)

    def read(self, path: str) -> Manifest:
        """A document that is no object: `/version`, or `/readyz`'s plain text as `{"text": …}`."""
        return self._call("GET", path)

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
        code, raw = self._answer("GET", path, query, accept="*/*")
        if not 200 <= code <= 299:  # noqa: PLR2004 - HTTP's own numbers
            _document(code, raw)
        return raw.decode(errors="replace")

    def _pages(
        self, api_version: str, kind: str, namespace: str, *, labels: str, fields: str
    ) -> Iterator[Manifest]:
        path, cursor = collection_path(api_version, kind, namespace), ""
        while True:
            query = {
                "limit": str(PAGE),
                "continue": cursor,
                "labelSelector": labels,
                "fieldSelector": fields,
            }
            answer = self._call("GET", path, query)
            for item in answer.get("items") or ():
                # A list names the kind once, for all; our references need it on each.
                yield {"apiVersion": api_version, "kind": kind, **item}
            cursor = answer["metadata"].get("continue", "")
            if not cursor:
                return

    def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Manifest | None = None,
        content_type: str = JSON,
    ) -> Manifest:
        return _document(*self._answer(method, path, query, body, content_type))

    def _answer(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Manifest | None = None,
        content_type: str = JSON,
        *,
        accept: str = JSON,
    ) -> tuple[int, bytes]:
        with _translated():
            answer = self._send(method, path, query, body, content_type, accept=accept)
            return answer.status, answer.read()  # type: ignore[no-untyped-call]

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
        return self._client.call_api(*request, _request_timeout=(CONNECT_SECONDS, ANSWER_SECONDS))


def _be_patient(response: Any, seconds: float) -> None:
    """Let the socket of an answer that is being read be silent for so long."""
    # There is none to be had where a proxy said `Connection: close`: then silence breaks it off early.
    if sock := getattr(response.connection, "sock", None):
        sock.settimeout(seconds)


def _events(response: Any, deadline: float) -> Iterator[Event]:
    """The stream's events to its end, or to the deadline of a server that knows no end."""
    try:
        with _translated():
            for line in _lines(response):
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


def _lines(response: Any) -> Iterator[bytes]:
    """What came, line by line; what a stream that broke off left of a line is no line."""
    parts: list[bytes] = []  # of one line: an object can be a megabyte, and come in many pieces
    for piece in response.stream(STREAM_BYTES):
        first, *others = piece.split(b"\n")
        parts.append(first)
        for other in others:
            if line := b"".join(parts):
                yield line
            parts = [other]


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


def _document(code: int, raw: bytes) -> Manifest:
    """The answer's body, or the error it stands for."""
    try:
        document: Any = orjson.loads(raw)
    except orjson.JSONDecodeError:
        document = {"text": raw.decode(errors="replace")[:500]}
    if not isinstance(document, dict):
        document = {"value": document}
    parsed: Manifest = document
    if not 200 <= code <= 299:  # noqa: PLR2004 - HTTP's own numbers
        raise refused(code, {"message": parsed.get("text", ""), **parsed})
    return parsed


@contextmanager
def _translated() -> Iterator[None]:
    """Nothing of the client library's leaves the door."""
    try:
        yield
    except KubeError:
        raise
    except ApiException as exc:
        raise Unreachable(f"the API server cannot be reached: {exc.reason}") from exc
    except (urllib3.exceptions.HTTPError, OSError) as exc:
        raise Unreachable(f"the API server cannot be reached: {_short(exc)}") from exc


def _short(exc: Exception) -> str:
    """The cause without urllib3's wrapping of addresses of Python objects."""
    cause = getattr(exc, "reason", None) or exc
    return str(cause).rsplit(">: ", maxsplit=1)[-1].rsplit("): ", maxsplit=1)[-1]
