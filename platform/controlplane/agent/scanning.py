"""What runs that should not? Every object of the teams' namespaces, page by page, through the same decision.

Judged as if it were enforced: a team in audit learns what would be refused. What is told is one line for
what one hand made: a Deployment, not its hundred pods; and of pods only what nothing above them says.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from controlplane.kube.door import Kube
from controlplane.kube.errors import Expired, KubeError, Missing
from controlplane.objects import Manifest
from controlplane.policies.bundle import Bundle
from controlplane.policies.decide import decide
from controlplane.policies.document import Document
from controlplane.policies.extraction import images_in
from controlplane.policies.facts import Facts
from controlplane.policies.places import ARGO
from controlplane.policies.verdict import Question

from .seen import Admitted, Scanned, Sighting, mapping, mappings, violation_seen

PAGE = 200
MOST_FOUND = 20_000  # violations of one scan; the namespaces beyond are not called clean
MOST_IMAGES = 20_000
CLUSTER_SCOPED = ""
TRIES = 3  # of one kind, where its list was forgotten while it was read
OVER = frozenset({"Succeeded", "Failed", "Error"})

# In this order: what makes pods first, so that pods are told only where they differ from it.
MAKERS = (
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("apps/v1", "ReplicaSet"),
    ("v1", "ReplicationController"),
    ("batch/v1", "CronJob"),
    ("batch/v1", "Job"),
    ("v1", "PodTemplate"),
    (f"{ARGO}/v1alpha1", "ClusterWorkflowTemplate"),
    (f"{ARGO}/v1alpha1", "WorkflowTemplate"),
    (f"{ARGO}/v1alpha1", "CronWorkflow"),
    (f"{ARGO}/v1alpha1", "Workflow"),
)
PODS = ("v1", "Pod")

logger = logging.getLogger("argosy.agent")


@dataclass(frozen=True, slots=True)
class Scan:
    """What one look at everything found. Empty `scanned`: it was not everything."""

    sightings: tuple[Sighting, ...]
    scanned: tuple[Scanned, ...]
    admitted: tuple[Admitted, ...]
    objects: int
    problem: str = ""


def scan(
    kube: Kube, bundle: Bundle, facts: Facts, *, at: datetime, beat: Callable[[], None]
) -> Scan:
    """Look at everything once. Raises nothing of the cluster's: what could not be read is said."""
    look = _Look(bundle, facts, at)
    problems = []
    for api_version, kind in (*MAKERS, PODS):
        try:
            for manifest in _all(kube, api_version, kind, beat):
                look.at_one(manifest)
        except KubeError as error:
            problems.append(f"{kind}: {error.sentence}")
    problem = "; ".join(problems)
    if problem:
        logger.warning(
            "the scan could not read everything, so nothing is called clean: %s", problem
        )
    return look.found(complete=not problem, problem=problem)


def _all(kube: Kube, api_version: str, kind: str, beat: Callable[[], None]) -> Iterator[Manifest]:
    """Every object of a kind, one page in memory at a time; none where the cluster has no such kind."""
    for last in (False,) * (TRIES - 1) + (True,):
        cursor = ""
        try:
            while True:
                items, cursor = kube.page(api_version, kind, "", limit=PAGE, cursor=cursor)
                yield from items
                beat()
                if not cursor:
                    return
        except Missing:
            return
        except Expired:
            # Judged twice is judged once: what was told of the first pages is the same.
            if last:
                raise


@dataclass(slots=True)
class _Look:
    """One scan under way."""

    bundle: Bundle
    facts: Facts
    now: datetime
    objects: int = 0
    _found: dict[tuple[str, ...], Sighting] = field(default_factory=dict)
    _above: set[tuple[str, str, str]] = field(default_factory=set)
    _images: dict[str, set[str]] = field(default_factory=dict)
    _kept_images: int = 0
    _unclear: set[str] = field(default_factory=set)
    _enforced: dict[str, Document] = field(default_factory=dict)

    def at_one(self, manifest: Manifest) -> None:
        """Judge an object, if it is a team's and what it makes is not over."""
        meta = mapping(manifest.get("metadata"))
        namespace = str(meta.get("namespace") or CLUSTER_SCOPED)
        document = self._document(namespace)
        if document is None or _is_over(manifest):
            return
        owner = _controller_of(meta)
        kind = str(manifest["kind"])
        if owner and kind != "Pod":
            return  # its owner says the same, or its pods do
        self.objects += 1
        group = str(manifest["apiVersion"]).rpartition("/")[0]
        self._remember(namespace, group, kind, manifest)
        question = Question(group, kind, "CREATE", manifest, namespace=namespace, now=self.now)
        called, name = owner or (kind, str(meta.get("name") or ""))
        for violation in decide(question, document, self.facts).violations:
            key = (namespace, violation.image, str(violation.code))
            if kind == "Pod" and key in self._above:
                continue
            if kind != "Pod":
                self._above.add(key)
            self._keep(
                violation_seen(
                    violation,
                    namespace=namespace,
                    kind=called,
                    name=name,
                    state="running",
                    source="scanner",
                    at=self.now,
                )
            )

    def found(self, *, complete: bool, problem: str) -> Scan:
        """What there is to tell."""
        clear = [n for n in self.bundle.namespaces if n not in self._unclear] if complete else []
        return Scan(
            sightings=tuple(self._found.values()),
            scanned=tuple(Scanned(n, self.now, len(self._images.get(n, ()))) for n in clear),
            admitted=tuple(
                Admitted(namespace, image, self.now)
                for namespace, images in self._images.items()
                for image in images
                if namespace != CLUSTER_SCOPED
            ),
            objects=self.objects,
            problem=problem,
        )

    def _document(self, namespace: str) -> Document | None:
        """The namespace's policy, as it is when it is enforced; none for what is nobody's."""
        document = self.bundle.document_for(namespace)
        if document is None or document.mode == "enforce":
            return document
        if document.name not in self._enforced:
            self._enforced[document.name] = msgspec.structs.replace(document, mode="enforce")
        return self._enforced[document.name]

    def _keep(self, sighting: Sighting) -> None:
        if len(self._found) >= MOST_FOUND and sighting.place not in self._found:
            self._unclear.add(sighting.namespace)
        else:
            self._found[sighting.place] = sighting

    def _remember(self, namespace: str, group: str, kind: str, manifest: Manifest) -> None:
        """Which images run: what a back-test asks about."""
        known = self._images.setdefault(namespace, set())
        for found in images_in(group, kind, manifest):
            if found.problem is None and found.image and found.image not in known:
                if self._kept_images >= MOST_IMAGES:
                    return
                self._kept_images += 1
                known.add(found.image)


def _is_over(manifest: Mapping[str, Any]) -> bool:
    """A pod, Job or Workflow that has ended runs nothing any more."""
    status = mapping(manifest.get("status"))
    if manifest["kind"] == "Job":
        conditions = mappings(status.get("conditions"))
        return any(
            c.get("type") in {"Complete", "Failed"} and c.get("status") == "True"
            for c in conditions
        )
    return manifest["kind"] in {"Pod", "Workflow"} and status.get("phase") in OVER


def _controller_of(meta: Mapping[str, Any]) -> tuple[str, str] | None:
    """Kind and name of what made it, if that stands in the same namespace and is looked at itself."""
    looked_at = {kind for _, kind in MAKERS}
    for owner in mappings(meta.get("ownerReferences")):
        if owner.get("controller") is True and owner.get("kind") in looked_at:
            return str(owner["kind"]), str(owner.get("name") or "")
    return None
