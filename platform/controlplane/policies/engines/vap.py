"""The policies inside a real API server, with the webhook away: each case as a real request.

Every policy of the cases becomes a team with a namespace of its own, so that all are in force at
once. The routing is there too, and nobody behind it: what is sent to the webhook ends in an error
that names our entry, and that is how a case is seen to ask.

Objects that an update or a deletion needs are created before the policies are: they may be as bad
as they like. All that is judged is a dry run.
"""

import copy
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from controlplane.clusters import base_release
from controlplane.policies import document
from controlplane.policies.cases import Case, User
from controlplane.policies.compile import admission_policies, probes, routing
from controlplane.policies.compile.rule_sets import RuleSet, exempted, rule_set
from controlplane.policies.compile.shapes import CLUSTER, CONTROL, TEAM_LABEL
from controlplane.policies.decide import decide, namespace_of
from controlplane.policies.document import CLUSTER_SCOPED, Document
from controlplane.policies.extraction import images_in
from controlplane.policies.places import KINDS
from controlplane.policies.verdict import Asks
from localcluster import clusters
from localcluster.home import Home

from . import Answer, Engine, NoSuchEngine
from .api_server import MERGE, ApiServer, Manifest, Refused, Said, connected

SECONDS = 30.0
LOOK_EVERY = 0.05
NODES = ("node-1", "node-2")
NOBODY = {"url": "https://127.0.0.1:1/review", "caBundle": None}
WEBHOOK_SAID = "failed calling webhook"
POLICY_SAID = f"ValidatingAdmissionPolicy '{admission_policies.PREFIX}-"

UNSCOPED = frozenset({
    "Namespace", "Node", "ClusterRoleBinding", "ClusterWorkflowTemplate", "CustomResourceDefinition",
    "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
})  # fmt: skip
# What the API server writes under another kind, at the object it is about.
PARTS = {"scale": ("apps/v1", "Deployment"), "binding": ("v1", "Pod"), "eviction": ("v1", "Pod"),
         "exec": ("v1", "Pod")}  # fmt: skip


@dataclass
class Vap:
    """Judges cases on an API server that was made ready for them."""

    api: ApiServer
    now: datetime
    teams: dict[tuple[str, str], str] = field(default_factory=dict)
    documents: dict[str, Document] = field(default_factory=dict)
    namespaces: dict[str, str] = field(default_factory=dict)
    in_force: str = ""  # the policy of cluster-scoped objects
    nodes: dict[str, str] = field(default_factory=dict)
    held: list[str] = field(default_factory=list)  # objects that finalizers keep
    # Of its own: a namespace that an earlier run left is still on its way out.
    run: str = field(default_factory=lambda: secrets.token_hex(3))

    @property
    def probing(self) -> str:
        """A namespace whose team has no rules."""
        return f"case-{self.run}-probe"

    def judge(self, case: Case) -> Answer:
        question = case.question(self.now)
        kind = KINDS.get((question.group, question.kind))
        if kind is not None and not kind.namespaced:
            self._rule_over_the_cluster(case.policy)
        said = self._asked(case)
        if said.taken:
            return Answer(allowed=True, reported=bool(said.warnings) or None, reasons=said.warnings)
        if POLICY_SAID in said.message:
            return Answer(allowed=False, reasons=tuple(said.message.splitlines()))
        if WEBHOOK_SAID in said.message and routing.DOMAIN in said.message:
            return self._passed_on(case, said)
        if case.operation == "CONNECT" and "forbidden" not in said.message:
            return Answer(allowed=True)  # judged, taken, and then there was no node to go to
        return Answer(allowed=False, aside=f"{said.code}: {said.message[:200]}")

    def prepare(self, cases: Sequence[Case]) -> None:
        """Namespaces, old objects, policies, in this order; done when the policies are seen to act."""
        for node in NODES:
            self.api.apply(f"/api/v1/nodes/{node}", _node(node))
            self.nodes[node] = self.api.call("GET", f"/api/v1/nodes/{node}").body["metadata"]["uid"]
        for case in cases:
            self._home(case)
        self.api.apply(f"/api/v1/namespaces/{self.probing}", probes.namespace(self.probing))
        for team in (*self.documents, self.probing):
            self._await_account(team)
        for case in cases:
            for manifest in _needed(case):
                self._create(case, manifest)
        for team in self.documents:
            self.api.apply(f"/api/v1/namespaces/{team}", _namespace(team, bound=True))
        self._enforce(document.Document())

    def _home(self, case: Case) -> str:
        """The namespace that stands for the case's own under the case's policy."""
        namespace = _namespace_of(case)
        key = (repr(case.policy), namespace)
        if key not in self.teams:
            team = self.teams[key] = f"case-{self.run}-{len(self.teams)}"
            self.documents[team] = case.policy
            self.namespaces[team] = namespace
            self.api.apply(f"/api/v1/namespaces/{team}", _namespace(team, bound=False))
            self.api.apply(
                f"/apis/rbac.authorization.k8s.io/v1/namespaces/{team}/rolebindings/everybody",
                _everybody(team),
            )
        return self.teams[key]

    def _await_account(self, team: str) -> None:
        path = f"/api/v1/namespaces/{team}/serviceaccounts/default"
        _until(lambda: self.api.call("GET", path).taken, f"{team} has no service account")

    def _create(self, case: Case, manifest: Manifest) -> None:
        manifest = self._placed(case, manifest)
        terminating = bool(manifest["metadata"].pop("deletionTimestamp", None))
        manifest["metadata"].pop("deletionGracePeriodSeconds", None)
        later = manifest["spec"].pop("ephemeralContainers", None)
        said = self.api.call("POST", _collection(manifest), manifest)
        if said.taken and later is not None:
            path = f"{path_of(manifest)}/ephemeralcontainers"
            change = {"spec": {"ephemeralContainers": later}}
            said = self.api.call("PATCH", path, change, content=MERGE)
        if not said.taken:
            raise Refused(f"case {case.id}: its old object: {said.message}")
        if manifest["metadata"].get("finalizers"):
            self.held.append(path_of(manifest))
        if terminating:
            self.api.call("DELETE", path_of(manifest), {"gracePeriodSeconds": 0})

    def _enforce(self, over_the_cluster: Document) -> None:
        rules: dict[str, RuleSet] = {
            team: rule_set(policy, [self.namespaces[team]])
            for team, policy in self.documents.items()
        }
        rules[CONTROL] = rule_set(Document(), [])
        rules[CLUSTER] = rule_set(over_the_cluster, [CLUSTER_SCOPED])
        documents = {**self.documents, CLUSTER: over_the_cluster}
        self.api.apply(
            f"/apis/{routing.API}/validatingwebhookconfigurations/{routing.NAME}",
            routing.configuration(documents, NOBODY),
        )
        for manifest in admission_policies.policies(rules):
            self.api.apply(path_of(manifest), manifest)
        revision = admission_policies.revision_of(rules)
        for probe in probes.probes(self.probing):
            _until(lambda p=probe: self._refused_by(p, revision), f"{probe['kind']} is not judged")
        self.in_force = repr(over_the_cluster)

    def _refused_by(self, probe: Manifest, revision: str) -> bool:
        said = self.api.call("POST", _collection(probe), probe, dry_run=True)
        return admission_policies.said_by(" ".join((said.message, *said.warnings)), revision)

    def _rule_over_the_cluster(self, policy: Document) -> None:
        if self.in_force != repr(policy):
            self._enforce(policy)

    def _asked(self, case: Case) -> Said:
        user = User(case.user) if isinstance(case.user, str) else case.user
        api = self.api.acting_as(user.username, user.groups) if user.username else self.api
        subject = case.object if case.object is not None else case.old_object
        manifest = self._placed(case, subject or {})
        if case.subresource in PARTS:
            return _asked_of_a_part(api, case, manifest)
        match case.operation:
            case "DELETE":
                return api.call("DELETE", path_of(manifest), dry_run=True)
            case "UPDATE":
                path = path_of(manifest) + (f"/{case.subresource}" if case.subresource else "")
                change = _change(self._placed(case, case.old_object or {}), manifest)
                return api.call("PATCH", path, change, content=MERGE, dry_run=True)
        return api.call("POST", _collection(manifest), manifest, dry_run=True)

    def _placed(self, case: Case, manifest: Mapping[str, Any]) -> Manifest:
        """The object in its team's namespace, under a name of its own, complete enough to be taken."""
        placed: Manifest = copy.deepcopy(dict(manifest))
        metadata = placed.setdefault("metadata", {})
        if metadata.get("name") or "generateName" not in metadata:
            metadata["name"] = _name(case)
        if placed.get("kind") not in UNSCOPED:
            metadata["namespace"] = self._home(case)
        for owner in metadata.get("ownerReferences", ()):
            if owner.get("kind") == "Node":
                owner["uid"] = self.nodes.get(owner["name"], owner["uid"])
        if placed.get("kind") == "Pod" and isinstance(placed.get("spec"), dict):
            placed["spec"]["automountServiceAccountToken"] = False
            if "nodeName" not in placed["spec"]:
                placed["spec"]["nodeSelector"] = {"argosy.dev/nowhere": "true"}
        return placed

    def _passed_on(self, case: Case, said: Said) -> Answer:
        question = case.question(self.now)
        asks = set(decide(question, case.policy, case.known_facts()).asked)
        named = {found.image for found in images_in(question.group, question.kind, question.object)}
        if named & {*exempted(case.policy, [_namespace_of(case)])}:
            asks.add(Asks.EXEMPTION)
        return Answer(allowed=False, asks=frozenset(asks), reasons=(said.message,))


def _asked_of_a_part(api: ApiServer, case: Case, manifest: Manifest) -> Said:
    """Through a subresource that is written under a kind of its own."""
    api_version, kind = PARTS[case.subresource]
    whole = {"apiVersion": api_version, "kind": kind, "metadata": manifest["metadata"]}
    path = f"{path_of(whole)}/{case.subresource}"
    if case.operation == "CONNECT":
        return api.call("POST", f"{path}?command=sh&container=main")
    if case.operation == "UPDATE":
        return api.call("PATCH", path, manifest, content=MERGE, dry_run=True)
    return api.call("POST", path, manifest, dry_run=True)


@contextmanager
def opened(cases: Sequence[Case], kubeconfig: Path | None = None) -> Iterator[Engine]:
    """An API server with the policies of these cases; one of our own, unless one is given."""
    with _cluster(kubeconfig) as config, connected(config) as api:
        engine = Vap(api, datetime.now(UTC))
        try:
            for manifest in base_release.crds():
                api.apply(path_of(manifest), manifest)
            engine.prepare(cases)
            yield engine
        except Refused as error:
            raise NoSuchEngine(
                f"the API server does not take what the cases need: {error}"
            ) from error
        finally:
            _clean(api, engine)


@contextmanager
def _cluster(kubeconfig: Path | None) -> Iterator[Path]:
    if kubeconfig is not None:
        yield kubeconfig
        return
    folder = Path(tempfile.mkdtemp(prefix="argosy-policy-test-"))
    home = Home(folder)
    try:
        crds = base_release.crds()
        yield clusters.up("cases", node="simulated", home=home, durable=False, crds=crds).kubeconfig
    finally:
        clusters.down_all(home=home)
        shutil.rmtree(folder, ignore_errors=True)


def _clean(api: ApiServer, engine: Vap) -> None:
    """Leave a cluster that was lent as it was found."""
    if engine.documents:
        for manifest in reversed(admission_policies.policies({})):
            api.call("DELETE", path_of(manifest))
        api.call("DELETE", f"/apis/{routing.API}/validatingwebhookconfigurations/{routing.NAME}")
    for path in engine.held:
        api.call("PATCH", path, {"metadata": {"finalizers": None}}, content=MERGE)
    for team in (*engine.documents, engine.probing):
        api.call("DELETE", f"/api/v1/namespaces/{team}")
    for node in engine.nodes:
        api.call("DELETE", f"/api/v1/nodes/{node}")


def _until(condition: Any, otherwise: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise Refused(f"{otherwise} after {SECONDS:.0f} s")
        time.sleep(LOOK_EVERY)


def _needed(case: Case) -> Iterator[Manifest]:
    """What must be there before the case's request can be made."""
    if case.subresource in PARTS:
        api_version, kind = PARTS[case.subresource]
        yield _bare(api_version, kind)
    elif case.old_object is not None:
        yield dict(case.old_object)


def _bare(api_version: str, kind: str) -> Manifest:
    spec: Manifest = {"containers": [{"name": "main", "image": "example.test/app:1"}]}
    if kind == "Deployment":
        labels = {"app": "a"}
        spec = {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        }
    return {"apiVersion": api_version, "kind": kind, "metadata": {}, "spec": spec}


def _change(old: Manifest, new: Manifest) -> Manifest:
    """The merge patch from one to the other: what a client that knew the live object would write."""
    change: Manifest = {}
    for key in {*old, *new}:
        before, after = old.get(key), new.get(key)
        if before == after or key in {"deletionTimestamp", "deletionGracePeriodSeconds"}:
            continue
        both = isinstance(before, dict) and isinstance(after, dict)
        change[key] = _change(before, after) if both else after  # type: ignore[arg-type]
    return change


def _name(case: Case) -> str:
    name = "".join(c if c.isalnum() else "-" for c in case.id.lower())
    return f"c-{name}"[:60].rstrip("-")


def _namespace_of(case: Case) -> str:
    question = case.question(datetime.now(UTC))
    kind = KINDS.get((question.group, question.kind))
    if kind is None:
        return case.namespace or str((case.object or {}).get("metadata", {}).get("namespace", ""))
    return namespace_of(question, kind) or str(
        (case.old_object or {}).get("metadata", {}).get("namespace", "")
    )


def _namespace(name: str, *, bound: bool) -> Manifest:
    labels = {"argosy.dev/managed": "true", TEAM_LABEL: name} if bound else {}
    metadata = {"name": name, "labels": labels}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def _node(name: str) -> Manifest:
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}


def _everybody(namespace: str) -> Manifest:
    group = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "everybody", "namespace": namespace},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": group, "kind": "Group", "name": "system:authenticated"}],
    }


def _collection(manifest: Mapping[str, Any]) -> str:
    version, kind = manifest["apiVersion"], manifest["kind"]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    plural = f"{kind[:-1]}ies" if kind.endswith("Policy") else f"{kind.lower()}s"
    if kind in UNSCOPED:
        return f"{root}/{plural.lower()}"
    return f"{root}/namespaces/{manifest['metadata']['namespace']}/{plural.lower()}"


def path_of(manifest: Mapping[str, Any]) -> str:
    return f"{_collection(manifest)}/{manifest['metadata']['name']}"
