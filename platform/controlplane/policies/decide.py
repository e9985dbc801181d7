"""May this object be written? One decision: webhook, scanner, back-test and tool all ask here.

The order is that of a reader: what needs no verdict (deletions, scale, exempt namespaces), which
images are new, what each of them breaks, what is forgiven (an exemption), and what is only told
(audit, a controller's template, a mirror pod). Whatever cannot be understood is denied.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .document import CLUSTER_SCOPED, Document, Exemption
from .extraction import Findings, Found, findings
from .facts import NO_FACTS, Facts
from .holding import Policy, policy_of
from .patches import Check, nothing
from .places import KINDS, WITHOUT_IMAGES, Kind
from .references import NotAReference, Reference, parse, taken_by_a_runtime
from .rules import AllOf, Broken
from .trust import proven
from .verdict import Asks, Code, Question, Verdict, Violation

ALLOWED = Verdict(allowed=True)
NOBODYS = Document(name="nobody's")
_KEPT_OUT = frozenset({Code.NOT_ALLOWED, Code.DENIED})
_JUDGED = frozenset({"CREATE", "UPDATE"})
_NEVER_ADDS = frozenset({"DELETE", "CONNECT"})
_BLANK = Broken(Code.BLANK, "no image is named; name one")
_TEMPLATED = Broken(Code.TEMPLATED, "an image put together while it runs; write it out")
_numbers = re.compile(r"\[[0-9]+\]")
_MIRROR = "kubernetes.io/config.mirror"


def decide(
    question: Question,
    document: Document | None,
    facts: Facts = NO_FACTS,
    *,
    check: Check = nothing,
) -> Verdict:
    """The verdict on one object under one policy; without a policy no image is allowed.

    `check` is asked ever again while it takes; what it raises ends it.
    """
    kind = KINDS.get((question.group, question.kind))
    if question.operation in _NEVER_ADDS:
        return ALLOWED
    if question.operation not in _JUDGED:
        return _denied(f"the operation {question.operation[:40]!r} is not one we know")
    if kind is None or question.subresource in WITHOUT_IMAGES:
        return ALLOWED
    if not isinstance(question.object, Mapping):
        return _denied("there must be an object")
    document = NOBODYS if document is None else document
    namespace = namespace_of(question, kind)
    if namespace is not None and namespace in document.exempt_namespaces:
        return ALLOWED
    policy = policy_of(document)
    return _Judgement(question, kind, document, policy, facts, namespace, check).verdict()


def namespace_of(question: Question, kind: Kind) -> str | None:
    """The namespace whose rules hold. None for a namespaced object that does not say one."""
    if not kind.namespaced:
        return CLUSTER_SCOPED
    if question.namespace:
        return question.namespace
    metadata = (question.object or {}).get("metadata")
    own = metadata.get("namespace") if isinstance(metadata, Mapping) else None
    return own if isinstance(own, str) and own else None


def _denied(reason: str) -> Verdict:
    return Verdict(allowed=False, violations=(Violation("", "", "", Code.SHAPE, reason),))


@dataclass(slots=True)
class _Judgement:
    """One question, while it is being judged."""

    question: Question
    kind: Kind
    document: Document
    policy: Policy
    facts: Facts
    namespace: str | None
    check: Check
    denies: list[Violation] = field(default_factory=list)
    told: list[Violation] = field(default_factory=list)
    asked: set[Asks] = field(default_factory=set)
    _held: dict[str, tuple[Reference, list[Broken]]] = field(default_factory=dict)
    _rules: AllOf = field(init=False)

    def __post_init__(self) -> None:
        self._rules = self.policy.for_namespace(self.namespace)

    def verdict(self) -> Verdict:
        for found in self._new():
            self._judge(found)
        if self.denies and self._only_told():
            self.told = [*self.denies, *self.told]
            self.denies = []
        return Verdict(
            allowed=not self.denies,
            violations=tuple(self.denies),
            reported=tuple(self.told),
            asked=frozenset(self.asked),
        )

    def _new(self) -> Iterator[Found]:
        """What the object names, without what it already named before an update."""
        now = self._findings(self.question.object)
        if now.patched:
            self.asked.add(Asks.PATCH)
        if self.question.operation == "CREATE" or self.question.old_object is None:
            return iter(now.found)
        if self.document.update_mode == "all":
            return iter(now.found)
        before = self._findings(self.question.old_object).found
        return _not_again(now.found, before) if self.kind.is_pod else _not_before(now.found, before)

    def _findings(self, manifest: Any) -> Findings:
        scan = self.policy.reads_manifests
        group, kind = self.question.group, self.question.kind
        return findings(group, kind, manifest, scan_manifests=scan, check=self.check)

    def _judge(self, found: Found) -> None:
        if found.problem is Code.TEMPLATED and self.document.argo.templated != "deny":
            return
        if found.problem is not None:
            self.denies += _violations(found, (Broken(found.problem, found.reason),))
            return
        broken = self._broken(found)
        exemptions = self.policy.exemptions.get(found.image)
        if exemptions is not None and self._exempted(exemptions):
            self.told += _violations(found, broken)
        elif broken:
            self.denies += _violations(found, broken)

    def _broken(self, found: Found) -> Sequence[Broken]:
        """What the image breaks: first whether it names one at all, then rule by rule."""
        image = found.image
        if not image or image.isspace():
            return self._unless(self.document.blank_image, _BLANK)
        if self.kind.templated and "{{" in image:
            return self._unless(self.document.argo.templated, _TEMPLATED)
        try:
            reference, broken = self._held.get(image) or self._hold(image)
        except NotAReference as error:
            return self._unparsable(found, error)
        # Who signed what another team pushed is nothing to tell those who may not run it.
        if self.policy.wants_proof(reference) and not any(b.code in _KEPT_OUT for b in broken):
            return [*broken, *self._unproven(found, reference)]
        return broken

    @staticmethod
    def _unless(wish: str, broken: Broken) -> Sequence[Broken]:
        return (broken,) if wish == "deny" else ()

    def _unparsable(self, found: Found, error: NotAReference) -> Sequence[Broken]:
        broken = Broken(Code.UNPARSABLE, f"it is not the name of an image: {error}")
        # What the runtime does take, only we do not, would be allowed unjudged.
        if self.document.on_unparsable == "deny" or taken_by_a_runtime(found.image):
            return (broken,)
        self.told += _violations(found, (broken,))
        return ()

    def _hold(self, image: str) -> tuple[Reference, list[Broken]]:
        """What it names, held to the rules: once, for a workflow names few images in many places."""
        reference = parse(image)
        self._held[image] = reference, self._rules.violations(reference)
        return self._held[image]

    def _unproven(self, found: Found, reference: Reference) -> Sequence[Broken]:
        self.asked.add(Asks.SIGNATURE)
        proof = proven(reference, self.document, self.policy, self.facts)
        self.told += _violations(found, proof.forgiven)
        return proof.broken

    def _exempted(self, exemptions: Iterable[Exemption]) -> bool:
        here = [e for e in exemptions if not e.namespaces or self.namespace in e.namespaces]
        if here:
            self.asked.add(Asks.EXEMPTION)
        return any(in_force(exemption, self.question.now) for exemption in here)

    def _only_told(self) -> bool:
        document = self.document
        if document.mode == "audit":
            return True
        if document.controllers == "warn" and not self.kind.is_pod:
            return True
        return document.mirror_pods == "allow" and is_mirror_pod(self.question, self.kind)


def in_force(exemption: Exemption, now: datetime | None) -> bool:
    """Whether the clock allows it. Without a clock nothing does."""
    if now is None:
        return False
    now = _aware(now)
    begun = exemption.not_before is None or _aware(exemption.not_before) <= now
    return begun and now < _aware(exemption.not_after)


def is_mirror_pod(question: Question, kind: Kind) -> bool:
    """Whether a node shows the API server a pod that it runs anyway, out of a file of its own."""
    if not kind.is_pod or question.operation != "CREATE" or question.subresource:
        return False
    pod = question.object or {}
    metadata, spec = pod.get("metadata"), pod.get("spec")
    if not isinstance(metadata, Mapping) or not isinstance(spec, Mapping):
        return False
    annotations, node = metadata.get("annotations"), spec.get("nodeName")
    if not isinstance(annotations, Mapping) or not annotations.get(_MIRROR):
        return False
    return isinstance(node, str) and bool(node) and question.user == f"system:node:{node}"


def _violations(found: Found, broken: Iterable[Broken]) -> list[Violation]:
    return [Violation(found.path, found.container, found.image, b.code, b.reason) for b in broken]


def _not_before(now: Iterable[Found], before: Iterable[Found]) -> Iterator[Found]:
    """What a controller's template did not say already, wherever it said it: its pods are judged anew."""
    known = {_sameness(found) for found in before}
    return (found for found in now if _unknown(found) or _sameness(found) not in known)


def _not_again(now: Iterable[Found], before: Iterable[Found]) -> Iterator[Found]:
    """What a pod did not run already: a container is the same if it stands, is called and runs the same."""
    left = Counter(_place_of(found) for found in before)
    for found in now:
        place = _place_of(found)
        if left[place] > 0 and not _unknown(found):
            left[place] -= 1
        else:
            yield found


def _sameness(found: Found) -> tuple[Code | None, str]:
    """What must be equal for an update to have changed nothing here."""
    return found.problem, found.image if found.problem is None else found.source


def _place_of(found: Found) -> tuple[str, str, Code | None, str]:
    return (_numbers.sub("", found.path), found.container, *_sameness(found))


def _unknown(found: Found) -> bool:
    return found.problem is not None and not found.source


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
