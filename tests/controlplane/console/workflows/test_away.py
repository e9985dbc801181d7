"""A workflow whose cluster is away, or that was removed while somebody looks."""

import re

import pytest

from controlplane.objects import Manifest
from tenants.models import TenantNamespace
from tests.controlplane.console.pages import HTMX, signed_in
from tests.controlplane.console.workflows.stories import page_of, row, text_of
from tests.factories import (
    TeamFactory,
    Who,
    approver,
    owner_of,
    viewer_of,
)
from tests.fakes import FakeCluster
from tests.player import Player

pytestmark = pytest.mark.django_db


def test_a_cluster_that_is_away_leaves_what_was_last_seen(
    payments: TenantNamespace, fake: FakeCluster
) -> None:
    row(payments, "hello", "Failed", message="out of memory")
    fake.unreachable = True

    answer = signed_in(viewer_of(payments.team)).get(page_of(payments))

    assert answer.status_code == 200
    assert "cannot be reached" in text_of(answer)
    assert "out of memory" in text_of(answer)


def test_a_poll_of_a_cluster_that_went_away_says_so_and_asks_again(
    payments: TenantNamespace, hello: Manifest, fake: FakeCluster
) -> None:
    Player.on_fake(fake, "payments", "hello").begin()
    client = signed_in(viewer_of(payments.team))
    (poll,) = re.findall(r'hx-get="(\?[^"]*polls=1[^"]*)"', text_of(client.get(page_of(payments))))
    at = page_of(payments, rest=poll.replace("&amp;", "&"))

    fake.unreachable = True
    away = client.get(at, headers=HTMX)
    (again,) = re.findall(r'hx-get="(\?[^"]*)"', text_of(away))
    fake.unreachable = False
    back = client.get(page_of(payments, rest=again.replace("&amp;", "&")), headers=HTMX)

    assert away.status_code == 200  # of any other, htmx would put nothing there, and ask no more
    assert text_of(away).count("<div id=") == 1
    assert "<html" not in text_of(away)
    assert "cannot be reached" in text_of(away)
    assert again.replace("polls=2", "polls=1") == poll
    assert 'id="run-phase"' in text_of(back)
    assert 'id="acts"' not in text_of(back)  # they are as they were


@pytest.mark.parametrize("known", [True, False])
def test_a_poll_of_a_workflow_that_was_removed_says_so_and_asks_no_more(
    payments: TenantNamespace, known: bool
) -> None:
    if known:
        row(payments, "hello", "Running")

    answer = signed_in(viewer_of(payments.team)).get(page_of(payments), headers=HTMX)

    assert answer.status_code == 200
    assert "no longer in its cluster" in text_of(answer)
    assert "<html" not in text_of(answer)
    assert "hx-get" not in text_of(answer)
    assert 'id="acts" hx-swap-oob="true"></div>' in text_of(answer)


@pytest.mark.parametrize("who", [lambda _: approver(), lambda _: owner_of(TeamFactory())])
def test_a_poll_of_who_may_see_it_no_more_loads_the_page_anew(
    payments: TenantNamespace, hello: Manifest, who: Who
) -> None:
    answer = signed_in(who(payments.team)).get(page_of(payments), headers=HTMX)

    assert (answer.status_code, answer["HX-Refresh"], answer.content) == (204, "true", b"")


def test_going_back_to_a_workflow_brings_its_whole_page(
    payments: TenantNamespace, hello: Manifest
) -> None:
    back = {**HTMX, "HX-History-Restore-Request": "true"}
    client = signed_in(viewer_of(payments.team))

    for path in (page_of(payments), "/workflows/"):
        assert "<html" in text_of(client.get(path, headers=back))


def test_a_workflow_that_is_gone_is_shown_from_the_index(payments: TenantNamespace) -> None:
    row(payments, "hello", "Succeeded")

    answer = signed_in(viewer_of(payments.team)).get(page_of(payments))

    assert "no longer in its cluster" in text_of(answer)
