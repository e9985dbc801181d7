"""The list of pages is complete, and each is shown to those it is for. Needs no browser."""

import pytest
from django.test import Client
from django.test.client import ClientHandler
from django.urls import get_resolver

from controlplane.console import urls
from controlplane.identity.models import User

from . import pages
from .live import BACKEND, Platform
from .pages import Page
from .world import FULL

every_page = pytest.mark.parametrize(
    "page", [pytest.param(page, id=page.name) for page in pages.served()]
)


# Each client would make one of its own, which looks at every style and script there is.
HANDLER = ClientHandler(enforce_csrf_checks=False)


def test_every_page_is_served() -> None:
    assert pages.missing() == []


def test_every_address_of_the_console_is_in_the_list() -> None:
    named = {name for name in get_resolver(urls).reverse_dict if isinstance(name, str)}

    unknown = named - {page.name for page in pages.PAGES} - pages.PARTS
    assert not unknown, "each is a page of tests/browser/pages.py, or one of its PARTS"


@every_page
def test_who_may_not_see_a_page_is_not_told_that_it_is_there(page: Page, live: Platform) -> None:
    path = page.path(live.show(FULL))

    for person in page.seen_by:
        assert _answer(live, path, person) == page.status, person
    for person in page.hidden_from:
        assert _answer(live, path, person) in {302, 403, 404}, person
    if page.person and page.status == 200:
        assert Client().get(path)["Location"].partition("?")[0] in {"/sign-in/", "/admin/login/"}


def _answer(live: Platform, path: str, person: str) -> int:
    client = Client(raise_request_exception=False)
    client.handler = HANDLER
    if person:
        client.force_login(User.objects.get(username=person), backend=BACKEND)
    return client.get(path).status_code
