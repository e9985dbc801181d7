"""A person's kubeconfig in the real kubectl: it does what their level may, and ends when it is taken back."""

import itertools
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from django.utils import timezone

from controlplane.access import services
from controlplane.access.bindings import PEOPLE, RBAC
from controlplane.access.following import follow
from controlplane.access.models import Account
from controlplane.access.wishes import name_of
from controlplane.clusters import services as clusters
from controlplane.clusters.connections import connect
from controlplane.identity.models import User
from controlplane.kube.errors import Forbidden
from controlplane.kube.gateway import KubeGateway
from controlplane.objects import Ref
from localcluster import build
from localcluster.clusters import RunningCluster
from tenants.levels import RULES, Act, Level, account_of
from tenants.models import Team, TenantNamespace
from tests.charts.api import connected
from tests.charts.conftest import until
from tests.factories import PersonFactory
from tests.provisioning.conftest import cluster, kube, ready, team, turns_until, want

__all__ = ["cluster", "kube", "ready", "team", "want"]  # fixtures of a registered real cluster

pytestmark = pytest.mark.cluster

Kubectl = Callable[..., "subprocess.CompletedProcess[str]"]

WORKFLOW = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Workflow",
    "metadata": {"name": "hello"},
    "spec": {"entrypoint": "main", "templates": [{"name": "main", "suspend": {}}]},
}
GONE_WITHIN = 15.0  # seconds: an API server believes a token it has seen for ten more


def username_of(account: str) -> str:
    """Who an account is to the API server."""
    return f"system:serviceaccount:{PEOPLE}:{account}"


@pytest.fixture
def people(ready: TenantNamespace) -> dict[Level, User]:
    """A person of each level of the team whose namespace is there."""
    for level in (Level.MEMBER, Level.VIEWER):
        setattr(ready.team, f"{level}_group", f"payments-{level}s")
    ready.team.save()
    return {level: PersonFactory(claimed_groups=[f"payments-{level}s"]) for level in Level}


@pytest.fixture
def kubectl(tmp_path: Path) -> Callable[[User], Kubectl]:
    """The real kubectl, with a kubeconfig that was issued to this person."""
    numbers = itertools.count()

    def of(person: User) -> Kubectl:
        issued = services.issue(user=person, cluster="tests", now=timezone.now())
        path = tmp_path / f"{next(numbers)}.yaml"
        path.write_text(issued.document)

        def run(*words: str, said: object = None) -> "subprocess.CompletedProcess[str]":
            command = [str(build.programs() / "kubectl"), "--kubeconfig", str(path), *words]
            told = "" if said is None else json.dumps(said)
            return subprocess.run(
                command, input=told, capture_output=True, text=True, timeout=60, check=False
            )

        return run

    return of


def test_a_member_works_with_kubectl_and_a_viewer_is_refused_every_write(
    people: dict[Level, User], kubectl: Callable[[User], Kubectl]
) -> None:
    member, viewer = kubectl(people[Level.MEMBER]), kubectl(people[Level.VIEWER])

    refused = viewer("create", "-f", "-", said=WORKFLOW)
    assert "cannot create resource" in refused.stderr
    made = member("create", "-f", "-", said=WORKFLOW)
    assert made.stdout.strip() == "workflow.argoproj.io/hello created", made.stderr
    assert "hello" in viewer("get", "workflows").stdout

    for write in (
        ("delete", "workflow", "hello"),
        ("label", "workflow", "hello", "a=b"),
        ("patch", "workflow", "hello", "--type=merge", '-p={"spec":{"suspend":true}}'),
        ("create", "configmap", "x"),
        ("create", "secret", "generic", "x"),
        ("create", "token", "workflow-runner"),
        ("get", "secrets"),
    ):
        assert "forbidden" in viewer(*write).stderr.lower(), write
    assert member("delete", "workflow", "hello").returncode == 0


def test_nobody_with_a_kubeconfig_reaches_beyond_their_namespace(
    people: dict[Level, User], kubectl: Callable[[User], Kubectl], ready: TenantNamespace
) -> None:
    owner = kubectl(people[Level.OWNER])

    for elsewhere in (f"{ready.name}-argo", PEOPLE, "argosy-system", "kube-system", "default"):
        for words in (("get", "pods"), ("get", "secrets"), ("create", "token", "default")):
            assert "forbidden" in owner(*words, "-n", elsewhere).stderr.lower()


def cells(namespace: str) -> Iterator[tuple[Act, tuple[tuple[str, str], ...]]]:
    """Every single thing that an act takes of a cluster."""
    for act, rules in RULES.items():
        for rule in rules:
            for resource, verb in itertools.product(rule.resources, rule.verbs):
                plural, _, sub = resource.partition("/")
                cell = {"group": rule.group, "resource": plural, "subresource": sub, "verb": verb}
                yield act, tuple({**cell, "namespace": namespace}.items())


@pytest.fixture
def may(local_cluster: RunningCluster) -> Iterator[Callable[..., bool]]:
    """What the API server says of a user, or of somebody in a group."""
    with connected(local_cluster.kubeconfig) as api:

        def ask(cell: tuple[tuple[str, str], ...], user: str = "somebody", group: str = "") -> bool:
            spec = {"user": user, "groups": [group] if group else []}
            asked = {**spec, "resourceAttributes": dict(cell)}
            review = {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SubjectAccessReview",
                "spec": asked,
            }
            path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
            return bool(api.call("POST", path, review).must()["status"]["allowed"])

        yield ask


@pytest.fixture
def believing(people: dict[Level, User], ready: TenantNamespace) -> TenantNamespace:
    """The namespace where its cluster takes the provider's tokens itself, so that groups are bound too."""
    cluster = ready.cluster
    cluster.trusts_provider, cluster.group_prefix = True, "oidc:"
    clusters.edit(cluster)
    return turns_until(TenantNamespace.objects.get(pk=ready.pk), "Ready")


def test_a_level_is_the_same_in_the_rows_for_people_for_argo_and_for_groups(
    people: dict[Level, User], believing: TenantNamespace, may: Callable[..., bool]
) -> None:
    name, wanted = believing.name, dict.fromkeys(Level, frozenset[object]())
    for level, person in people.items():
        services.issue(user=person, cluster="tests", now=timezone.now())
        allowed = [act for act in Act if believing.team in Team.objects.allowing(person, act)]
        assert [act for act in Act if believing.team.allows(person, act)] == allowed
        wanted[level] = frozenset(cell for act, cell in cells(name) if act in allowed)

    for level, person in people.items():
        # Each is bound, though the API server may learn of the last one a moment later.
        until(lambda p=person: may(next(cells(name))[1], username_of(name_of(p))))
        for cell in dict.fromkeys(cell for _, cell in cells(name)):
            said = {
                "person": may(cell, username_of(name_of(person))),
                "argo": may(cell, account_of(level, name)),
                "group": may(cell, group=f"oidc:payments-{level}s"),
            }
            assert said == dict.fromkeys(said, cell in wanted[level]), (level, cell)
    assert not any(may(cell, group="oidc:strangers") for _, cell in cells(name))


def test_who_leaves_their_group_is_refused_within_seconds(
    people: dict[Level, User], kubectl: Callable[[User], Kubectl], kube: KubeGateway
) -> None:
    member = people[Level.MEMBER]
    run = kubectl(member)
    assert run("get", "workflows").returncode == 0

    member.claimed_groups = []
    member.save()
    account = Account.objects.get(user=member)
    assert follow(account)

    began = time.monotonic()
    # Its Role is gone at once; whose it is, when the API server has forgotten what it believed.
    until(lambda: run("get", "workflows").returncode != 0)
    until(lambda: "logged in" in run("get", "workflows").stderr)
    assert time.monotonic() - began < GONE_WITHIN
    labels = f"argosy.dev/person={account.name}"
    assert kube.list(f"{RBAC}/v1", "RoleBinding", labels=labels) == ()
    assert kube.list("v1", "Secret", PEOPLE, labels=labels) == ()


def test_one_that_is_taken_back_ends_and_the_persons_other_one_goes_on(
    people: dict[Level, User], kubectl: Callable[[User], Kubectl]
) -> None:
    viewer = people[Level.VIEWER]
    first, second = kubectl(viewer), kubectl(viewer)
    row = services.visible(viewer).order_by("issued_at").first()
    assert row is not None

    said = services.revoke(row, now=timezone.now())

    assert said.sentence.startswith("Taken back at")
    until(lambda: "logged in" in first("get", "workflows").stderr)
    assert second("get", "workflows").returncode == 0


def test_what_somebody_adds_to_a_persons_binding_is_taken_away_again(
    people: dict[Level, User], kube: KubeGateway, ready: TenantNamespace
) -> None:
    viewer = people[Level.VIEWER]
    services.issue(user=viewer, cluster="tests", now=timezone.now())
    account = Account.objects.get(user=viewer)
    ref = Ref(f"{RBAC}/v1", "RoleBinding", ready.name, f"{account.name}-viewer")
    mallory = {"kind": "User", "apiGroup": RBAC, "name": "mallory"}
    before = kube.get(ref)
    assert before is not None
    kube.patch(ref, {"subjects": [*before["subjects"], mallory]}, manager="mallory")

    assert follow(account)

    after = kube.get(ref)
    assert after is not None
    assert after["subjects"] == before["subjects"]


def test_the_loop_of_the_namespace_leaves_peoples_bindings_alone(
    people: dict[Level, User], kube: KubeGateway, ready: TenantNamespace
) -> None:
    services.issue(user=people[Level.MEMBER], cluster="tests", now=timezone.now())
    bindings = {m["metadata"]["name"] for m in kube.list(f"{RBAC}/v1", "RoleBinding", ready.name)}

    TenantNamespace.objects.filter(pk=ready.pk).update(thorough_at=None)
    turns_until(ready, "Ready")

    now = {m["metadata"]["name"] for m in kube.list(f"{RBAC}/v1", "RoleBinding", ready.name)}
    assert now == bindings


def test_the_platform_gets_no_token_of_another_account(ready: TenantNamespace) -> None:
    mine = connect(ready.cluster).kube

    for namespace, account in (
        ("kube-system", "default"),
        (ready.name, "workflow-runner"),
        (f"{ready.name}-argo", "workflow-controller"),
    ):
        with pytest.raises(Forbidden, match="asks for no tokens"):
            mine.account_token(namespace, account, seconds=600)


def test_the_document_names_each_namespace_and_trusts_the_clusters_own_authority(
    people: dict[Level, User], ready: TenantNamespace, platform_kubeconfig: Path
) -> None:
    issued = services.issue(user=people[Level.OWNER], cluster="tests", now=timezone.now())

    document = yaml.safe_load(issued.document)
    ours = yaml.safe_load(platform_kubeconfig.read_text())
    assert document["current-context"] == f"tests/{ready.name}"
    assert document["clusters"][0]["cluster"] == ours["clusters"][0]["cluster"]
