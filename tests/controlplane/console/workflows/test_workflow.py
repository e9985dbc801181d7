"""One workflow: its graph, its steps, what it was given."""

import re
from dataclasses import replace
from typing import Any

import pytest
from django.http import QueryDict
from django.template.loader import render_to_string

from controlplane.argo.nodes import read
from controlplane.console.workflow_graph import graph_of
from controlplane.objects import Manifest
from tenants.models import TenantNamespace
from tests.controlplane.console.pages import HTMX, signed_in
from tests.controlplane.console.workflows.stories import NOW, SCRIPT, page_of, stored, text_of
from tests.factories import (
    member_of,
    owner_of,
    viewer_of,
)
from tests.fakes import FakeCluster
from tests.player import Player

pytestmark = pytest.mark.django_db


def test_the_detail_is_drawn_from_the_cluster_and_polls_until_the_end(
    payments: TenantNamespace, hello: Manifest, fake: FakeCluster
) -> None:
    client = signed_in(viewer_of(payments.team))
    assert "No step has started yet" in text_of(client.get(page_of(payments)))

    story = Player.on_fake(fake, "payments", "hello").begin().start("first")
    page = text_of(client.get(page_of(payments)))
    assert "<svg" in page
    assert 'hx-trigger="load delay:2s"' in page

    later = text_of(client.get(page_of(payments, rest="?polls=200"), headers=HTMX))
    assert 'hx-trigger="load delay:15s"' in later
    assert "<html" not in later
    assert later.count("hx-swap-oob") == 5

    story.end("first").finish(message="all is well")
    ended = text_of(client.get(page_of(payments, rest="?polls=201"), headers=HTMX))
    assert "load delay" not in ended
    assert "Succeeded" in ended
    assert "all is well" in ended


def test_the_page_of_a_workflow_is_one_of_the_workflows(
    payments: TenantNamespace, hello: Manifest
) -> None:
    page = text_of(signed_in(viewer_of(payments.team)).get(page_of(payments)))

    assert 'href="/workflows/" aria-current="page">' in page
    assert page.count('aria-current="page"') == 1


def test_an_open_question_does_not_close_under_somebody(
    payments: TenantNamespace, hello: Manifest, fake: FakeCluster
) -> None:
    story = Player.on_fake(fake, "payments", "hello").begin()
    client = signed_in(member_of(payments.team))
    page = text_of(client.get(page_of(payments)))
    (poll,) = re.findall(r'hx-get="(\?[^"]*polls=1[^"]*)"', page)

    same = text_of(client.get(page_of(payments, rest=poll.replace("&amp;", "&")), headers=HTMX))
    story.finish()
    other = text_of(client.get(page_of(payments, rest=poll.replace("&amp;", "&")), headers=HTMX))

    assert 'id="acts"' not in same
    assert 'id="steps"' in same
    assert 'id="acts"' in other
    assert "terminate/" not in other


def test_a_workflow_that_fails_while_it_is_watched_gets_its_log_without_a_reload(
    payments: TenantNamespace, hello: Manifest, fake: FakeCluster
) -> None:
    story = Player.on_fake(fake, "payments", "hello").begin().start("first")
    client = signed_in(viewer_of(payments.team))
    page = text_of(client.get(page_of(payments)))
    assert re.search(r'id="log"\s+hidden', page)  # the place where it comes
    (poll,) = re.findall(r'hx-get="(\?[^"]*polls=1[^"]*)"', page)

    runs = text_of(client.get(page_of(payments, rest=poll.replace("&amp;", "&")), headers=HTMX))
    story.end("first", phase="Failed", message="exit code 3")
    fails = text_of(client.get(page_of(payments, rest=poll.replace("&amp;", "&")), headers=HTMX))
    (poll,) = re.findall(r'hx-get="(\?[^"]*polls=2[^"]*)"', fails)
    again = text_of(client.get(page_of(payments, rest=poll.replace("&amp;", "&")), headers=HTMX))

    assert 'id="log"' not in runs
    assert 'id="log" hx-swap-oob="true" hx-get="log/?node=hello-first' in fails
    assert 'id="log"' not in again  # what somebody reads is left alone


def test_the_first_step_that_failed_is_shown_without_asking(
    payments: TenantNamespace, hello: Manifest, fake: FakeCluster
) -> None:
    story = Player.on_fake(fake, "payments", "hello").begin().start("good", "bad", "worse")
    story.end("good").end("bad", "worse", phase="Failed", message="exit code 3").finish("Failed")

    page = text_of(signed_in(viewer_of(payments.team)).get(page_of(payments)))

    assert '<h2 class="long">bad</h2>' in page
    assert "exit code 3" in page


def test_a_step_is_chosen_by_a_link_and_a_fan_out_opened_by_one(
    payments: TenantNamespace, hello: Manifest, fake: FakeCluster
) -> None:
    story = Player.on_fake(fake, "payments", "hello").begin().fan_out("extract", 12)
    client = signed_in(viewer_of(payments.team))

    folded = text_of(client.get(page_of(payments)))
    assert "extract ×12" in folded
    assert f"?open={story.id_of('extract')}" in folded

    crowd = text_of(client.get(page_of(payments, rest=f"?node={story.id_of('extract')}")))
    assert "extract(11:item-11)" in crowd

    opened = text_of(client.get(page_of(payments, rest=f"?open={story.id_of('extract')}")))
    assert opened.count("<rect") == 12
    assert 'aria-label="Fold extract"' in opened

    listed = text_of(client.get(page_of(payments, rest="?view=list")))
    assert listed.count("extract(") >= 12


def test_a_box_is_drawn_as_large_as_it_was_laid_out(fake: FakeCluster, hello: Manifest) -> None:
    Player.on_fake(fake, "payments", "hello").begin().fan_out("extract", 12)
    graph = graph_of(read(stored(fake)), QueryDict(), NOW)

    drawn = render_to_string(
        "console/_workflow_graph.html", {"graph": replace(graph, width=200, height=60, middle=30)}
    )

    assert '<rect width="200" height="60"' in drawn
    assert '<circle cx="200" cy="30"' in drawn
    assert "176" not in re.sub(r"<(g|path|svg) [^>]*>", "", drawn)


def test_hostile_names_stay_text(
    payments: TenantNamespace, hello: Manifest, fake: FakeCluster
) -> None:
    key = f"x{SCRIPT}"
    status = {
        "phase": SCRIPT,
        "message": SCRIPT,
        "progress": SCRIPT,
        "nodes": {
            key: {
                "displayName": SCRIPT,
                "type": "Pod",
                "phase": "Failed",
                "message": SCRIPT,
                "inputs": {"parameters": [{"name": SCRIPT, "value": SCRIPT}]},
            }
        },
    }
    stored(fake)["status"] = status
    stored(fake)["spec"]["arguments"] = {"parameters": [{"name": SCRIPT, "value": SCRIPT}]}
    client = signed_in(owner_of(payments.team))

    for rest in ("", "?view=list", f"?node={key}", f"?open={SCRIPT}", f"log/?node={key}"):
        answer = client.get(page_of(payments, rest=rest))
        assert answer.status_code == 200
        assert SCRIPT not in text_of(answer)


def test_a_run_shows_every_parameter_and_which_are_the_templates_own(
    payments: TenantNamespace, hello: Manifest, fake: FakeCluster
) -> None:
    said = stored(fake)
    said["spec"] = {
        "workflowTemplateRef": {"name": "fraud"},
        "arguments": {"parameters": [{"name": "day", "value": "monday"}]},
    }
    defaults = [{"name": "day", "value": "sunday"}, {"name": "region", "value": "eu"}]
    said["status"] = {"storedWorkflowTemplateSpec": {"arguments": {"parameters": defaults}}}
    said["metadata"]["annotations"] = {"workflows.argoproj.io/description": f"Finds it {SCRIPT}"}

    page = text_of(signed_in(viewer_of(payments.team)).get(page_of(payments)))

    assert "<code>monday</code>" in page
    assert "sunday" not in page
    assert '<code>eu</code> <span class="muted">(as the template has it)' in page
    assert "Finds it &lt;script&gt;" in page


def test_ten_thousand_steps_are_a_list_in_pages(
    payments: TenantNamespace, hello: Manifest, fake: FakeCluster
) -> None:
    nodes = {f"n{i}": {"displayName": f"step-{i}", "type": "Pod"} for i in range(10_000)}
    stored(fake)["status"] = {"phase": "Running", "nodes": nodes}
    client = signed_in(viewer_of(payments.team))

    assert "too many for a picture" in text_of(client.get(page_of(payments)))
    listed = text_of(client.get(page_of(payments, rest="?view=list&page=3")))
    assert "page 3 of 100" in listed
    assert len(listed) < 200_000


def test_three_hundred_steps_are_a_page_of_less_than_200_kb(
    payments: TenantNamespace, hello: Manifest, fake: FakeCluster
) -> None:
    nodes = {
        f"hello-{i}": {
            "displayName": f"stage-task-{i}",
            "type": "Pod",
            "phase": "Succeeded",
            "children": [f"hello-{j}" for j in (i + 20, i + 21)],
        }
        for i in range(300)
    }
    stored(fake)["status"] = {"phase": "Succeeded", "nodes": nodes}

    page = text_of(signed_in(viewer_of(payments.team)).get(page_of(payments)))

    assert page.count("<rect") == 300
    assert len(page) < 200_000


def test_the_detail_asks_the_cluster_once_and_the_database_the_same(
    payments: TenantNamespace,
    hello: Manifest,
    fake: FakeCluster,
    django_assert_max_num_queries: Any,
) -> None:
    client = signed_in(viewer_of(payments.team))
    client.get(page_of(payments))
    fake.calls.clear()

    with django_assert_max_num_queries(7):
        client.get(page_of(payments))

    assert fake.calls == ["get Workflow hello in payments"]
