"""Whose a namespace is: another team finds nothing, a stranger signs in."""

import pytest
from django.test import Client

from tests.controlplane.console.namespaces.stories import ready
from tests.controlplane.console.pages import HTMX, signed_in
from tests.factories import (
    TeamFactory,
    approver,
    owner_of,
)

pytestmark = pytest.mark.django_db


PAGES = ("", "progress/", "release/", "told/", "turns/")


@pytest.mark.parametrize("page", PAGES)
def test_another_teams_namespace_is_not_there(page: str) -> None:
    theirs = ready()

    answer = signed_in(owner_of(TeamFactory())).get(f"/namespaces/{theirs.pk}/{page}")

    assert answer.status_code == 404


def test_nobody_hurries_another_teams_namespace() -> None:
    theirs = ready()

    answer = signed_in(owner_of(TeamFactory())).post(f"/namespaces/{theirs.pk}/try-now/")

    assert answer.status_code == 404


@pytest.mark.parametrize(
    "path", ["/", "/namespaces/", "/teams/", "/search/", *(f"/namespaces/1/{p}" for p in PAGES)]
)
def test_a_stranger_is_sent_to_sign_in(path: str) -> None:
    answer = Client().get(path)

    assert (answer.status_code, answer.url) == (302, f"/sign-in/?next={path}")


def test_a_page_that_polls_after_signing_out_goes_to_sign_in() -> None:
    answer = Client().get("/namespaces/1/progress/", headers=HTMX)

    assert (answer.status_code, answer.headers["HX-Redirect"]) == (
        204,
        "/sign-in/?next=/namespaces/1/progress/",
    )


@pytest.mark.parametrize("pk", [0, 2**70])
def test_a_number_that_no_row_has_is_not_there(pk: int) -> None:
    assert signed_in(approver()).get(f"/namespaces/{pk}/").status_code == 404
