"""People whom a provider let in are asked about again, and lose at once what it no longer vouches for."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import httpx
import pytest
from cryptography.fernet import Fernet
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from controlplane.identity import (
    asking,
    grants,
    leaving,
    providers,
    rechecking,
    returning,
    tokens,
    vouching,
)
from controlplane.identity.models import Cut, CutState, Grant, GrantState, User
from controlplane.secrets import rotation
from tenants.models import Team
from tests.factories import PersonFactory, TeamFactory
from tests.provider import CLIENT_ID, CLIENT_SECRET, Provider, provider
from tests.signing_on import come, told

pytestmark = pytest.mark.django_db

Commit = DjangoCaptureOnCommitCallbacks
LONG_AGO = timedelta(hours=3)


@pytest.fixture
def team() -> Team:
    return TeamFactory(slug="payments")


@pytest.fixture
def idp(settings: Settings, team: Team) -> Iterator[Provider]:
    with provider() as running:
        for name, value in told(running).items():
            setattr(settings, name, value)
        running.add("dana", groups=[team.member_group])
        returning.door.open()
        yield running
        rechecking._client().close()  # its connections are to a provider that is gone
        rechecking._opened_client.cache_clear()


@pytest.fixture
def browser(idp: Provider) -> Client:
    client = Client()
    come(client, idp, "dana")
    return client


@pytest.fixture
def dana(browser: Client) -> User:
    return User.objects.get(username="dana")


@pytest.fixture
def heard() -> Iterator[list[tuple[set[str], set[str]]]]:
    """What those who open doors were told: groups before, and after."""
    told_of: list[tuple[set[str], set[str]]] = []

    def hear(before: frozenset[str], after: frozenset[str], **_: object) -> None:
        told_of.append((set(before), set(after)))

    leaving.access_changed.connect(hear)
    yield told_of
    leaving.access_changed.disconnect(hear)


def by_the_clock() -> tuple[int, int]:
    """A round, at the time that everybody is due."""
    Grant.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    found = providers.current()
    assert found is not None
    return rechecking.go_round(found, until=timezone.now() + timedelta(seconds=20))


def away_for(time: timedelta) -> None:
    """As if everybody had been here, and asked about, that long ago."""
    then = timezone.now() - time
    Grant.objects.update(seen_at=then, checked_at=then, confirmed_at=then)


def is_in(client: Client) -> bool:
    return client.get("/api/v1/me/").status_code == 200


def with_token(user: User) -> Client:
    _, plain = tokens.issue(user=user, name="ci")
    return Client(headers={"authorization": f"Bearer {plain}"})


def teams_of(client: Client) -> list[str]:
    return [team["slug"] for team in client.get("/api/v1/me/").json()["teams"]]


# What a sign-in leaves behind.


def test_a_sign_in_leaves_a_grant_whose_refresh_token_nobody_reads_in_the_database(
    browser: Client, dana: User, idp: Provider
) -> None:
    kept = Grant.objects.get()

    assert (kept.user, kept.state, [kept.sid]) == (dana, GrantState.GOOD, idp.sessions_of("dana"))
    newest = next(iter(idp._sessions.values())).refresh_token
    assert grants.unsealed(kept) == newest
    assert newest not in str(vars(kept))


def test_a_second_sign_in_of_one_session_there_takes_the_place_of_the_first(dana: User) -> None:
    now = timezone.now()

    first = grants.keep(user=dana, refresh_token="one", sid="s", now=now)
    second = grants.keep(user=dana, refresh_token="two", sid="s", now=now)

    assert first == second
    assert grants.unsealed(Grant.objects.get(sid="s")) == "two"


def test_the_oldest_of_very_many_sign_ins_make_room(dana: User) -> None:
    for number in range(grants.MOST + 5):
        grants.keep(user=dana, refresh_token=f"r{number}", sid=f"s{number}", now=timezone.now())

    assert dana.grants.good().count() == grants.MOST


def test_a_session_that_came_of_no_sign_in_there_is_none(browser: Client, dana: User) -> None:
    forged = Client()
    forged.force_login(dana, backend="controlplane.identity.sign_on.ProviderSignOn")

    assert not is_in(forged)
    assert is_in(browser)


def test_nobody_comes_in_by_anothers_sign_in(browser: Client, dana: User, idp: Provider) -> None:
    idp.add("eve", groups=["payments-members"])
    eve = Client()
    come(eve, idp, "eve")
    session = eve.session
    session[grants.IN_SESSION] = str(dana.grants.get().pk)
    session.save()

    assert not is_in(eve)


# By the clock.


def test_who_leaves_a_group_has_it_no_more_after_the_next_round(
    browser: Client,
    dana: User,
    idp: Provider,
    heard: list,
    django_capture_on_commit_callbacks: Commit,
) -> None:
    token = with_token(dana)
    assert teams_of(browser) == teams_of(token) == ["payments"]

    idp.leave("dana", "payments-members")
    with django_capture_on_commit_callbacks(execute=True):
        assert by_the_clock() == (1, 1)

    assert teams_of(browser) == teams_of(token) == []
    assert heard == [({"payments-members"}, set())]
    assert {(c.what, c.state) for c in Cut.objects.all()} == {
        ("console", CutState.DONE),
        ("token", CutState.DONE),
    }
    assert "payments-members" in Cut.objects.first().sentence


def test_who_joins_a_group_has_it_after_the_next_round(
    browser: Client, idp: Provider, heard: list, django_capture_on_commit_callbacks: Commit
) -> None:
    TeamFactory(slug="risk")
    idp.people["dana"].groups.append("risk-owners")

    with django_capture_on_commit_callbacks(execute=True):
        by_the_clock()

    assert sorted(teams_of(browser)) == ["payments", "risk"]
    assert heard == [({"payments-members"}, {"payments-members", "risk-owners"})]
    assert not Cut.objects.exists()


def test_a_renamed_group_is_another_group(browser: Client, idp: Provider) -> None:
    idp.rename_group("payments-members", "payments-people")

    by_the_clock()

    assert teams_of(browser) == []


def test_two_teams_that_share_a_group_are_left_together(browser: Client, idp: Provider) -> None:
    TeamFactory(slug="also", viewer_group="payments-members")
    assert teams_of(browser) == ["also", "payments"]

    idp.leave("dana", "payments-members")
    by_the_clock()

    assert teams_of(browser) == []


def test_a_provider_that_stops_to_send_groups_takes_them_all(
    browser: Client, idp: Provider
) -> None:
    idp.groups_in = set()

    by_the_clock()

    assert teams_of(browser) == []


@pytest.mark.parametrize("where", ["id_token", "userinfo"])
def test_the_groups_are_found_wherever_it_sends_them(
    browser: Client, idp: Provider, where: str
) -> None:
    idp.groups_in = {where}

    by_the_clock()

    assert teams_of(browser) == ["payments"]


@pytest.mark.parametrize("rotates", [True, False])
def test_each_round_goes_by_the_token_of_the_one_before(
    browser: Client, idp: Provider, rotates: bool
) -> None:
    idp.rotates_refresh_tokens = rotates

    assert [by_the_clock() for _ in range(4)] == [(1, 1)] * 4
    assert is_in(browser)


def test_a_refresh_token_that_somebody_stole_and_used_ends_the_sign_in(
    browser: Client, dana: User, idp: Provider
) -> None:
    token = with_token(dana)
    stolen = grants.unsealed(Grant.objects.get())
    body = {"grant_type": "refresh_token", "refresh_token": stolen}
    us = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    assert httpx.post(f"{idp.issuer}/token", data={**body, **us}).status_code == 200

    by_the_clock()

    assert Grant.objects.get().state == GrantState.ENDED
    assert (is_in(browser), is_in(token)) == (False, False)


def test_a_person_who_is_deleted_there_is_out_everywhere_here(
    browser: Client,
    dana: User,
    idp: Provider,
    heard: list,
    django_capture_on_commit_callbacks: Commit,
) -> None:
    token = with_token(dana)
    idp.delete("dana")

    with django_capture_on_commit_callbacks(execute=True):
        by_the_clock()

    ended = Grant.objects.get()
    assert (ended.state, ended.sealed_token) == (GrantState.ENDED, "")
    assert (is_in(browser), is_in(token)) == (False, False)
    assert heard == [({"payments-members"}, set())]
    assert leaving.groups_of(dana) == frozenset()
    assert "sign in again" in token.get("/api/v1/me/").json()["error"]["sentence"]


def test_who_signs_in_again_has_their_tokens_back(
    browser: Client,
    dana: User,
    idp: Provider,
    heard: list,
    django_capture_on_commit_callbacks: Commit,
) -> None:
    token = with_token(dana)
    idp._end(idp.people["dana"].subject)
    by_the_clock()
    assert not is_in(token)

    with django_capture_on_commit_callbacks(execute=True):
        come(Client(), idp, "dana")

    assert is_in(token)
    assert heard[-1] == (set(), {"payments-members"})


def test_an_answer_about_somebody_else_ends_the_sign_in(browser: Client, idp: Provider) -> None:
    idp.id_token_claims = {"sub": "another"}

    by_the_clock()

    assert not is_in(browser)


def test_an_id_token_for_another_client_is_not_listened_to(browser: Client, idp: Provider) -> None:
    idp.id_token_claims = {"aud": "another", "groups": ["argosy-admins"]}

    by_the_clock()

    assert User.objects.get(username="dana").claimed_groups == ["payments-members"]


def test_a_sign_in_whose_key_is_gone_ends_with_a_sentence(
    browser: Client, settings: Settings
) -> None:
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    by_the_clock()

    assert Grant.objects.get().sentence == rechecking.CANNOT_OPEN
    assert not is_in(browser)


def test_who_was_not_here_lately_is_not_asked_about(browser: Client) -> None:
    away_for(timedelta(minutes=11))

    assert by_the_clock() == (0, 0)


def test_who_holds_a_kubeconfig_is_asked_about_until_it_ends(browser: Client, dana: User) -> None:
    grants.needed(dana, until=timezone.now() + timedelta(hours=1))
    away_for(timedelta(minutes=30))

    assert by_the_clock() == (1, 1)

    Grant.objects.update(needed_until=timezone.now() - timedelta(seconds=1))
    assert by_the_clock() == (0, 0)


def test_two_who_ask_at_once_ask_once(browser: Client) -> None:
    now = timezone.now()
    Grant.objects.update(due_at=now)

    first = rechecking.claim(rechecking.due(now), now, limit=10)
    second = rechecking.claim(rechecking.due(now), now, limit=10)

    assert (len(first), len(second)) == (1, 0)


def test_who_asked_and_was_killed_leaves_the_question_to_others(browser: Client) -> None:
    now = timezone.now()
    Grant.objects.update(due_at=now)
    rechecking.claim(rechecking.due(now), now, limit=10)

    later = now + rechecking.CLAIM + timedelta(seconds=2)

    assert len(rechecking.claim(rechecking.due(later), later, limit=10)) == 1


def test_a_late_answer_does_not_undo_a_sign_in_made_meanwhile(dana: User) -> None:
    now = timezone.now()
    grant = dana.grants.get()
    Grant.objects.update(due_at=now)
    (held,) = rechecking.claim(rechecking.due(now), now, limit=10)

    grants.keep(user=dana, refresh_token="newer", sid=grant.sid, now=now)
    rechecking.settle([(held, asking.No("late"))], now=now)
    rechecking.settle([(held, asking.Yes((), "older"))], now=now)

    kept = Grant.objects.get(pk=grant.pk)
    assert (kept.state, grants.unsealed(kept)) == (GrantState.GOOD, "newer")


# The provider is silent.


@pytest.mark.parametrize("knob", ["down", "failing"])
def test_a_provider_that_is_down_for_a_while_stops_nobody(
    browser: Client, idp: Provider, knob: str
) -> None:
    setattr(idp, knob, True)

    assert by_the_clock() == (1, 0)
    assert browser.post("/theme/", {"theme": "dark"}).status_code == 302
    assert is_in(browser)
    assert Grant.objects.get().failures == 1


def test_a_provider_that_is_down_is_not_knocked_at_by_everybody(idp: Provider, dana: User) -> None:
    for number in range(rechecking.A_ROUND + 10):
        someone = PersonFactory(issuer=idp.issuer, subject=f"s{number}")
        grants.keep(user=someone, refresh_token="r", sid="", now=timezone.now())
    idp.failing = True

    assert by_the_clock() == (rechecking.A_ROUND, 0)


def test_one_that_answers_too_slowly_is_silent(
    browser: Client, idp: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    idp.slow = 1.0
    with httpx.Client(timeout=0.1) as hasty:
        monkeypatch.setattr(rechecking, "_client", lambda: hasty)
        assert by_the_clock() == (1, 0)

    monkeypatch.undo()
    idp.slow = 0.0
    assert is_in(browser)


def test_after_the_grace_one_may_look_and_change_nothing(
    browser: Client, dana: User, idp: Provider, settings: Settings
) -> None:
    token = with_token(dana)
    idp.down = True
    away_for(settings.RECHECK_GRACE + timedelta(minutes=1))

    assert (is_in(browser), is_in(token)) == (True, True)
    refused = browser.post("/tokens/", {"name": "x", "days": "7"})
    assert (refused.status_code, "change nothing" in refused.content.decode()) == (403, True)
    called = token.post("/api/v1/tokens/", {"name": "x"}, content_type="application/json")
    assert (called.status_code, called.json()["error"]["code"]) == (403, "permission_denied")
    assert "change nothing" in called.json()["error"]["sentence"]
    by_session = browser.post("/api/v1/tokens/", {"name": "x"}, content_type="application/json")
    assert (by_session.status_code, by_session.json()["error"]["code"]) == (403, "read_only")
    # Out of here, and how it looks, are anybody's at any time.
    assert browser.post("/theme/", {"theme": "dark"}).status_code == 302
    assert browser.post("/sign-out/").status_code == 302


def test_after_that_one_is_out_and_in_again_with_the_next_yes(
    browser: Client, dana: User, idp: Provider, settings: Settings
) -> None:
    token = with_token(dana)
    idp.down = True
    away_for(settings.RECHECK_OUT + timedelta(minutes=1))

    assert (is_in(browser), is_in(token)) == (False, False)
    door = browser.get("/namespaces/", follow=True)
    assert "has not confirmed you since" in door.content.decode()

    idp.down = False
    returning.door.open()
    away_for(LONG_AGO)

    assert (is_in(browser), is_in(token)) == (True, True)


def test_who_is_here_lapses_once_and_comes_back_once(
    browser: Client,
    dana: User,
    idp: Provider,
    settings: Settings,
    heard: list,
    django_capture_on_commit_callbacks: Commit,
) -> None:
    now = timezone.now()
    Grant.objects.update(confirmed_at=now - settings.RECHECK_OUT - timedelta(seconds=1))

    with django_capture_on_commit_callbacks(execute=True):
        assert rechecking.let_lapse(now=now, out=settings.RECHECK_OUT) == 1
        assert rechecking.let_lapse(now=now, out=settings.RECHECK_OUT) == 0
    assert leaving.groups_of(dana) == frozenset()
    with django_capture_on_commit_callbacks(execute=True):
        by_the_clock()

    assert leaving.groups_of(dana) == {"payments-members"}
    assert heard == [({"payments-members"}, set()), (set(), {"payments-members"})]


# Coming back.


def test_who_comes_back_after_hours_is_asked_about_before_they_are_let_in(
    browser: Client, dana: User, idp: Provider
) -> None:
    token = with_token(dana)
    idp.leave("dana", "payments-members")

    away_for(LONG_AGO)
    assert teams_of(browser) == []
    away_for(LONG_AGO)
    assert teams_of(token) == []


def test_who_was_deleted_meanwhile_does_not_come_back(
    browser: Client, dana: User, idp: Provider
) -> None:
    away_for(LONG_AGO)
    idp.delete("dana")

    assert "sign in again" in browser.get("/", follow=True).content.decode()
    assert not is_in(browser)


def test_who_is_here_costs_the_provider_nothing_at_each_page(
    browser: Client, idp: Provider
) -> None:
    before = len(idp.asked)

    for _ in range(5):
        assert is_in(browser)

    assert len(idp.asked) == before


def test_a_token_goes_by_another_sign_in_where_the_newest_has_ended(
    browser: Client, dana: User, idp: Provider
) -> None:
    token = with_token(dana)
    come(Client(), idp, "dana")
    newest = dana.grants.order_by("-made_at").first()
    grants.end(newest, sentence="Gone.", now=timezone.now())

    assert is_in(token)


def test_local_people_depend_on_no_provider(idp: Provider) -> None:
    idp.down = True
    person = PersonFactory(claimed_groups=["payments-members"])
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")

    assert teams_of(client) == teams_of(with_token(person)) == ["payments"]
    assert leaving.groups_of(person) == {"payments-members"}


# Going, and being shut out here.


def test_signing_out_ends_the_browsers_session_and_leaves_tokens(
    browser: Client, dana: User
) -> None:
    token = with_token(dana)

    browser.post("/sign-out/")

    assert Grant.objects.get().signed_out_at is not None
    assert (is_in(browser), is_in(token)) == (False, True)


def test_a_stolen_session_cookie_is_worth_nothing_after_the_sign_out(browser: Client) -> None:
    thief = Client()
    thief.cookies.update(browser.cookies.copy())
    assert is_in(thief)

    browser.post("/sign-out/")

    assert not is_in(thief)


def test_who_is_switched_off_here_is_announced_as_out(
    dana: User, heard: list, django_capture_on_commit_callbacks: Commit
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        dana.is_active = False
        dana.save()

    assert heard == [({"payments-members"}, set())]


def test_a_save_that_changes_no_access_is_announced_to_nobody(
    dana: User, heard: list, django_capture_on_commit_callbacks: Commit
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        dana.first_name = "Dana"
        dana.save()

    assert heard == []


def test_one_hearer_that_fails_keeps_nobody_else_from_hearing(
    dana: User, heard: list, django_capture_on_commit_callbacks: Commit
) -> None:
    def fails(**_: object) -> None:
        raise RuntimeError

    receivers = leaving.access_changed.receivers
    leaving.access_changed.connect(fails)
    receivers.insert(0, receivers.pop())
    try:
        with django_capture_on_commit_callbacks(execute=True):
            dana.claimed_groups = []
            dana.save()
    finally:
        leaving.access_changed.disconnect(fails)

    assert heard == [({"payments-members"}, set())]


def test_what_ended_long_ago_is_forgotten(dana: User) -> None:
    now = timezone.now()
    grants.end(dana.grants.get(), sentence="Gone.", now=now)

    assert grants.forget(now + grants.KEPT - timedelta(hours=1)) == 0
    assert grants.forget(now + grants.KEPT + timedelta(hours=1)) == 1


def test_a_cut_that_is_told_again_is_one_line(dana: User) -> None:
    now: datetime = timezone.now()
    for state in (CutState.UNDER_WAY, CutState.DONE):
        leaving.cut(user=dana, what="kubeconfig@east", state=state, noticed_at=now)

    assert Cut.objects.get().state == CutState.DONE


def test_the_page_says_what_was_closed_and_when(browser: Client, dana: User) -> None:
    leaving.cut(
        user=dana,
        what="kubeconfig@east",
        state=CutState.CANNOT_YET,
        noticed_at=timezone.now(),
        until=timezone.now() + timedelta(minutes=20),
        sentence="The cluster cannot be reached.",
    )

    page = browser.get("/me/").content.decode()

    assert "kubectl on east" in page
    assert "The cluster cannot be reached." in page
    assert "by itself" in page
    assert vouching.grant_of(dana, "no uuid") is None


def test_a_rotation_of_keys_takes_the_refresh_tokens_along(
    browser: Client, settings: Settings
) -> None:
    newer = Fernet.generate_key().decode()
    settings.ENCRYPTION_KEYS = [newer, *settings.ENCRYPTION_KEYS]

    assert rotation.rotate().moved == 1
    settings.ENCRYPTION_KEYS = [newer]
    by_the_clock()

    assert is_in(browser)
