"""Plays a workflow's controller: writes its status as a story asks, where no controller runs.

On a real API server with simulated nodes nobody looks at a Workflow. A story says which steps appear, run and
end; each call writes the status as Argo's controller would have it then.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from controlplane.argo.submission import API_VERSION, KIND
from controlplane.kube.door import Kube
from controlplane.objects import Manifest, Ref
from tests.fakes import FakeCluster

Write = Callable[[Manifest], None]
Node = dict[str, Any]


@dataclass
class Player:
    """One workflow's story. Steps are named by their display name; time passes by itself."""

    name: str
    write: Write
    kind: str = "DAG"
    clock: datetime = field(default_factory=lambda: datetime.now(UTC))
    step: timedelta = timedelta(seconds=1)
    nodes: dict[str, Node] = field(default_factory=dict)
    phase: str = "Running"
    message: str = ""
    began: str = ""
    ended: str = ""

    @classmethod
    def on_server(cls, kube: Kube, namespace: str, name: str, **more: Any) -> "Player":
        """For a workflow that an API server has."""
        ref = Ref(API_VERSION, KIND, namespace, name)
        return cls(name, lambda status: _patched(kube, ref, status), **more)

    @classmethod
    def on_fake(cls, fake: FakeCluster, namespace: str, name: str, **more: Any) -> "Player":
        """For a workflow in memory, where a patch writes no status."""
        stored = fake.objects[Ref(API_VERSION, KIND, namespace, name)]
        return cls(name, lambda status: stored.manifest.__setitem__("status", status), **more)

    def begin(self) -> "Player":
        """Its controller has seen it."""
        self.began = self._now()
        self._put(self.name, {"type": self.kind, "name": self.name})
        return self._written()

    def start(
        self, *labels: str, after: Iterable[str] = (), kind: str = "Pod", **more: Any
    ) -> "Player":
        """Steps appear and run, each after those named (by default: at the beginning)."""
        for label in labels:
            self._put(label, {"type": kind, "boundaryID": self.name, **more})
            for before in tuple(after) or (self.name,):
                self._key(before).setdefault("children", []).append(self.id_of(label))
        return self._written()

    def fan_out(self, label: str, count: int, *, after: Iterable[str] = ()) -> "Player":
        """A step for each of `count` items, as withItems makes them."""
        self.start(label, after=after, kind="TaskGroup")
        for item in range(count):
            self.start(f"{label}({item}:item-{item})", after=(label,), templateName=label)
        return self._written()

    def items_of(self, label: str) -> list[str]:
        """The steps that a fan-out made."""
        made = self._key(label).get("children", [])
        return [str(self.nodes[each]["displayName"]) for each in made]

    def end(
        self, *labels: str, phase: str = "Succeeded", message: str = "", **more: Any
    ) -> "Player":
        """Steps end like this."""
        for label in labels:
            node = self._key(label)
            node |= {"phase": phase, "finishedAt": self._now(), **more}
            if message:
                node["message"] = message
        return self._written()

    def finish(self, phase: str = "Succeeded", message: str = "") -> "Player":
        """The workflow ends."""
        self.phase, self.message, self.ended = phase, message, self._now()
        self.nodes[self.name] |= {"phase": phase, "finishedAt": self.ended}
        return self._written()

    def status(self) -> Manifest:
        """The status as it is now."""
        pods = [n for n in self.nodes.values() if n["type"] == "Pod"]
        done = sum(n["phase"] in {"Succeeded", "Failed", "Error"} for n in pods)
        said = {
            "phase": self.phase,
            "startedAt": self.began,
            "finishedAt": self.ended,
            "message": self.message,
            "progress": f"{done}/{len(pods)}",
        }
        return {key: value for key, value in said.items() if value} | {"nodes": self.nodes}

    def id_of(self, label: str) -> str:
        """The id of a step."""
        return self.name if label == self.name else f"{self.name}-{label}".replace("(", "-")

    def _put(self, label: str, more: Node) -> None:
        key = self.id_of(label)
        self.nodes[key] = {
            "id": key,
            "name": f"{self.name}.{label}",
            "displayName": label,
            "templateName": label,
            "phase": "Running",
            "startedAt": self._now(),
            **more,
        }

    def _key(self, label: str) -> Node:
        return self.nodes[self.id_of(label)]

    def _now(self) -> str:
        self.clock += self.step
        return f"{self.clock:%Y-%m-%dT%H:%M:%SZ}"

    def _written(self) -> "Player":
        self.write(self.status())
        return self


def _patched(kube: Kube, ref: Ref, status: Manifest) -> None:
    labels = {"workflows.argoproj.io/phase": status["phase"]}
    sent = {"metadata": {"labels": labels}, "status": status}
    kube.patch(ref, sent, manager="workflow-controller")
