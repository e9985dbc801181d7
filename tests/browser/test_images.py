"""What only a browser shows of the pages about images: they look again, answer while one types, and fit."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import expect

from controlplane.policies import sightings
from tenants.models import TenantNamespace
from tests.images import sighting

from .live import Platform
from .sheet import Visits
from .test_pages import GRAVE, NARROW, OVERFLOWING
from .world import FULL

pytestmark = pytest.mark.browser


def test_a_link_opened_too_early_becomes_its_page_by_itself(visits: Visits, live: Platform) -> None:
    places = live.show(FULL, afresh=True)
    place = TenantNamespace.objects.get(pk=places.namespace)
    said = sighting(place.name, at=timezone.now(), image="evil.example/early:1")
    visits.faults.expected.add(404)
    tab = visits.tab_of("member")
    visits.goto(tab, f"/v/{said.same}/")
    expect(tab.get_by_role("heading", level=1)).to_have_text("This denial is not here yet")

    sightings.record(cluster=place.cluster, now=timezone.now(), sightings=[said])

    expect(tab.get_by_label("Image", exact=True)).to_have_value("evil.example/early:1")


def test_the_same_page_looks_again_without_scripts(visits: Visits, live: Platform) -> None:
    live.show(FULL)
    visits.faults.expected.add(404)
    tab = visits.tab_of("member", javascript=False)
    visits.goto(tab, f"/v/{'e' * 32}/")

    tab.wait_for_url("**/?look=1")


def test_an_image_is_judged_while_it_is_typed(visits: Visits, live: Platform) -> None:
    places = live.show(FULL)
    tab = visits.tab_of("member")
    visits.goto(tab, f"/namespaces/{places.namespace}/images/")

    tab.get_by_label("Image", exact=True).press_sequentially("registry.k8s.io/pause:3.10")
    expect(tab.locator("#verdict")).to_contain_text("May run")
    tab.get_by_label("Image", exact=True).fill("docker.io/evil/miner:1")

    expect(tab.locator("#verdict")).to_contain_text("Not among the images allowed here")


def test_a_back_test_says_who_would_break_on_any_width(visits: Visits, live: Platform) -> None:
    places = live.show(FULL)
    tab = visits.tab_of("admin")
    visits.goto(tab, f"/admin/policies/imagepolicy/{places.draft}/back-test/")

    tab.get_by_role("button", name="Find out").click()

    expect(tab.locator("main")).to_contain_text("registry.k8s.io/ingress-nginx/controller:v1.14.0")
    for theme in ("light", "dark"):
        tab.emulate_media(color_scheme=theme)
        found = Axe().run(tab).response["violations"]
        assert not [v["id"] for v in found if v["impact"] in GRAVE]
    for width in (NARROW, 1440):
        tab.set_viewport_size({"width": width, "height": 900})
        assert tab.evaluate(OVERFLOWING) == [], f"at {width} px"
