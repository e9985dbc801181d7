"""Every page of the console and the desk: what is tested, photographed and measured is this list.

A page's name is its URL's name; a page that is not served yet is left out of every run and named by
`test_every_page_is_served`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from django.apps import apps
from django.urls import Resolver404, resolve

from .world import CROWD, EMPTY, ERROR, FULL, LONG, STATES, Places

Address = Callable[[Places], str]

# People, by their place in the world.
ANYBODY = ("",)
TEAM = ("owner", "member", "viewer")
PLATFORM = ("approver", "admin")
SIGNED_IN = (*TEAM, *PLATFORM, "stranger")
CONCERNED = (*TEAM, *PLATFORM)
STRANGERS = ("stranger",)
DESK = ("admin", "approver")

# Which states a page has: a list of rows, the page of one row, a form.
LISTS = STATES
ONE = (FULL, ERROR, LONG)
FORMS = (FULL, EMPTY, ERROR, LONG)

NAMESPACE = "/namespaces/{namespace}/"
WORKFLOW = "/namespaces/{namespace}/workflows/{workflow}/"
OF_IMAGE = "/v/?namespace={named}&image=docker.io/evil/other:latest"
DESK_NAMESPACES = "/admin/tenants/tenantnamespace/"
DESK_NAMESPACE = "/admin/tenants/tenantnamespace/{namespace}/change/"


@dataclass(frozen=True)
class Page:
    """One page. `seen_by` begins with the person it is tested and photographed as.

    Those it is `hidden_from` are told that there is no such page, or that it is for other people.
    """

    name: str
    path: Address
    seen_by: tuple[str, ...]
    states: tuple[str, ...] = (FULL,)
    hidden_from: tuple[str, ...] = ()
    status: int = 200
    desk: bool = False  # of the platform's desk, which has a frame and a sheet of its own

    @property
    def person(self) -> str:
        """Who it is looked at as; nobody for a page without sign-in."""
        return self.seen_by[0]


def at(path: str) -> Address:
    """An address that names rows, such as `/namespaces/{namespace}/`."""
    return lambda places: path.format(**vars(places))


def _desk(
    name: str, path: str, states: tuple[str, ...] = (FULL,), by: tuple[str, ...] = DESK
) -> Page:
    """A page of the platform's desk: no team's, and no stranger's."""
    return Page(name, at(path), by, states, (*TEAM, "stranger"), desk=True)


PAGES = (
    Page("sign-in", at("/sign-in/"), ANYBODY),
    Page("not-found", at("/no-such-page/"), ("owner",), status=404),
    Page("home", at("/"), SIGNED_IN, LISTS),
    Page("namespaces", at("/namespaces/"), SIGNED_IN, LISTS),
    Page("namespace", at(NAMESPACE), CONCERNED, ONE, STRANGERS),
    Page("progress", at(f"{NAMESPACE}progress/"), CONCERNED, ONE, STRANGERS),
    Page("turns", at(f"{NAMESPACE}turns/"), CONCERNED, ONE, STRANGERS),
    Page("tokens", at("/tokens/"), SIGNED_IN),
    Page("kubeconfigs", at("/kubeconfigs/"), SIGNED_IN),
    Page("why", at(f"{NAMESPACE}access/?act=keep-templates"), CONCERNED, ONE, STRANGERS),
    Page("me", at("/me/"), SIGNED_IN),
    Page("requests", at("/requests/"), SIGNED_IN, LISTS),
    Page("new-request", at("/requests/new/"), ("owner", "stranger"), FORMS),
    Page("request", at("/requests/{request}/"), CONCERNED, ONE, STRANGERS),
    Page("inbox", at("/inbox/"), PLATFORM, LISTS, (*TEAM, "stranger")),
    Page("workflows", at("/workflows/"), SIGNED_IN, LISTS),
    Page("workflow", at(WORKFLOW), TEAM, (*ONE, CROWD), STRANGERS),
    Page("submit", at("/workflows/submit/"), ("owner", "member"), (*FORMS, CROWD)),
    Page("crons", at("/crons/"), SIGNED_IN, LISTS),
    Page("violations", at("/violations/"), SIGNED_IN, LISTS),
    Page("violation", at("/v/{violation}/"), CONCERNED, ONE, STRANGERS),
    Page("violation-to-come", at(f"/v/{'f' * 32}/"), SIGNED_IN, status=404),
    Page("violation-of-image", at(OF_IMAGE), CONCERNED, ONE, STRANGERS),
    Page(
        "images",
        at(f"{NAMESPACE}images/?image=docker.io/evil/miner:latest"),
        CONCERNED,
        ONE,
        STRANGERS,
    ),
    Page("exemptions", at("/exemptions/"), SIGNED_IN, LISTS),
    Page("exemption", at("/exemptions/{exemption}/"), ("approver", *TEAM, "admin"), ONE, STRANGERS),
    Page("new-exemption", at("/exemptions/new/"), ("owner", "stranger"), FORMS),
    Page("secrets", at("/secrets/"), SIGNED_IN, LISTS),
    Page("secret", at("/secrets/{secret}/"), CONCERNED, ONE, STRANGERS),
    Page("new-secret", at("/secrets/new/?kind=s3"), ("owner", "stranger"), (FULL,)),
    Page("usage", at("/usage/?team={slug}&range=24h"), CONCERNED, LISTS, STRANGERS),
    Page("usage-month", at("/usage/?team={slug}&range=30d"), CONCERNED, (FULL,), STRANGERS),
    Page("usage-controllers", at("/usage/controllers/?team={slug}"), CONCERNED, (FULL,), STRANGERS),
    Page("fleet-controllers", at("/controllers/"), PLATFORM, (FULL,), (*TEAM, "stranger")),
    Page("chargeback", at("/chargeback/?by=template"), SIGNED_IN, LISTS),
    Page("fleet", at("/fleet/"), PLATFORM, LISTS, (*TEAM, "stranger")),
    Page("fleet-cluster", at("/fleet/{cluster_name}/"), PLATFORM, ONE, (*TEAM, "stranger")),
    Page("audit", at("/audit/"), SIGNED_IN, LISTS),
    Page("switch", at("/switch/?q=pay&at=/workflows/"), SIGNED_IN, LISTS),
    Page("teams", at("/teams/"), SIGNED_IN, LISTS),
    Page("search", at("/search/?q=pay"), SIGNED_IN, LISTS),
    _desk("desk", "/admin/", LISTS),
    _desk("desk-namespaces", DESK_NAMESPACES, LISTS),
    _desk("desk-namespace", DESK_NAMESPACE, ONE),
    _desk("desk-requests", "/admin/tenants/request/", LISTS),
    _desk("desk-request", "/admin/tenants/request/{request}/change/"),
    _desk("desk-teams", "/admin/tenants/team/", LISTS),
    _desk("desk-team", "/admin/tenants/team/{team}/change/"),
    _desk("desk-tier", "/admin/tenants/tier/{tier}/change/", ONE),
    _desk("desk-tier-history", "/admin/tenants/tier/{tier}/history/"),
    _desk("desk-clusters", "/admin/clusters/cluster/", LISTS),
    _desk("desk-cluster", "/admin/clusters/cluster/{cluster}/change/"),
    _desk("desk-prices", "/admin/metrics/price/"),
    _desk("desk-new-price", "/admin/metrics/price/add/", by=("admin",)),
    _desk("desk-turns", "/admin/provisioning/turn/"),
    _desk("desk-users", "/admin/identity/user/", by=("admin",)),
    _desk("desk-new-user", "/admin/identity/user/add/", by=("admin",)),
    _desk("desk-wrong-passwords", "/admin/axes/accessattempt/", by=("admin",)),
    _desk("desk-password", "/admin/password_change/"),
    _desk("desk-policies", "/admin/policies/imagepolicy/"),
    _desk("desk-policy", "/admin/policies/imagepolicy/{draft}/change/"),
    _desk("desk-try", "/admin/policies/imagepolicy/try/?image=evil/miner&team={slug}"),
    _desk("desk-back-test", "/admin/policies/imagepolicy/{draft}/back-test/", by=("admin",)),
    _desk("desk-roll-outs", "/admin/policies/rollout/"),
    _desk("desk-exemptions", "/admin/policies/imageexemption/"),
    _desk("desk-exemption", "/admin/policies/imageexemption/{exemption}/change/"),
    _desk("desk-violations", "/admin/policies/violation/"),
    _desk("desk-scans", "/admin/policies/scan/"),
    _desk("desk-search", "/admin/search/?s=pay"),
)


# Addresses that are no pages: what a form sends, and parts that a page fetches for itself.
PARTS = {
    "sign-out",
    "theme",
    "end-token",
    "revoke-kubeconfig",
    "said-over",
    "provider",
    "from-provider",
    "out-of-provider",
    "try-now",
    "release",
    "inside",
    "told",
    "new-request-check",
    "discard-draft",
    "violations-csv",
    "usage-csv",
    "chargeback-csv",
    "audit-csv",
    "inbox-plans",
    "inbox-together",
    "inbox-decide",
    "keep-view",
    "workflow-names",
    "submit-names",
    "workflow-log",
    "workflow-act",
    "workflow-delete",
    "cron-act",
}


@cache
def is_served(page: Page) -> bool:
    """True if its address resolves: a page that is still to come does not."""
    if page.desk and not apps.is_installed("unfold"):
        return False  # Django's own admin is there before the desk is
    try:
        resolve(page.path(Places()).partition("?")[0])
    except Resolver404:
        return page.status == 404
    return True


def served() -> list[Page]:
    """Those there are."""
    return [page for page in PAGES if is_served(page)]


def missing() -> list[str]:
    """The pages of the list that no address leads to."""
    return [page.name for page in PAGES if not is_served(page)]


def looks() -> list[tuple[Page, str]]:
    """Every page in each of its states; states together, for changing them costs."""
    pairs = [(page, state) for page in served() for state in page.states]
    return sorted(pairs, key=lambda look: STATES.index(look[1]))
