"""People of a real Keycloak, in a real browser: in by its page, out when it says so."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import override_settings
from playwright.sync_api import Page as Tab
from playwright.sync_api import expect

from controlplane.identity.models import User
from localcluster.keycloak import CLIENT_ID, Keycloak, Realm
from tenants.models import TenantNamespace
from tests.production.stores import free_port

from . import journey
from .live import Platform
from .sheet import Visits

pytestmark = [pytest.mark.browser, pytest.mark.cluster, pytest.mark.timeout(900)]

# Called as nobody is who has a local account.
PEOPLE = {
    "olivia": ["payments-owners", *(f"company-{number}" for number in range(40))],
    "anna": ["argosy-approvers"],
    "max": ["payments-members"],
    "vera": ["payments-viewers"],
}
PASSWORD = "what only they know"
WITHIN_MS = 60_000


@pytest.fixture(scope="module")
def realm(live: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Realm]:
    """The provider, with the people of one team, and the platform told of it."""
    keycloak = Keycloak(tmp_path_factory.mktemp("keycloak"), free_port())
    try:
        keycloak.start(print)
        made = Realm(keycloak)
        made.make(PEOPLE, passwords=dict.fromkeys(PEOPLE, PASSWORD), platforms=[live.url])
        with override_settings(
            OIDC_ISSUER=keycloak.issuer,
            OIDC_RP_CLIENT_ID=CLIENT_ID,
            OIDC_RP_CLIENT_SECRET=made.secret,
            OIDC_NAME="Keycloak",
        ):
            yield made
    finally:
        keycloak.stop()


@pytest.fixture
def at_work(realm: Realm, live: Platform, platform_kubeconfig: Path) -> Iterator[None]:
    with journey.at_work(live, platform_kubeconfig):
        yield


def test_from_keycloaks_page_to_ready_and_out_within_a_minute_of_leaving_the_group(
    at_work: None, realm: Realm, visits: Visits
) -> None:
    visits.faults.expected |= {403, 404}
    owner, approver, member = (_comes(visits, name) for name in ("olivia", "anna", "max"))
    journey.asks(owner)
    journey.approves(approver)
    namespace = TenantNamespace.objects.get(name=journey.NAME)
    journey.watches_it_become_ready(owner, namespace)
    assert User.objects.get(username="olivia").claimed_groups == ["payments-owners"]
    page = f"/namespaces/{namespace.pk}/"
    member.goto(page)
    expect(member.get_by_role("heading", level=1)).to_contain_text(journey.NAME)

    realm.leave("max", "payments-members")

    _is_gone_within_a_minute(member, page)
    owner.goto(page)
    expect(owner.get_by_role("heading", level=1)).to_contain_text(journey.NAME)


def test_who_signs_out_here_and_there_is_asked_for_a_password_again(
    at_work: None, visits: Visits
) -> None:
    tab = _comes(visits, "vera")

    tab.get_by_role("button", name="Sign out").click()
    tab.get_by_role("link", name="sign out there too").click()
    tab.get_by_role("button", name=re.compile("logout", re.IGNORECASE)).click()
    tab.get_by_role("link", name="Sign in with Keycloak").click()

    expect(tab.get_by_label("Password", exact=True)).to_be_visible()


def _comes(visits: Visits, name: str) -> Tab:
    """By the provider's door, and back to the page they wanted."""
    tab = visits.tab_of("")
    tab.goto("/namespaces/")
    tab.get_by_role("link", name="Sign in with Keycloak").click()
    tab.get_by_label("Username or email").fill(name)
    tab.get_by_label("Password", exact=True).fill(PASSWORD)
    tab.get_by_role("button", name="Sign In").click()
    tab.wait_for_url(re.compile(r"/namespaces/$"))
    expect(tab.locator(".who")).to_have_text(name)
    return tab


def _is_gone_within_a_minute(tab: Tab, page: str) -> None:
    """Asked for again and again, as somebody does who will not believe it."""
    tab.evaluate(
        """([page, within]) => new Promise((done, fail) => {
            const until = Date.now() + within;
            const look = async () => {
                const answer = await fetch(page, {redirect: "manual"});
                if (answer.status !== 200) return done(answer.status);
                if (Date.now() > until) return fail(new Error("still there"));
                setTimeout(look, 1000);
            };
            look();
        })""",
        [page, WITHIN_MS],
    )
