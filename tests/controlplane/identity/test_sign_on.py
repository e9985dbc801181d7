"""People of a provider: let in by its word alone, and only as far as that word can be believed."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.conf import settings as own
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from controlplane.audit.models import Event
from controlplane.identity import accounts, people
from controlplane.identity.models import User
from controlplane.identity.sign_on import ProviderSignOn, SignedOn
from tests.factories import PASSWORD, PersonFactory, TeamFactory
from tests.provider import Provider, provider
from tests.signing_on import BACK, START, browse, come, from_provider, query_of, to_provider, told

pytestmark = pytest.mark.django_db

ELSEWHERE = [
    "https://evil.example/", "//evil.example/", "/\\evil.example/", "http:///evil.example",
    "javascript:alert(1)", "https:evil.example", "/\t/evil.example", "\x00//evil.example",
    "https://testserver@evil.example/", "https://testserver.evil.example/",
]  # fmt: skip


@pytest.fixture
def idp(settings: Settings) -> Iterator[Provider]:
    with provider() as running:
        for name, value in told(running).items():
            setattr(settings, name, value)
        running.add("dana", groups=["argosy-approvers"])
        yield running


def is_in(client: Client) -> bool:
    return client.get("/api/v1/me/").status_code == 200


def sentence_of(answer) -> str:
    page = answer.content.decode()
    assert page.count('role="alert"') == 1, page
    return page.partition('role="alert">')[2].partition("</div>")[0]


# In.


def test_a_person_of_the_provider_comes_in_with_their_groups_and_goes_where_they_wanted(
    idp: Provider,
) -> None:
    client = Client()

    answer = come(client, idp, "dana", "/inbox/?page=1")

    assert answer["Location"] == "/inbox/?page=1"
    me = client.get("/api/v1/me/").json()
    assert (me["username"], me["is_approver"]) == ("dana", True)
    assert client.get("/inbox/").status_code == 200


def test_the_flow_has_a_state_a_nonce_and_a_challenge_which_are_new_each_time(
    idp: Provider,
) -> None:
    first, second = (query_of(to_provider(Client())) for _ in range(2))

    assert first["response_type"] == "code"
    assert first["code_challenge_method"] == "S256"
    assert first["redirect_uri"] == f"http://testserver{BACK}"
    assert all(first[name] != second[name] for name in ("state", "nonce", "code_challenge"))


def test_who_comes_again_is_the_same_person_under_whatever_name_and_address(idp: Provider) -> None:
    come(Client(), idp, "dana")
    somebody = idp.people["dana"]
    somebody.username, somebody.email = "dana.married", "new@example.com"
    idp.people["dana.married"] = idp.people.pop("dana")

    come(Client(), idp, "dana.married")

    person = User.objects.get()
    assert (person.username, person.email) == ("dana", "new@example.com")
    assert person.subject == somebody.subject


def test_a_local_account_of_that_name_and_address_is_never_taken_over(idp: Provider) -> None:
    local = PersonFactory(
        username="dana", email="dana@example.com", password=PASSWORD, is_superuser=True
    )
    client = Client()

    come(client, idp, "dana")

    come_in = User.objects.exclude(pk=local.pk).get()
    assert client.get("/api/v1/me/").json()["username"] == come_in.username
    assert come_in.username.startswith("dana-")
    assert not come_in.is_superuser
    local.refresh_from_db()
    assert (local.issuer, local.claimed_groups) == ("", [])


@pytest.mark.parametrize("said", ["Dana", "DANA", "ｄａｎａ"])
def test_a_name_that_looks_like_a_local_one_is_marked(idp: Provider, said: str) -> None:
    PersonFactory(username="dana")
    idp.add(said, subject="other")

    come(Client(), idp, said)

    assert User.objects.get(subject="other").username.casefold() != "dana"


def test_two_people_of_the_provider_with_one_name_are_two(idp: Provider) -> None:
    first = idp.people["dana"]
    come(Client(), idp, "dana")
    idp.add("dana", subject="another dana")

    come(Client(), idp, "dana")

    assert set(User.objects.values_list("subject", flat=True)) == {first.subject, "another dana"}


@pytest.mark.parametrize(
    "name", [None, "", "   ", 7, "../../etc", "a" * 400, "x\x00y", "<b>dana</b>", "dana\r\nX: y"]
)
def test_whatever_the_provider_calls_a_person_becomes_a_name(idp: Provider, name: object) -> None:
    idp.id_token_claims = {"preferred_username": name, "given_name": name, "email": name}
    client = Client()

    come(client, idp, "dana")

    person = User.objects.get()
    assert is_in(client)
    User.username_validator(person.username)
    assert 0 < len(person.username) <= 150
    assert person.email == ""


def test_only_groups_that_mean_something_here_are_kept(idp: Provider) -> None:
    team = TeamFactory()
    many = [f"company-{number}" for number in range(400)]
    idp.add("kim", groups=[*many, team.member_group, own.AUDITOR_GROUP, "", team.member_group])

    come(Client(), idp, "kim")

    assert User.objects.get().claimed_groups == sorted([team.member_group, own.AUDITOR_GROUP])


def test_four_hundred_groups_cost_no_more_queries_than_four(idp: Provider) -> None:
    TeamFactory()
    counts = []
    for who, number in (("few", 4), ("many", 400)):
        idp.add(who, groups=[f"company-{each}" for each in range(number)])
        with CaptureQueriesContext(connection) as asked:
            come(Client(), idp, who)
        counts.append(len(asked))

    assert counts[0] == counts[1]


def test_groups_that_only_userinfo_tells_are_asked_there(idp: Provider) -> None:
    idp.groups_in = {"userinfo"}

    come(Client(), idp, "dana")

    assert User.objects.get().claimed_groups == ["argosy-approvers"]
    assert "/userinfo" in idp.asked


def test_userinfo_is_not_asked_for_what_the_token_says(idp: Provider) -> None:
    come(Client(), idp, "dana")

    assert "/userinfo" not in idp.asked


def test_a_sign_in_that_changes_nothing_leaves_no_line_in_the_history(idp: Provider) -> None:
    for _ in range(2):
        come(Client(), idp, "dana")

    assert User.history.count() == 1


def test_the_groups_are_those_of_the_newest_sign_in(idp: Provider) -> None:
    come(Client(), idp, "dana")
    idp.leave("dana", "argosy-approvers")
    client = Client()

    come(client, idp, "dana")

    assert client.get("/api/v1/me/").json()["is_approver"] is False


def test_what_is_needed_to_ask_again_is_kept_from_logs() -> None:
    kept = SignedOn(PersonFactory(), "a refresh token", "sid", None)  # type: ignore[arg-type]

    assert "a refresh token" not in repr(kept)


def test_two_sign_ins_at_once_are_one_account(idp: Provider) -> None:
    claims = {"sub": "s", "preferred_username": "dana"}

    first = people.recognise(claims, issuer=idp.issuer, groups=[])
    second = people.recognise(claims, issuer=idp.issuer, groups=["argosy-admins"])

    assert first == second
    assert second.is_platform_admin


def test_the_same_subject_of_another_issuer_is_another_person(idp: Provider) -> None:
    claims = {"sub": "s", "preferred_username": "dana"}

    first, second = (
        people.recognise(claims, issuer=issuer, groups=[]) for issuer in (idp.issuer, "https://b")
    )

    assert first != second


# Kept out.


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"iss": "https://evil.example"}, "cannot be believed"),
        ({"aud": "another client"}, "cannot be believed"),
        ({"aud": None}, "cannot be believed"),
        ({"aud": ["argosy", "other"], "azp": "other"}, "cannot be believed"),
        ({"nonce": "of another sign-in"}, "cannot be believed"),
        ({"nonce": None}, "cannot be believed"),
        ({"sub": None}, "cannot be believed"),
        ({"sub": ""}, "cannot be believed"),
        ({"sub": "x" * 256}, "cannot be believed"),
        ({"exp": None}, "cannot be believed"),
        ({"exp": 1}, "not of this time"),
    ],
)
def test_a_token_that_may_not_be_believed_lets_nobody_in(
    idp: Provider, claims: dict[str, object], why: str
) -> None:
    idp.id_token_claims = claims
    client = Client()

    answer = come(client, idp, "dana")

    assert answer.status_code == 403
    assert why in sentence_of(answer)
    assert not is_in(client)
    assert not User.objects.exists()


def test_who_was_refused_is_in_the_audit_and_who_asked_nothing_is_not(idp: Provider) -> None:
    idp.unsigned = True

    come(Client(), idp, "dana")
    Client().get(f"{BACK}?error=x&state=y")

    refused = Event.objects.get(action="login.refused")
    assert (refused.outcome, refused.target) == ("denied", "somebody by Example Login")


def test_a_token_without_a_signature_lets_nobody_in(idp: Provider) -> None:
    idp.unsigned = True
    client = Client()

    answer = come(client, idp, "dana")

    assert answer.status_code == 403
    assert not is_in(client)


def test_userinfo_of_another_person_lets_nobody_in(idp: Provider) -> None:
    idp.groups_in = {"userinfo"}
    idp.userinfo_claims = {"sub": "somebody else", "groups": ["argosy-admins"]}
    client = Client()

    assert "another person" in sentence_of(come(client, idp, "dana"))
    assert not is_in(client)


@pytest.mark.parametrize("minutes", [-10, 10])
def test_a_clock_that_is_far_off_is_named_as_the_reason(idp: Provider, minutes: int) -> None:
    idp.skew = timedelta(minutes=minutes).total_seconds()
    client = Client()

    answer = come(client, idp, "dana")

    assert "clock" in sentence_of(answer)
    assert not is_in(client)


@pytest.mark.parametrize("seconds", [-50, 50])
def test_a_clock_that_is_a_little_off_does_no_harm(idp: Provider, seconds: int) -> None:
    idp.skew = seconds
    client = Client()

    come(client, idp, "dana")

    assert is_in(client)


def test_signing_keys_may_be_changed_between_two_sign_ins(idp: Provider) -> None:
    come(Client(), idp, "dana")
    idp.rotate_keys()
    client = Client()

    come(client, idp, "dana")

    assert is_in(client)
    assert idp.asked.count("/jwks") == 2


def test_keys_are_not_asked_for_each_time(idp: Provider) -> None:
    for _ in range(3):
        come(Client(), idp, "dana")

    assert idp.asked.count("/jwks") == 1
    assert idp.asked.count("/.well-known/openid-configuration") == 1


def test_a_provider_that_says_nothing_of_groups_is_told_apart_from_one_that_says_none(
    idp: Provider,
) -> None:
    idp.groups_in = set()
    client = Client()

    answer = come(client, idp, "dana")

    assert "nothing of your groups" in sentence_of(answer)
    assert not is_in(client)

    idp.groups_in = {"id_token"}
    idp.add("new")
    come(client, idp, "new")
    assert is_in(client)


@pytest.mark.parametrize("knob", ["down", "failing"])
def test_a_provider_that_is_away_is_said_and_local_accounts_still_come_in(
    idp: Provider, knob: str
) -> None:
    setattr(idp, knob, True)
    PersonFactory(username="ada", password=PASSWORD)
    client = Client()

    answer = client.get(START, {"next": "/inbox/"})

    assert answer.status_code == 503
    assert "Example Login does not answer" in sentence_of(answer)
    client.post("/sign-in/", {"username": "ada", "password": PASSWORD})
    assert is_in(client)


@pytest.mark.parametrize("knob", ["down", "failing"])
def test_a_provider_that_goes_away_on_the_way_back_lets_nobody_in(idp: Provider, knob: str) -> None:
    client = Client()
    idp.at_the_door = "dana"
    back = from_provider(to_provider(client))
    setattr(idp, knob, True)

    answer = client.get(back)

    assert (answer.status_code, is_in(client)) == (503, False)
    assert "does not answer" in sentence_of(answer)


def test_a_provider_that_is_slow_is_waited_for_only_so_long(
    idp: Provider, settings: Settings
) -> None:
    settings.OIDC_TIMEOUT = 0.2
    idp.slow = 30

    assert Client().get(START).status_code == 503


def test_a_provider_that_calls_itself_by_another_name_is_not_ours(idp: Provider) -> None:
    idp.discovery = {"issuer": "https://evil.example"}

    answer = Client().get(START)

    assert answer.status_code == 403
    assert "ARGOSY_OIDC_ISSUER" in sentence_of(answer)


@pytest.mark.parametrize("url", ["", "ftp://x/", "/token", "javascript:alert(1)", None])
def test_a_door_of_the_provider_that_is_no_safe_address_is_refused(idp: Provider, url: str) -> None:
    idp.discovery = {"token_endpoint": url}

    answer = Client().get(START)

    assert answer.status_code == 403
    assert "token_endpoint" in sentence_of(answer)


def test_an_answer_can_be_used_once(idp: Provider) -> None:
    client = Client()
    idp.at_the_door = "dana"
    back = from_provider(to_provider(client))
    client.get(back)
    client.post("/sign-out/")

    again = client.get(back)

    assert again.status_code == 400
    assert "used already" in sentence_of(again)
    assert not is_in(client)


def test_an_answer_fits_the_browser_that_asked_and_no_other(idp: Provider) -> None:
    """Else one could have another signed in as oneself, and read what they do."""
    idp.at_the_door = "dana"
    back = from_provider(to_provider(Client()))
    victim = Client()
    to_provider(victim)

    answer = victim.get(back)

    assert (answer.status_code, is_in(victim)) == (400, False)


def test_going_back_to_a_used_answer_while_signed_in_leads_home(idp: Provider) -> None:
    client = Client()
    idp.at_the_door = "dana"
    back = from_provider(to_provider(client))
    client.get(back)

    assert client.get(back)["Location"] == "/"


@pytest.mark.parametrize(
    "query", ["", "?code=x", "?state=x", "?error=access_denied", "?error=x&state=y"]
)
def test_an_answer_to_nothing_signs_nobody_in_or_out(idp: Provider, query: str) -> None:
    client, stranger = Client(), Client()
    come(client, idp, "dana")

    client.get(BACK + query)
    answer = stranger.get(BACK + query)

    assert is_in(client)
    assert answer.status_code == 400


def test_the_providers_no_is_a_page_with_both_doors(idp: Provider) -> None:
    client = Client()
    back = from_provider(to_provider(client))

    answer = client.get(back)

    assert answer.status_code == 403
    assert "did not let you in" in sentence_of(answer)
    assert 'name="password"' in answer.content.decode()


def test_a_wrong_secret_of_the_platforms_own_is_for_its_admins(
    idp: Provider, settings: Settings
) -> None:
    settings.OIDC_RP_CLIENT_SECRET = "wrong"

    assert "ARGOSY_OIDC_CLIENT_SECRET" in sentence_of(come(Client(), idp, "dana"))


@pytest.mark.parametrize("where", ELSEWHERE)
def test_the_way_through_the_provider_leads_to_no_other_host(idp: Provider, where: str) -> None:
    client = Client()

    assert come(client, idp, "dana", where)["Location"] == "/"
    assert client.get(START, {"next": where})["Location"] == "/"


def test_who_was_switched_off_is_let_in_no_more_and_out_at_once(idp: Provider) -> None:
    client = Client()
    come(client, idp, "dana")
    User.objects.update(is_active=False)

    assert not is_in(client)
    assert "switched off" in sentence_of(come(client, idp, "dana"))


def test_with_another_provider_the_sessions_of_the_one_before_end(
    idp: Provider, settings: Settings
) -> None:
    client = Client()
    come(client, idp, "dana")

    settings.OIDC_ISSUER = "https://another.example"

    assert not is_in(client)


def test_a_local_account_is_nobodys_by_the_providers_backend(idp: Provider) -> None:
    local = PersonFactory()

    assert ProviderSignOn().get_user(local.pk) is None


def test_a_person_of_the_provider_has_no_password_and_is_given_none(idp: Provider) -> None:
    come(Client(), idp, "dana")
    person = User.objects.get()

    with pytest.raises(Exception, match="provider"):
        accounts.reset_password(person, PASSWORD)

    assert not person.has_usable_password()


def test_a_session_gets_a_new_key_when_somebody_comes_in(idp: Provider) -> None:
    client = Client()
    to_provider(client)
    before = client.session.session_key

    come(client, idp, "dana")

    assert client.session.session_key != before


def test_nothing_of_the_provider_is_in_the_session(idp: Provider) -> None:
    client = Client()
    come(client, idp, "dana")

    kept = str(dict(client.session))

    assert "oidc_states" not in kept
    assert "oidc_login_next" not in kept
    assert "eyJ" not in kept


# Out.


def test_who_came_by_the_provider_is_told_that_it_still_knows_them(idp: Provider) -> None:
    client = Client()
    come(client, idp, "dana")

    left = client.post("/sign-out/")
    page = client.get(left["Location"]).content.decode()

    assert "still knows you" in page
    there = client.get("/sign-out/provider/")["Location"]
    assert there.startswith(f"{idp.issuer}/logout?")
    assert browse(there).headers["Location"] == "http://testserver/sign-in/"


def test_a_provider_without_an_address_to_sign_out_by_is_said(idp: Provider) -> None:
    idp.discovery = {"end_session_endpoint": ""}

    assert Client().get("/sign-out/provider/").status_code == 404


# Without a provider.


@pytest.mark.parametrize("path", [START, BACK, "/sign-out/provider/"])
def test_without_a_provider_its_doors_are_not_there(path: str) -> None:
    assert Client().get(path).status_code == 404
    assert "With a local account" not in Client().get("/sign-in/").content.decode()


def test_both_doors_are_on_the_page_and_lead_to_where_one_wanted_to_go(idp: Provider) -> None:
    page = Client().get("/sign-in/", {"next": "/inbox/?a=b&c=d"}).content.decode()

    assert f'href="{START}?next=/inbox/%3Fa%3Db%26c%3Dd"' in page
    assert "Sign in with Example Login" in page
    assert 'name="password"' in page
    assert 'name="next" value="/inbox/?a=b&amp;c=d"' in page
