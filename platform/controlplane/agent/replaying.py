"""Do the cluster's engines decide as the library does? A few pods an hour, created for nobody: dry runs.

An API server that forgot its policies, a webhook configuration that somebody took away, a policy that was
compiled otherwise than it reads: nothing of that says a word by itself. So now and then an image that must
not be there is offered, and one that runs, and where the answer is not the library's, that is an alarm.
"""

import logging
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from controlplane.kube.door import Kube
from controlplane.kube.errors import KubeError, Refused
from controlplane.objects import Manifest, Ref
from controlplane.policies.bundle import Bundle
from controlplane.policies.decide import decide
from controlplane.policies.facts import Facts
from controlplane.policies.verdict import Question, Verdict

from .denials import By, denial_in
from .seen import Sighting, mapping

FORBIDDEN = "canary.argosy.invalid/nobody/nothing:1"
DIFFER = "engines-differ"
PLACES = 3  # namespaces a round
PODS_OF_TEAMS = Ref(
    "admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", "", "argosy-workload-pods"
)
PLACEMENT = "argosy.dev/placement"
RUNNER = "workflow-runner"

logger = logging.getLogger("argosy.agent")


@dataclass(frozen=True, slots=True)
class Canary:
    """An image that is offered to a namespace."""

    namespace: str
    image: str


@dataclass(frozen=True, slots=True)
class Difference:
    """The library and the cluster do not say the same."""

    canary: Canary
    library: bool  # whether it allows it
    said: str  # by the API server; empty where it let it in


@dataclass
class Replaying:
    """One cluster's canaries. A difference counts only when it lasts: engines load at their own times."""

    cluster: str
    say: Callable[[Sequence[Sighting]], None]
    problem: str = ""
    differences: int = 0
    _before: set[Canary] = field(default_factory=set)

    def round(
        self,
        kube: Kube,
        bundle: Bundle,
        facts: Facts,
        running: Mapping[str, Iterable[str]],
        *,
        now: datetime,
    ) -> bool:
        """Offer some. True if something differs that did not before: look again soon."""
        chosen = [*self._before, *choose(bundle, running)]
        found = [
            d for c in dict.fromkeys(chosen) if (d := self._offered(kube, bundle, facts, c, now))
        ]
        lasting = [d for d in found if d.canary in self._before]
        self.differences = len(lasting)
        self._before = {d.canary for d in found}
        for difference in lasting:
            logger.error("the engines differ: %s", reason_of(difference))
        if lasting:
            self.say([alarm(d, cluster=self.cluster, at=now) for d in lasting])
        return len(found) > len(lasting)

    def _offered(
        self, kube: Kube, bundle: Bundle, facts: Facts, canary: Canary, now: datetime
    ) -> Difference | None:
        try:
            pod = pod_of(canary, placement_of(kube))
        except KubeError as error:
            self.problem = error.sentence
            return None
        asked = Question("", "Pod", "CREATE", pod, namespace=canary.namespace, now=now)
        verdict = decide(asked, bundle.document_for(canary.namespace), facts)
        if stands_down(bundle, verdict, now):
            return None
        try:
            kube.create(pod, dry_run=True)
            said = ""
        except Refused as refused:
            said = refused.sentence
        except KubeError as error:
            self.problem = error.sentence
            return None
        self.problem = ""
        return judged(canary, verdict, said)


def judged(canary: Canary, verdict: Verdict, said: str) -> Difference | None:
    """Whether the API server's answer (a refusal, or nothing) is not the library's."""
    denial = denial_in(said) if said else None
    if said and (denial is None or denial.by is By.NOBODY):
        return None  # somebody else refused it, or nobody could decide: that is no verdict of an engine
    return (
        None if verdict.allowed == (denial is None) else Difference(canary, verdict.allowed, said)
    )


def stands_down(bundle: Bundle, verdict: Verdict, now: datetime) -> bool:
    """While the webhook is away on purpose, what it would be asked is refused, whatever the library says."""
    until = bundle.stand_down_until
    return bool(verdict.asked) and until is not None and now < until


def choose(bundle: Bundle, running: Mapping[str, Iterable[str]]) -> list[Canary]:
    """An image that nobody may run, and one that runs, in each of a few namespaces."""
    places = sorted(name for name in bundle.namespaces if name)
    chosen: list[Canary] = []
    for namespace in random.sample(places, min(PLACES, len(places))):
        chosen.append(Canary(namespace, FORBIDDEN))
        if images := sorted(running.get(namespace, ())):
            chosen.append(Canary(namespace, random.choice(images)))  # noqa: S311 - no secret
    return chosen


def pod_of(canary: Canary, placement: Mapping[str, Any]) -> Manifest:
    """A pod that nothing but its image can be held against."""
    quiet = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    small = {"cpu": "1m", "memory": "1Mi"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "argosy-canary", "namespace": canary.namespace},
        "spec": {
            "serviceAccountName": RUNNER,
            "automountServiceAccountToken": False,
            "nodeSelector": dict(mapping(placement.get("nodeSelector"))),
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65532,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "canary",
                    "image": canary.image,
                    "securityContext": quiet,
                    "resources": {"requests": small, "limits": small},
                }
            ],
        },
    }


def alarm(difference: Difference, *, cluster: str, at: datetime) -> Sighting:
    """For the platform's people, and no team's page: it is nobody's object."""
    return Sighting(
        namespace="",
        kind="Cluster",
        name=cluster,
        path=difference.canary.namespace,
        container="",
        image=difference.canary.image,
        code=DIFFER,
        reason=reason_of(difference)[:1000],
        state="refused" if difference.said else "admitted",
        source="scanner",
        at=at,
    )


def reason_of(difference: Difference) -> str:
    """One sentence."""
    canary = difference.canary
    library = "allows" if difference.library else "denies"
    cluster = f"refuses it: {difference.said}" if difference.said else "lets it in"
    return f"In {canary.namespace} the policy {library} {canary.image}, and the cluster {cluster}"


def placement_of(kube: Kube) -> Mapping[str, Any]:
    """Where the base's policies ask a pod of a team to go."""
    notes = mapping(mapping((kube.get(PODS_OF_TEAMS) or {}).get("metadata")).get("annotations"))
    try:
        return mapping(orjson.loads(str(notes.get(PLACEMENT) or "{}")))
    except orjson.JSONDecodeError:
        return {}
