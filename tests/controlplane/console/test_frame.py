"""What surrounds every page: its small tags, its theme, its policy, its doors, and the pages of bad days."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import OperationalError
from django.http import HttpRequest
from django.template import Context, RequestContext, Template
from django.test import Client, RequestFactory, override_settings
from django.urls import path
from django.utils import timezone

from controlplane.console import theme
from controlplane.console.bad_days import failed
from controlplane.console.templatetags.console import ago, badge, duration, same_page
from controlplane.headers import OURS
from controlplane.identity.models import User
from controlplane.urls import handler500 as ours_on_bad_days
from controlplane.urls import urlpatterns as ours
from tests.factories import (
    PASSWORD,
    NamespaceFactory,
    PersonFactory,
    TeamFactory,
    Who,
    approver,
    filed,
    member_of,
    owner_of,
    platform_admin,
    viewer_of,
)

pytestmark = pytest.mark.django_db

BACKEND = "django.contrib.auth.backends.ModelBackend"
ELSEWHERE = ["//evil.test/", "https://evil.test/", "http:///evil.test", "javascript:alert(1)"]


def signed_in(user: User, **options: bool) -> Client:
    client = Client(**options)
    client.force_login(user, backend=BACKEND)
    return client


# Tags.


@pytest.mark.parametrize(
    ("word", "look"),
    [("Ready", "ok"), ("Running", "run"), ("Pending", "warn"), ("Failed", "bad"), ("Odd", "")],
)
def test_a_badge_is_a_word_beside_its_colour(word: str, look: str) -> None:
    assert badge(word) == f'<span class="badge {look}">{word}</span>'


def test_a_badge_may_show_another_word_than_decides_its_look() -> None:
    assert badge("False", "not ready") == '<span class="badge bad">Not ready</span>'


def test_a_badge_writes_what_a_cluster_says_as_text() -> None:
    assert "<script>" not in badge("<script>alert(1)</script>")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, ""),
        (0, "0 s"),
        (0.44, "0.4 s"),
        (9.94, "9.9 s"),
        (42.9, "42 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (86_399, "23 h"),
        (5 * 86_400, "5 d"),
    ],
)
def test_a_duration_has_one_unit(seconds: float | None, said: str) -> None:
    assert duration(seconds) == said


@pytest.mark.parametrize(
    ("away", "said"),
    [
        (timedelta(minutes=-3, seconds=-5), "3 min ago"),
        (timedelta(hours=-30), "1 d ago"),
        (timedelta(seconds=38, milliseconds=900), "in 38 s"),
        (timedelta(), "just now"),
    ],
)
def test_a_moment_is_told_from_now(
    away: timedelta, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    monkeypatch.setattr(timezone, "now", lambda: now)

    assert f">{said}</time>" in ago(now + away)


def test_a_moment_carries_its_exact_time_with_the_zone() -> None:
    told = ago(datetime(2026, 11, 21, 12, 30, 15, tzinfo=UTC))

    assert 'datetime="2026-11-21T12:30:15+00:00"' in told
    assert 'title="21 Nov 2026 12:30:15 UTC"' in told


def test_a_moment_that_never_was_is_nothing() -> None:
    assert ago(None) == ""


@pytest.mark.parametrize(
    ("query", "changes", "becomes"),
    [
        ("", {"sort": "name"}, "?sort=name"),
        ("?sort=name&page=3", {"sort": "-name"}, "?sort=-name"),
        ("?sort=name&page=3", {"page": 4}, "?sort=name&page=4"),
        ("?phase=Ready&q=a", {"phase": ""}, "?q=a"),
        ("?phase=Ready&phase=Failed", {"phase": "Error"}, "?phase=Error"),
        ("", {"q": "a&b=c"}, "?q=a%26b%3Dc"),
    ],
)
def test_the_same_page_keeps_its_query_and_pages_begin_anew(
    query: str, changes: dict[str, str], becomes: str
) -> None:
    request = RequestFactory().get(f"/workflows/{query}")

    assert same_page(RequestContext(request, {"request": request}), **changes) == becomes


def test_what_a_page_has_behind_it_is_written_as_text() -> None:
    template = Template('{% include "console/_behind.html" %}')

    written = template.render(Context({"behind": [("YAML", "a: <b>")]}))

    assert "a: &lt;b&gt;" in written


# The theme.


@pytest.mark.parametrize("chosen", ["light", "dark"])
def test_a_chosen_theme_is_kept_and_written_on_the_page(chosen: str) -> None:
    client = Client()

    back = client.post("/theme/", {"theme": chosen, "next": "/sign-in/"})

    assert back["Location"] == "/sign-in/"
    assert f'data-theme="{chosen}"' in client.get("/sign-in/").content.decode()


@pytest.mark.parametrize("chosen", ["", "sepia", '"><script>'])
def test_any_other_theme_is_the_systems(chosen: str) -> None:
    client = Client()
    client.cookies[theme.COOKIE] = "dark"

    client.post("/theme/", {"theme": chosen})

    assert "data-theme" not in client.get("/sign-in/").content.decode()


@pytest.mark.parametrize("where", ELSEWHERE)
def test_choosing_a_theme_leads_to_no_other_host(where: str) -> None:
    assert Client().post("/theme/", {"theme": "dark", "next": where})["Location"] == "/"


def test_a_link_cannot_choose_a_theme() -> None:
    assert Client().get("/theme/?theme=dark").status_code == 405


def test_another_site_cannot_choose_a_theme() -> None:
    client = Client(enforce_csrf_checks=True)

    assert client.post("/theme/", {"theme": "dark"}).status_code == 403


# The policy.


@pytest.mark.parametrize(
    "where",
    ["/sign-in/", "/", "/no-such-page/", "/healthz", "/api/v1/me/", "/theme/", "/static/x.css"],
)
def test_every_answer_says_that_nothing_comes_from_elsewhere(where: str) -> None:
    policy = Client().get(where)["Content-Security-Policy"]

    assert policy == OURS
    assert "unsafe" not in policy


@pytest.mark.parametrize("where", ["/admin/", "/admin/login/", "/admin/no-such-page/"])
def test_the_desk_has_the_same_policy(where: str) -> None:
    policy = signed_in(platform_admin()).get(where)["Content-Security-Policy"]

    assert policy == OURS


# The pages of bad days.


def forbidden(_: HttpRequest) -> None:
    from django.core.exceptions import PermissionDenied

    raise PermissionDenied


def broken(_: HttpRequest) -> None:
    raise OperationalError("database is locked: planted")


def mistaken(_: HttpRequest) -> None:
    raise KeyError("planted")


urlpatterns = [
    path("forbidden/", forbidden),
    path("broken/", broken),
    path("mistaken/", mistaken),
    *ours,
]
handler500 = ours_on_bad_days
with_bad_days = override_settings(ROOT_URLCONF=__name__)
Person = Callable[[], User]
BAD_DAYS = [("/forbidden/", 403), ("/no-such-page/", 404), ("/broken/", 503), ("/mistaken/", 500)]


@with_bad_days
@pytest.mark.parametrize(("where", "status"), BAD_DAYS)
def test_a_stranger_gets_a_calm_page_on_a_bad_day(where: str, status: int) -> None:
    answer = Client(raise_request_exception=False).get(where)

    assert answer.status_code == status
    assert "Go to the first page" in answer.content.decode()
    assert answer["Content-Security-Policy"] == OURS


@with_bad_days
@pytest.mark.parametrize(("where", "status"), BAD_DAYS)
def test_somebody_signed_in_gets_a_calm_page_on_a_bad_day(where: str, status: int) -> None:
    client = signed_in(PersonFactory(), raise_request_exception=False)

    page = client.get(where)

    assert page.status_code == status
    assert "Go to the first page" in page.content.decode()
    assert "planted" not in page.content.decode()


@with_bad_days
def test_a_database_that_somebody_holds_is_called_no_mistake() -> None:
    page = Client(raise_request_exception=False).get("/broken/").content.decode()

    assert "another program holds its database" in page
    assert "mistake" not in page


@with_bad_days
def test_the_page_of_a_failure_asks_nothing_of_the_database(
    django_assert_num_queries: Callable[..., object],
) -> None:
    """It may be the database that failed: asking it again would leave no page at all."""
    request = RequestFactory().get("/broken/")
    request.user = approver()

    with django_assert_num_queries(0):
        assert failed(request).status_code == 500
        try:
            broken(request)
        except OperationalError:
            assert failed(request).status_code == 503


def test_a_page_of_another_team_and_no_page_look_the_same() -> None:
    client = signed_in(owner_of(TeamFactory()))
    there = NamespaceFactory(team=TeamFactory())

    other, none = client.get(f"/namespaces/{there.pk}/"), client.get("/namespaces/999999/")

    assert other.status_code == none.status_code == 404
    assert _shown(other.content) == _shown(none.content)


def _shown(page: bytes) -> str:
    return page.decode().partition("<main")[2]


# The switcher.


def test_the_switcher_offers_the_teams_one_may_see() -> None:
    mine, other = TeamFactory(name="Payments"), TeamFactory(name="Ledger")

    home = signed_in(owner_of(mine)).get("/").content.decode()

    assert f"?team={mine.slug}" in home
    assert other.slug not in home


def test_a_chosen_team_stays_chosen() -> None:
    person = PersonFactory(claimed_groups=["a-owners", "b-owners"])
    NamespaceFactory(team=TeamFactory(slug="a"), name="of-a")
    NamespaceFactory(team=TeamFactory(slug="b"), name="of-b")
    client = signed_in(person)

    client.get("/?team=a")
    home = client.get("/")

    assert home.context["frame"].team.slug == "a"
    assert "of-b" not in home.content.decode()


def test_the_choice_can_be_taken_back() -> None:
    team = TeamFactory(slug="a")
    client = signed_in(owner_of(team))
    client.get("/?team=a")

    client.get("/?team=")

    assert client.get("/").context["frame"].team is None


@pytest.mark.parametrize("slug", ["ledger", "no-such-team", "'; drop", "../"])
def test_a_team_one_may_not_see_cannot_be_chosen(slug: str) -> None:
    TeamFactory(slug="ledger")
    NamespaceFactory(team=TeamFactory(slug="a"), name="of-a")
    client = signed_in(PersonFactory(claimed_groups=["a-owners"]))

    client.get("/", {"team": slug})

    home = client.get("/")
    assert home.context["frame"].team is None
    assert "of-a" in home.content.decode()


def test_who_leaves_a_team_leaves_its_choice() -> None:
    person = owner_of(TeamFactory(slug="a"))
    client = signed_in(person)
    client.get("/?team=a")

    User.objects.filter(pk=person.pk).update(claimed_groups=[])

    assert client.get("/").context["frame"].team is None


def test_the_inbox_counts_never_ones_own() -> None:
    team = TeamFactory(slug="payments")
    both = PersonFactory(claimed_groups=["argosy-approvers", "payments-owners"])
    mine, _ = filed(team), filed()
    mine.requested_by = both
    mine.save()

    assert signed_in(both).get("/").context["frame"].inbox_count == 1


@pytest.mark.parametrize(("who", "may"), [(member_of, True), (owner_of, True), (viewer_of, False)])
def test_a_button_that_would_be_refused_is_not_there(who: Who, may: bool) -> None:
    namespace = NamespaceFactory(applied_at=timezone.now(), phase="Ready")
    client = signed_in(who(namespace.team))

    for page in ("/", "/workflows/"):
        assert ("/workflows/submit/" in client.get(page).content.decode()) == may
    asks = "/requests/new/" in client.get("/").content.decode()
    assert asks == (who is owner_of)


def test_the_platforms_people_have_no_button_to_submit() -> None:
    NamespaceFactory(applied_at=timezone.now(), phase="Ready")
    client = signed_in(approver())

    assert "/workflows/submit/" not in client.get("/").content.decode()
    assert "/workflows/submit/" not in client.get("/workflows/").content.decode()


def test_the_desk_names_who_can_open_it() -> None:
    refused = signed_in(owner_of(TeamFactory())).get("/admin/", follow=True).content.decode()

    assert "ask an admin of the platform" in refused


def test_the_pages_are_one_list_that_a_phone_opens_by_an_address() -> None:
    page = signed_in(owner_of(TeamFactory())).get("/").content.decode()

    assert 'class="menu" href="#pages"' in page
    assert page.count('id="pages"') == 1


# Signing in and out.


def ended(**more: str) -> Client:
    """A browser whose session is over, and which does not know it yet."""
    client = Client(**more)
    client.cookies[settings.SESSION_COOKIE_NAME] = "x" * 32
    return client


def test_who_was_signed_in_is_told_that_the_session_ended() -> None:
    door = ended().get("/requests/new/?name=a")["Location"]

    assert door == "/sign-in/?next=/requests/new/%3Fname%3Da&ended=yes"
    page = Client().get(door).content.decode()
    assert "Your session ended" in page
    assert "data-kept" in page
    assert "Your session ended" not in Client().get("/sign-in/").content.decode()


def test_what_was_sent_after_the_session_ended_is_said_not_to_be_taken() -> None:
    here = {"Referer": "http://testserver/requests/new/?team=a"}

    door = ended().post("/requests/new/", {"name": "a"}, headers=here)["Location"]

    assert door == "/sign-in/?next=/requests/new/%3Fteam%3Da&ended=sent"
    assert "What you sent was not taken" in Client().get(door).content.decode()


def test_nobody_is_sent_to_another_host_after_signing_in() -> None:
    there = {"Referer": "https://elsewhere.example/x"}

    door = ended().post("/requests/new/", {}, headers=there)["Location"]

    assert door.startswith("/sign-in/?next=/requests/new/&")


def test_a_part_that_is_asked_for_too_late_leads_to_the_door_and_back() -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/requests/new/?name=a"}

    answer = ended().post("/requests/new/check/?field=name", {}, headers=headers)

    assert answer.headers["HX-Redirect"].startswith("/sign-in/?next=/requests/new/%3Fname%3Da&")


def test_a_form_older_than_the_sign_in_says_that_nothing_was_done() -> None:
    client = Client(enforce_csrf_checks=True)
    person = PersonFactory()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")

    answer = client.post("/theme/", {"theme": "dark"})

    assert answer.status_code == 403
    assert "nothing was done" in answer.content.decode()


def test_near_the_last_try_it_is_said_how_many_are_left_and_then_how_long_to_wait() -> None:
    PersonFactory(username="dana", password=PASSWORD)
    client = Client(REMOTE_ADDR="10.0.0.9")

    def wrong() -> str:
        said = {"username": "dana", "password": "wrong", "next": "/inbox/"}
        return client.post("/sign-in/", said).content.decode()

    pages = [wrong() for _ in range(settings.AXES_FAILURE_LIMIT)]

    assert not any("more wrong password" in page for page in pages[:6])
    assert "3 more wrong passwords and" in pages[6]
    assert "1 more wrong password and" in pages[8]
    assert "Wait 15 minutes" in pages[9]
    assert "<h1>Sign in</h1>" in pages[9]
    assert "/sign-in/?next=/inbox/" in pages[9]


def test_a_page_sends_a_stranger_to_sign_in_and_back() -> None:
    client, person = Client(), PersonFactory(password=PASSWORD)

    asked = client.get("/?team=a")
    back = client.post(asked["Location"], {"username": person.username, "password": PASSWORD,
                                           "next": "/?team=a"})  # fmt: skip

    assert asked["Location"] == "/sign-in/?next=/%3Fteam%3Da"
    assert back["Location"] == "/?team=a"


@pytest.mark.parametrize("where", ELSEWHERE)
def test_signing_in_leads_to_no_other_host(where: str) -> None:
    person = PersonFactory(password=PASSWORD)

    back = Client().post(
        "/sign-in/", {"username": person.username, "password": PASSWORD, "next": where}
    )

    assert back.status_code == 302
    assert back["Location"] == "/"


@pytest.mark.parametrize("where", ELSEWHERE)
def test_who_is_signed_in_already_is_led_to_no_other_host(where: str) -> None:
    assert signed_in(PersonFactory()).get("/sign-in/", {"next": where})["Location"] == "/"


def test_a_wrong_password_is_one_sentence_and_keeps_the_name() -> None:
    PersonFactory(username="dana", password=PASSWORD)

    page = Client().post("/sign-in/", {"username": "dana", "password": "wrong"}).content.decode()

    assert page.count('role="alert"') == 1
    assert "That name and password do not fit" in page
    assert 'value="dana"' in page
    assert "wrong" not in page.partition("<main")[2]


def test_a_name_that_is_not_known_looks_like_a_wrong_password() -> None:
    PersonFactory(username="dana", password=PASSWORD)

    known, unknown = (
        Client().post("/sign-in/", {"username": name, "password": "wrong"})
        for name in ("dana", "nobody")
    )

    assert known.status_code == unknown.status_code
    assert _alert(known.content) == _alert(unknown.content)


def test_signing_out_ends_the_session() -> None:
    client = signed_in(PersonFactory())

    left = client.post("/sign-out/")

    assert left["Location"] == "/sign-in/"
    assert client.get("/").status_code == 302


def test_a_link_cannot_sign_anybody_out() -> None:
    client = signed_in(PersonFactory())

    assert client.get("/sign-out/").status_code == 405
    assert client.get("/").status_code == 200


def test_who_is_not_signed_in_has_no_frame() -> None:
    from controlplane.console.frame import context

    request = RequestFactory().get("/")
    request.user = AnonymousUser()

    assert "frame" not in context(request)


def _alert(page: bytes) -> str:
    return page.decode().partition('role="alert"')[2].partition("</div>")[0]
