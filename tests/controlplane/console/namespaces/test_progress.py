"""Progress: the steps, what a failure means, when it is asked again, and what is going on now."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from controlplane.console.progress import title_of
from provisioning.models import Turn
from tenants import requests
from tenants.models import Request, RequestEvent, TenantNamespace
from tests.controlplane.console.namespaces.stories import (
    NOW,
    PULL,
    READY,
    condition,
    degraded,
    ready,
)
from tests.controlplane.console.pages import HTMX, read, signed_in, words
from tests.factories import (
    ClusterFactory,
    NamespaceFactory,
    Who,
    approver,
    filed,
    member_of,
    owner_of,
    platform_admin,
    viewer_of,
)

pytestmark = pytest.mark.django_db


def progress(namespace: TenantNamespace, who: Who = owner_of) -> str:
    return read(signed_in(who(namespace.team)), f"/namespaces/{namespace.pk}/progress/")


def test_progress_tells_a_failure_what_it_means_and_who_can_mend_it() -> None:
    page = progress(degraded())

    assert "Controller : failed" in page
    assert "Its image could not be pulled." in page
    assert PULL.replace('"', "&quot;") in page
    assert "2 tries in a row failed; next try in 3 min" in page


@pytest.mark.parametrize("reachable", [True, False])
def test_the_steps_of_a_namespace_whose_cluster_is_away_are_said_to_be_as_last_seen(
    *, reachable: bool
) -> None:
    cluster = ClusterFactory(
        name="eu-1", reachable=reachable, trouble="away" if not reachable else "", since=NOW
    )

    page = progress(ready(cluster=cluster))

    told = "eu-1 does not answer since 5 Jan 2026, 12:00 UTC . The steps below are as last seen"
    assert (told in page) is not reachable


def test_progress_before_the_first_turn_shows_the_request() -> None:
    request = filed(name="payments")
    namespace = NamespaceFactory(team=request.team, name="payments", approved_plan="a")
    approved(request, namespace)

    page = progress(namespace)

    assert f"Approval : done" in page  # noqa: F541
    assert f"asked by {request.requested_by}, approved by" in page
    assert "Namespaces : waiting" in page


def test_progress_of_a_wish_that_went_back_says_whom_it_waits_for() -> None:
    request = filed(name="payments")
    namespace = NamespaceFactory(team=request.team, name="payments", approved_plan="a")
    approved(request, namespace)
    requests.reopen(namespace, note="What would be made has changed since you looked.")
    namespace.refresh_from_db()

    page = progress(namespace)

    assert "waits for an approver; what would be made has changed since it was approved" in page


def test_progress_of_a_wish_that_was_never_made_stays_readable() -> None:
    now = timezone.now()
    namespace = NamespaceFactory(deletion_requested_at=now, deleted_at=now, phase="Terminated")

    assert "Nothing of it was ever made" in progress(namespace)


def test_progress_stays_there_after_ready_and_after_deletion() -> None:
    now = timezone.now()
    gone = ready(
        phase="Terminated",
        begun_at=now,
        deletion_requested_at=now,
        deleted_at=now,
        conditions=[condition("Ready", "True", "Gone")],
    )

    assert "Controller : done" in progress(ready())
    assert "Gone : done" in progress(gone)


def test_progress_tells_how_long_a_step_usually_takes_there() -> None:
    cluster = ClusterFactory()
    step = {"step": "create Namespace x", "stage": "namespaces", "state": "done"}
    for seconds in (0.2, 0.4, 30.0):
        other = ready(cluster=cluster)
        steps = [{**step, "seconds": seconds}]
        Turn.objects.create(namespace=other, generation=1, steps=steps, ended_at=timezone.now())
    mine = NamespaceFactory(cluster=cluster, claimed_until=timezone.now() + timedelta(minutes=1))
    Turn.objects.create(namespace=mine, generation=1, steps=[{**step, "state": "waiting"}])

    page = progress(mine)

    assert "Namespaces : now" in page
    assert "usually 0.4 s" in page
    assert f"Usually 9.0 s on {cluster.name}" in page


def test_progress_asks_again_soon_then_more_rarely_then_no_more() -> None:
    namespace = degraded()
    client, path = signed_in(owner_of(namespace.team)), f"/namespaces/{namespace.pk}/progress/"

    first = client.get(path, {"looks": "1"}, headers=HTMX)
    later = client.get(path, {"looks": "30"}, headers=HTMX)
    TenantNamespace.objects.filter(pk=namespace.pk).update(phase="Ready", conditions=READY)
    last = client.get(path, {"looks": "31"}, headers=HTMX)

    assert (first.status_code, b"every 2s" in first.content) == (200, True)
    assert b"looks=2" in first.content
    assert (later.status_code, b"every 10s" in later.content) == (200, True)
    assert (last.status_code, b"hx-get" in last.content) == (286, False)


def test_progress_speaks_only_when_there_is_news() -> None:
    namespace = degraded()
    client, path = signed_in(owner_of(namespace.team)), f"/namespaces/{namespace.pk}/progress/"

    first = client.get(path, headers=HTMX)
    again = client.get(path, {"said": first.context["poll"].said}, headers=HTMX)

    assert "Step 4 of 5, Controller, failed: Its image could not be pulled." in words(
        first.content.decode()
    )
    assert b"progress-said" in first.content
    assert b"progress-said" not in again.content


def test_going_back_in_history_gets_the_whole_page() -> None:
    namespace = degraded()
    headers = {**HTMX, "HX-History-Restore-Request": "true"}

    answer = signed_in(owner_of(namespace.team)).get(
        f"/namespaces/{namespace.pk}/progress/", headers=headers
    )

    assert b"<!doctype html>" in answer.content


def test_progress_costs_the_same_whatever_happened(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    request = filed(name="payments")
    namespace = ready(team=request.team, name="payments")
    approved(request, namespace)
    for _ in range(20):
        Turn.objects.create(namespace=namespace, generation=1)
    client = signed_in(owner_of(namespace.team))

    with django_assert_num_queries(8):
        client.get(f"/namespaces/{namespace.pk}/progress/", headers=HTMX)


@pytest.mark.parametrize("who", [owner_of, lambda _: platform_admin()])
def test_an_owner_and_an_admin_may_have_it_tried_now(who: Who) -> None:
    namespace = degraded()
    client = signed_in(who(namespace.team))

    answer = client.post(f"/namespaces/{namespace.pk}/try-now/", follow=True)

    namespace.refresh_from_db()
    assert namespace.next_reconcile_at <= timezone.now()
    assert "is looked at now, ahead of its schedule" in words(answer.content.decode())


@pytest.mark.parametrize("who", [member_of, viewer_of, lambda _: approver()])
def test_others_are_told_who_may_and_see_no_button(who: Who) -> None:
    namespace = degraded()
    client = signed_in(who(namespace.team))

    page = read(client, f"/namespaces/{namespace.pk}/progress/")
    answer = client.post(f"/namespaces/{namespace.pk}/try-now/")

    assert "Try now" not in page
    assert answer.status_code == 403
    assert "Only owners of" in words(answer.content.decode())


def test_what_is_paused_is_not_hurried() -> None:
    namespace = degraded(paused=True)

    answer = signed_in(owner_of(namespace.team)).post(f"/namespaces/{namespace.pk}/try-now/")

    assert answer.status_code == 409
    assert "is paused by the platform team" in words(answer.content.decode())


def test_trying_now_is_an_act_not_an_address() -> None:
    namespace = degraded()

    answer = signed_in(owner_of(namespace.team)).get(f"/namespaces/{namespace.pk}/try-now/")

    assert answer.status_code == 405


def approved(request: Request, namespace: TenantNamespace) -> None:
    """Say yes to a request by the rows alone."""
    Request.objects.filter(pk=request.pk).update(state="approved", namespace=namespace)
    RequestEvent.objects.create(request=request, kind="approved", by=approver())


@pytest.mark.parametrize("choose", [False, True])
def test_what_was_done_for_another_team_is_not_told(choose: bool) -> None:
    mine, theirs = ready(), ready()
    Turn.objects.create(namespace=theirs, generation=1, outcome="TheirOwnBusiness")
    person = approver() if choose else owner_of(mine.team)
    client = signed_in(person)
    if choose:
        client.get("/", {"team": mine.team.slug})

    assert "TheirOwnBusiness" not in read(client, "/")


LATER = {"applied_at": "2026-01-01T00:00:00Z", "ready_at": "2026-01-01T00:00:09Z"}


@pytest.mark.parametrize(
    ("fields", "title"),
    [
        ({}, "Setting up payments"),
        ({"phase": "Degraded", "observed_generation": 1}, "Setting up payments"),
        ({"phase": "Ready", "observed_generation": 1, **LATER}, "payments is Ready"),
        ({"phase": "Ready", "generation": 2, "observed_generation": 1, **LATER}, "up to date"),
        (
            {"phase": "Degraded", "observed_generation": 1, **LATER},
            "What keeps payments from being Ready",
        ),
        ({"deletion_requested_at": "2026-01-02T00:00:00Z", **LATER}, "Removing payments"),
        ({"deleted_at": "2026-01-02T00:00:00Z", "begun_at": LATER["applied_at"]}, "is gone"),
        ({"deleted_at": "2026-01-02T00:00:00Z"}, "payments was never made"),
    ],
)
def test_the_title_says_what_is_going_on_now(fields: dict[str, Any], title: str) -> None:
    namespace = NamespaceFactory(name="payments", **fields)
    namespace.refresh_from_db()

    assert title in title_of(namespace)


def test_a_page_that_is_not_asked_again_has_no_time_that_stands_still() -> None:
    namespace = ready()

    page = progress(namespace)

    assert f"approved {namespace.created_at:%-d %b %Y, %H:%M} UTC" in page
    assert " ago" not in page
    assert "just now" not in page


def test_the_title_moves_with_the_steps() -> None:
    namespace = degraded()
    client, path = signed_in(owner_of(namespace.team)), f"/namespaces/{namespace.pk}/progress/"
    said = client.get(path, headers=HTMX).context["poll"].said
    TenantNamespace.objects.filter(pk=namespace.pk).update(phase="Ready", conditions=READY)

    moved = client.get(path, {"said": said}, headers=HTMX).content.decode()

    assert f'id="progress-title" hx-swap-oob="innerHTML">{namespace.name} is Ready' in moved


def test_tries_are_turns_that_had_something_to_do() -> None:
    namespace = ready()
    step = {"step": "apply Role x", "stage": "guard_rails", "state": "done"}
    Turn.objects.create(namespace=namespace, generation=1, steps=[step])
    Turn.objects.create(namespace=namespace, generation=1, outcome="AllReady")

    assert "1 turn with work to do" in progress(namespace)
