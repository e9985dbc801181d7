"""Views of the list that a person keeps under a name."""

from typing import Any

import pytest

from controlplane.bookmarks.models import Bookmark
from tenants.models import TenantNamespace
from tests.controlplane.console.pages import signed_in
from tests.controlplane.console.workflows.stories import SCRIPT, text_of
from tests.factories import (
    member_of,
    owner_of,
)

pytestmark = pytest.mark.django_db


def test_a_view_is_kept_under_a_name_for_its_person_alone(payments: TenantNamespace) -> None:
    owner = signed_in(owner_of(payments.team))
    kept = {"name": f"failed {SCRIPT}", "query": "phase=Failed&q=a"}

    owner.post("/workflows/views/", kept)
    page = text_of(owner.get("/workflows/"))

    assert "?phase=Failed&amp;q=a" in page
    assert SCRIPT not in page
    assert "phase=Failed&amp;q=a" not in text_of(
        signed_in(member_of(payments.team)).get("/workflows/")
    )
    owner.post("/workflows/views/", {"forget": kept["name"], "query": ""})
    assert "phase=Failed&amp;q=a" not in text_of(owner.get("/workflows/"))


@pytest.mark.parametrize(
    "wrong", [{"name": " "}, {"name": "x" * 61}, {"name": "a", "query": "q" * 2001}]
)
def test_a_view_that_cannot_be_kept_says_why(payments: TenantNamespace, wrong: Any) -> None:
    answer = signed_in(owner_of(payments.team)).post("/workflows/views/", wrong, follow=True)

    assert "note bad" in text_of(answer)


def test_what_no_database_takes_is_left_out_of_a_view(payments: TenantNamespace) -> None:
    client = signed_in(owner_of(payments.team))

    client.post("/workflows/views/", {"name": "a\0b", "query": "?q=\0c"})
    kept = Bookmark.objects.get()
    client.post("/workflows/views/", {"forget": "a\0b"})

    assert (kept.name, kept.query) == ("ab", "q=c")
    assert not Bookmark.objects.exists()


def test_no_more_than_thirty_views_are_kept(payments: TenantNamespace) -> None:
    client = signed_in(owner_of(payments.team))
    for number in range(30):
        client.post("/workflows/views/", {"name": f"v{number}"})

    answer = client.post("/workflows/views/", {"name": "one more"}, follow=True)

    assert "forget one first" in text_of(answer)
    again = client.post("/workflows/views/", {"name": "v1", "query": "q=b"}, follow=True)
    assert "The view v1 is kept" in text_of(again)
    assert text_of(again).count('class="view"') == 30
