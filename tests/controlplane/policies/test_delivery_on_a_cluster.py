"""The policies inside a real API server on bad days; nobody answers for the webhook here."""

import itertools
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
import yaml

from controlplane.clusters import base_release
from controlplane.kube.errors import KubeError
from controlplane.kube.gateway import KubeGateway
from controlplane.objects import ref_of
from controlplane.policies import delivery, drifting
from controlplane.policies.compile import admission_policies, probes
from controlplane.policies.compile.cluster import Held, held
from controlplane.policies.document import (
    Digest,
    Document,
    Exemption,
    Repositories,
    Scope,
    Signature,
)
from controlplane.policies.drifting import Drift
from controlplane.policies.engines.api_server import MERGE, connected
from localcluster.clusters import RunningCluster
from localcluster.home import Home
from tests.cluster_fixtures import account_with_the_role

pytestmark = pytest.mark.cluster

AWAY = {"url": "https://127.0.0.1:1/review"}
LINK = "https://argosy.example/denied?namespace={namespace}&image={image}"
PINNED = "@sha256:" + "3b4c1a0d" * 8
GOOD, BAD = f"harbor.acme.test/payments/api:1{PINNED}", f"evil.test/miner{PINNED}"
EXEMPTED, SIGNED = "legacy.test/tool:1.0", f"harbor.acme.test/payments/signed/api{PINNED}"
ARGO = f"quay.io/argoproj/argoexec{PINNED}"
DEADLINE = 20.0

_numbers = itertools.count(1)


def documents(team: str, **more: Any) -> dict[str, Document]:
    """What a team may run, and what its control namespace and the cluster may."""
    allow = (
        Repositories("harbor.acme.test", "payments/**"),
        Repositories("quay.io", "argoproj/argoexec"),
    )
    theirs = Document(
        name=team,
        scopes=(Scope((team,), allow),),
        digest=Digest(required=True),
        exemptions=(
            Exemption(
                EXEMPTED, not_after=datetime.now(UTC) + timedelta(days=1), approved_by="carol"
            ),
        ),
        signature=Signature(
            keys=("ci",),
            repositories=(Repositories("harbor.acme.test", "payments/signed/**"),),
        ),
    )
    control = Document(name="control", scopes=(Scope((f"{team}-argo",), allow[1:]),))
    cluster = Document(name="cluster", scopes=(Scope(("",), allow),))
    return {
        team: msgspec.structs.replace(theirs, **more),
        "control": control,
        "cluster": cluster,
    }


def holding(team: str, *, client: dict[str, Any] | None = AWAY, **more: Any) -> Held:
    """A team under these rules, one that leaves the webhook nothing to judge, and one only told."""
    plain, told = f"{team}-plain", f"{team}-told"
    namespaces = {name: name for name in (team, plain, told)}
    namespaces |= {f"{team}-argo": "control", "": "cluster"}
    rules = documents(team, **more)
    for name, mode in ((plain, "enforce"), (told, "audit")):
        rules[name] = documents(name, mode=mode, exemptions=(), signature=None)[name]
    return held(rules, namespaces, client=client, link=LINK)


def pod(where: str, image: str, name: str = "p", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": where},
        "spec": {
            "automountServiceAccountToken": False,
            "nodeSelector": {"argosy.dev/nowhere": "true"},
            "containers": [{"name": "main", "image": image}],
            **spec,
        },
    }


def workflow(where: str, image: str, **status: Any) -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "wf", "namespace": where},
        "spec": {
            "entrypoint": "main",
            "templates": [{"name": "main", "container": {"image": image}}],
        },
        "status": status,
    }


def said(kube: KubeGateway, manifest: dict[str, Any]) -> str:
    """What the API server says against it; nothing if it would take it."""
    try:
        kube.create(manifest, dry_run=True)
    except KubeError as error:
        return str(error)
    return ""


def until(condition: Any) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, f"not so within {DEADLINE:.0f} s"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def kube(bare_cluster: RunningCluster) -> Iterator[KubeGateway]:
    config = yaml.safe_load(bare_cluster.kubeconfig.read_text(encoding="utf-8"))
    kube = KubeGateway.from_kubeconfig(config)
    for manifest in base_release.crds():
        kube.apply(manifest)
    yield kube
    delivery.withdraw(kube)


@pytest.fixture(scope="module")
def platform(bare_cluster: RunningCluster, cluster_home: Home, kube: KubeGateway) -> KubeGateway:
    """Who brings the rules: with the role that the platform prints. All else here is the cluster's own."""
    path = account_with_the_role(bare_cluster, cluster_home)
    return KubeGateway.from_kubeconfig(yaml.safe_load(path.read_text(encoding="utf-8")))


def make_namespace(kube: KubeGateway, name: str, *, team: str = "", role: str = "workload") -> str:
    labels = {"argosy.dev/team": team, "argosy.dev/role": role} if team else {}
    ours = {"argosy.dev/managed": "true", **labels} if team else {}
    kube.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": ours}}
    )
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "default", "namespace": name},
    }
    until(lambda: kube.get(ref_of(account)) is not None)
    return name


@pytest.fixture
def unbound(kube: KubeGateway) -> Iterator[str]:
    """A namespace before it is a team's: what is made in it now is there before any policy."""
    name = make_namespace(kube, f"images-{next(_numbers)}")
    yield name
    kube.delete(ref_of({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}))


@pytest.fixture(scope="module")
def team(kube: KubeGateway, platform: KubeGateway) -> str:
    """Its rules are brought once: an API server that learns them works for seconds."""
    name = make_namespace(kube, "images-team", team="images-team")
    delivery.deliver(platform, holding(name))
    return name


@pytest.fixture(scope="module")
def plain(kube: KubeGateway, team: str) -> str:
    """A team's namespace whose rules leave the webhook nothing to judge."""
    return make_namespace(kube, f"{team}-plain", team=f"{team}-plain")


class TestWithTheWebhookAway:
    def test_a_team_runs_what_it_may(self, kube: KubeGateway, team: str) -> None:
        assert said(kube, pod(team, GOOD)) == ""

    def test_a_denial_names_container_image_rule_and_the_way_out(
        self, kube: KubeGateway, team: str
    ) -> None:
        message = said(kube, pod(team, BAD))

        assert f'main: image "{BAD}": repository evil.test/miner is not one' in message
        assert "[not-allowed]" in message
        assert f"Ask for an exemption: https://argosy.example/denied?namespace={team}" in message

    def test_a_denial_of_a_hundred_images_is_short_and_never_speaks_of_quota(
        self, bare_cluster: RunningCluster, team: str
    ) -> None:
        many = [
            {"name": f"c{n}", "image": f"evil.test/{'exceeded-quota-' * 15}{n}{PINNED}"}
            for n in range(100)
        ]

        with connected(bare_cluster.kubeconfig) as api:
            wanted = pod(team, BAD, containers=many)
            path = f"/api/v1/namespaces/{team}/pods"
            message = api.call("POST", path, wanted, dry_run=True).message

        assert "… and 97 more." in message
        assert len(message.encode()) <= 4096
        assert "exceeded quota" not in message

    @pytest.mark.parametrize("image", [EXEMPTED, SIGNED])
    def test_what_only_the_webhook_can_judge_is_denied(
        self, kube: KubeGateway, team: str, image: str
    ) -> None:
        message = said(kube, pod(team, image))

        assert "failed calling webhook" in message
        assert "images.argosy.dev" in message

    @pytest.mark.parametrize("where", ["kube-system", "default"])
    def test_the_system_goes_on(self, kube: KubeGateway, team: str, where: str) -> None:
        assert team
        assert said(kube, pod(where, BAD)) == ""

    def test_a_foreign_namespace_is_nobodys_business(self, kube: KubeGateway, team: str) -> None:
        foreign = make_namespace(kube, "images-foreign")

        assert team
        assert said(kube, pod(foreign, BAD)) == ""

    def test_a_team_without_rules_runs_nothing_and_is_told_why(
        self, kube: KubeGateway, team: str
    ) -> None:
        new = make_namespace(kube, f"{team}-new", team=f"{team}-new")

        until(lambda: "are not on this cluster yet" in said(kube, pod(new, GOOD)))

    def test_a_control_namespace_runs_argo_and_nothing_else(
        self, kube: KubeGateway, team: str
    ) -> None:
        control = make_namespace(kube, f"{team}-argo", team=team, role="control")

        until(lambda: "[not-allowed]" in said(kube, pod(control, GOOD)))
        assert said(kube, pod(control, ARGO)) == ""


class TestWhatRanBefore:
    @pytest.fixture
    def grandfathered(self, kube: KubeGateway, team: str, unbound: str) -> str:
        """A team's new namespace that holds a pod, a workflow and a deployment against the rules."""
        old = pod(unbound, BAD)
        old["metadata"]["finalizers"] = ["example.test/keep"]
        kube.create(old)
        kube.create(workflow(unbound, BAD))
        labels = {"app": "a"}
        kube.create({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "d", "namespace": unbound},
            "spec": {
                "replicas": 0,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": pod("", BAD)["spec"]},
            },
        })  # fmt: skip
        make_namespace(kube, unbound, team=f"{team}-plain")
        until(lambda: said(kube, pod(unbound, BAD, name="another")) != "")
        return unbound

    def test_lets_go_of_its_finalizer(self, kube: KubeGateway, grandfathered: str) -> None:
        ref = ref_of(pod(grandfathered, BAD))
        kube.delete(ref)

        kube.patch(ref, {"metadata": {"finalizers": None}})

        until(lambda: kube.get(ref) is None)

    def test_is_scaled(self, kube: KubeGateway, grandfathered: str) -> None:
        ref = ref_of({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "d", "namespace": grandfathered},
        })  # fmt: skip

        kube.patch(ref, {"spec": {"replicas": 1}})

        with pytest.raises(KubeError, match="not-allowed"):
            kube.patch(
                ref,
                {
                    "spec": {
                        "template": {
                            "spec": {"containers": [{"name": "main", "image": f"{BAD[:-1]}0"}]}
                        }
                    }
                },
            )

    def test_is_carried_on_by_argos_controller(self, kube: KubeGateway, grandfathered: str) -> None:
        ref = ref_of(workflow(grandfathered, BAD))

        kube.patch(ref, {"metadata": {"labels": {"a": "b"}}, "status": {"phase": "Running"}})
        kube.patch(ref, {"spec": {"shutdown": "Terminate"}})

        stored = {"name": "x", "container": {"image": f"evil.test/other{PINNED}"}}
        with pytest.raises(KubeError, match="not-allowed"):
            kube.patch(ref, {"status": {"storedTemplates": {"x": stored}}})

    def test_can_be_looked_into_with_an_image_that_may_run(
        self, bare_cluster: RunningCluster, kube: KubeGateway, grandfathered: str
    ) -> None:
        path = f"/api/v1/namespaces/{grandfathered}/pods/p/ephemeralcontainers"
        with connected(bare_cluster.kubeconfig) as api:

            def debugged(image: str) -> str:
                debug = {"name": "debugger", "image": image}
                change = {"spec": {"ephemeralContainers": [debug]}}
                return api.call("PATCH", path, change, content=MERGE, dry_run=True).message

            assert "[not-allowed]" in debugged(f"evil.test/shell{PINNED}")
            assert api.call("GET", path).taken
            assert "denied" not in debugged(GOOD)


class TestAWorkflowOfFourHundredTemplates:
    def stored(self, last: str) -> dict[str, Any]:
        return {
            f"namespaced/t/{n}": {
                "name": f"t{n}",
                "container": {
                    "image": f"harbor.acme.test/payments/step-{n}:1.{n}{PINNED}",
                    "args": ["x" * 200],
                },
            }
            for n in range(399)
        } | {"last": {"name": "last", "container": {"image": last}}}

    def test_is_taken_and_written_to_as_often_as_its_controller_likes(
        self, kube: KubeGateway, plain: str
    ) -> None:
        many = workflow(plain, GOOD, storedTemplates=self.stored(GOOD))
        kube.create(many)
        ref = ref_of(many)

        for n in range(3):
            kube.patch(ref, {"status": {"phase": "Running", "progress": f"{n}/400"}})
        changed = {"status": {"storedTemplates": {"last": {"container": {"image": ARGO}}}}}
        kube.patch(ref, changed)

    def test_is_denied_for_the_one_that_is_wrong(self, kube: KubeGateway, plain: str) -> None:
        many = workflow(plain, GOOD, storedTemplates=self.stored(BAD))

        assert f'last: image "{BAD}": repository evil.test/miner' in said(kube, many)

    def test_is_denied_in_words_where_every_one_is_wrong(
        self, kube: KubeGateway, plain: str
    ) -> None:
        stored = {
            key: {**each, "container": {"image": f"evil.test/{n}{PINNED}"}}
            for n, (key, each) in enumerate(self.stored(BAD).items())
        }

        message = said(kube, workflow(plain, GOOD, storedTemplates=stored))

        assert "The image policy denies this" in message
        assert "failed expression" not in message


class TestAWorkflowOfATeamThatAsks:
    def test_is_not_changed_while_the_webhook_is_away_but_goes_on(
        self, kube: KubeGateway, team: str, unbound: str
    ) -> None:
        kube.create(workflow(unbound, GOOD))
        make_namespace(kube, unbound, team=team)
        until(lambda: "failed calling webhook" in said(kube, pod(unbound, SIGNED)))
        ref = ref_of(workflow(unbound, GOOD))

        kube.patch(ref, {"status": {"phase": "Running"}})

        with pytest.raises(KubeError, match="failed calling webhook"):
            kube.patch(ref, {"spec": {"arguments": {"parameters": [{"name": "a", "value": "b"}]}}})


class TestAMemberOfTheTeam:
    @pytest.fixture
    def member(self, kube: KubeGateway, team: str) -> KubeGateway:
        group = "rbac.authorization.k8s.io"
        kube.apply({
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "member", "namespace": team},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "admin"},
            "subjects": [{"apiGroup": group, "kind": "User", "name": "mallory"}],
        })  # fmt: skip
        return kube.acting_as("mallory")

    def test_cannot_touch_policies_bindings_routing_or_labels(
        self, member: KubeGateway, team: str
    ) -> None:
        wanted = holding(team)
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": team}}
        refs = [*map(ref_of, wanted.policies), delivery.CONFIGURATION]
        for ref in refs:
            with pytest.raises(KubeError, match="forbidden"):
                member.delete(ref)
            with pytest.raises(KubeError, match="forbidden"):
                member.patch(ref, {"metadata": {"labels": {"a": "b"}}})
        with pytest.raises(KubeError, match="forbidden"):
            member.patch(ref_of(namespace), {"metadata": {"labels": {"argosy.dev/team": None}}})
        with pytest.raises(KubeError, match="forbidden"):
            member.patch(ref_of(probes.namespace()), {"metadata": {"labels": {"a": "b"}}})

    def test_is_held_to_the_policy(self, member: KubeGateway, team: str) -> None:
        assert admission_policies.PREFIX in said(member, pod(team, BAD))


class TestDelivery:
    def test_may_be_repeated_and_changes_nothing_then(
        self, kube: KubeGateway, platform: KubeGateway, team: str
    ) -> None:
        wanted = holding(team)
        refs = [*map(ref_of, wanted.policies), delivery.CONFIGURATION]
        before = [kube.get(ref)["metadata"]["generation"] for ref in refs]  # type: ignore[index]

        assert drifting.look(platform, wanted) == Drift()
        delivery.deliver(platform, wanted)

        after = [kube.get(ref)["metadata"] for ref in refs]  # type: ignore[index]
        # The routing was widened by nothing, and narrowed by nothing.
        assert [each["generation"] for each in after] == before
        assert drifting.look(platform, wanted) == Drift()

    def test_of_a_team_in_audit_only_tells(self, kube: KubeGateway, team: str) -> None:
        told = make_namespace(kube, f"{team}-told", team=f"{team}-told")

        assert said(kube, pod(told, BAD)) == ""
        assert "[not-allowed]" in said(kube, pod(team, BAD))

    def test_repairs_what_drifted(
        self, kube: KubeGateway, platform: KubeGateway, team: str
    ) -> None:
        wanted = holding(team)
        binding = next(m for m in wanted.policies if m["kind"].endswith("Binding"))
        kube.delete(ref_of(binding))
        kube.delete(delivery.CONFIGURATION)
        until(lambda: said(kube, pod(team, BAD)) == "")
        assert drifting.look(platform, wanted).steps

        delivery.deliver(platform, wanted)

        assert "[not-allowed]" in said(kube, pod(team, BAD))
        assert "failed calling webhook" in said(kube, pod(team, SIGNED))

    def test_takes_away_what_somebody_added_and_names_them(
        self, kube: KubeGateway, platform: KubeGateway, team: str
    ) -> None:
        wanted = holding(team)
        policy = next(m for m in wanted.policies if m["metadata"]["name"].endswith("-pods"))
        selector = {"objectSelector": {"matchLabels": {"a": "b"}}}
        change = {"spec": {"matchConstraints": selector}}
        kube.patch(ref_of(policy), change, manager="kubectl-edit")
        until(lambda: said(kube, pod(team, BAD)) == "")
        told = drifting.look(platform, wanted).told

        delivery.deliver(platform, wanted)

        assert "ValidatingAdmissionPolicy argosy-images-pods (changed by kubectl-edit" in told
        assert "[not-allowed]" in said(kube, pod(team, BAD))
        assert drifting.look(platform, wanted) == Drift()

    def test_holds_after_the_api_server_was_restarted(
        self, kube: KubeGateway, team: str, bare_cluster: RunningCluster, forget_the_past: Any
    ) -> None:
        forget_the_past(bare_cluster.name)

        until(lambda: "[not-allowed]" in said(kube, pod(team, BAD)))
        assert said(kube, pod(team, GOOD)) == ""

    def test_that_does_not_act_in_time_says_so_and_is_widened_still(
        self, kube: KubeGateway, platform: KubeGateway, team: str
    ) -> None:
        new = holding(team, exemptions=(), signature=None)

        with pytest.raises(delivery.NotInForce, match="brought again"):
            delivery.deliver(platform, new, within=0.0)

        assert drifting.look(platform, new).older
        until(lambda: "failed calling webhook" in said(kube, pod(team, SIGNED)))

    def test_brings_new_rules_that_act_when_it_returns_and_routes_nothing_nobody_asks_for(
        self, kube: KubeGateway, platform: KubeGateway, team: str
    ) -> None:
        denied = (Repositories("harbor.acme.test", "**"),)

        delivery.deliver(platform, holding(team, exemptions=(), signature=None, deny=denied))

        found = kube.get(delivery.CONFIGURATION)
        assert found is not None
        assert not [e["name"] for e in found["webhooks"] if ".pods." in e["name"]]
        assert "[denied-repository]" in said(kube, pod(team, GOOD))
        assert "[digest-required]" in said(kube, pod(team, EXEMPTED))

    def test_to_a_cluster_that_stands_down_denies_what_it_would_have_asked(
        self, kube: KubeGateway, platform: KubeGateway, team: str
    ) -> None:
        delivery.deliver(platform, holding(team, client=None))

        assert kube.get(delivery.CONFIGURATION) is None
        assert said(kube, pod(team, GOOD)) == ""
        assert "ValidatingAdmissionPolicy" in said(kube, pod(team, EXEMPTED))
        assert "[denied-repository]" in said(kube, pod(team, SIGNED))
