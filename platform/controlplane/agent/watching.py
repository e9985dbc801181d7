"""What was refused to controllers and workflows? Events and Argo's nodes say it: values in, values out.

A person who is refused is told so in the same moment; a controller is not a person, and what the API
server said to it stands in an Event, or in a node's message, for whoever looks there. This looks there.
What the webhook denied it tells itself, with all it knew; that is not told twice.
"""

import base64
import binascii
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from controlplane.objects import Manifest

from .denials import By, Denial, denial_in
from .seen import Sighting, Source, mapping, mappings, moment, violation_seen

EVENTS = "type=Warning"  # a denial is one; the others are most of a cluster's Events
FAILED = frozenset({"Error", "Failed"})
MOST_NODES = 16 * 1024 * 1024  # bytes of a workflow's nodes, once they are unpacked
MOST_TOLD = 20_000

Ours = Callable[[str], bool]
Clock = Callable[[], datetime]


def sightings_in_event(event: Manifest, *, now: datetime, before: int = 0) -> list[Sighting]:
    """What an Event says that we refused. `before` is how often it had happened when last told."""
    said = event.get("message") or event.get("note")
    denial = denial_in(said) if isinstance(said, str) else None
    if denial is None or denial.by is By.WEBHOOK:
        return []
    about = mapping(event.get("involvedObject") or event.get("regarding"))
    series = mapping(event.get("series"))
    at = moment(
        series.get("lastObservedTime"),
        event.get("lastTimestamp"),
        event.get("eventTime"),
        mapping(event.get("metadata")).get("creationTimestamp"),
    )
    return told(
        denial,
        namespace=str(about.get("namespace") or ""),
        kind=str(about.get("kind") or "Event"),
        name=str(about.get("name") or ""),
        source="event",
        at=at or now,
        count=max(1, times(event) - before) if before else 1,
    )


def times(event: Manifest) -> int:
    """How often it has happened."""
    count = mapping(event.get("series")).get("count") or event.get("count")
    return count if isinstance(count, int) and count > 0 else 1


def sightings_in_workflow(workflow: Manifest, *, now: datetime) -> list[Sighting]:
    """What a Workflow's nodes, and itself, say that we refused."""
    meta, status = mapping(workflow.get("metadata")), mapping(workflow.get("status"))
    found: list[Sighting] = []
    for part in (*_nodes(status), status):
        said = part.get("message")
        denial = denial_in(said) if isinstance(said, str) else None
        if denial is None or denial.by is By.WEBHOOK:
            continue
        at = moment(part.get("finishedAt"), part.get("startedAt"), meta.get("creationTimestamp"))
        found += told(
            denial,
            namespace=str(meta.get("namespace") or ""),
            kind="Workflow",
            name=str(meta.get("name") or ""),
            source="argo",
            at=at or now,
        )
    # A workflow repeats what its node said, and each parent node does: one place is one sighting.
    return list({sighting.place: sighting for sighting in reversed(found)}.values())


def told(
    denial: Denial,
    *,
    namespace: str,
    kind: str,
    name: str,
    source: Source,
    at: datetime,
    count: int = 1,
) -> list[Sighting]:
    """A denial's violations, about the object that could not be made."""
    return [
        violation_seen(
            said,
            namespace=namespace,
            kind=kind,
            name=name,
            state="refused",
            source=source,
            at=at,
            count=count,
        )
        for said in denial.violations
    ]


def _nodes(status: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Those that have a message: of a large workflow a few of thousands."""
    nodes = mapping(status.get("nodes")) or _unpacked(status.get("compressedNodes"))
    return (node for node in mappings(list(nodes.values())) if node.get("message"))


def _unpacked(text: object) -> Mapping[str, Any]:
    """Nodes that Argo keeps gzipped since they were too many. None where that cannot be read."""
    if not isinstance(text, str) or not text:
        return {}
    try:
        unzip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        data = unzip.decompress(base64.b64decode(text), MOST_NODES)
        return {} if unzip.unconsumed_tail else mapping(orjson.loads(data))
    except (binascii.Error, zlib.error, orjson.JSONDecodeError):
        return {}


@dataclass
class Recent:
    """What was told lately, so that an object that changes often is not told as often. Bounded."""

    most: int = MOST_TOLD
    _known: OrderedDict[tuple[str, ...], int] = field(default_factory=OrderedDict)

    def was(self, key: tuple[str, ...]) -> int:
        """The number that was kept for it; 0 if it is not known."""
        return self._known.get(key, 0)

    def keep(self, key: tuple[str, ...], number: int = 1) -> None:
        """Remember it; the oldest is forgotten for it."""
        self._known[key] = number
        self._known.move_to_end(key)
        if len(self._known) > self.most:
            self._known.popitem(last=False)


@dataclass
class Watching:
    """Tells what Events and Workflows of team namespaces say."""

    ours: Ours  # whether a namespace is a team's
    say: Callable[[Sequence[Sighting]], None]
    now: Clock
    _events: Recent = field(default_factory=Recent)
    _workflows: Recent = field(default_factory=Recent)

    def event(self, event: Manifest) -> None:
        """One Event, new or changed."""
        namespace = str(mapping(event.get("metadata")).get("namespace") or "")
        if not self.ours(namespace):
            return
        key = (str(mapping(event.get("metadata")).get("uid")),)
        before, count = self._events.was(key), times(event)
        if count <= before:
            return
        found = sightings_in_event(event, now=self.now(), before=before)
        # Only where it is about something of its own namespace: whoever may write Events there may not
        # speak for another team.
        found = [sighting for sighting in found if sighting.namespace == namespace]
        if found:
            self._events.keep(key, count)
            self.say(found)

    def workflow(self, workflow: Manifest) -> None:
        """One Workflow, new or changed."""
        if not self.ours(str(mapping(workflow.get("metadata")).get("namespace") or "")):
            return
        news = []
        for sighting in sightings_in_workflow(workflow, now=self.now()):
            key = (*sighting.place, sighting.at.isoformat())
            if not self._workflows.was(key):
                self._workflows.keep(key)
                news.append(sighting)
        if news:
            self.say(news)
