"""A page that is watched while its workflow moves: what comes, comes by itself."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from controlplane.argo import nodes
from controlplane.clusters.models import Cluster
from controlplane.kube.errors import Unreachable
from controlplane.objects import Ref
from tests.fakes.cluster import Stored
from tests.player import Player

from . import api_server, pages
from .holding import held
from .live import Platform
from .sheet import Visits
from .workflows import ARGO, settling
from .world import FULL

pytestmark = pytest.mark.browser

(WORKFLOW,) = (page for page in pages.PAGES if page.name == "workflow")
AWAY_FROM_END = "(each) => each.scrollHeight - each.scrollTop - each.clientHeight"
AT_END = f"(each) => each.scrollTop > 0 && ({AWAY_FROM_END})(each) < 40"
LOOKS = "**/settle-1/?*polls=*"
SETTLE = Ref(ARGO, "Workflow", "payments", "settle-1")
SOON_MS = 30_000  # the page looks every 2 s, of a machine that may have much else to do


@pytest.fixture
def story(live: Platform) -> Iterator[Player]:
    """A workflow whose last step runs; it is as it was again afterwards."""
    live.show(FULL, afresh=True)
    fake = live.cluster_of(FULL)
    fake.objects[SETTLE].manifest["status"] = {}
    yield settling(Player.on_fake(fake, "payments", "settle-1"))
    live.blank()


def test_a_step_that_fails_while_it_is_watched_gets_its_panel_and_its_log(
    story: Player, visits: Visits
) -> None:
    tab = visits.open(WORKFLOW, FULL)
    main = tab.get_by_role("main")
    log = main.get_by_role("region", name="Log")
    expect(main).to_contain_text("No step chosen")
    expect(log).to_have_count(0)

    story.end("settle", phase="Failed", message="exit code 3").finish("Failed", "child failed")

    expect(log).to_contain_text("Log of settle", timeout=SOON_MS)
    expect(log).to_contain_text(re.compile("simulated"))  # it was asked for, and answered
    expect(main.get_by_role("region", name="Chosen step")).to_contain_text("exit code 3")


def test_a_log_that_somebody_scrolled_back_in_says_that_it_is_paused(
    story: Player, visits: Visits, live: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    Cluster.objects.update(simulated=False)
    fake, node = live.cluster_of(FULL), story.id_of("settle")
    run = nodes.read(fake.objects[SETTLE].manifest)
    name = nodes.pod_of(run, run.nodes[node])
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "payments"}}
    fake.apply(pod | {"spec": {"containers": [{"name": "main", "image": "say"}]}})
    monkeypatch.setattr(api_server, "LOG", lines(300))
    tab = visits.open(WORKFLOW, FULL)
    visits.goto(tab, f"{tab.url}?node={node}")
    log = tab.get_by_label("Log of container main")
    expect(log).to_contain_text("line 299")
    paused = tab.get_by_text("Paused while you read")
    expect(paused).to_be_hidden()
    # It is put to its end a moment after its lines came; whoever scrolls back does so after that.
    tab.wait_for_function(AT_END, arg=log.element_handle())

    log.evaluate("(each) => { each.scrollTop = 0; }")

    expect(paused).to_be_visible()
    monkeypatch.setattr(api_server, "LOG", lines(301))
    expect(log).to_contain_text("line 300", timeout=SOON_MS)
    assert log.evaluate("(each) => each.scrollTop") == 0  # nobody is torn away from what they read

    tab.get_by_role("button", name="Follow again").click()

    expect(paused).to_be_hidden()
    assert log.evaluate(AWAY_FROM_END) < 40


def lines(count: int) -> str:
    start = datetime(2026, 11, 20, 6, tzinfo=UTC)
    said = (f"{start + timedelta(seconds=n):%Y-%m-%dT%H:%M:%SZ} line {n}" for n in range(count))
    return "\n".join(said) + "\n"


def test_a_cluster_that_goes_away_is_said_and_watching_goes_on_when_it_is_back(
    story: Player, visits: Visits, live: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake, tab = live.cluster_of(FULL), visits.open(WORKFLOW, FULL)
    main = tab.get_by_role("main")

    with monkeypatch.context() as away:
        away.setattr(fake, "_found", _refuse)
        expect(main.get_by_role("alert")).to_contain_text(
            re.compile("nobody listens", re.IGNORECASE), timeout=SOON_MS
        )
        expect(main.get_by_role("heading", level=1)).to_have_count(1)  # no page within the page
    story.end("settle").finish(message="all is well")

    expect(main).to_contain_text("all is well", timeout=SOON_MS)
    expect(main.get_by_role("alert")).to_have_count(0)


def test_a_look_that_comes_to_nothing_is_told_and_is_not_the_last(
    story: Player, visits: Visits
) -> None:
    tab = visits.open(WORKFLOW, FULL)
    main = tab.get_by_role("main")

    tab.route(LOOKS, lambda route: route.abort("connectionfailed"))
    expect(main.get_by_role("alert")).to_contain_text("asked again by itself", timeout=SOON_MS)
    tab.unroute(LOOKS)
    story.end("settle").finish(message="all is well")

    expect(main).to_contain_text("all is well", timeout=SOON_MS)
    expect(main.get_by_role("alert")).to_be_hidden()
    visits.faults.found.clear()  # the looks that came to nothing


def test_what_one_part_of_a_page_is_told_takes_back_no_other_parts_note(
    visits: Visits, live: Platform
) -> None:
    places = live.show(FULL)
    tab = visits.tab_of("viewer")
    note = tab.get_by_role("main").get_by_text("The platform could not answer (502)")
    tab.route("**/release/", lambda route: route.fulfill(status=502))
    visits.faults.expected.add(502)

    with held(tab, "**/inside/"):
        visits.goto(tab, f"/namespaces/{places.namespace}/")
        expect(note).to_be_visible()

    expect(tab.locator("#inside")).to_contain_text("Events")
    expect(note).to_be_visible()
    visits.faults.found.clear()  # what was told of the answer that never came


def _refuse(_: Ref) -> Stored:
    raise Unreachable("nobody listens")


def test_a_workflow_that_is_removed_while_it_is_watched_is_said_and_what_was_seen_stays(
    story: Player, visits: Visits, live: Platform
) -> None:
    tab = visits.open(WORKFLOW, FULL)
    main = tab.get_by_role("main")
    with held(tab, LOOKS) as looks:
        looks.wait()  # none is under way that could tell of a step that takes a second longer
        steps = main.locator("#steps").inner_text()
        kept = live.cluster_of(FULL).objects.pop(SETTLE)
    try:
        expect(main.get_by_role("alert")).to_contain_text("no longer in its", timeout=SOON_MS)
    finally:
        live.cluster_of(FULL).objects[SETTLE] = kept

    assert main.locator("#steps").inner_text() == steps
    expect(main.locator("#acts")).to_be_empty()
