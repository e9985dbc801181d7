"""The command `argosy` against a platform that answers over HTTP: what it prints and how it ends."""

import json
import os
import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from controlplane.argo import access
from controlplane.identity.models import ApiToken
from controlplane.index.models import Workflow
from controlplane.kube.door import Connection
from tenants.models import Request
from tests.controlplane.cli.runner import run
from tests.factories import (
    PASSWORD,
    ClusterFactory,
    NamespaceFactory,
    PersonFactory,
    TeamFactory,
    approver,
    filed,
    owner_of,
    platform_admin,
)
from tests.fakes import FakeCluster, FakeHelm

pytestmark = [
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
    pytest.mark.usefixtures("home"),
]

OK, REFUSED, USAGE, CANNOT_REACH = 0, 1, 2, 3
NOWHERE = "http://127.0.0.1:9"


def test_signing_in_is_remembered_for_its_owner_only_and_ended_at_the_platform(home: Path) -> None:
    person = PersonFactory(password=PASSWORD)

    signed_in = run("login", "--username", person.username, "--password", PASSWORD)
    kept = home / "cli.json"
    assert signed_in.exit_code == OK
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert PASSWORD not in kept.read_text(encoding="utf-8")
    assert run("team", "list").exit_code == OK

    assert run("logout").exit_code == OK
    assert not kept.exists()
    assert not ApiToken.objects.exists()


def test_a_wrong_password_is_one_sentence() -> None:
    person = PersonFactory(password=PASSWORD)

    answer = run("login", "--username", person.username, "--password", "wrong")

    assert answer.exit_code == REFUSED
    assert "do not fit" in answer.output


def test_who_is_not_signed_in_is_told_how() -> None:
    answer = run("team", "list")

    assert answer.exit_code == REFUSED
    assert "argosy login" in answer.output


@pytest.mark.parametrize("url", [NOWHERE, "http://", "http://[", "no-url"])
def test_a_platform_that_is_not_there_ends_with_3(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARGOSY_URL", url)

    answer = run("team", "list", user=PersonFactory())

    assert answer.exit_code == CANNOT_REACH
    assert "Traceback" not in answer.output


def test_a_platform_on_this_machine_is_reached_without_a_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", NOWHERE)

    assert run("team", "list", user=PersonFactory()).exit_code == OK


def test_workflows_are_listed_over_all_of_ones_namespaces() -> None:
    mine, theirs = NamespaceFactory(name="payments"), NamespaceFactory()
    for namespace, name, phase in ((mine, "a", "Failed"), (mine, "b", ""), (theirs, "c", "Failed")):
        Workflow.objects.create(
            namespace=namespace, uid=name, name=name, phase=phase, created_at=timezone.now()
        )

    listed = run("workflow", "list", "--json", user=owner_of(mine.team))
    failed = run("workflow", "list", "--phase", "Failed", user=owner_of(mine.team))

    assert [w["name"] for w in json.loads(listed.output)] == ["b", "a"]
    assert "payments" in failed.output
    assert run("workflow", "list", "payments", "--phase", "Failed").exit_code == REFUSED


def test_a_list_of_workflows_is_narrowed_and_sorted_as_the_console_does_it() -> None:
    far, near = NamespaceFactory(name="payments"), NamespaceFactory(name="payments")
    both = PersonFactory(claimed_groups=[far.team.owner_group, near.team.owner_group])
    now = timezone.now()
    for namespace, name, facts in (
        (far, "a", {"phase": "Error", "template": "fraud", "finished_at": now, "seconds": 9}),
        (near, "b", {"phase": "Failed", "message": "out of memory", "seconds": 20}),
        (near, "c", {}),
    ):
        Workflow.objects.create(namespace=namespace, uid=name, name=name, created_at=now, **facts)

    def found(*options: str) -> list[str]:
        answer = run("workflow", "list", "--json", *options, user=both)
        return [each["name"] for each in json.loads(answer.stdout)]

    hour = (now + timedelta(hours=1)).isoformat()
    assert found("--outcome=bad", "--order=-took") == ["b", "a"]
    assert found(f"--cluster={near.cluster.name}", "--order=name") == ["b", "c"]
    assert found("--namespace=payments", f"--team={far.team.slug}") == ["a"]
    assert found("--template=fraud") == found(f"--finished-since={now.isoformat()}") == ["a"]
    assert found("--text=MEMORY") == ["b"]
    assert found(f"--since={hour}") == []
    assert found(f"--until={hour}", "--phase=Pending") == ["c"]


@pytest.mark.parametrize("words", [("nothing",), ("request", "show", "x"), ("namespace", "show")])
def test_a_word_that_is_no_command_ends_with_2(words: tuple[str, ...]) -> None:
    assert run(*words, user=PersonFactory()).exit_code == USAGE


@pytest.mark.parametrize(
    "words", [("team",), ("request",), ("namespace",), ("tier",), ("cluster",)]
)
def test_every_list_is_json_for_programs(words: tuple[str, ...]) -> None:
    NamespaceFactory()
    filed()

    answer = run(*words, "list", "--json", user=approver())

    assert answer.exit_code == OK
    assert len(json.loads(answer.stdout)) >= 1


def test_an_owner_asks_and_reads_what_became_of_it() -> None:
    team, cluster = TeamFactory(slug="atlas"), ClusterFactory(name="east")
    owner = owner_of(team)

    words = ("request", "create", "atlas", "atlas-test", "--cluster", cluster.name, "--json")
    made = json.loads(run(*words, user=owner).stdout)
    shown = json.loads(run("request", "show", str(made["id"]), "--json", user=owner).stdout)

    assert (shown["state"], shown["asked"]["name"]) == ("pending", "atlas-test")
    assert shown["events"][0]["by"] == owner.username


def test_what_is_refused_is_the_platforms_own_sentence() -> None:
    team, cluster = TeamFactory(slug="atlas"), ClusterFactory(name="east")

    answer = run(
        "request", "create", "atlas", "Atlas", "--cluster", cluster.name, user=owner_of(team)
    )

    assert answer.exit_code == REFUSED
    assert "lower-case" in answer.output


def test_another_teams_namespace_is_not_there() -> None:
    NamespaceFactory(name="theirs")

    answer = run("namespace", "show", "theirs", user=owner_of(TeamFactory()))

    assert answer.exit_code == REFUSED
    assert "theirs" in answer.output


def test_waiting_ends_with_the_reason_when_it_takes_too_long() -> None:
    namespace = NamespaceFactory(name="slow")

    answer = run("namespace", "wait", "slow", "--seconds", "0", user=owner_of(namespace.team))

    assert answer.exit_code == REFUSED
    assert "slow is Pending" in answer.output


def test_what_is_not_there_is_named() -> None:
    answer = run("approve", "99", user=approver())

    assert answer.exit_code == REFUSED
    assert "There is no request 99, or you may not see it." in answer.output


def test_who_decides_on_nothing_is_told_before_the_plan() -> None:
    request = filed()

    answer = run("approve", str(request.pk), user=owner_of(request.team))

    assert answer.exit_code == REFUSED
    assert "Only approvers of the platform decide" in answer.output
    assert "objects" not in answer.output


def test_a_rejection_is_kept_with_its_reason() -> None:
    request = filed()

    answer = run("request", "reject", str(request.pk), "--note", "smaller", user=approver())

    assert answer.exit_code == OK
    request.refresh_from_db()
    assert request.state == "rejected"


def test_nothing_is_approved_without_a_plan_that_somebody_read() -> None:
    request = filed()

    assert run("approve", str(request.pk), "--yes", user=approver()).exit_code == USAGE
    request.refresh_from_db()
    assert request.state == "pending"


def test_what_others_wrote_is_printed_as_it_is() -> None:
    team = TeamFactory(slug="atlas", name="[/red] [bold]")

    answer = run("team", "show", "atlas", user=owner_of(team))

    assert answer.exit_code == OK
    assert "[/red] [bold]" in answer.output


def test_a_workflow_that_is_no_yaml_is_refused_in_a_sentence(tmp_path: Path) -> None:
    namespace, broken = NamespaceFactory(), tmp_path / "broken.yaml"
    broken.write_text("a: [", encoding="utf-8")

    answer = run("workflow", "submit", namespace.name, str(broken), user=owner_of(namespace.team))

    assert answer.exit_code in {REFUSED, USAGE}
    assert "Traceback" not in answer.output


def test_workflows_are_submitted_listed_and_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake, file = FakeCluster(), tmp_path / "hello.yaml"
    fake.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "atlas"}})
    connection = Connection(kube=fake, helm=FakeHelm(fake, lambda _: ()))
    monkeypatch.setattr(access, "connect", lambda _: connection)
    namespace = NamespaceFactory(name="atlas", applied_at=timezone.now())
    file.write_text(
        "{apiVersion: argoproj.io/v1alpha1, kind: Workflow, metadata: {name: hello}, "
        "spec: {entrypoint: a, templates: [{name: a, suspend: {}}], entrypont: a}}",
        encoding="utf-8",
    )
    owner = owner_of(namespace.team)

    made = run("workflow", "submit", "atlas", str(file), user=owner)
    listed = run("workflow", "list", "atlas", "--json", user=owner)
    shown = run("workflow", "show", "atlas", "hello", "--json", user=owner)

    assert made.exit_code == OK
    assert "did you mean `entrypoint`?" in made.output
    assert [w["name"] for w in json.loads(listed.stdout)] == ["hello"]
    assert json.loads(shown.stdout)["manifest"]["spec"]["serviceAccountName"] == "workflow-runner"

    # For people the newest comes first, and what nobody looked at yet has a phase too.
    run("workflow", "resubmit", "atlas", "hello", user=owner)
    assert "Pending" in run("workflow", "list", "atlas", user=owner).output

    gone = run("workflow", "delete", "atlas", "hello", "--yes", user=owner)
    assert "hello is deleted" in gone.output
    assert run("workflow", "show", "atlas", "hello", user=owner).exit_code == REFUSED


def test_workflows_are_steered_and_schedules_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeCluster()
    fake.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "atlas"}})
    for kind, spec in (("Workflow", {}), ("CronWorkflow", {"schedules": ["@daily"]})):
        meta = {"name": "hello", "namespace": "atlas"}
        manifest = {"apiVersion": "argoproj.io/v1alpha1", "kind": kind, "metadata": meta}
        fake.create(manifest | {"spec": spec})
    connection = Connection(kube=fake, helm=FakeHelm(fake, lambda _: ()))
    monkeypatch.setattr(access, "connect", lambda _: connection)
    namespace = NamespaceFactory(name="atlas", applied_at=timezone.now())
    owner, viewer = (
        owner_of(namespace.team),
        PersonFactory(claimed_groups=[namespace.team.viewer_group]),
    )

    said = {
        verb: run("workflow", verb, "atlas", "hello", user=owner)
        for verb in ("suspend", "resume", "stop", "terminate", "resubmit")
    }
    refused = run("workflow", "stop", "atlas", "hello", user=viewer)
    resting = run("cron", "suspend", "atlas", "hello", user=owner)
    listed = json.loads(run("cron", "list", "atlas", "--json", user=viewer).stdout)
    woken = run("cron", "resume", "atlas", "hello", user=owner)

    assert {verb: answer.exit_code for verb, answer in said.items()} == dict.fromkeys(said, OK)
    assert "hello is being stopped" in said["stop"].output
    assert (refused.exit_code, "may look" in refused.output) == (REFUSED, True)
    assert "suspended" in resting.output
    assert listed[0]["suspended"] is True
    assert "active, next at" in woken.output


def test_the_command_starts_without_django() -> None:
    program = "import sys, controlplane.cli.main; sys.exit('django.db' in sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", program], env=dict(os.environ), timeout=30, check=False
    )

    assert done.returncode == 0


def test_a_token_is_shown_to_no_other_platform_than_the_one_that_gave_it(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = PersonFactory(password=PASSWORD)
    run("login", "--username", person.username, "--password", PASSWORD)
    monkeypatch.setenv("ARGOSY_URL", NOWHERE)

    answer = run("team", "list")

    assert answer.exit_code == REFUSED
    assert f"not to {NOWHERE}" in answer.output


def test_a_name_that_two_clusters_have_is_asked_about() -> None:
    team = TeamFactory()
    for name in ("east", "west"):
        NamespaceFactory(team=team, name="twins", cluster=ClusterFactory(name=name))

    unclear = run("namespace", "show", "twins", user=owner_of(team))
    clear = run("namespace", "show", "west/twins", "--json", user=owner_of(team))

    assert unclear.exit_code == REFUSED
    assert "east/twins or west/twins" in unclear.output
    assert json.loads(clear.stdout)["cluster"] == "west"


def test_what_others_wrote_cannot_repaint_the_terminal() -> None:
    team = TeamFactory()
    request = filed(team)
    request.reason = "harmless\x1b[2J\x1b[Happroved"
    request.save()

    answer = run("request", "show", str(request.pk), user=approver())

    assert "\x1b" not in answer.output
    assert "harmless" in answer.output


def test_a_request_is_filed_from_a_file_commented_and_amended(tmp_path: Path) -> None:
    team = TeamFactory(slug="payments")
    wish = tmp_path / "wish.yaml"
    wish.write_text(
        "kind: create\nteam: payments\nreason: nightly\n"
        f"asked: {{name: night, tier: small, cluster: {ClusterFactory().name}}}\n"
    )

    assert run("request", "file", str(wish), user=owner_of(team)).exit_code == OK
    request = Request.objects.get()
    number = str(request.pk)
    assert run("request", "comment", number, "until when?", user=approver()).exit_code == OK
    amended = run("request", "amend", number, "--tier", "medium", "--note", "more", user=approver())

    assert (amended.exit_code, "night (medium)" in amended.output) == (OK, True)
    request.refresh_from_db()
    assert (request.asked["tier"], request.asked["name"]) == ("medium", "night")
    assert [e.kind for e in request.events.all()] == ["filed", "commented", "amended"]


@pytest.mark.parametrize("text", ["a: [", "- just\n- a list\n", ""])
def test_a_file_that_holds_no_request_ends_with_2(text: str, tmp_path: Path) -> None:
    wish = tmp_path / "wish.yaml"
    wish.write_text(text)

    assert run("request", "file", str(wish), user=PersonFactory()).exit_code == USAGE


def test_amending_ones_own_is_refused_with_a_sentence() -> None:
    request = filed()

    answer = run(
        "request", "amend", str(request.pk), "--tier", "medium", "--note", "x",
        user=request.requested_by,
    )  # fmt: skip

    assert answer.exit_code == REFUSED
    assert "own request" in answer.output


def test_a_list_of_clusters_says_what_is_wrong_whole_and_that_nobody_works() -> None:
    long_ago = timezone.now() - timedelta(minutes=8)
    words = "dial tcp 10.0.0.1:6443: connection refused."
    away = {"reachable": False, "trouble": "away", "message": words}
    ClusterFactory(name="east", checked_at=long_ago, **away)

    answer = run("cluster", "list", user=platform_admin())

    assert answer.exit_code == OK
    assert "8 min ago" in answer.stdout
    assert "not looked at" in " ".join(answer.stdout.split())
    assert f"east: {words} Start it again" in answer.stderr
    assert "argosy local up east" in answer.stderr
    assert "The platform's worker is not running" in answer.stderr


def test_a_cluster_is_shown_and_one_that_is_not_there_is_a_sentence() -> None:
    ClusterFactory(name="east")

    assert "answer: reachable" in run("cluster", "show", "east", user=platform_admin()).stdout
    missing = run("cluster", "show", "west", user=platform_admin())
    assert (missing.exit_code, "There is no cluster west" in missing.stderr) == (REFUSED, True)


def test_a_team_is_told_neither_addresses_nor_other_teams_namespaces() -> None:
    gone = {"reachable": False, "trouble": "away", "message": "dial tcp 10.0.0.1"}
    theirs = NamespaceFactory(cluster=ClusterFactory(name="east", **gone))

    (seen,) = json.loads(
        run("cluster", "list", "--json", user=owner_of(TeamFactory(slug="other"))).stdout
    )

    assert (seen["message"], seen["way_out"], seen["namespaces"]) == ("", "", 0)
    (own,) = json.loads(run("cluster", "list", "--json", user=owner_of(theirs.team)).stdout)
    assert own["namespaces"] == 1


def test_a_retry_says_that_it_waits_for_the_cluster() -> None:
    gone = ClusterFactory(name="east", reachable=False, trouble="rights")
    namespace = NamespaceFactory(name="payments", cluster=gone)

    answer = run("namespace", "retry", "payments", user=owner_of(namespace.team))

    assert answer.exit_code == OK
    assert "waits: its cluster east refuses us a right" in answer.stdout


def test_a_retry_says_that_nobody_works() -> None:
    cluster = ClusterFactory(checked_at=timezone.now() - timedelta(minutes=8))
    namespace = NamespaceFactory(name="payments", cluster=cluster)

    answer = run("namespace", "retry", "payments", user=owner_of(namespace.team))

    assert "worker has not been there since" in answer.stdout


def test_a_cluster_is_cordoned_with_a_reason_that_its_list_tells() -> None:
    cluster, admin = ClusterFactory(name="eu"), platform_admin()
    NamespaceFactory(cluster=cluster)

    assert run("cluster", "cordon", "eu", user=admin).exit_code == USAGE
    assert (
        "eu is cordoned." in run("cluster", "cordon", "eu", "--reason", "Moves", user=admin).output
    )
    listed = run("cluster", "list", user=admin).output
    drained = run("cluster", "drain", "eu", "--reason", "Moves", user=admin).output

    assert "eu: cordoned: Moves." in listed
    assert "eu is draining. 1 namespace is there still." in drained
    assert "eu is open." in run("cluster", "uncordon", "eu", user=admin).output


def test_only_an_admin_cordons_and_only_what_is_there() -> None:
    ClusterFactory(name="eu")

    refused = run("cluster", "cordon", "eu", "--reason", "x", user=PersonFactory())
    nowhere = run("cluster", "drain", "us", "--reason", "x", user=platform_admin())

    assert (refused.exit_code, nowhere.exit_code) == (REFUSED, REFUSED)
    assert "There is no cluster us" in nowhere.output


def test_a_request_by_labels_is_filed_and_told_why_it_goes_where() -> None:
    team = TeamFactory(slug="payments")
    eu = ClusterFactory(name="eu-1", labels={"region": "eu"})

    told = run("placement", "try", "payments", "--label", "region=eu", user=owner_of(team))
    made = run("request", "new", "payments", "night", "--label", "region=eu", user=owner_of(team))

    assert (told.exit_code, made.exit_code) == (OK, OK)
    for said in (told.output, made.output):
        assert "It goes to eu-1." in said
        assert "eu-1 has region=eu, as asked." in said
    request = Request.objects.get()
    assert request.asked == {"name": "night", "tier": "small", "labels": {"region": "eu"}}
    ClusterFactory(name="eu-2", labels={"region": "eu"})
    eu.scheduling = "cordoned"
    eu.save()
    moved = run("request", "place", str(request.pk), user=approver())
    assert f"Request #{request.pk} goes to eu-2 now." in moved.output


def test_a_label_without_a_value_is_a_mistake_of_typing() -> None:
    team = TeamFactory(slug="payments")

    answer = run("request", "new", "payments", "night", "--label", "eu", user=owner_of(team))

    assert answer.exit_code == USAGE
    assert "key=value" in answer.output


def test_a_clusters_room_is_said_and_listed() -> None:
    ClusterFactory(name="eu-1")
    admin = platform_admin()

    said = run("placement", "room", "eu-1", "--cpu", "64", "--memory", "256", user=admin)
    listed = run("placement", "rooms", user=admin)

    assert (said.exit_code, listed.exit_code) == (OK, OK)
    assert "64.000" in listed.output
    assert run("placement", "room", "eu-1", user=admin).exit_code == USAGE


def test_namespaces_are_listed_by_what_is_wrong_with_their_argo() -> None:
    team = TeamFactory()
    NamespaceFactory(team=team, name="old", argo_version="v4.0.5")
    NamespaceFactory(team=team, name="new", argo_version="v4.1.2")

    listed = run("namespace", "list", "--argo", "vulnerable", user=owner_of(team))
    strange = run("namespace", "list", "--argo", "tired", user=owner_of(team))

    assert ("old" in listed.output, "new" in listed.output) == (True, False)
    assert (strange.exit_code, "forbidden, vulnerable" in strange.output) == (REFUSED, True)
