"""Plans without a cluster: what the preview says of each namespace, told as a story."""

import threading
from dataclasses import dataclass, field

import pytest

from controlplane.clusters.models import Cluster
from controlplane.objects import FINGERPRINT, Ref, fingerprint
from controlplane.plans import agreement, looks
from provisioning.preview import PlannedObject, Preview
from tenants.spec import NamespaceSpec

DEADLINE = 30.0


@dataclass
class Plans:
    """The plan of a namespace is one Namespace object, unless the story says otherwise."""

    labels: dict[str, str] = field(default_factory=dict)  # what is on every object
    problems: dict[str, str] = field(default_factory=dict)  # name: what the API server says
    failures: dict[str, Exception] = field(default_factory=dict)  # name: why there is no plan
    asked: list[str] = field(default_factory=list)
    hangs: set[str] = field(default_factory=set)  # names of clusters that do not answer
    answers: threading.Event = field(default_factory=threading.Event)  # until this is set

    def preview(self, spec: NamespaceSpec, cluster: Cluster) -> Preview:
        """In place of provisioning.preview.preview."""
        self.asked.append(spec.name)
        if cluster.name in self.hangs:
            self.answers.wait(DEADLINE)
        if spec.name in self.failures:
            raise self.failures[spec.name]
        problem = self.problems.get(spec.name, "")
        labels = {"tier": spec.tier.slug, **self.labels}
        marks = {FINGERPRINT: fingerprint(labels)}
        manifest = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": spec.name, "labels": labels, "annotations": marks},
        }
        verdict = "refused" if problem else "ok"
        ref = Ref("v1", "Namespace", "", spec.name)
        return Preview(
            hash=fingerprint(manifest),
            objects=(PlannedObject(ref, manifest, "namespaces", verdict, problem),),
            charts=(("team-guardrails", "0.1.0"), ("team-argo", "0.1.0")),
            problems=(problem,) if problem else (),
        )

    def finish(self) -> None:
        """Let every cluster answer, and wait until nobody asks any more: the next test has its own story."""
        self.answers.set()
        for thread in threading.enumerate():
            if thread.name == looks.THREAD:
                thread.join(DEADLINE)


def told(monkeypatch: pytest.MonkeyPatch) -> Plans:
    """A story that every plan is made by from here on."""
    story = Plans()
    monkeypatch.setattr(agreement, "preview", story.preview)
    return story
