"""The steps of the whole way, each as the person takes it: by names and labels alone."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page as Tab
from playwright.sync_api import expect

from controlplane.clusters import services as clusters
from controlplane.processes.embedded import background_work
from tenants.models import Team, TenantNamespace

from . import world
from .live import Platform

NAME = "payments-batch"
READY_MS = 180_000  # seconds, unless the machine has much else to do
SUBMITTED = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata:
  name: settle-1
spec:
  entrypoint: main
  templates:
  - name: main
    container: {image: quay.io/argoproj/argosay:v2, command: [echo], args: [settled]}
"""


@contextmanager
def at_work(live: Platform, kubeconfig: Path) -> Iterator[None]:
    """A new installation with one team and one real cluster, and the loop running."""
    live.blank()
    world.people()
    Team.objects.create(
        slug="payments",
        name="Payments",
        owner_group="payments-owners",
        member_group="payments-members",
        viewer_group="payments-viewers",
    )
    clusters.register(name="eu-1", kubeconfig_text=kubeconfig.read_text(), simulated=True)
    with background_work():
        yield


def asks(tab: Tab) -> None:
    """The owner fills the form in and sends it; the page after it is the request."""
    tab.goto("/requests/new/")
    tab.get_by_label(re.compile("^name", re.IGNORECASE)).fill(NAME)
    choose(tab, "cluster|where", "eu-1")
    choose(tab, "tier", "small")
    tab.get_by_label(re.compile("why|reason", re.IGNORECASE)).first.fill("The nightly export.")
    button(tab, "^send|^ask|^file").click()

    tab.wait_for_url(re.compile(r"/requests/\d+/$"))
    expect(tab.get_by_role("main")).to_contain_text(NAME)


def approves(tab: Tab) -> None:
    """The approver finds it in the inbox, reads the plan, says yes."""
    tab.goto("/inbox/")
    tab.get_by_role("main").get_by_role("link", name=re.compile(NAME)).first.click()
    _reads_the_plan(tab)
    button(tab, "^approve").click()

    # Not the word alone: the page says of itself, before, that nothing is approved then.
    expect(tab.locator("#state")).to_have_text(re.compile("approved", re.IGNORECASE))


def _reads_the_plan(tab: Tab) -> None:
    """A cluster that has much to do is still being asked after three seconds: then one looks again.

    By loading it anew: the page looks by itself as well, and the link may be gone when it is clicked.
    """
    main, deadline = tab.get_by_role("main"), time.monotonic() + READY_MS / 1000
    again = main.get_by_role("link", name="Look again")
    there = main.get_by_text("ResourceQuota").first
    expect(again.or_(there).first).to_be_visible()
    while again.is_visible() and time.monotonic() < deadline:
        tab.reload()
        expect(again.or_(there).first).to_be_visible()
    expect(main).to_contain_text("ResourceQuota")


def watches_it_become_ready(tab: Tab, namespace: TenantNamespace) -> None:
    """The page of the progress comes to its end by itself, nobody reloads it."""
    tab.goto(f"/namespaces/{namespace.pk}/progress/")

    ready = tab.get_by_role("main").get_by_text("Ready", exact=True).first
    expect(ready).to_be_visible(timeout=READY_MS)


def submits(tab: Tab, namespace: TenantNamespace) -> None:
    """A member pastes a manifest; the page after it is the workflow's."""
    tab.goto(f"/workflows/submit/?namespace={namespace.pk}")
    tab.get_by_role("main").get_by_role("link", name="From YAML").click()
    tab.get_by_label(re.compile("yaml|manifest", re.IGNORECASE)).first.fill(SUBMITTED)
    button(tab, "^submit").click()

    tab.wait_for_url(re.compile(rf"/namespaces/{namespace.pk}/workflows/settle-1/$"))


def sees_the_graph(tab: Tab, namespace: TenantNamespace, name: str) -> None:
    """A viewer opens the workflow: it succeeded, and its steps are drawn and named."""
    tab.goto(f"/namespaces/{namespace.pk}/workflows/{name}/")

    main = tab.get_by_role("main")
    expect(main).to_contain_text("Succeeded")
    graph = main.get_by_role("group", name=re.compile("^graph of the steps", re.IGNORECASE))
    expect(graph).to_be_visible()
    expect(graph.get_by_role("link", name=re.compile("^plan: done"))).to_be_visible()


def button(tab: Tab, name: str) -> Any:
    return tab.get_by_role("main").get_by_role("button", name=re.compile(name, re.IGNORECASE)).first


def choose(tab: Tab, label: str, value: str) -> None:
    """Take a value, whether it is offered as a list, as radio buttons, or decided already."""
    named = re.compile(label, re.IGNORECASE)
    listed = tab.get_by_role("main").get_by_role("combobox", name=named)
    if listed.count():
        shown = listed.first.locator("option").filter(has_text=re.compile(value, re.IGNORECASE))
        listed.first.select_option(shown.first.get_attribute("value"))
        return
    offered = tab.get_by_role("radio", name=re.compile(value, re.IGNORECASE))
    if offered.count():
        offered.first.check(force=True)
