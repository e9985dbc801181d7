"""Requests: asked by owners, read with their plan, decided by somebody else."""

from datetime import datetime
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from controlplane.identity.models import User
from controlplane.kube.errors import ChartBroken, Unreachable
from controlplane.objects import fingerprint
from controlplane.plans import agreement
from provisioning.desired import ChartEscapesError
from tenants.models import Request, Team, TenantNamespace
from tests.controlplane.api.conftest import HASH, NAMESPACE, Planned, client_of
from tests.factories import (
    ClusterFactory,
    PersonFactory,
    TeamFactory,
    Who,
    approver,
    filed,
    member_of,
    owner_of,
    platform_admin,
    viewer_of,
    wish,
)

pytestmark = pytest.mark.django_db

REQUESTS = "/api/v1/requests/"


def ask(user: User, team: Team, **asked: Any) -> Any:
    body = {"kind": "create", "team": team.slug, "asked": {**wish(ClusterFactory()), **asked}}
    return client_of(user).post(REQUESTS, body, format="json")


def approve(user: User, request: Request, plan_hash: str = HASH) -> Any:
    path = f"{REQUESTS}{request.pk}/approve/"
    return client_of(user).post(path, {"plan_hash": plan_hash, "note": "fine"}, format="json")


def test_an_owner_asks_and_the_request_waits() -> None:
    team = TeamFactory(name="Atlas")

    answer = ask(owner_of(team), team)

    assert answer.status_code == 201
    seen = answer.json()
    assert (seen["state"], seen["team"], seen["team_id"]) == ("pending", team.slug, team.pk)
    assert seen["sentence"].startswith("Make the namespace payments (small) for Atlas")


@pytest.mark.parametrize("who", [member_of, viewer_of])
def test_only_owners_ask(who: Who) -> None:
    team = TeamFactory()

    answer = ask(who(team), team)

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "not_allowed")


def test_a_team_cannot_ask_in_the_name_of_another() -> None:
    mine, theirs = TeamFactory(), TeamFactory()

    answer = ask(owner_of(mine), theirs)

    assert (answer.status_code, list(answer.json()["error"]["fields"])) == (400, ["team"])
    assert not Request.objects.exists()


def test_an_approver_sees_every_team_but_asks_for_none() -> None:
    assert ask(approver(), TeamFactory()).status_code == 403


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"name": "Payments"}, "bad_name"),
        ({"name": "платежи"}, "bad_name"),
        ({"name": "kube-system"}, "bad_name"),
        ({"name": "p" * 59}, "bad_name"),
        ({"tier": "giant"}, "no_tier"),
        ({"cluster": "moon"}, "no_cluster"),
        ({"color": "red"}, "bad_request"),
        ({"name": 7}, "bad_request"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(asked: dict[str, Any], code: str) -> None:
    team = TeamFactory()

    answer = ask(owner_of(team), team, **asked)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    assert not Request.objects.exists()


def test_a_kind_that_is_not_there_is_refused_with_what_there_is() -> None:
    team = TeamFactory()
    body = {"kind": "destroy", "team": team.slug, "asked": {}}

    answer = client_of(owner_of(team)).post(REQUESTS, body, format="json")

    assert "there is: create" in answer.json()["error"]["sentence"]


def test_another_teams_requests_are_not_there() -> None:
    theirs = filed()
    client = client_of(owner_of(TeamFactory()))

    assert client.get(REQUESTS).json()["count"] == 0
    for path in ("", "plan/"):
        assert client.get(f"{REQUESTS}{theirs.pk}/{path}").status_code == 404
    for act in ("approve", "reject", "withdraw", "amend", "comment"):
        body = {"plan_hash": HASH, "note": "no", "asked": theirs.asked}
        answer = client.post(f"{REQUESTS}{theirs.pk}/{act}/", body, format="json")
        assert answer.status_code == 404


def test_a_list_costs_the_same_whatever_its_length(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(4):
        filed()
    client = client_of(approver())

    with django_assert_num_queries(2):
        assert client.get(REQUESTS).json()["count"] == 4


def test_a_list_is_narrowed_by_state_and_team() -> None:
    one, other = filed(), filed()
    client = client_of(approver())

    assert client.get(REQUESTS, {"state": "approved"}).json()["count"] == 0
    assert [r["id"] for r in client.get(REQUESTS, {"team": one.team.slug}).json()["results"]] == [
        one.pk
    ]
    assert other.pk in [r["id"] for r in client.get(REQUESTS).json()["results"]]


def test_the_plan_shows_every_object_and_its_hash(planned: Planned) -> None:
    request = filed()

    plan = client_of(approver()).get(f"{REQUESTS}{request.pk}/plan/").json()

    assert plan["plan_hash"] == HASH
    assert plan["objects"][0]["kind"] == "Namespace"
    assert plan["objects"][0]["manifest"]["metadata"]["name"] == "payments"
    assert plan["charts"][0] == {"name": "team-guardrails", "version": "0.1.0"}


@pytest.mark.parametrize(("who", "status"), [(owner_of, 200), (member_of, 403), (viewer_of, 403)])
def test_a_plan_is_for_who_decides_and_who_may_ask(planned: Planned, who: Who, status: int) -> None:
    request = filed()

    answer = client_of(who(request.team)).get(f"{REQUESTS}{request.pk}/plan/")

    assert answer.status_code == status


def test_an_approver_approves_the_plan_they_read(planned: Planned) -> None:
    request, who = filed(), approver()

    answer = approve(who, request)

    assert answer.status_code == 200
    seen = answer.json()
    assert (seen["state"], seen["events"][-1]["by"]) == ("approved", who.username)
    assert seen["events"][-1]["plan_hash"] == HASH
    decided = seen["events"][-1]["decided"]
    assert (decided["sentence"], decided["plan_hash"]) == (seen["sentence"], HASH)
    assert decided["cluster"] == request.asked["cluster"]
    assert datetime.fromisoformat(decided["checked_at"]) <= timezone.now()
    assert decided["charts"] == [
        {"name": "team-guardrails", "version": "0.1.0"},
        {"name": "team-argo", "version": "0.1.0"},
    ]
    assert decided["objects"] == [
        {
            "api_version": "v1",
            "kind": "Namespace",
            "namespace": "",
            "name": "payments",
            "fingerprint": fingerprint(NAMESPACE),
        }
    ]
    assert TenantNamespace.objects.get(pk=seen["namespace_id"]).approved_plan == HASH


def test_a_plan_that_changed_meanwhile_goes_back_with_its_new_hash(planned: Planned) -> None:
    request = filed()
    planned("b" * 32)

    answer = approve(approver(), request)

    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (409, "changed")
    assert error["details"] == {"plan_hash": "b" * 32}
    assert not TenantNamespace.objects.exists()


def test_what_the_cluster_would_refuse_cannot_be_approved(planned: Planned) -> None:
    request = filed()
    planned(problem="payments exists already and is not the platform's.")

    answer = approve(approver(), request)

    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "plan_refused")
    assert "not the platform's" in error["sentence"]
    assert not TenantNamespace.objects.exists()


@pytest.mark.parametrize(
    ("error", "status"),
    [(Unreachable("gone"), 503), (ChartBroken("no"), 502), (ChartEscapesError("x"), 400)],
)
def test_a_plan_that_cannot_be_made_is_an_answer_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(agreement, "preview", fail)
    request = filed()

    assert approve(approver(), request).status_code == status
    assert client_of(approver()).get(f"{REQUESTS}{request.pk}/plan/").status_code == status


@pytest.mark.parametrize("said", [{}, {"plan_hash": ""}, {"plan_hash": "yes"}, {"plan_hash": None}])
def test_nobody_approves_without_naming_the_plan(planned: Planned, said: dict[str, Any]) -> None:
    path = f"{REQUESTS}{filed().pk}/approve/"

    answer = client_of(approver()).post(path, said, format="json")

    assert (answer.status_code, list(answer.json()["error"]["fields"])) == (400, ["plan_hash"])


def test_who_may_not_decide_is_told_before_any_plan_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(agreement, "preview", pytest.fail)
    request = filed()

    answer = approve(owner_of(request.team), request)

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "not_allowed")


def test_nobody_approves_their_own(planned: Planned) -> None:
    team = TeamFactory()
    both = PersonFactory(claimed_groups=[team.owner_group, "argosy-admins"])
    request = Request.objects.get(pk=ask(both, team).json()["id"])

    answer = approve(both, request)

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "own_request")


def test_the_second_of_two_approvers_is_told(planned: Planned) -> None:
    request = filed()
    approve(approver(), request)

    answer = approve(approver(), request)

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "already_decided")
    assert TenantNamespace.objects.count() == 1


def test_a_rejection_needs_a_reason() -> None:
    request = filed()
    client, path = client_of(approver()), f"{REQUESTS}{request.pk}/reject/"

    silent = client.post(path, {}, format="json")
    said = client.post(path, {"note": "ask for small"}, format="json")

    assert (silent.status_code, list(silent.json()["error"]["fields"])) == (400, ["note"])
    assert (said.status_code, said.json()["state"]) == (200, "rejected")


def test_an_owner_withdraws_and_nobody_else_does() -> None:
    request = filed()
    path = f"{REQUESTS}{request.pk}/withdraw/"

    for stranger in (member_of(request.team), platform_admin()):
        assert client_of(stranger).post(path, {}, format="json").status_code == 403
    answer = client_of(owner_of(request.team)).post(path, {}, format="json")

    assert (answer.status_code, answer.json()["state"]) == (200, "withdrawn")
    assert [e["kind"] for e in answer.json()["events"]] == ["filed", "withdrawn"]


def test_an_approver_amends_and_the_team_sees_what_was_asked_first() -> None:
    request = filed()
    body = {"asked": {**request.asked, "tier": "medium"}, "note": "you need more"}

    answer = client_of(approver()).post(f"{REQUESTS}{request.pk}/amend/", body, format="json")

    assert answer.status_code == 200
    seen = client_of(viewer_of(request.team)).get(f"{REQUESTS}{request.pk}/").json()
    assert seen["asked"]["tier"] == "medium"
    assert [(e["kind"], e["asked"]["tier"], e["note"]) for e in seen["events"]] == [
        ("filed", "small", ""),
        ("amended", "medium", "you need more"),
    ]


@pytest.mark.parametrize("who", [owner_of, member_of, viewer_of])
def test_no_level_of_a_team_amends(who: Who) -> None:
    request = filed()
    body = {"asked": {**request.asked, "tier": "medium"}, "note": "more"}

    answer = client_of(who(request.team)).post(
        f"{REQUESTS}{request.pk}/amend/", body, format="json"
    )

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "not_allowed")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"asked": {"tier": "medium"}, "note": "x"}, 400, "bad_request"),
        ({"note": "x"}, 400, "invalid"),
        ({"asked": "medium", "note": "x"}, 400, "invalid"),
    ],
)
def test_an_amendment_that_cannot_be_is_refused(
    body: dict[str, Any], status: int, code: str
) -> None:
    answer = client_of(approver()).post(f"{REQUESTS}{filed().pk}/amend/", body, format="json")

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize("who", [owner_of, member_of, viewer_of])
def test_both_sides_comment(who: Who) -> None:
    request = filed()
    path = f"{REQUESTS}{request.pk}/comment/"
    for person, note in ((who(request.team), "until when?"), (approver(), "until Friday")):
        assert client_of(person).post(path, {"note": note}, format="json").status_code == 200

    events = client_of(who(request.team)).get(f"{REQUESTS}{request.pk}/").json()["events"]

    assert [e["note"] for e in events if e["kind"] == "commented"] == [
        "until when?",
        "until Friday",
    ]


def test_an_empty_comment_is_refused_beside_its_field() -> None:
    answer = client_of(approver()).post(f"{REQUESTS}{filed().pk}/comment/", {}, format="json")

    assert (answer.status_code, list(answer.json()["error"]["fields"])) == (400, ["note"])


def test_reading_the_plan_is_noted_once_a_decider(planned: Planned) -> None:
    request, who = filed(), approver()

    for person in (who, who, owner_of(request.team)):
        client_of(person).get(f"{REQUESTS}{request.pk}/plan/")

    events = client_of(who).get(f"{REQUESTS}{request.pk}/").json()["events"]
    assert [(e["kind"], e["by"]) for e in events[1:]] == [("seen", who.username)]
