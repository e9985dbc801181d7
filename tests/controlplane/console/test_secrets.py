"""The pages of a team's secrets: an owner keeps them, the team sees what there is, others see nothing."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from controlplane.secrets import services
from controlplane.secrets.models import DeliveryState, Secret, Version
from controlplane.secrets.services import Given
from tenants.models import Team
from tests.browsing import browser
from tests.factories import (
    NamespaceFactory,
    TeamFactory,
    approver,
    member_of,
    owner_of,
    platform_admin,
    viewer_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def team() -> Team:
    return TeamFactory(slug="atlas", name="Atlas")


def kept(team: Team, name: str = "token", **more: Any) -> Secret:
    return services.add(
        team=team, name=name, kind="opaque", by=owner_of(team), now=timezone.now(),
        given=Given(values={"token": b"x"}, expires_on=more.pop("expires_on", None)), **more,
    )  # fmt: skip


@pytest.mark.parametrize("path", ["/secrets/", "/secrets/new/", "/secrets/1/"])
def test_a_stranger_is_sent_to_sign_in(client: Client, path: str) -> None:
    assert client.get(path)["Location"] == f"/sign-in/?next={path}"


@pytest.mark.parametrize("who", [owner_of, member_of, viewer_of])
def test_a_team_sees_its_secrets_and_another_teams_nowhere(team: Team, who: Any) -> None:
    mine, theirs = kept(team), kept(TeamFactory(), "of-the-others")
    client = browser(who(team))

    shown = client.get("/secrets/").content.decode()

    assert ("token" in shown, "of-the-others" in shown) == (True, False)
    assert client.get(f"/secrets/{mine.pk}/").status_code == 200
    assert client.get(f"/secrets/{theirs.pk}/").status_code == 404
    assert client.post(f"/secrets/{theirs.pk}/", {"act": "remove"}).status_code == 404
    theirs.refresh_from_db()
    assert theirs.removed_at is None


@pytest.mark.parametrize("act", ["renew", "bring-back", "test", "remove"])
def test_who_is_no_owner_is_offered_no_act_and_refused_each(team: Team, act: str) -> None:
    secret = kept(team)
    for person in (member_of(team), viewer_of(team), approver(), platform_admin()):
        client = browser(person)
        shown = client.get(f"/secrets/{secret.pk}/").content.decode()
        answer = client.post(
            f"/secrets/{secret.pk}/", {"act": act, "key-0": "a", "value-0": "b", "version": "1"}
        )

        assert 'name="act"' not in shown
        assert answer.status_code == 403
    assert Version.objects.count() == 1


def test_an_act_that_there_is_not_is_not_found(team: Team) -> None:
    secret = kept(team)

    assert (
        browser(owner_of(team)).post(f"/secrets/{secret.pk}/", {"act": "read"}).status_code == 404
    )


def test_a_new_version_an_old_one_back_and_the_end(team: Team) -> None:
    secret, client = kept(team), browser(owner_of(team))
    url = f"/secrets/{secret.pk}/"

    client.post(url, {"act": "renew", "key-0": "token", "value-0": "new"})
    client.post(url, {"act": "bring-back", "version": "1"})
    shown = client.get(url).content.decode()
    gone = client.post(url, {"act": "remove"})

    assert "Version 1 is back, as version 3." in shown
    assert gone["Location"] == "/secrets/"
    assert client.get(url).status_code == 404


def test_what_is_still_in_a_namespace_is_shown_until_it_is_taken_away(team: Team) -> None:
    secret, client = kept(team), browser(owner_of(team))
    here = NamespaceFactory(team=team, name="atlas-prod")
    secret.deliveries.create(namespace=here, state=DeliveryState.DELIVERED, version=1)

    client.post(f"/secrets/{secret.pk}/", {"act": "remove"})
    shown = client.get(f"/secrets/{secret.pk}/").content.decode()

    assert "where it is yet to be taken away" in shown
    assert "atlas-prod" in shown
    assert "Being removed" in client.get("/secrets/").content.decode()


def test_what_could_not_be_delivered_is_told_with_its_sentence(team: Team) -> None:
    secret = kept(team)
    here = NamespaceFactory(team=team)
    secret.deliveries.create(
        namespace=here, state=DeliveryState.TAKEN, sentence="There is one that we did not make."
    )

    client = browser(owner_of(team))

    assert (
        "There is one that we did not make."
        in client.get(f"/secrets/{secret.pk}/").content.decode()
    )
    assert "In 0 of 1" in client.get("/secrets/").content.decode()


def test_an_end_that_comes_near_and_one_that_is_over_are_told(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)  # midnight in between would leave two days
    soon = now.date() + timedelta(days=3)
    secret, client = kept(team, expires_on=soon), browser(owner_of(team))

    near = client.get(f"/secrets/{secret.pk}/").content.decode()
    Version.objects.update(expires_on=soon - timedelta(days=9))
    over = client.get(f"/secrets/{secret.pk}/").content.decode()

    assert "Ends in 3 days" in near
    assert "enter a new one" in over
    assert "Ended on" in over


def test_the_page_says_who_can_read_it(team: Team) -> None:
    shown = browser(owner_of(team)).get(f"/secrets/{kept(team).pk}/").content.decode()

    assert "whoever may run pods can print what is mounted into them" in shown


def test_the_page_says_which_pods_get_to_a_bucket_or_that_none_do(
    team: Team, settings: Settings
) -> None:
    bucket = {"endpoint": "s3.example.com:9000", "bucket": "atlas", "tls": "yes"}
    keys = {"access_key": b"a", "secret_key": b"b"}
    secret = services.add(
        team=team, name="artifacts", kind="s3", given=Given(bucket, keys), by=owner_of(team),
        now=timezone.now(),
    )  # fmt: skip
    client = browser(viewer_of(team))

    settings.STORE_NETWORKS = []
    closed = client.get(f"/secrets/{secret.pk}/").content.decode()
    settings.STORE_NETWORKS = ["10.20.0.0/16"]
    opened = client.get(f"/secrets/{secret.pk}/").content.decode()

    assert "ARGOSY_STORE_NETWORKS" in closed
    assert "Workflow pods reach port 9000 in 10.20.0.0/16." in opened
    assert "ARGOSY_STORE_NETWORKS" not in opened


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"name": "argo-x", "key-0": "a", "value-0": "b"}, "kept for Argo"),
        ({"name": "x", "key-0": "../a", "value-0": "b"}, "cannot be a key"),
        ({"name": "x"}, "at least one key"),
        ({"name": "x", "key-0": "a", "value-0": "b", "expires_on": "soon"}, "2027-01-31"),
        ({"name": "x", "key-0": "a", "key-1": "a", "value-0": "b", "value-1": "b"}, "there twice"),
        ({"name": "x", "key-0": "a", "value-0": "b", "namespace": "999"}, "team&#x27;s namespaces"),
    ],
)
def test_what_is_refused_is_told_and_nothing_is_kept(
    team: Team, form: dict[str, str], says: str
) -> None:
    answer = browser(owner_of(team)).post(
        "/secrets/new/", {"kind": "opaque", "team": "atlas", **form}
    )

    assert answer.status_code == 400
    assert says in answer.content.decode()
    assert not Secret.objects.exists()


def test_who_owns_no_team_is_told_so_and_another_teams_name_in_the_form_is_none(team: Team) -> None:
    nobody, stranger = browser(member_of(team)), browser(owner_of(TeamFactory()))
    form = {"kind": "opaque", "team": "atlas", "name": "x", "key-0": "a", "value-0": "b"}

    assert "You are owner of no team" in nobody.get("/secrets/new/").content.decode()
    stranger.post("/secrets/new/", form)

    assert not Secret.objects.exists()


def test_the_list_asks_the_database_no_more_often_for_more(
    team: Team, django_assert_max_num_queries: Any
) -> None:
    for number in range(6):
        kept(team, f"s-{number}")
    client = browser(owner_of(team))

    with django_assert_max_num_queries(20):
        client.get("/secrets/")
