"""How long an ended workflow is listed, and what the list cannot know."""

import re

import pytest

from tenants.models import TenantNamespace
from tests.controlplane.console.pages import signed_in
from tests.controlplane.console.workflows.stories import text_of
from tests.factories import (
    viewer_of,
)

pytestmark = pytest.mark.django_db


def windows_of(page: str) -> list[str]:
    """What the filter offers as `Created in`."""
    (choice,) = re.findall(r'<select id="f-since".*?</select>', page)
    return re.findall(r'<option value="([^"]+)"', choice)


def test_the_list_says_how_long_each_outcome_is_kept(payments: TenantNamespace) -> None:
    page = text_of(signed_in(viewer_of(payments.team)).get("/workflows/"))

    assert "Succeeded 1 d, Failed 7 d, Error 3 d" in page


@pytest.mark.parametrize(
    ("query", "offered"),
    [
        ("", ["1h", "24h"]),
        ("phase=Succeeded", ["1h", "24h"]),
        ("phase=Error", ["1h", "24h", "3d"]),
        ("outcome=bad", ["1h", "24h", "3d"]),
        ("phase=Failed", ["1h", "24h", "3d", "7d"]),
        ("phase=Running", ["1h", "24h", "3d", "7d"]),
    ],
)
def test_only_windows_of_which_nothing_is_forgotten_are_offered(
    payments: TenantNamespace, query: str, offered: list[str]
) -> None:
    page = signed_in(viewer_of(payments.team)).get(f"/workflows/?{query}&team=")

    assert windows_of(text_of(page)) == offered


@pytest.mark.parametrize(
    ("query", "is_whole"),
    [
        ("since=24h", True),
        ("since=7d&phase=Failed", True),
        ("since=7d&phase=Running", True),
        ("since=7d", False),
        ("from=2025-12-24", False),
        ("to=2025-12-24", False),
        ("finished=7d&outcome=bad", False),
    ],
)
def test_an_address_that_reaches_beyond_what_is_kept_is_told_so(
    payments: TenantNamespace, query: str, is_whole: bool
) -> None:
    page = text_of(signed_in(viewer_of(payments.team)).get(f"/workflows/?{query}"))

    assert ("are forgotten already" not in page) is is_whole
