"""Image policies over REST: who reads them, who writes them, and what they answer."""

from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from controlplane.policies import backtest
from controlplane.policies.models import ImagePolicy
from tests.controlplane.api.conftest import client_of
from tests.factories import (
    NamespaceFactory,
    PersonFactory,
    TeamFactory,
    approver,
    member_of,
    owner_of,
    platform_admin,
    viewer_of,
)
from tests.fakes import FakeCluster
from tests.images import FOREIGN, HARBOR, IMAGE, nothing_said, policy

pytestmark = pytest.mark.django_db

POLICIES = "/api/v1/policies/"
NEW = {"name": "harbor", "scope": "platform", "settings": {"allow": [HARBOR]}}


def test_an_admin_writes_policies() -> None:
    client = client_of(platform_admin())

    made = client.post(POLICIES, NEW, format="json")
    url = f"{POLICIES}{made.json()['id']}/"
    edited = client.patch(url, {"settings": {"default": "allow"}}, format="json")

    assert (made.status_code, edited.status_code) == (201, 200)
    assert edited.json()["settings"] == {"default": "allow"}
    assert ImagePolicy.history.filter(name="harbor").count() == 2
    assert client.delete(url).status_code == 204


@pytest.mark.parametrize(
    ("wish", "field", "says"),
    [
        ({"settings": {"alow": []}}, "settings", "alow"),
        ({"settings": {"allow": [{"registry": "corp"}]}}, "settings", "allow[0]"),
        ({"settings": {"deny": [{"registry": "quay.io"}]}}, "settings", "argoexec"),
        ({"settings": "everything"}, "settings", "dictionary"),
        ({"scope": "team"}, "", "names a tier"),
        ({"scope": "nobody"}, "scope", "valid choice"),
        ({"name": "Upper"}, "name", "lower-case"),
        ({"name": "everything"}, "name", "already exists"),
        ({"team": "no-such"}, "team", ""),
    ],
)
def test_what_cannot_be_is_a_400_that_names_the_field(
    wish: dict[str, Any], field: str, says: str
) -> None:
    answer = client_of(platform_admin()).post(POLICIES, NEW | wish, format="json")

    error = answer.json()["error"]
    assert answer.status_code == 400, error
    assert says in error["sentence"]
    assert not field or field in error["fields"]
    assert not ImagePolicy.objects.filter(name="harbor").exists()


def test_approvers_read_and_a_team_sees_none_of_them() -> None:
    row = policy(allow=[HARBOR])

    assert client_of(approver()).get(POLICIES).json()["count"] == 2
    for person in (PersonFactory(), owner_of(TeamFactory())):
        client = client_of(person)
        assert client.get(POLICIES).json()["count"] == 0
        assert client.get(f"{POLICIES}{row.pk}/").status_code == 404


def test_nobody_else_writes() -> None:
    row = policy(allow=[HARBOR])
    # To who may not see it, it is not there.
    sees = ((PersonFactory(), 404), (owner_of(TeamFactory()), 404), (approver(), 403))

    for person, answer in sees:
        client = client_of(person)
        assert client.post(POLICIES, NEW, format="json").status_code == 403
        assert client.patch(f"{POLICIES}{row.pk}/", {}, format="json").status_code == answer
        assert client.delete(f"{POLICIES}{row.pk}/").status_code == answer


def test_who_is_not_signed_in_gets_401() -> None:
    for path in ("", "try/", "back-test/", "effective/"):
        assert client_of().get(POLICIES + path).status_code == 401


def test_the_list_asks_as_often_for_many_as_for_few(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(8):
        policy(f"p{number}", scope="team", team=TeamFactory(), allow=[HARBOR])
    client = client_of(approver())

    with django_assert_num_queries(2):
        assert client.get(POLICIES).json()["count"] == 9


@pytest.mark.parametrize("who", [owner_of, member_of, viewer_of])
def test_a_team_tries_an_image(who: Any) -> None:
    nothing_said()
    team = NamespaceFactory().team
    policy(allow=[HARBOR])
    client = client_of(who(team))

    good = client.post(f"{POLICIES}try/", {"team": team.slug, "image": IMAGE}, format="json").json()
    bad = client.post(f"{POLICIES}try/", {"team": team.slug, "image": FOREIGN}, format="json")

    assert (good["allowed"], good["violations"]) == (True, [])
    shown = bad.json()
    assert (shown["allowed"], shown["mode"]) == (False, "enforce")
    assert [(v["code"], v["container"]) for v in shown["violations"]] == [("not-allowed", "main")]
    assert FOREIGN in shown["sentence"]


def test_another_team_tries_nothing_of_it() -> None:
    theirs = NamespaceFactory()
    stranger = client_of(owner_of(TeamFactory()))
    wish = {"team": theirs.team.slug, "image": IMAGE}

    tried = stranger.post(f"{POLICIES}try/", wish, format="json")
    effective = stranger.get(f"{POLICIES}effective/", {"team": theirs.team.slug})

    assert (tried.status_code, list(tried.json()["error"]["fields"])) == (400, ["team"])
    assert effective.status_code == 404


def test_a_team_reads_what_binds_it() -> None:
    team = NamespaceFactory().team
    policy(allow=[HARBOR])

    answer = client_of(viewer_of(team)).get(f"{POLICIES}effective/", {"team": team.slug})

    document = answer.json()["document"]
    assert (answer.status_code, document["name"]) == (200, team.slug)
    assert HARBOR in document["scopes"][0]["allow"]


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    """The cluster that every namespace is on, with one pod of a foreign image."""
    here = NamespaceFactory(name="payments")
    kube = FakeCluster()
    kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": here.name}})
    kube.create(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "bad", "namespace": here.name},
            "spec": {"containers": [{"name": "main", "image": FOREIGN}]},
        }
    )
    monkeypatch.setattr(backtest, "_kube", lambda _: kube)
    return kube


@pytest.mark.parametrize("kept", [True, False])
def test_a_back_test_says_who_would_break_and_what_was_looked_at(
    running: FakeCluster, kept: bool
) -> None:
    if kept:
        policy("harbor", allow=[HARBOR], enabled=False)
    wish = {"policy": "harbor"} if kept else {"draft": NEW}

    answer = client_of(approver()).post(f"{POLICIES}back-test/", wish, format="json")

    shown = answer.json()
    assert answer.status_code == 200, shown
    assert [(b["namespace"], b["image"], b["count"]) for b in shown["broken"]] == [
        ("payments", FOREIGN, 1)
    ]
    assert (shown["objects"], shown["coverage"][0]["whole"]) == (1, True)
    assert ImagePolicy.objects.filter(name="harbor").exists() is kept


def test_a_back_test_of_what_cannot_be_is_refused(running: FakeCluster) -> None:
    client = client_of(platform_admin())
    bad = NEW | {"settings": {"alow": []}}

    for wish in ({"draft": bad}, {"policy": "no-such"}, {"policy": "everything", "draft": NEW}):
        assert client.post(f"{POLICIES}back-test/", wish, format="json").status_code == 400
    assert "list Pod" not in " ".join(running.calls)


def test_a_team_back_tests_nothing(running: FakeCluster) -> None:
    answer = client_of(owner_of(TeamFactory())).post(f"{POLICIES}back-test/", {}, format="json")

    assert answer.status_code == 403
    assert not running.calls[2:]
