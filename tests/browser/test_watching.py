"""A page that is watched while its workflow moves: what comes, comes by itself."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from controlplane.objects import Ref
from tests.player import Player

from . import pages
from .live import Platform
from .sheet import Visits
from .workflows import ARGO, settling
from .world import FULL

pytestmark = pytest.mark.browser

(WORKFLOW,) = (page for page in pages.PAGES if page.name == "workflow")
SOON_MS = 10_000  # the page looks every 2 s


@pytest.fixture
def story(live: Platform) -> Iterator[Player]:
    """A workflow whose last step runs; it is as it was again afterwards."""
    live.show(FULL, afresh=True)
    fake = live.cluster_of(FULL)
    fake.objects[Ref(ARGO, "Workflow", "payments", "settle-1")].manifest["status"] = {}
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
