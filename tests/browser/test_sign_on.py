"""People of a real Keycloak, in a real browser: in by its page, out when it says so."""

import re
import time
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
from tests.provisioning.rule_reader import RuleReader, rule_reader

from . import journey
from . import working_by_kubectl as holding
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
WITHIN = 60.0  # seconds, of which a cluster takes ten to forget a token
WITHIN_MS = int(WITHIN * 1000)


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
            ARGO_GROUPS_FROM="token",
        ):
            yield made
    finally:
        keycloak.stop()


@pytest.fixture(scope="module")
def argo() -> Iterator[RuleReader]:
    """What reads the rules as Argo's server does."""
    with rule_reader() as reader:
        yield reader


@pytest.fixture
def at_work(realm: Realm, live: Platform, platform_kubeconfig: Path) -> Iterator[None]:
    with journey.at_work(live, platform_kubeconfig):
        yield


def test_from_keycloaks_page_to_ready_and_out_within_a_minute_of_leaving_the_group(
    at_work: None,
    realm: Realm,
    visits: Visits,
    live: Platform,
    platform_kubeconfig: Path,
    tmp_path: Path,
    argo: RuleReader,
) -> None:
    visits.faults.expected |= {403, 404}
    owner, approver, member, viewer = (
        _comes(visits, name) for name in ("olivia", "anna", "max", "vera")
    )
    journey.asks(owner)
    journey.approves(approver)
    namespace = TenantNamespace.objects.get(name=journey.NAME)
    journey.watches_it_become_ready(owner, namespace)
    assert User.objects.get(username="olivia").claimed_groups == ["payments-owners"]
    page = f"/namespaces/{namespace.pk}/"
    member.goto(page)
    expect(member.get_by_role("heading", level=1)).to_contain_text(journey.NAME)
    platform = holding.Kubectl(platform_kubeconfig, journey.NAME)
    theirs = holding.kubectl_of(member, "eu-1", journey.NAME, tmp_path)
    looking = holding.kubectl_of(viewer, "eu-1", journey.NAME, tmp_path)
    token = holding.token_of(member)

    _works_by_kubectl(theirs, looking)
    assert holding.sees(live.url, token, journey.NAME)
    assert _account(argo, platform, "max", ["payments-members"]) == "argo-member"

    left_at = time.monotonic()
    realm.leave("max", "payments-members")

    _is_gone_within_a_minute(member, page)
    kept = {
        "token": lambda: holding.sees(live.url, token, journey.NAME),
        "kubeconfig": lambda: theirs("get", "workflows").returncode == 0,
        "argo": lambda: _account(argo, platform, "max", ["payments-members"]) != "",
    }
    cut: dict[str, float] = {}
    while kept.keys() - cut.keys() and time.monotonic() - left_at < WITHIN:
        for what in kept.keys() - cut.keys():
            if not kept[what]():
                cut[what] = time.monotonic() - left_at
    assert cut.keys() == kept.keys(), f"after {WITHIN:.0f} s only these were cut: {cut}"
    owner.goto(page)
    expect(owner.get_by_role("heading", level=1)).to_contain_text(journey.NAME)


def _works_by_kubectl(member: holding.Kubectl, viewer: holding.Kubectl) -> None:
    """A member works; a viewer sees it, and is refused every write."""
    assert "cannot create" in viewer("create", "-f", "-", said=holding.WORKFLOW).stderr
    made = member("create", "-f", "-", said=holding.WORKFLOW)
    assert made.returncode == 0, made.stderr
    assert "by-hand" in viewer("get", "workflows").stdout
    for write in holding.WRITES:
        assert "forbidden" in viewer(*write).stderr.lower(), write


def _account(argo: RuleReader, platform: holding.Kubectl, name: str, groups: list[str]) -> str:
    """Whom Argo's server takes them for, who still shows the groups of an hour ago."""
    subject = User.objects.get(username=name).subject
    claims = {"iss": "https://any.example.com", "sub": subject, "groups": groups}
    return argo.asked(holding.accounts_of_argo(platform), claims).account


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
