"""A cluster in memory that behaves like the door's real one, and can be told a story.

`tests/controlplane/kube/test_contract.py` runs the same sentences against this and a real API server. What it
leaves out: normalising of values, admission, and lists merged by key (here a list is one field). Of field
selectors it knows one, by name.
"""

import copy
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from controlplane.kube.door import Event, EventType, Knock, Listing
from controlplane.kube.errors import KubeError, Missing, Unreachable, refused
from controlplane.kube.gateway import FIELD_MANAGER
from controlplane.kube.resources import resource_of
from controlplane.objects import Manifest, Ref, ref_of

from .fields import Path, all_paths, body, leaves, put, remove, tree, value_at, without_none

Owner = tuple[str, str]  # manager, operation
MADE_AT = "2026-01-01T00:00:00Z"


@dataclass
class Stored:
    """An object, and who owns which of its fields."""

    manifest: Manifest
    owners: dict[Owner, set[Path]] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """One write: which object, what it was and what it is; None where it was not, or is no more."""

    version: int
    ref: Ref
    before: Manifest | None
    after: Manifest | None

    def event(self, labels: dict[str, str]) -> Event | None:
        """How a watch with these labels sees it; None if it is none of its business."""
        was, now = _matches(self.before, labels), _matches(self.after, labels)
        if not was and not now:
            return None
        kind: EventType = "DELETED" if not now else "MODIFIED" if was else "ADDED"
        shown = copy.deepcopy(self.after if self.after is not None else self.before) or {}
        shown["metadata"]["resourceVersion"] = str(self.version)
        return Event(kind, shown)


@dataclass
class FakeCluster:
    """An API server's behaviour, without one. Set the story's fields to make it misbehave."""

    objects: dict[Ref, Stored] = field(default_factory=dict)
    unreachable: bool = False
    refusals: dict[tuple[str, str], KubeError] = field(default_factory=dict)  # (verb, kind)
    quotas_are_counted: bool = True
    deployments_come_up: bool = True
    policies_act: bool = True
    knocked: Knock = field(default_factory=lambda: Knock(0.01))
    calls: list[str] = field(default_factory=list)
    user: str = "platform"
    allows: Callable[[Manifest], bool] = lambda _spec: True
    # (namespace, pod, container): lines as the API server has them, each after its time
    said: dict[tuple[str, str, str], tuple[str, ...]] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    compacted: int = 1  # what came until then is forgotten
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(2))
    _wrote: threading.Condition = field(default_factory=threading.Condition)

    def acting_as(self, user: str) -> "FakeCluster":
        """The same objects, with another caller's name on each call."""
        other = copy.copy(self)
        other.user = user
        return other

    def within(self, seconds: float) -> "FakeCluster":
        """The same cluster."""
        return self

    def compact(self) -> None:
        """Forget how it came to be as it is: nobody can go on from what they saw before."""
        self.compacted = next(self._numbers)
        self.changes.clear()
        self.wake()

    def wake(self) -> None:
        """Have every watch look again; to be called after a change of the story."""
        with self._wrote:
            self._wrote.notify_all()

    def get(self, ref: Ref) -> Manifest | None:
        self._called("get", ref)
        found = self.objects.get(ref)
        return self._shown(found) if found else None

    def list(
        self,
        api_version: str,
        kind: str,
        namespace: str = "",
        *,
        labels: str = "",
        fields: str = "",
    ) -> tuple[Manifest, ...]:
        self._called("list", Ref(api_version, kind, namespace, ""))
        wanted, called = _pairs(labels), _named(fields)
        return tuple(
            self._shown(stored)
            for ref, stored in sorted(self.objects.items())
            if (ref.api_version, ref.kind) == (api_version, kind)
            and namespace in {"", ref.namespace}
            and called in {"", ref.name}
            and _matches(stored.manifest, wanted)
        )

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
        limit: int = 500,
        metadata_only: bool = False,
    ) -> Listing:
        # One moment for all pages, which here is the moment of the first.
        try:
            version, start = map(int, cursor.split(":")) if cursor else (next(self._numbers), 0)
        except ValueError:
            raise refused(400, {"message": "continue key is not valid"}) from None
        if version < self.compacted:
            raise refused(410, {"message": "the cursor is too old"})
        everything = self.list(api_version, kind, namespace, labels=labels, fields=fields)
        end = start + limit
        more = f"{version}:{end}" if end < len(everything) else ""
        page = everything[start:end]
        return Listing(tuple(map(_metadata, page)) if metadata_only else page, more, str(version))

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
        self._called("watch", Ref(api_version, kind, namespace, ""))
        deadline = time.monotonic() + seconds
        wanted, called = _pairs(labels), _named(fields)
        shown = _metadata if metadata_only else _whole

        def events() -> Iterator[Event]:
            seen = int(resource_version)
            while True:
                with self._wrote:
                    self._wrote.wait_for(partial(self._is_news, seen), deadline - time.monotonic())
                    news = [change for change in self.changes if change.version > seen]
                    now = next(self._numbers)
                if self.unreachable:
                    raise Unreachable("the API server cannot be reached: the story says so")
                if seen < self.compacted:
                    raise refused(410, {"message": f"too old resource version: {seen}"})
                # Of a cluster that was set back nothing is told before it is past that version again.
                seen = max(seen, now)
                for change in news:
                    ref = change.ref
                    if (ref.api_version, ref.kind) != (api_version, kind) or called not in {
                        "",
                        ref.name,
                    }:
                        continue
                    event = change.event(wanted) if namespace in {"", ref.namespace} else None
                    if event is not None:
                        yield Event(event.type, shown(event.manifest))
                if time.monotonic() >= deadline:
                    if seen == now:
                        meta = {"resourceVersion": str(now)}
                        said = {"apiVersion": api_version, "kind": kind, "metadata": meta}
                        yield Event("BOOKMARK", said)
                    return

        return events()

    def apply(
        self,
        manifest: Manifest,
        *,
        manager: str = FIELD_MANAGER,
        dry_run: bool = False,
        strict: bool = False,
    ) -> Manifest:
        ref = ref_of(manifest)
        self._called("dry-run" if dry_run else "apply", ref)
        self._need_namespace(ref)
        before = self.objects.get(ref)
        stored = copy.deepcopy(before) if before else self._new(manifest)
        me, wanted = (manager, "Apply"), leaves(manifest)
        self._drop(stored, stored.owners.get(me, set()) - wanted.keys(), unless_owned=me)
        for path, value in wanted.items():
            if value_at(stored.manifest, path) != value:
                _disown(stored, path)
                put(stored.manifest, path, value)
        stored.owners[me] = set(wanted)
        return self._kept(ref, before, stored, dry_run=dry_run)

    def replace(self, manifest: Manifest, *, manager: str = FIELD_MANAGER) -> Manifest:
        ref = ref_of(manifest)
        self._called("replace", ref)
        before = self._found(ref)
        version = manifest["metadata"].get("resourceVersion")
        if version and version != before.manifest["metadata"]["resourceVersion"]:
            raise refused(409, {"message": f"{ref} has been modified"})
        stored = copy.deepcopy(before)
        named = manifest["metadata"].get("managedFields")
        if named is not None:
            kept = {(entry["manager"], entry["operation"]) for entry in named}
            stored.owners = {who: paths for who, paths in stored.owners.items() if who in kept}
        wanted = leaves(manifest)
        self._drop(stored, leaves(stored.manifest).keys() - wanted.keys())
        self._write(stored, wanted, (manager, "Update"))
        return self._kept(ref, before, stored)

    def create(self, manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        if manifest["kind"] == "SelfSubjectReview":
            return {"status": {"userInfo": {"username": self.user}}}
        if manifest["kind"] == "SelfSubjectAccessReview":
            return {"status": {"allowed": self.allows(manifest["spec"])}}
        name = manifest["metadata"].get("name") or (
            f"{manifest['metadata'].get('generateName', '')}{next(self._numbers)}"
        )
        manifest = {**manifest, "metadata": {**manifest["metadata"], "name": name}}
        ref = ref_of(manifest)
        self._called("create", ref)
        self._need_namespace(ref)
        if ref in self.objects:
            raise refused(409, {"message": f"{ref} already exists", "reason": "AlreadyExists"})
        if dry_run and (why := self._what_a_probe_is_told(manifest)):
            raise refused(403, {"message": why, "reason": "Forbidden"})
        stored = self._new(manifest)
        self._write(stored, leaves(manifest), (FIELD_MANAGER, "Update"))
        return self._kept(ref, None, stored, dry_run=dry_run)

    def patch(self, ref: Ref, change: Manifest, *, manager: str = FIELD_MANAGER) -> Manifest:
        self._called("patch", ref)
        before = self._found(ref)
        stored = copy.deepcopy(before)
        gone = {path for path, value in all_paths(change) if value is None}
        taken = {p for p in leaves(stored.manifest) if any(p[: len(g)] == g for g in gone)}
        self._drop(stored, taken)
        # An empty branch says nothing in a merge patch.
        said = {path: value for path, value in leaves(without_none(change)).items() if value != {}}
        self._write(stored, said, (manager, "Update"))
        return self._kept(ref, before, stored)

    def delete(self, ref: Ref, *, uid: str = "") -> None:
        self._called("delete", ref)
        found = self.objects.get(ref)
        if found is None:
            return
        if uid and found.manifest["metadata"]["uid"] != uid:
            raise refused(409, {"message": f"{ref} is another object by now"})
        self._gone(ref)
        if ref.kind == "Namespace":
            for inner in [r for r in self.objects if r.namespace == ref.name]:
                self._gone(inner)

    def read(self, path: str) -> Manifest:
        self._called("read", Ref("", path, "", ""))
        return {"gitVersion": "v0.0.0-fake"} if path == "/version" else {"text": "ok"}

    def knock(self) -> Knock:
        self._called("read", Ref("", "/readyz", "", ""))
        return self.knocked

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
        ref = Ref("v1", "Pod", namespace, pod)
        self._called("logs", ref)
        found = self._found(ref).manifest
        if not found["spec"].get("nodeName"):
            return ""
        second = since_time.removesuffix("Z")
        lines = [x for x in self.said.get((namespace, pod, container), ()) if x[:19] >= second]
        lines = lines if tail_lines is None else lines[-tail_lines:]
        return "".join(f"{line}\n" for line in lines).encode()[:limit_bytes].decode()

    # What the cluster itself does.

    def account_token(
        self, namespace: str, account: str, *, seconds: int, bound: Manifest | None = None
    ) -> tuple[str, datetime]:
        ref = Ref("v1", "ServiceAccount", namespace, account)
        self._called("token", ref)
        self._found(ref)
        if bound is not None:
            self._found(ref_of(bound))
        return f"token-of-{account}", datetime.now(UTC) + timedelta(seconds=seconds)

    def _what_a_probe_is_told(self, probe: Manifest) -> str:
        """What the image policies say against the objects by which one sees that they act.

        The fake knows no CEL and judges nothing else: whatever lies here acts at once, if it acts.
        """
        if not self.policies_act:
            return ""
        labels = (probe["metadata"].get("labels") or {}).items()
        for entry in self._all("ValidatingWebhookConfiguration", "webhooks"):
            meets = (entry.get("objectSelector") or {}).get("matchLabels") or {}
            if meets and meets.items() <= labels:
                return f'failed calling webhook "{entry["name"]}": connection refused'
        plural = resource_of(probe["apiVersion"], probe["kind"]).plural
        for spec in self._all("ValidatingAdmissionPolicy", "spec"):
            rules = spec["matchConstraints"]["resourceRules"]
            said = str(spec["validations"][0].get("messageExpression", ""))
            if " (rules " in said and any(plural in rule["resources"] for rule in rules):
                revision = said.rsplit(" (rules ", maxsplit=1)[-1][:8]
                return f"'argosy-images-x' denied request: (rules {revision})"
        return ""

    def _all(self, kind: str, field: str) -> Iterator[Any]:
        for ref, stored in self.objects.items():
            if ref.kind == kind:
                found = stored.manifest.get(field)
                yield from found if isinstance(found, list) else [found]

    def _gone(self, ref: Ref) -> None:
        self._written(ref, self.objects.pop(ref), None, next(self._numbers))

    def _written(self, ref: Ref, before: Stored | None, after: Stored | None, version: int) -> None:
        was, now = (each and self._shown(each) for each in (before, after))
        with self._wrote:
            self.changes.append(Change(version, ref, was, now))
            self._wrote.notify_all()

    def _is_news(self, seen: int) -> bool:
        newest = self.changes[-1].version if self.changes else 0
        return newest > seen or self.compacted > seen or self.unreachable

    def _called(self, verb: str, ref: Ref) -> None:
        if self.unreachable:
            raise Unreachable("the API server cannot be reached: the story says so")
        self.calls.append(f"{verb} {ref}")
        if error := self.refusals.get((verb, ref.kind)):
            raise error
        if ref.kind and verb != "read":
            resource_of(ref.api_version, ref.kind)  # a kind the real door would not let pass

    def _need_namespace(self, ref: Ref) -> None:
        if ref.namespace and Ref("v1", "Namespace", "", ref.namespace) not in self.objects:
            raise refused(404, {"message": f'namespaces "{ref.namespace}" not found'})

    def _found(self, ref: Ref) -> Stored:
        found = self.objects.get(ref)
        if found is None:
            raise Missing(f"{ref} not found", code=404, status={})
        return found

    def _new(self, manifest: Manifest) -> Stored:
        ref = ref_of(manifest)
        meta: Manifest = {"name": ref.name, "uid": f"uid-{next(self._numbers)}", "generation": 0}
        if ref.namespace:
            meta["namespace"] = ref.namespace
        meta["creationTimestamp"] = MADE_AT
        return Stored({"apiVersion": ref.api_version, "kind": ref.kind, "metadata": meta})

    def _write(self, stored: Stored, wanted: dict[Path, Any], owner: Owner) -> None:
        for path, value in wanted.items():
            if value_at(stored.manifest, path) != value:
                _disown(stored, path)
                put(stored.manifest, path, value)
                stored.owners.setdefault(owner, set()).add(path)

    def _drop(self, stored: Stored, paths: set[Path], unless_owned: Owner | None = None) -> None:
        for path in paths:
            others = {
                w for w, owned in stored.owners.items() if path in owned and w != unless_owned
            }
            if unless_owned is not None and others:
                continue
            _disown(stored, path)
            remove(stored.manifest, path)

    def _kept(
        self, ref: Ref, before: Stored | None, stored: Stored, *, dry_run: bool = False
    ) -> Manifest:
        if before and before.manifest == stored.manifest and before.owners == stored.owners:
            return self._shown(stored)
        meta = stored.manifest["metadata"]
        meta["resourceVersion"] = str(next(self._numbers))
        if before is None or body(before.manifest) != body(stored.manifest):
            meta["generation"] += 1
        self._controllers(stored.manifest)
        if not dry_run:
            self.objects[ref] = stored
            self._written(ref, before, stored, int(meta["resourceVersion"]))
        return self._shown(stored)

    def _controllers(self, manifest: Manifest) -> None:
        """What the cluster's own controllers would report a moment later."""
        if manifest["kind"] == "ResourceQuota" and self.quotas_are_counted:
            hard = manifest["spec"].get("hard") or {}
            manifest["status"] = {"hard": dict(hard), "used": dict.fromkeys(hard, "0")}
        if manifest["kind"] == "Deployment" and self.deployments_come_up:
            manifest["status"] = {
                "observedGeneration": manifest["metadata"]["generation"],
                "updatedReplicas": 1,
                "availableReplicas": 1,
            }

    def _shown(self, stored: Stored) -> Manifest:
        shown = copy.deepcopy(stored.manifest)
        shown["metadata"]["managedFields"] = [
            {"manager": who, "operation": how, "fieldsType": "FieldsV1", "fieldsV1": tree(paths)}
            for (who, how), paths in stored.owners.items()
            if paths
        ]
        return shown


def _metadata(manifest: Manifest) -> Manifest:
    return {key: manifest[key] for key in ("apiVersion", "kind", "metadata")}


def _whole(manifest: Manifest) -> Manifest:
    return manifest


def _pairs(labels: str) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in labels.split(",") if pair)


def _named(fields: str) -> str:
    """The name that a field selector asks for, '' for any."""
    field, _, name = fields.partition("=")
    assert field in {"", "metadata.name"}, "the fake knows no other field selector"
    return name


def _matches(manifest: Manifest | None, labels: dict[str, str]) -> bool:
    if manifest is None:
        return False
    return labels.items() <= (manifest["metadata"].get("labels") or {}).items()


def _disown(stored: Stored, path: Path) -> None:
    for owned in stored.owners.values():
        owned.discard(path)
