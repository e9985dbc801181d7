"""Workflows: seen and submitted as the account of the caller's level, whatever the caller writes."""

from typing import Any

import pytest
from django.utils import timezone

from controlplane.argo.submission import label_of, submittable
from controlplane.errors import DomainError
from controlplane.identity.models import User
from controlplane.kube.errors import refused
from controlplane.objects import Manifest, Ref
from tenants.models import TenantNamespace
from tests.controlplane.api.conftest import WatchedCluster, client_of
from tests.factories import (
    NamespaceFactory,
    Who,
    approver,
    member_of,
    owner_of,
    platform_admin,
    viewer_of,
)

SPEC: Manifest = {"entrypoint": "main", "templates": [{"name": "main", "suspend": {}}]}
HELLO: Manifest = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Workflow",
    "metadata": {"name": "hello"},
    "spec": {**SPEC, "serviceAccountName": "argo-owner"},
}


@pytest.fixture
def payments(db: None, fake: WatchedCluster) -> TenantNamespace:
    fake.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "payments"}})
    return NamespaceFactory(name="payments", applied_at=timezone.now(), phase="Ready")


def path_of(namespace: TenantNamespace, rest: str = "") -> str:
    return f"/api/v1/namespaces/{namespace.pk}/workflows/{rest}"


def submit(user: User, namespace: TenantNamespace, manifest: Manifest = HELLO) -> Any:
    return client_of(user).post(path_of(namespace), {"manifest": manifest}, format="json")


@pytest.mark.parametrize(
    ("who", "level"), [(owner_of, "owner"), (member_of, "member"), (viewer_of, "viewer")]
)
def test_each_level_acts_as_its_own_account(
    payments: TenantNamespace, fake: WatchedCluster, who: Who, level: str
) -> None:
    client_of(who(payments.team)).get(path_of(payments))

    assert fake.acted_as == (f"system:serviceaccount:payments:argo-{level}",)


def test_a_member_submits_and_the_runners_account_is_forced(
    payments: TenantNamespace, fake: WatchedCluster
) -> None:
    answer = submit(member_of(payments.team), payments)

    assert answer.status_code == 201
    made = fake.get(Ref("argoproj.io/v1alpha1", "Workflow", "payments", "hello"))
    assert made["spec"]["serviceAccountName"] == "workflow-runner"
    assert (answer.json()["name"], answer.json()["phase"]) == ("hello", "")
    assert "managedFields" not in answer.json()["manifest"]["metadata"]


def test_what_the_clusters_rbac_refuses_is_a_403_in_its_words(
    payments: TenantNamespace, fake: WatchedCluster
) -> None:
    fake.refusals["create", "Workflow"] = refused(403, {"message": "no more than ten"})

    answer = submit(member_of(payments.team), payments)

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "cluster_forbidden")
    assert answer.json()["error"]["sentence"] == "no more than ten"


def test_a_name_that_is_taken_is_a_409(payments: TenantNamespace) -> None:
    who = member_of(payments.team)
    submit(who, payments)

    assert submit(who, payments).status_code == 409


@pytest.mark.parametrize("who", [approver, platform_admin])
def test_the_platforms_people_have_no_business_in_a_teams_workflows(
    payments: TenantNamespace, fake: WatchedCluster, who: Who
) -> None:
    client = client_of(who())

    answers = [client.get(path_of(payments)), client.get(path_of(payments, "hello/"))]
    answers.append(submit(who(), payments))

    assert [a.status_code for a in answers] == [403, 403, 403]
    assert fake.acted_as == ()


@pytest.mark.parametrize(
    "facts", [{"applied_at": None}, {"applied_at": timezone.now(), "deleted_at": timezone.now()}]
)
def test_a_namespace_that_is_not_there_has_no_workflows(
    fake: WatchedCluster, db: None, facts: dict[str, Any]
) -> None:
    namespace = NamespaceFactory(**facts)

    answer = client_of(owner_of(namespace.team)).get(path_of(namespace))

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "not_there")
    assert fake.acted_as == ()


def test_a_cluster_that_is_gone_is_a_503(payments: TenantNamespace, fake: WatchedCluster) -> None:
    fake.unreachable = True

    assert client_of(owner_of(payments.team)).get(path_of(payments)).status_code == 503


def test_lists_come_in_pages_by_cursor(payments: TenantNamespace, fake: WatchedCluster) -> None:
    who = member_of(payments.team)
    for name in ("a", "b", "c"):
        submit(who, payments, HELLO | {"metadata": {"name": name}})
    client = client_of(who)

    first = client.get(path_of(payments), {"limit": 2}).json()
    second = client.get(path_of(payments), {"limit": 2, "cursor": first["next_cursor"]}).json()

    assert [w["name"] for w in first["items"]] == ["a", "b"]
    assert ([w["name"] for w in second["items"]], second["next_cursor"]) == (["c"], "")


@pytest.mark.parametrize("limit", [0, 501, "all"])
def test_a_page_has_1_to_500(payments: TenantNamespace, limit: object) -> None:
    answer = client_of(owner_of(payments.team)).get(path_of(payments), {"limit": limit})

    assert answer.status_code == 400


def test_one_workflow_is_shown_with_its_steps(
    payments: TenantNamespace, fake: WatchedCluster
) -> None:
    status = {
        "phase": "Running",
        "progress": "1/2",
        "nodes": {
            "b": {"displayName": "second", "type": "Pod", "startedAt": "2026-01-01T00:00:02Z"},
            "a": {
                "displayName": "first",
                "phase": "Succeeded",
                "startedAt": "2026-01-01T00:00:01Z",
            },
        },
    }
    submit(member_of(payments.team), payments)
    ref = Ref("argoproj.io/v1alpha1", "Workflow", "payments", "hello")
    fake.objects[ref].manifest["status"] = status

    seen = client_of(viewer_of(payments.team)).get(path_of(payments, "hello/")).json()

    assert (seen["phase"], seen["progress"]) == ("Running", "1/2")
    assert [n["name"] for n in seen["nodes"]] == ["first", "second"]


@pytest.mark.parametrize("name", ["nothing", "..", ".", "a%2f..%2fsecrets", "A", "-a", "a" * 254])
def test_a_workflow_that_is_not_there_is_a_404(
    payments: TenantNamespace, fake: WatchedCluster, name: str
) -> None:
    answer = client_of(owner_of(payments.team)).get(path_of(payments, f"{name}/"))

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")
    assert not [call for call in fake.calls if "ecret" in call]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"kind": "CronWorkflow"}, "Only a Workflow"),
        ({"apiVersion": "v1", "kind": "Pod"}, "Only a Workflow"),
        ({"metadata": None}, "`metadata`"),
        ({"spec": "run it"}, "`spec`"),
        ({"status": {"phase": "Succeeded"}}, "status"),
        ({"metadata": {"name": "x", "namespace": "other"}}, "namespace other"),
        ({"metadata": {"name": "x", "ownerReferences": []}}, "ownerReferences"),
        ({"metadata": {"name": "x", "finalizers": ["a"]}}, "finalizers"),
        ({"metadata": {}}, "generateName"),
        ({"metadata": {"name": "x", "labels": {"argosy.dev/team": "other"}}}, "argosy.dev/"),
        ({"metadata": {"name": "x", "labels": ["a"]}}, "mapping"),
        ({"metadata": {"name": [1]}}, "metadata.name"),
        ({"metadata": {"name": 5}}, "metadata.name"),
        ({"metadata": {"generateName": {"a": 1}}}, "metadata.generateName"),
        ({"metadata": {"name": "x", "namespace": ["payments"]}}, "metadata.namespace"),
        ({"metadata": {"name": "x", "labels": {"a": 1}}}, "in quotes"),
        ({"metadata": {"name": "x", "annotations": {"a": []}}}, "in quotes"),
        *(
            ({"metadata": {"name": "x", "labels": {f"workflows.argoproj.io/{key}": "x"}}}, key)
            for key in ("creator", "creator-email", "completed", "phase", "cron-workflow")
        ),
    ],
)
def test_what_a_submission_may_not_say_is_refused_by_name(
    change: dict[str, Any], named: str
) -> None:
    with pytest.raises(DomainError, match=named) as refusal:
        submittable({**HELLO, **change}, "payments", by="ada")

    assert refusal.value.field == "manifest"


@pytest.mark.parametrize(("levels", "deep"), [(98, False), (99, True), (400, True)])
def test_a_submission_is_nested_only_so_deep(
    payments: TenantNamespace, levels: int, deep: bool
) -> None:
    value: Any = {}
    for _ in range(levels):
        value = {"a": value}

    answer = submit(member_of(payments.team), payments, {**HELLO, "spec": {**SPEC, **value}})

    assert answer.status_code == (400 if deep else 201)
    assert ("levels deep" in answer.text) is deep


def test_a_workflow_too_deep_to_be_written_down_says_so(
    payments: TenantNamespace, fake: WatchedCluster
) -> None:
    submit(member_of(payments.team), payments)
    value: Any = {}
    for _ in range(250):
        value = {"a": value}
    fake.objects[Ref(HELLO["apiVersion"], "Workflow", "payments", "hello")].manifest["x"] = value

    answer = client_of(viewer_of(payments.team)).get(path_of(payments, "hello/"))

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "too_deep")


def test_who_submitted_it_is_said_by_the_platform(
    payments: TenantNamespace, fake: WatchedCluster
) -> None:
    who = member_of(payments.team)
    who.username = "ada.lovelace@example.org"
    who.save()
    submit(who, payments)
    act(who, payments, "hello/resubmit/")

    made = [one.manifest["metadata"] for ref, one in fake.objects.items() if ref.kind == "Workflow"]
    assert [meta["labels"]["workflows.argoproj.io/creator"] for meta in made] == [
        "ada.lovelace-example.org"
    ] * 2


@pytest.mark.parametrize(
    ("name", "label"),
    [("ada", "ada"), ("a" * 70 + "z", "a" * 62 + "z"), ("@Zoë@", "Zo"), ("…", "")],
)
def test_a_name_that_is_no_label_becomes_one(name: str, label: str) -> None:
    assert label_of(name) == label


def test_a_submission_may_leave_its_name_to_the_cluster() -> None:
    wish = HELLO | {"metadata": {"generateName": "hello-"}}

    assert submittable(wish, "payments", by="ada")["metadata"] == {
        "generateName": "hello-",
        "namespace": "payments",
        "labels": {"workflows.argoproj.io/creator": "ada"},
    }


def act(user: User, namespace: TenantNamespace, rest: str) -> Any:
    return client_of(user).post(path_of(namespace, rest), {}, format="json")


@pytest.mark.parametrize(
    ("verb", "spec"),
    [
        ("stop", {"shutdown": "Stop"}),
        ("terminate", {"shutdown": "Terminate"}),
        ("suspend", {"suspend": True}),
    ],
)
def test_a_member_steers_a_workflow_and_is_told_what_it_means(
    payments: TenantNamespace, fake: WatchedCluster, verb: str, spec: dict[str, Any]
) -> None:
    who = member_of(payments.team)
    submit(who, payments)

    answer = act(who, payments, f"hello/{verb}/")

    assert answer.status_code == 200
    assert spec.items() <= answer.json()["manifest"]["spec"].items()
    assert answer.json()["sentence"].startswith("hello is ")
    assert fake.acted_as[-1] == "system:serviceaccount:payments:argo-member"


def test_a_suspended_workflow_is_resumed(payments: TenantNamespace) -> None:
    who = member_of(payments.team)
    submit(who, payments)
    act(who, payments, "hello/suspend/")

    answer = act(who, payments, "hello/resume/")

    assert answer.status_code == 200
    assert "suspend" not in answer.json()["manifest"]["spec"]


def test_resubmitting_makes_a_new_workflow(payments: TenantNamespace) -> None:
    who = member_of(payments.team)
    submit(who, payments)

    answer = act(who, payments, "hello/resubmit/")

    assert answer.status_code == 201
    assert answer.json()["name"].startswith("hello-")


def test_what_cannot_be_done_now_says_why(payments: TenantNamespace) -> None:
    who = member_of(payments.team)
    submit(who, payments)

    answer = act(who, payments, "hello/resume/")

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_now")


@pytest.mark.parametrize("verb", ["stop", "terminate", "suspend", "resume", "resubmit"])
def test_a_viewer_is_refused_before_the_cluster_is_asked(
    payments: TenantNamespace, fake: WatchedCluster, verb: str
) -> None:
    answer = act(viewer_of(payments.team), payments, f"hello/{verb}/")

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "not_allowed")
    assert fake.acted_as == ()
    assert submit(viewer_of(payments.team), payments).status_code == 403


@pytest.mark.parametrize("rest", ["hello/stop/", "hello/resubmit/"])
def test_another_team_finds_nothing_to_act_on(payments: TenantNamespace, rest: str) -> None:
    stranger = owner_of(NamespaceFactory().team)

    assert act(stranger, payments, rest).status_code == 404
    assert act(owner_of(payments.team), payments, rest).status_code == 404  # there is no hello


def test_an_act_that_there_is_not_is_a_404(payments: TenantNamespace) -> None:
    assert act(owner_of(payments.team), payments, "hello/delete/").status_code == 404


def test_a_dry_run_makes_nothing(payments: TenantNamespace, fake: WatchedCluster) -> None:
    said = {"manifest": HELLO, "dry_run": True}

    answer = client_of(member_of(payments.team)).post(path_of(payments), said, format="json")

    assert answer.status_code == 200
    assert answer.json()["manifest"]["spec"]["serviceAccountName"] == "workflow-runner"
    assert not [ref for ref in fake.objects if ref.kind == "Workflow"]


def test_a_dry_run_says_what_the_cluster_would_not(
    payments: TenantNamespace, fake: WatchedCluster
) -> None:
    wrong = {**HELLO, "spec": {**SPEC, "tempaltes": []}}
    said = {"manifest": wrong, "dry_run": True}

    answer = client_of(member_of(payments.team)).post(path_of(payments), said, format="json")

    (warning,) = answer.json()["warnings"]
    assert warning["path"] == "spec.tempaltes"
    assert "did you mean `templates`?" in warning["sentence"]


def test_what_can_never_run_is_refused_with_a_code_of_its_own(
    payments: TenantNamespace, fake: WatchedCluster
) -> None:
    answer = submit(member_of(payments.team), payments, {**HELLO, "spec": {**SPEC, "onExit": "x"}})

    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "cannot_run")
    assert "no template x" in error["sentence"]
    assert error["details"]["warnings"][0]["path"] == "spec.onExit"


def test_a_workflow_is_deleted_by_members_and_by_nobody_else(
    payments: TenantNamespace, fake: WatchedCluster
) -> None:
    submit(member_of(payments.team), payments)
    where = path_of(payments, "hello/")

    assert client_of(viewer_of(payments.team)).delete(where).status_code == 403
    assert client_of(owner_of(NamespaceFactory().team)).delete(where).status_code == 404
    assert client_of(member_of(payments.team)).delete(where).status_code == 204
    assert client_of(member_of(payments.team)).delete(where).status_code == 404
    assert not [ref for ref in fake.objects if ref.kind == "Workflow"]


def test_schedules_are_listed_suspended_and_resumed(
    payments: TenantNamespace, fake: WatchedCluster
) -> None:
    fake.create(
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "CronWorkflow",
            "metadata": {"name": "nightly", "namespace": "payments"},
            "spec": {"schedules": ["@daily"]},
        }
    )
    base = f"/api/v1/namespaces/{payments.pk}/crons/"
    member, viewer = client_of(member_of(payments.team)), client_of(viewer_of(payments.team))

    (listed,) = viewer.get(base).json()["items"]
    assert (listed["name"], listed["schedules"], listed["suspended"]) == (
        "nightly",
        ["@daily"],
        False,
    )
    assert viewer.post(f"{base}nightly/suspend/").status_code == 403
    assert member.post(f"{base}nightly/suspend/").json()["suspended"] is True
    assert member.post(f"{base}nightly/resume/").json()["suspended"] is False
    assert member.post(f"{base}nothing/resume/").status_code == 404
    assert client_of(owner_of(NamespaceFactory().team)).get(base).status_code == 404
