"""Which acts are written down, by whichever door they came."""

from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone

from controlplane.audit import Outcome, middleware, recording, tasks
from controlplane.audit.models import Event, Seal
from controlplane.identity import accounts, tokens
from controlplane.identity.models import ApiToken
from controlplane.placement.models import Room
from tenants import requests, services
from tenants.models import Team, TenantNamespace
from tests.controlplane.api.conftest import client_of
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
    tier,
)

pytestmark = pytest.mark.django_db

SIGN_IN = "/sign-in/"


def last(action: str) -> Event:
    found = Event.objects.filter(action=action).first()
    assert found is not None, list(Event.objects.values_list("action", flat=True))
    return found  # type: ignore[no-any-return]


def recorded(*actions: str) -> list[str]:
    found = Event.objects.filter(action__in=actions).order_by("pk")
    return list(found.values_list("action", flat=True))


def test_a_request_is_recorded_when_it_is_filed_amended_and_rejected() -> None:
    team = TeamFactory()
    by = approver()
    request = filed(team)
    asked = request.asked | {"name": "another"}

    requests.amend(request, by=by, fields=asked, note="a better name")
    requests.reject(request, by=by, note="not now")

    assert recorded("request.filed", "request.amended", "request.rejected") == [
        "request.filed",
        "request.amended",
        "request.rejected",
    ]
    amended = last("request.amended")
    assert (amended.actor, amended.team) == (by.username, team.slug)
    assert amended.target == f"request #{request.pk}"
    assert amended.before == {"asked": request.asked}
    assert amended.after["asked"]["name"] == "another"
    assert last("request.rejected").after["state"] == "rejected"


def test_opening_a_request_is_no_act() -> None:
    request = filed(TeamFactory())

    requests.see(request, by=approver())

    assert not Event.objects.filter(action="request.seen").exists()


def test_pausing_and_resuming_a_namespace_names_who_and_why() -> None:
    namespace = NamespaceFactory()
    by = platform_admin()
    rows = TenantNamespace.objects.filter(pk=namespace.pk)

    services.pause(rows, by=by, reason="a look at its disk")
    services.resume(rows, by=by)

    paused = last("namespace.paused")
    assert (paused.actor, paused.team) == (by.username, namespace.team.slug)
    assert paused.after == {"reason": "a look at its disk"}
    assert last("namespace.resumed").pk > paused.pk


def test_an_edit_at_the_desk_is_recorded_with_what_it_was_before(client: Client) -> None:
    by = platform_admin()
    client.force_login(by)
    small = tier()
    before = small.workflow_deadline_seconds
    small.workflow_deadline_seconds = 60

    services.save_tier(small)

    event = last("tier.changed")
    assert event.target == f"tier {small.slug}"
    assert event.before == {"workflow deadline seconds": before}
    assert event.after == {"workflow deadline seconds": 60}


def test_an_edit_of_a_team_is_its_own() -> None:
    team = TeamFactory()

    team.name = "Another name"
    services.save_team(team)

    assert last("team.changed").team == team.slug


def test_an_edit_of_many_rows_by_one_statement_is_recorded_for_each() -> None:
    teams = [TeamFactory(), TeamFactory()]

    Team.objects.filter(pk__in=[t.pk for t in teams]).update(name="One name")

    changed = Event.objects.filter(action="team.changed").order_by("pk")
    assert list(changed.values_list("team", flat=True)) == sorted(t.slug for t in teams)


def test_a_clusters_credential_is_not_in_the_record_of_its_edit() -> None:
    cluster = ClusterFactory(sealed_kubeconfig="hunter2")

    cluster.labels = {"region": "eu"}
    cluster.save()

    assert last("cluster.changed").after == {"labels": {"region": "eu"}}
    assert "hunter2" not in str(list(Event.objects.values()))


def test_a_token_is_recorded_when_it_is_made_and_ended_and_never_its_text() -> None:
    person = PersonFactory()

    token, plain = tokens.issue(user=person, name="ci", expires_at=timezone.now())
    tokens.revoke([token])

    assert recorded("token.issued", "token.revoked") == ["token.issued", "token.revoked"]
    assert person.username in last("token.issued").target
    assert plain not in str(list(Event.objects.values()))


def test_a_new_password_is_recorded_with_the_tokens_it_ends_and_not_itself() -> None:
    person = PersonFactory(password=PASSWORD)
    tokens.issue(user=person, name="ci")

    accounts.reset_password(person, "another correct horse")

    assert last("password.changed").target == f"person {person.username}"
    assert last("token.revoked")
    assert not ApiToken.objects.exists()
    assert "another correct horse" not in str(list(Event.objects.values()))


def test_coming_in_and_going_out_are_recorded(client: Client) -> None:
    person = PersonFactory(password=PASSWORD)

    client.post(SIGN_IN, {"username": person.username, "password": PASSWORD})
    client.post("/sign-out/")

    login, logout = last("login"), last("logout")
    assert (login.actor, logout.actor) == (person.username, person.username)
    assert (login.through, login.address) == ("console", "127.0.0.1")
    assert login.after == {"by": "ModelBackend"}


def test_a_wrong_password_is_denied_to_nobody_in_particular(client: Client) -> None:
    person = PersonFactory(password=PASSWORD)

    client.post(SIGN_IN, {"username": person.username, "password": "guessed"})

    event = last("login.refused")
    assert (event.actor, event.target) == ("", f"person {person.username}")
    assert event.outcome == Outcome.DENIED
    assert "guessed" not in str(list(Event.objects.values()))


def test_a_lock_out_is_recorded(client: Client, settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 2
    person = PersonFactory(password=PASSWORD)

    for _ in range(2):
        client.post(SIGN_IN, {"username": person.username, "password": "guessed"})

    assert last("login.locked_out").target == f"person {person.username}"


@pytest.mark.parametrize("who", ["stranger", "member"])
def test_what_somebody_may_not_write_is_recorded_as_denied(who: str) -> None:
    request = filed(TeamFactory())
    person = PersonFactory(claimed_groups=[request.team.member_group] if who == "member" else [])
    path = f"/api/v1/requests/{request.pk}/withdraw/"

    answer = client_of(person).post(path, {"note": ""}, format="json")

    assert answer.status_code == (403 if who == "member" else 404)
    event = last(middleware.REFUSED_WRITE)
    assert (event.actor, event.target) == (person.username, f"POST {path}")
    assert (event.outcome, event.after) == ("denied", {"status": answer.status_code})
    assert event.request_id == answer.headers["X-Request-ID"]


def test_reading_what_is_not_there_is_no_act() -> None:
    client_of(PersonFactory()).get("/api/v1/requests/99/")

    assert not Event.objects.filter(outcome="denied").exists()


def test_what_nobody_tries_is_not_kept() -> None:
    client_of().post("/api/v1/requests/", {}, format="json")
    client_of().post("/wp-login.php", {}, format="json")

    assert not Event.objects.filter(outcome="denied").exists()


def test_a_record_that_cannot_be_written_makes_no_error_of_a_denial(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request = filed(TeamFactory())

    def fail(*_: object, **__: object) -> None:
        raise DatabaseError

    monkeypatch.setattr(recording, "write_held", fail)
    path = f"/api/v1/requests/{request.pk}/withdraw/"
    answer = client_of(PersonFactory()).post(path, {}, format="json")

    assert answer.status_code == 404


def test_a_token_says_by_which_one_it_was_done() -> None:
    team = TeamFactory()
    person = owner_of(team)
    _, plain = tokens.issue(user=person, name="ci")
    request = filed(team)

    client_of().post(
        f"/api/v1/requests/{request.pk}/withdraw/",
        {"note": "no more"},
        format="json",
        headers={"Authorization": f"Bearer {plain}"},
    )

    event = last("request.withdrawn")
    assert event.actor == person.username
    assert event.through.startswith("API, token argosy_")
    assert plain not in event.through


def test_a_task_says_which_one_it_was_and_leaves_nothing_behind() -> None:
    tasks.seal_what_was_recorded.apply()
    TeamFactory()

    assert last("team.made").through == "", "the task is over"


def test_the_clock_seals_what_was_recorded() -> None:
    TeamFactory()

    tasks.seal_what_was_recorded.apply()

    assert Seal.objects.count() == Event.objects.count() > 0


def test_a_thing_is_called_once_by_its_kind() -> None:
    cluster = ClusterFactory(name="eu")
    Room.objects.create(cluster=cluster)

    assert last("room.made").target == "room of eu"
    assert last("cluster.made").target == "cluster eu"
