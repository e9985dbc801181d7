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
from controlplane.access.bindings import PEOPLE, RBAC, username_of
from controlplane.access.following import follow
from controlplane.access.models import Account
from controlplane.access.wishes import name_of
from controlplane.clusters.connections import connect
from controlplane.identity.models import User
from controlplane.kube.errors import Forbidden
from controlplane.kube.gateway import KubeGateway
from controlplane.objects import Ref
from localcluster import build
from tenants.levels import MAY, RULES, Act, Level, account_of
from tenants.models import Team, TenantNamespace
from tests.charts.conftest import until
from tests.factories import PersonFactory
from tests.provisioning.conftest import cluster, kube, ready, team, want

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


def review(kube: KubeGateway, user: str, groups: tuple[str, ...], cell: dict[str, str]) -> bool:
    """What the API server says this user may do."""
    asked = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "metadata": {},
        "spec": {"user": user, "groups": list(groups), "resourceAttributes": cell},
    }
    return bool(kube.create(asked)["status"]["allowed"])


def cells(namespace: str) -> Iterator[tuple[Act, dict[str, str]]]:
    """Every single thing that an act takes of a cluster."""
    for act, rules in RULES.items():
        for rule in rules:
            for resource, verb in itertools.product(rule.resources, rule.verbs):
                plural, _, sub = resource.partition("/")
                cell = {"group": rule.group, "resource": plural, "subresource": sub, "verb": verb}
                yield act, {**cell, "namespace": namespace}


def test_what_a_level_may_is_the_same_for_rows_for_people_for_argo_and_for_groups(
    people: dict[Level, User], ready: TenantNamespace, kube: KubeGateway
) -> None:
    ready.cluster.trusts_provider, ready.cluster.group_prefix = True, "oidc:"
    connection = connect(ready.cluster)
    ready.cluster.save()
    ready.generation += 1
    ready.save()
    from tests.provisioning.conftest import turns_until  # noqa: PLC0415

    turns_until(ready, "Ready")
    for person in people.values():
        services.issue(user=person, cluster="tests", now=timezone.now())
    assert connection is connect(ready.cluster)

    told = {cell: act for act, cell in ((a, tuple(c.items())) for a, c in cells(ready.name))}
    for level, person in people.items():
        may = {
            tuple(cell.items()) for act in MAY[level] for a, cell in cells(ready.name) if a is act
        }
        for cell, act in told.items():
            asked = dict(cell)
            wanted = cell in may
            rendered = {
                "rows": ready.team in Team.objects.allowing(person, act)
                or any(ready.team in Team.objects.allowing(person, a) for a, c in cells(ready.name) if c == asked),
                "person": review(kube, username_of(name_of(person)), (), asked),
                "argo": review(kube, account_of(level, ready.name), (), asked),
                "group": review(kube, "somebody", (f"oidc:payments-{level}s",), asked),
            }
            assert rendered == dict.fromkeys(rendered, wanted), (level, asked)
    stranger = ("somebody", ("oidc:strangers",))
    assert not any(review(kube, *stranger, dict(cell)) for cell in told)


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
    until(lambda: "forbidden" in (s := run("get", "workflows").stderr.lower()) or "logged in" in s)
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
    from tests.provisioning.conftest import turns_until  # noqa: PLC0415

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
