"""Namespaces: their own team's to see, with the conditions that say why and the turns that say what."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from provisioning.models import Turn
from tenants import services
from tests.controlplane.api.conftest import client_of
from tests.factories import (
    NamespaceFactory,
    TeamFactory,
    Who,
    approver,
    member_of,
    owner_of,
    platform_admin,
    viewer_of,
)

pytestmark = pytest.mark.django_db

NAMESPACES = "/api/v1/namespaces/"
READY = {
    "type": "Ready",
    "status": "False",
    "reason": "NameTaken",
    "message": "payments exists on the cluster and is not ours.",
    "observed_generation": 1,
    "last_transition": "2026-11-21T12:00:00+00:00",
}


def test_a_namespace_tells_what_is_wanted_and_what_was_seen() -> None:
    namespace = NamespaceFactory(name="payments", conditions=[READY], observed_generation=1)

    seen = client_of(member_of(namespace.team)).get(f"{NAMESPACES}{namespace.pk}/").json()

    assert (seen["name"], seen["control_namespace"]) == ("payments", "payments-argo")
    assert (seen["team"], seen["tier"], seen["level"]) == (namespace.team.slug, "small", "member")
    assert (seen["generation"], seen["observed_generation"]) == (1, 1)
    assert seen["conditions"][0]["reason"] == "NameTaken"


def test_another_teams_namespaces_are_not_there() -> None:
    theirs = NamespaceFactory()
    client = client_of(owner_of(TeamFactory()))

    assert client.get(NAMESPACES).json()["count"] == 0
    for path in ("", "turns/", "workflows/", "workflows/hello/"):
        assert client.get(f"{NAMESPACES}{theirs.pk}/{path}").status_code == 404
    for path in ("try-now/", "workflows/"):
        body = {"manifest": {}}
        assert client.post(f"{NAMESPACES}{theirs.pk}/{path}", body, "json").status_code == 404


def test_a_list_costs_the_same_whatever_its_length(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(4):
        NamespaceFactory()
    client = client_of(approver())

    with django_assert_num_queries(2):
        assert client.get(NAMESPACES).json()["count"] == 4


def test_what_is_gone_is_listed_only_where_it_is_asked_for() -> None:
    live = NamespaceFactory()
    gone = NamespaceFactory(phase="Terminated", deleted_at=timezone.now())
    client = client_of(approver())

    listed = client.get(NAMESPACES).json()["results"]
    asked = client.get(NAMESPACES, {"phase": "Terminated"}).json()["results"]

    assert [n["id"] for n in listed] == [live.pk]
    assert [n["id"] for n in asked] == [gone.pk]


def test_turns_are_told_newest_first_with_their_steps() -> None:
    namespace = NamespaceFactory()
    step = {"step": "apply Namespace payments", "stage": "namespaces", "state": "done"}
    first = Turn.objects.create(namespace=namespace, generation=1, steps=[step])
    second = Turn.objects.create(namespace=namespace, generation=1, outcome="AllReady")
    Turn.objects.create(namespace=NamespaceFactory(), generation=1)

    seen = client_of(viewer_of(namespace.team)).get(f"{NAMESPACES}{namespace.pk}/turns/").json()

    assert [t["id"] for t in seen["results"]] == [second.pk, first.pk]
    assert seen["results"][1]["steps"] == [step]


@pytest.mark.parametrize(
    ("who", "status"),
    [(owner_of, 202), (member_of, 403), (viewer_of, 403)],
)
def test_an_owner_makes_the_next_turn_due(who: Who, status: int) -> None:
    later = timezone.now() + timedelta(hours=1)
    namespace = NamespaceFactory(next_reconcile_at=later)

    answer = client_of(who(namespace.team)).post(f"{NAMESPACES}{namespace.pk}/try-now/")

    assert answer.status_code == status
    namespace.refresh_from_db()
    assert (namespace.next_reconcile_at < later) is (status == 202)


@pytest.mark.parametrize(("who", "status"), [(platform_admin, 202), (approver, 403)])
def test_of_the_platforms_people_the_admins_may(who: Who, status: int) -> None:
    namespace = NamespaceFactory()

    assert client_of(who()).post(f"{NAMESPACES}{namespace.pk}/try-now/").status_code == status


def test_a_paused_one_stays_as_it_is_and_says_so() -> None:
    namespace = NamespaceFactory()
    services.pause(type(namespace).objects.filter(pk=namespace.pk))

    answer = client_of(owner_of(namespace.team)).post(f"{NAMESPACES}{namespace.pk}/try-now/")

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "paused")


def test_nobody_writes_a_namespace_directly() -> None:
    namespace = NamespaceFactory()
    client = client_of(platform_admin())

    for method in ("put", "patch", "delete"):
        answer = getattr(client, method)(f"{NAMESPACES}{namespace.pk}/", {}, format="json")
        assert answer.status_code == 405
    assert client.post(NAMESPACES, {}, format="json").status_code == 405


def test_which_argo_runs_is_told_with_what_is_wrong_with_it() -> None:
    team = TeamFactory()
    NamespaceFactory(team=team, argo_version="v4.0.5")

    (seen,) = client_of(viewer_of(team)).get(NAMESPACES).json()["results"]

    assert (seen["argo"]["version"], seen["argo"]["flags"]) == ("v4.0.5", ["vulnerable"])
    assert seen["argo"]["advisories"] == ["CVE-2026-54526"]
    assert "v4.0.6" in seen["argo"]["way_out"]


@pytest.mark.parametrize(
    ("flag", "names"),
    [
        ("forbidden", ["b"]),
        ("vulnerable", ["c", "d"]),
        ("end-of-life", ["d"]),
        ("ending", []),
        ("unknown", []),
    ],
)
def test_a_list_is_narrowed_to_what_is_wrong_with_its_argo(flag: str, names: list[str]) -> None:
    team = TeamFactory()
    versions = {"a": "v4.1.2", "b": "v4.1.1", "c": "v4.0.5", "d": "v3.6.1", "e": ""}
    for name, version in versions.items():
        NamespaceFactory(team=team, name=name, argo_version=version)
    NamespaceFactory(name="theirs", argo_version="v3.6.1")

    found = client_of(viewer_of(team)).get(NAMESPACES, {"argo": flag}).json()["results"]

    assert [each["name"] for each in found] == names


def test_a_flag_that_there_is_not_is_a_sentence() -> None:
    answer = client_of(viewer_of(TeamFactory())).get(NAMESPACES, {"argo": "old"})

    assert answer.status_code == 400
    assert "forbidden, vulnerable" in answer.json()["error"]["sentence"]
