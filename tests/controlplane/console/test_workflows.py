"""The workflows of all one's teams, one of them, submitting, and schedules: who sees and does what."""

import itertools
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
import typer
from django.conf import settings
from django.http import QueryDict
from django.template.loader import render_to_string
from django.test import Client
from django.utils import timezone

from controlplane.argo import access
from controlplane.argo.logs import LIMIT_BYTES
from controlplane.argo.nodes import pod_of, read
from controlplane.bookmarks.models import Bookmark
from controlplane.cli.main import app as cli
from controlplane.console.workflow_graph import graph_of
from controlplane.identity.models import User
from controlplane.index import services as index
from controlplane.index.entries import cron_of
from controlplane.index.kinds import CRON
from controlplane.index.models import Watch, Workflow
from controlplane.kube.door import Connection
from controlplane.kube.errors import refused
from controlplane.objects import Manifest, Ref
from tenants.models import TenantNamespace
from tests.factories import (
    ClusterFactory,
    NamespaceFactory,
    PersonFactory,
    TeamFactory,
    Who,
    approver,
    member_of,
    owner_of,
    platform_admin,
    viewer_of,
)
from tests.fakes import FakeCluster, FakeHelm
from tests.player import Player

pytestmark = pytest.mark.django_db

API = "argoproj.io/v1alpha1"
NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
SCRIPT = "<script>alert(1)</script>"
HTMX = {"HX-Request": "true"}
numbers = itertools.count()
UGLY = ("outcome=ugly", "finished=9y", "to=9999-12-31")


@pytest.fixture(autouse=True)
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is noon for as long as a test takes, however busy the machine: `5 min ago` stays true."""
    monkeypatch.setattr(timezone, "now", lambda: NOW)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    """The cluster that every namespace is on."""
    cluster = FakeCluster()
    connection = Connection(kube=cluster, helm=FakeHelm(cluster, lambda _: ()))
    monkeypatch.setattr(access, "connect", lambda _: connection)
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "payments"}})
    return cluster


@pytest.fixture
def payments(fake: FakeCluster) -> TenantNamespace:
    team = TeamFactory(slug="payments", name="Payments")
    cluster = ClusterFactory(name="east")
    return NamespaceFactory(
        name="payments",
        team=team,
        cluster=cluster,
        begun_at=timezone.now(),
        applied_at=timezone.now(),
        phase="Ready",
    )


@pytest.fixture
def hello(fake: FakeCluster, payments: TenantNamespace) -> Manifest:
    return made(fake, "Workflow", "hello", {"entrypoint": "main"})


def made(fake: FakeCluster, kind: str, name: str, spec: Manifest, **meta: Any) -> Manifest:
    named = {"name": name, "namespace": "payments", **meta}
    return fake.create({"apiVersion": API, "kind": kind, "metadata": named, "spec": spec})


def stored(fake: FakeCluster, name: str = "hello", kind: str = "Workflow") -> Manifest:
    return fake.objects[Ref(API, kind, "payments", name)].manifest


def row(namespace: TenantNamespace, name: str, phase: str = "Succeeded", **more: Any) -> Workflow:
    facts = {"created_at": NOW, "resource_version": "1", "uid": f"uid-{next(numbers)}", **more}
    return Workflow.objects.create(namespace=namespace, name=name, phase=phase, **facts)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def names_in(answer: Any) -> list[str]:
    return re.findall(r'id="w-\d+" href="/namespaces/\d+/workflows/([^/]+)/"', text_of(answer))


def page_of(namespace: TenantNamespace, name: str = "hello", rest: str = "") -> str:
    return f"/namespaces/{namespace.pk}/workflows/{name}/{rest}"


# Who sees what.


def every_page(namespace: TenantNamespace) -> list[str]:
    return [
        "/workflows/",
        "/workflows/submit/",
        "/crons/",
        page_of(namespace),
        page_of(namespace, rest="log/"),
    ]


def test_a_stranger_is_sent_to_sign_in(payments: TenantNamespace, hello: Manifest) -> None:
    posts = [page_of(payments, rest="stop/"), f"/crons/{payments.pk}/c/suspend/"]

    answers = [Client().get(page) for page in every_page(payments)]
    answers += [Client().post(page) for page in [*posts, "/workflows/views/", "/workflows/submit/"]]

    assert {(a.status_code, a["Location"].partition("?")[0]) for a in answers} == {
        (302, "/sign-in/")
    }


def test_another_team_finds_nothing_and_can_do_nothing(
    payments: TenantNamespace, hello: Manifest, fake: FakeCluster
) -> None:
    row(payments, "hello")
    other = signed_in(owner_of(TeamFactory()))

    assert other.get(page_of(payments)).status_code == 404
    assert other.get(page_of(payments, rest="log/?node=a")).status_code == 404
    for verb in ("stop", "terminate", "suspend", "resume", "resubmit"):
        assert other.post(page_of(payments, rest=f"{verb}/")).status_code == 404
    assert other.post(f"/crons/{payments.pk}/c/suspend/").status_code == 404
    assert not names_in(other.get("/workflows/"))
    sent = {"namespace": payments.pk, "from": "yaml", "manifest": "kind: Workflow"}
    assert other.post("/workflows/submit/", sent).status_code == 404
    assert not [c for c in fake.calls if not c.startswith(("apply", "create Workflow hello"))]


@pytest.mark.parametrize("who", [approver, platform_admin])
def test_the_platforms_people_are_told_that_a_teams_workflows_are_its_own(
    payments: TenantNamespace, hello: Manifest, who: Who
) -> None:
    row(payments, "hello")
    client = signed_in(who())

    answer = client.get(page_of(payments))

    assert answer.status_code == 403
    assert "its own business" in text_of(answer)
    assert not names_in(client.get("/workflows/"))


def test_a_viewer_sees_no_buttons_and_is_refused(
    payments: TenantNamespace, hello: Manifest, fake: FakeCluster
) -> None:
    client = signed_in(viewer_of(payments.team))

    assert "Terminate" not in text_of(client.get(page_of(payments)))
    for verb in ("stop", "terminate", "suspend", "resume", "resubmit"):
        answer = client.post(page_of(payments, rest=f"{verb}/"))
        assert answer.status_code == 403
        assert "may look at workflows" in text_of(answer)
    assert stored(fake)["spec"] == {"entrypoint": "main"}
    assert "no namespace that you may submit to" in text_of(client.get("/workflows/submit/"))


@pytest.mark.parametrize("path", ["nope/", "..%2f..%2fsecrets/", "UPPER/", "hello/explode/"])
def test_what_is_no_workflow_and_no_act_is_not_found(payments: TenantNamespace, path: str) -> None:
    client = signed_in(owner_of(payments.team))

    answer = client.get(f"/namespaces/{payments.pk}/workflows/{path}")

    assert answer.status_code == 404


# The list.


def test_the_list_is_found_sorted_and_counted_by_its_address(payments: TenantNamespace) -> None:
    row(payments, "alpha", "Failed", message="out of memory", template="fraud", seconds=90)
    row(payments, "beta", "Succeeded", seconds=20, created_at=NOW - timedelta(days=3))
    row(payments, "gamma", "", created_at=NOW - timedelta(minutes=2))
    client = signed_in(viewer_of(payments.team))

    def found(query: str) -> list[str]:
        return names_in(client.get(f"/workflows/?{query}"))

    assert found("team=") == ["alpha", "gamma", "beta"]
    assert found("sort=-name") == ["gamma", "beta", "alpha"]
    assert found("phase=Failed") == found("q=memory") == found("template=fraud") == ["alpha"]
    assert found("outcome=bad") == ["alpha"]
    assert found("outcome=good") == ["beta"]
    assert found("template=fra") == []
    assert found("phase=Pending") == ["gamma"]
    assert found("since=24h") == ["alpha", "gamma"]
    assert found(f"to={NOW - timedelta(days=2):%Y-%m-%d}") == ["beta"]
    assert found(f"from={NOW + timedelta(days=2):%Y-%m-%d}") == []
    assert found("sort=-took") == ["alpha", "beta", "gamma"]
    assert found("sort=took") == ["beta", "alpha", "gamma"]
    assert found("cluster=west") == found("namespace=x") == found("team=x") == []
    assert found("cluster=east&namespace=payments&team=payments&sort=took") != []


@pytest.mark.parametrize(
    "query",
    [
        "phase=Nope",
        "sort=DROP",
        "page=0",
        "page=-1",
        "page=zz",
        "from=x",
        "since=9y",
        "since=30d",
        "q=%00",
        "outcome=ugly",
        "finished=9y",
    ],
)
def test_an_address_that_means_nothing_asks_for_everything(
    payments: TenantNamespace, query: str
) -> None:
    row(payments, "alpha")

    answer = signed_in(owner_of(payments.team)).get(f"/workflows/?{query}")

    assert names_in(answer) == ["alpha"]


def test_phases_are_counted_for_what_is_asked_for_otherwise(payments: TenantNamespace) -> None:
    for name in ("a-1", "a-2", "b-1"):
        row(payments, name, "Failed")
    row(payments, "a-3", "Succeeded")
    client = signed_in(owner_of(payments.team))

    page = re.sub(r"<[^>]+>", " ", text_of(client.get("/workflows/?q=a-&phase=Succeeded")))
    said = " ".join(page.split())

    assert "All 3" in said
    assert "Failed 2" in said
    assert "Succeeded 1" in said


def test_a_page_has_25_and_the_query_count_stays_the_same(
    payments: TenantNamespace, django_assert_num_queries: Any
) -> None:
    client = signed_in(owner_of(payments.team))
    row(payments, "w-0")
    client.get("/workflows/?team=")
    with django_assert_num_queries(13):
        client.get("/workflows/?team=")
    for number in range(30):
        row(payments, f"w-{number + 1}")
    NamespaceFactory(team=payments.team)

    with django_assert_num_queries(13):
        answer = client.get("/workflows/?team=")

    assert len(names_in(answer)) == 25
    assert "1 to 25 of 31" in text_of(answer)
    assert len(names_in(client.get("/workflows/?page=2"))) == 6
    assert len(names_in(client.get("/workflows/?page=99"))) == 6


def test_the_switchers_team_is_where_the_list_begins(payments: TenantNamespace) -> None:
    client = signed_in(owner_of(payments.team))
    client.get("/?team=payments")

    assert client.get("/workflows/")["Location"] == "/workflows/?team=payments"


def test_the_table_alone_is_renewed_by_itself(payments: TenantNamespace) -> None:
    row(payments, "alpha")

    answer = text_of(signed_in(owner_of(payments.team)).get("/workflows/", headers=HTMX))

    assert "alpha" in answer
    assert "<html" not in answer


def test_how_old_the_index_is_is_said_for_each_cluster(payments: TenantNamespace) -> None:
    client = signed_in(owner_of(payments.team))

    assert "not followed yet" in text_of(client.get("/workflows/"))

    now = timezone.now()
    watch = Watch.objects.create(
        cluster=payments.cluster, kind="Workflow", in_step=True, since=now, heard_at=now
    )
    assert "followed live" in text_of(client.get("/workflows/"))

    watch.heard_at = now - timedelta(minutes=9)  # its process was killed, and said nothing
    watch.save()
    late = text_of(client.get("/workflows/"))
    assert "followed live" not in late
    assert "the process has ended" in late
    assert "Of it, this list is as of" in late

    watch.in_step, watch.message = False, "connection refused"
    watch.save()
    assert "<b>east</b> was lost sight of" in text_of(client.get("/workflows/"))
    # Why names addresses: that is for the platform's people.
    assert "connection refused" not in text_of(client.get("/workflows/"))
    both = PersonFactory(claimed_groups=[payments.team.owner_group, "argosy-approvers"])
    assert "connection refused" in text_of(signed_in(both).get("/workflows/"))


def test_where_pods_are_simulated_every_page_says_so(
    payments: TenantNamespace, hello: Manifest
) -> None:
    payments.cluster.simulated = True
    payments.cluster.save()
    client = signed_in(owner_of(payments.team))

    for page in ("/workflows/", page_of(payments), "/workflows/submit/", "/crons/"):
        assert "Pods on east are simulated" in text_of(client.get(page))


def test_that_nothing_will_run_it_is_said_before_a_workflow_is_submitted(
    payments: TenantNamespace, hello: Manifest
) -> None:
    client = signed_in(member_of(payments.team))
    assert "Nothing will run" not in text_of(client.get("/workflows/submit/"))

    payments.cluster.simulated = True
    payments.cluster.save()

    page = text_of(client.get("/workflows/submit/?from=yaml"))
    assert "Nothing will run a workflow there" in page
    assert page.index("Nothing will run") < page.index("Dry run")


def test_without_anything_the_list_says_what_to_do(payments: TenantNamespace) -> None:
    assert "Submit workflow" in text_of(signed_in(owner_of(payments.team)).get("/workflows/"))
    # Who may not submit has no button that leads to a refusal.
    assert "Submit workflow" not in text_of(signed_in(viewer_of(payments.team)).get("/workflows/"))
    nobody = text_of(signed_in(PersonFactory()).get("/workflows/"))
    assert "Owners of a team ask for it" in nobody
    assert "No workflow is like that" in text_of(
        signed_in(owner_of(payments.team)).get("/workflows/?q=zz")
    )


def test_a_view_is_kept_under_a_name_for_its_person_alone(payments: TenantNamespace) -> None:
    owner = signed_in(owner_of(payments.team))
    kept = {"name": f"failed {SCRIPT}", "query": "phase=Failed&q=a"}

    owner.post("/workflows/views/", kept)
    page = text_of(owner.get("/workflows/"))

    assert "?phase=Failed&amp;q=a" in page
    assert SCRIPT not in page
    assert "phase=Failed&amp;q=a" not in text_of(
        signed_in(member_of(payments.team)).get("/workflows/")
    )
    owner.post("/workflows/views/", {"forget": kept["name"], "query": ""})
    assert "phase=Failed&amp;q=a" not in text_of(owner.get("/workflows/"))


@pytest.mark.parametrize(
    "wrong", [{"name": " "}, {"name": "x" * 61}, {"name": "a", "query": "q" * 2001}]
)
def test_a_view_that_cannot_be_kept_says_why(payments: TenantNamespace, wrong: Any) -> None:
    answer = signed_in(owner_of(payments.team)).post("/workflows/views/", wrong, follow=True)

    assert "note bad" in text_of(answer)


def test_what_no_database_takes_is_left_out_of_a_view(payments: TenantNamespace) -> None:
    client = signed_in(owner_of(payments.team))

    client.post("/workflows/views/", {"name": "a\0b", "query": "?q=\0c"})
    kept = Bookmark.objects.get()
    client.post("/workflows/views/", {"forget": "a\0b"})

    assert (kept.name, kept.query) == ("ab", "q=c")
    assert not Bookmark.objects.exists()


def test_no_more_than_thirty_views_are_kept(payments: TenantNamespace) -> None:
    client = signed_in(owner_of(payments.team))
    for number in range(30):
        client.post("/workflows/views/", {"name": f"v{number}"})

    answer = client.post("/workflows/views/", {"name": "one more"}, follow=True)

    assert "forget one first" in text_of(answer)
    again = client.post("/workflows/views/", {"name": "v1", "query": "q=b"}, follow=True)
    assert "The view v1 is kept" in text_of(again)
    assert text_of(again).count('class="view"') == 30


# How long an ended workflow is listed.


def windows_of(page: str) -> list[str]:
    """What the filter offers as `Created in`."""
    (choice,) = re.findall(r'<select id="f-since".*?</select>', page)
    return re.findall(r'<option value="([^"]+)"', choice)


def test_the_list_says_how_long_each_outcome_is_kept(payments: TenantNamespace) -> None:
    page = text_of(signed_in(viewer_of(payments.team)).get("/workflows/"))

    assert "Succeeded 1 d, Failed 7 d, Error 3 d" in page


@pytest.mark.parametrize(
    ("query", "offered"),
    [
        ("", ["1h", "24h"]),
        ("phase=Succeeded", ["1h", "24h"]),
        ("phase=Error", ["1h", "24h", "3d"]),
        ("outcome=bad", ["1h", "24h", "3d"]),
        ("phase=Failed", ["1h", "24h", "3d", "7d"]),
        ("phase=Running", ["1h", "24h", "3d", "7d"]),
    ],
)
def test_only_windows_of_which_nothing_is_forgotten_are_offered(
    payments: TenantNamespace, query: str, offered: list[str]
) -> None:
    page = signed_in(viewer_of(payments.team)).get(f"/workflows/?{query}&team=")

    assert windows_of(text_of(page)) == offered


@pytest.mark.parametrize(
    ("query", "is_whole"),
    [
        ("since=24h", True),
        ("since=7d&phase=Failed", True),
        ("since=7d&phase=Running", True),
        ("since=7d", False),
        ("from=2025-12-24", False),
        ("to=2025-12-24", False),
        ("finished=7d&outcome=bad", False),
    ],
)
def test_an_address_that_reaches_beyond_what_is_kept_is_told_so(
    payments: TenantNamespace, query: str, is_whole: bool
) -> None:
    page = text_of(signed_in(viewer_of(payments.team)).get(f"/workflows/?{query}"))

    assert ("are forgotten already" not in page) is is_whole


# The same from elsewhere.


def behind_of(answer: Any) -> dict[str, str]:
    return dict(answer.context["behind"])


@pytest.mark.parametrize(
    "query",
    [
        "team=",
        "q=memory&sort=name",
        "phase=Pending&sort=-took",
        "outcome=bad&finished=24h&cluster=east&namespace=payments",
        "template=fraud&team=payments&sort=phase",
        "since=1h&sort=used",
        f"from={NOW:%Y-%m-%d}&to={NOW:%Y-%m-%d}",
    ],
)
def test_the_api_and_the_terminal_show_what_the_page_shows(
    payments: TenantNamespace, query: str
) -> None:
    twin = NamespaceFactory(name="payments", team=payments.team)
    finished = NOW - timedelta(minutes=1)
    row(
        payments, "alpha", "Failed", message="out of Memory", template="fraud", finished_at=finished
    )
    row(payments, "beta", seconds=20, created_at=NOW - timedelta(hours=2))
    row(payments, "gamma", "", created_at=NOW - timedelta(minutes=2))
    row(twin, "delta", "Failed", template="fraud-2", finished_at=finished)
    client = signed_in(viewer_of(payments.team))

    page = client.get(f"/workflows/?{query}")
    *_, url = shlex.split(behind_of(page)["API"])
    terminal = shlex.split(behind_of(page)["Terminal"])
    api = client.get(url.removeprefix(settings.BASE_URL)).json()

    assert [each["name"] for each in api["results"]] == names_in(page) != []
    listing = typer.main.get_command(cli).commands["workflow"].commands["list"]  # type: ignore[attr-defined]
    assert terminal[:3] == ["argosy", "workflow", "list"]
    listing.make_context("list", terminal[3:])  # a word it does not know would be an error
    said = dict(word.removeprefix("--").split("=", 1) for word in terminal[3:])
    assert {key.replace("-", "_"): value for key, value in said.items()} == dict(
        parse_qsl(url.partition("?")[2])
    )


# One workflow.


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


def test_a_cluster_that_is_away_leaves_what_was_last_seen(
    payments: TenantNamespace, fake: FakeCluster
) -> None:
    row(payments, "hello", "Failed", message="out of memory")
    fake.unreachable = True

    answer = signed_in(viewer_of(payments.team)).get(page_of(payments))

    assert answer.status_code == 200
    assert "cannot be reached" in text_of(answer)
    assert "out of memory" in text_of(answer)


def test_a_poll_of_a_cluster_that_went_away_says_so_and_asks_again(
    payments: TenantNamespace, hello: Manifest, fake: FakeCluster
) -> None:
    Player.on_fake(fake, "payments", "hello").begin()
    client = signed_in(viewer_of(payments.team))
    (poll,) = re.findall(r'hx-get="(\?[^"]*polls=1[^"]*)"', text_of(client.get(page_of(payments))))
    at = page_of(payments, rest=poll.replace("&amp;", "&"))

    fake.unreachable = True
    away = client.get(at, headers=HTMX)
    (again,) = re.findall(r'hx-get="(\?[^"]*)"', text_of(away))
    fake.unreachable = False
    back = client.get(page_of(payments, rest=again.replace("&amp;", "&")), headers=HTMX)

    assert away.status_code == 200  # of any other, htmx would put nothing there, and ask no more
    assert text_of(away).count("<div id=") == 1
    assert "<html" not in text_of(away)
    assert "cannot be reached" in text_of(away)
    assert again.replace("polls=2", "polls=1") == poll
    assert 'id="run-phase"' in text_of(back)
    assert 'id="acts"' not in text_of(back)  # they are as they were


@pytest.mark.parametrize("known", [True, False])
def test_a_poll_of_a_workflow_that_was_removed_says_so_and_asks_no_more(
    payments: TenantNamespace, known: bool
) -> None:
    if known:
        row(payments, "hello", "Running")

    answer = signed_in(viewer_of(payments.team)).get(page_of(payments), headers=HTMX)

    assert answer.status_code == 200
    assert "no longer in its cluster" in text_of(answer)
    assert "<html" not in text_of(answer)
    assert "hx-get" not in text_of(answer)
    assert 'id="acts" hx-swap-oob="true"></div>' in text_of(answer)


@pytest.mark.parametrize("who", [lambda _: approver(), lambda _: owner_of(TeamFactory())])
def test_a_poll_of_who_may_see_it_no_more_loads_the_page_anew(
    payments: TenantNamespace, hello: Manifest, who: Who
) -> None:
    answer = signed_in(who(payments.team)).get(page_of(payments), headers=HTMX)

    assert (answer.status_code, answer["HX-Refresh"], answer.content) == (204, "true", b"")


def test_going_back_to_a_workflow_brings_its_whole_page(
    payments: TenantNamespace, hello: Manifest
) -> None:
    back = {**HTMX, "HX-History-Restore-Request": "true"}
    client = signed_in(viewer_of(payments.team))

    for path in (page_of(payments), "/workflows/"):
        assert "<html" in text_of(client.get(path, headers=back))


def test_a_workflow_that_is_gone_is_shown_from_the_index(payments: TenantNamespace) -> None:
    row(payments, "hello", "Succeeded")

    answer = signed_in(viewer_of(payments.team)).get(page_of(payments))

    assert "no longer in its cluster" in text_of(answer)


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


# What is done with it.


@pytest.mark.parametrize(
    ("verb", "spec"),
    [
        ("stop", {"shutdown": "Stop"}),
        ("terminate", {"shutdown": "Terminate"}),
        ("suspend", {"suspend": True}),
    ],
)
def test_a_member_steers_a_workflow_by_a_patch_of_its_spec(
    payments: TenantNamespace, hello: Manifest, fake: FakeCluster, verb: str, spec: Manifest
) -> None:
    answer = signed_in(member_of(payments.team)).post(
        page_of(payments, rest=f"{verb}/"), follow=True
    )

    assert stored(fake)["spec"] == {"entrypoint": "main", **spec}
    assert "note ok" in text_of(answer)


def test_a_suspended_workflow_is_resumed(
    payments: TenantNamespace, hello: Manifest, fake: FakeCluster
) -> None:
    client = signed_in(member_of(payments.team))
    client.post(page_of(payments, rest="suspend/"))
    assert "resume/" in text_of(client.get(page_of(payments)))

    client.post(page_of(payments, rest="resume/"))

    assert stored(fake)["spec"] == {"entrypoint": "main"}


def test_resubmitting_goes_to_the_new_workflow(
    payments: TenantNamespace, hello: Manifest, fake: FakeCluster
) -> None:
    answer = signed_in(member_of(payments.team)).post(page_of(payments, rest="resubmit/"))

    (name,) = re.findall(r"workflows/(hello-\d+)/", answer["Location"])
    assert stored(fake, name)["spec"]["serviceAccountName"] == "workflow-runner"


def test_what_cannot_be_done_now_is_a_409_with_its_reason(
    payments: TenantNamespace, hello: Manifest, fake: FakeCluster
) -> None:
    stored(fake)["status"] = {"phase": "Succeeded"}

    answer = signed_in(member_of(payments.team)).post(page_of(payments, rest="stop/"))

    assert answer.status_code == 409
    assert "has ended" in text_of(answer)


def test_what_the_clusters_rbac_refuses_is_shown_in_its_words(
    payments: TenantNamespace, hello: Manifest, fake: FakeCluster
) -> None:
    fake.refusals["patch", "Workflow"] = refused(403, {"message": "members cannot patch"})

    answer = signed_in(member_of(payments.team)).post(page_of(payments, rest="stop/"))

    assert answer.status_code == 403
    assert "members cannot patch" in text_of(answer)


def test_a_member_deletes_a_workflow_and_it_is_in_no_list(
    payments: TenantNamespace, hello: Manifest, fake: FakeCluster
) -> None:
    row(payments, "hello", uid=hello["metadata"]["uid"])
    client = signed_in(member_of(payments.team))
    assert "That cannot be undone" in text_of(client.get(page_of(payments)))

    answer = client.post(page_of(payments, rest="delete/"), follow=True)

    assert not [ref for ref in fake.objects if ref.kind == "Workflow"]
    assert "hello is deleted" in text_of(answer)
    assert names_in(answer) == []


def test_nobody_else_deletes_a_workflow(
    payments: TenantNamespace, hello: Manifest, fake: FakeCluster
) -> None:
    where = page_of(payments, rest="delete/")

    assert signed_in(viewer_of(payments.team)).post(where).status_code == 403
    assert signed_in(owner_of(TeamFactory())).post(where).status_code == 404
    assert signed_in(approver()).post(where).status_code == 403
    assert "Delete" not in text_of(signed_in(viewer_of(payments.team)).get(page_of(payments)))
    assert stored(fake)


def test_an_act_takes_a_post(payments: TenantNamespace, hello: Manifest) -> None:
    client = signed_in(member_of(payments.team))

    assert client.get(page_of(payments, rest="stop/")).status_code == 405
    assert client.get(f"/crons/{payments.pk}/c/suspend/").status_code == 405


# Its log.


@pytest.fixture
def pod(payments: TenantNamespace, hello: Manifest, fake: FakeCluster) -> Iterator[str]:
    """A step's pod, and what its container said."""
    story = Player.on_fake(fake, "payments", "hello").begin().start("say")
    run = read(stored(fake))
    name = pod_of(run, run.nodes[story.id_of("say")])
    spec = {
        "nodeName": "n",
        "containers": [{"name": "wait"}, {"name": "main"}],
        "initContainers": [{"name": "init"}],
    }
    meta = {"name": name, "namespace": "payments"}
    fake.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec})
    fake.said["payments", name, "main"] = (f"2026-01-01T00:00:01.5Z hi {SCRIPT}",)
    yield name
    story.end("say")


def log_of(namespace: TenantNamespace, rest: str = "") -> str:
    return page_of(namespace, rest=f"log/?node=hello-say{rest}")


def test_a_log_is_followed_from_where_it_was_left(
    payments: TenantNamespace, fake: FakeCluster, pod: str
) -> None:
    client = signed_in(viewer_of(payments.team))

    first = text_of(client.get(log_of(payments), headers=HTMX))
    assert "hi &lt;script&gt;" in first
    assert "init" in first
    (further,) = re.findall(r'hx-get="([^"]+at=[^"]+)"', first)

    fake.said["payments", pod, "main"] += ("2026-01-01T00:00:02Z more",)
    second = text_of(client.get(further.replace("&amp;", "&"), headers=HTMX))

    assert "more" in second
    assert "hi " not in second
    assert "<section" not in second


def test_a_log_that_said_nothing_yet_is_followed_in_its_own_card(
    payments: TenantNamespace, fake: FakeCluster, pod: str
) -> None:
    fake.said["payments", pod, "main"] = ()
    client = signed_in(viewer_of(payments.team))

    first = text_of(client.get(log_of(payments), headers=HTMX))
    further = re.findall(r'<span[^>]* hx-get="([^"]+)"', first)[0].replace("&amp;", "&")
    fake.said["payments", pod, "main"] = ("2026-01-01T00:00:02Z at last",)
    second = text_of(client.get(further, headers=HTMX))

    assert "at last" in second
    assert "<section" not in second


def test_a_cluster_that_falls_away_is_said_in_the_log_that_is_followed(
    payments: TenantNamespace, fake: FakeCluster, pod: str
) -> None:
    client = signed_in(viewer_of(payments.team))
    first = text_of(client.get(log_of(payments), headers=HTMX))
    further = re.findall(r'<span[^>]* hx-get="([^"]+)"', first)[0].replace("&amp;", "&")
    fake.refusals["logs", "Pod"] = refused(503, {"message": "the node is away"})

    away = text_of(client.get(further, headers=HTMX))

    assert "the node is away" in away
    assert "<section" not in away
    assert "at=2026-01-01" in re.findall(r'hx-get="([^"]+)"', away)[0]


def test_following_ends_a_little_after_the_step_did(
    payments: TenantNamespace, fake: FakeCluster, pod: str
) -> None:
    client = signed_in(viewer_of(payments.team))
    Player.on_fake(fake, "payments", "hello").begin().start("say").end("say")
    mark = "&at=2026-01-01T00:00:01.5Z&seen=1&drawn=1"

    going = text_of(client.get(log_of(payments, f"{mark}&quiet=0"), headers=HTMX))
    over = text_of(client.get(log_of(payments, f"{mark}&quiet=5"), headers=HTMX))

    assert "hx-get" in going
    assert "hx-get" not in over
    assert "end" in over


def test_other_containers_have_their_own_logs(
    payments: TenantNamespace, fake: FakeCluster, pod: str
) -> None:
    fake.said["payments", pod, "init"] = ("2026-01-01T00:00:00Z prepared",)
    client = signed_in(viewer_of(payments.team))

    assert "prepared" in text_of(client.get(log_of(payments, "&container=init"), headers=HTMX))
    unknown = text_of(client.get(log_of(payments, "&container=../../x"), headers=HTMX))
    assert "hi &lt;script&gt;" in unknown


def test_a_poll_of_a_log_is_bounded(payments: TenantNamespace, fake: FakeCluster, pod: str) -> None:
    line = f"2026-01-01T00:00:01Z {'x' * 1000}"
    fake.said["payments", pod, "main"] = (line,) * 400

    answer = text_of(signed_in(viewer_of(payments.team)).get(log_of(payments), headers=HTMX))

    assert len(answer) < LIMIT_BYTES * 1.2


def test_a_log_is_a_page_of_its_own_without_javascript(payments: TenantNamespace, pod: str) -> None:
    page = text_of(signed_in(viewer_of(payments.team)).get(log_of(payments)))

    assert "<html" in page
    assert "Look again" in page


def test_where_nothing_ran_there_is_no_log_and_a_sentence(
    payments: TenantNamespace, fake: FakeCluster, pod: str
) -> None:
    client = signed_in(viewer_of(payments.team))
    payments.cluster.simulated = True
    payments.cluster.save()
    fake.calls.clear()

    assert "no container ran" in text_of(client.get(log_of(payments), headers=HTMX))
    assert not [call for call in fake.calls if call.startswith("logs")]


def test_a_pod_that_is_gone_took_its_log_along(
    payments: TenantNamespace, fake: FakeCluster, pod: str
) -> None:
    del fake.objects[Ref("v1", "Pod", "payments", pod)]
    client = signed_in(viewer_of(payments.team))

    assert "not there yet" in text_of(client.get(log_of(payments), headers=HTMX))
    Player.on_fake(fake, "payments", "hello").begin().start("say").end("say")
    assert "is gone" in text_of(client.get(log_of(payments), headers=HTMX))


def test_what_the_cluster_says_of_a_log_is_shown(
    payments: TenantNamespace, fake: FakeCluster, pod: str
) -> None:
    fake.refusals["logs", "Pod"] = refused(400, {"message": "container is waiting to start"})

    answer = signed_in(viewer_of(payments.team)).get(log_of(payments), headers=HTMX)

    assert "waiting to start" in text_of(answer)


def test_an_address_is_carried_on_only_as_far_as_it_means_something(
    payments: TenantNamespace, hello: Manifest
) -> None:
    open_ = "".join(f"&open=k{at}" for at in range(900))
    path = page_of(payments, rest=f"?junk={'x' * 9000}&node={'y' * 9000}{open_}")

    answer = signed_in(viewer_of(payments.team)).get(path, headers=HTMX)

    assert answer.status_code == 200
    assert len(answer.content) < 60_000
    assert "junk" not in text_of(answer)


# Submitting.

YAML = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata:
  generateName: hi-
spec:
  entrypoint: main
  templates: [{name: main, suspend: {}}]
"""


def sent(payments: TenantNamespace, **more: str) -> Any:
    said = {"namespace": payments.pk, "from": "yaml", "manifest": YAML, "do": "submit", **more}
    return signed_in(member_of(payments.team)).post("/workflows/submit/", said)


@pytest.fixture
def template(fake: FakeCluster, payments: TenantNamespace) -> Manifest:
    parameters = [
        {"name": "day", "description": f"Which day {SCRIPT}"},
        {"name": "region", "enum": ["eu", "us"], "value": "eu"},
    ]
    spec = {"entrypoint": "main", "templates": [{"name": "main", "suspend": {}}]}
    return made(
        fake, "WorkflowTemplate", "fraud", {**spec, "arguments": {"parameters": parameters}}
    )


def test_yaml_is_submitted_and_leads_to_its_workflow(
    payments: TenantNamespace, fake: FakeCluster
) -> None:
    answer = sent(payments)

    (name,) = re.findall(r"workflows/(hi-\d+)/", answer["Location"])
    assert stored(fake, name)["spec"]["serviceAccountName"] == "workflow-runner"


def test_a_dry_run_makes_nothing_and_shows_what_would_be(
    payments: TenantNamespace, fake: FakeCluster
) -> None:
    answer = sent(payments, do="check")

    assert answer.status_code == 200
    assert "Nothing was made yet" in text_of(answer)
    assert "serviceAccountName: workflow-runner" in text_of(answer)
    assert not [ref for ref in fake.objects if ref.kind == "Workflow"]


@pytest.mark.parametrize(
    ("manifest", "says"),
    [
        ("kind: [", "Line 1"),
        (YAML.replace("entrypoint: main", "entrypoint: main\n  entrypoint: b"), "Line 7"),
        (YAML.replace("Workflow", "Pod"), "Only a Workflow"),
        (YAML + "status: {}\n", "Leave out status"),
        (YAML + "status: {}\n", "Line 8"),
        (YAML.replace("generateName: hi-", "name: [1]"), "Line 4"),
        (YAML.replace("generateName: hi-", "generateName: {a: b}"), "Line 4"),
        (YAML.replace("  generateName: hi-", "  name: x\n  labels: {a: 1}"), "Line 5"),
        (YAML + "  x: !!binary aGk=\n", "Line 8"),
        (YAML + "  x: !!set {a, b}\n", "Line 8"),
        (YAML + "  x: !!bool maybe\n", "Line 8"),
        *((YAML + f"  x: {'[' * deep}{']' * deep}\n", "Line 8") for deep in (330, 385, 440)),
    ],
)
def test_what_is_wrong_with_yaml_is_said_beside_it_and_what_was_typed_stays(
    payments: TenantNamespace, manifest: str, says: str
) -> None:
    answer = sent(payments, manifest=manifest)

    assert answer.status_code == 400
    assert says in text_of(answer)
    assert manifest.split("\n", maxsplit=1)[0] in text_of(answer)


def test_what_the_api_server_does_not_know_is_said_with_its_line(
    payments: TenantNamespace, fake: FakeCluster
) -> None:
    said = 'strict decoding error: unknown field "spec.entrypoint"'
    fake.refusals["create", "Workflow"] = refused(400, {"message": said})

    answer = sent(payments)

    assert answer.status_code == 400
    assert "<b>Line 6</b>: There is no field spec.entrypoint." in text_of(answer)


def test_what_would_not_run_is_said_at_the_dry_run_with_its_line(
    payments: TenantNamespace, fake: FakeCluster
) -> None:
    answer = sent(payments, manifest=YAML + "  tempaltes: []\n", do="check")

    assert answer.status_code == 200
    assert "it would not run as written" in text_of(answer)
    assert "Line 8</b>: There is no field `tempaltes`" in text_of(answer)
    assert "note ok" not in text_of(answer)


@pytest.mark.parametrize("do", ["check", "submit"])
def test_what_can_never_run_is_refused_with_its_lines(
    payments: TenantNamespace, fake: FakeCluster, do: str
) -> None:
    wrong = YAML.replace("entrypoint: main", "entrypoint: mian") + "  tempaltes: []\n"

    answer = sent(payments, manifest=wrong, do=do)

    assert answer.status_code == 400
    assert "Line 6</b>: It can never run: there is no template mian" in text_of(answer)
    assert "Line 8</b>: There is no field `tempaltes`" in text_of(answer)
    assert "would take it" not in text_of(answer)
    assert not [ref for ref in fake.objects if ref.kind == "Workflow"]


def test_a_template_that_can_never_run_is_refused_too(
    payments: TenantNamespace, fake: FakeCluster
) -> None:
    made(fake, "WorkflowTemplate", "empty", {"entrypoint": "main"})

    answer = sent(payments, **{"from": "template"}, template="empty", do="check")

    assert answer.status_code == 400
    assert "there is no template main" in text_of(answer)


def test_a_form_is_made_from_a_templates_parameters(
    payments: TenantNamespace, template: Manifest, fake: FakeCluster
) -> None:
    client = signed_in(member_of(payments.team))

    template["metadata"]["annotations"] = {"workflows.argoproj.io/description": "Finds fraud."}
    fake.apply(template)
    page = text_of(client.get(f"/workflows/submit/?namespace={payments.pk}&template=fraud"))
    assert "Finds fraud." in page

    assert 'name="p.day"' in page
    assert "<option selected>eu</option>" in page
    assert SCRIPT not in page


def test_a_template_is_submitted_with_what_was_typed(
    payments: TenantNamespace, template: Manifest, fake: FakeCluster
) -> None:
    form = {"from": "template", "template": "fraud", "p.day": "2026-01-01", "p.region": "us"}

    answer = sent(payments, **form)

    (name,) = re.findall(r"workflows/(fraud-\d+)/", answer["Location"])
    assert stored(fake, name)["spec"]["arguments"]["parameters"] == [
        {"name": "day", "value": "2026-01-01"},
        {"name": "region", "value": "us"},
    ]


def test_a_field_that_is_not_right_says_so_and_what_was_typed_stays(
    payments: TenantNamespace, template: Manifest
) -> None:
    answer = sent(payments, **{"from": "template", "template": "fraud", "p.region": "us"})

    assert answer.status_code == 400
    assert "day needs a value" in text_of(answer)
    assert "<option selected>us</option>" in text_of(answer)


def test_an_earlier_workflow_can_be_edited_and_sent_again(
    payments: TenantNamespace, hello: Manifest
) -> None:
    client = signed_in(member_of(payments.team))

    page = text_of(client.get(f"/workflows/submit/?namespace={payments.pk}&from=yaml&like=hello"))

    assert "generateName: hello-" in page


@pytest.mark.parametrize("like", ["../../secrets", "", "..", "a/b"])
def test_what_is_no_name_is_not_asked_for(
    payments: TenantNamespace, fake: FakeCluster, like: str
) -> None:
    client = signed_in(member_of(payments.team))

    answer = client.get(f"/workflows/submit/?namespace={payments.pk}&from=yaml&like={like}")

    assert answer.status_code == 200
    assert not [call for call in fake.calls if "/" in call or "secret" in call]


def test_a_cluster_that_is_away_is_said_on_the_form(
    payments: TenantNamespace, fake: FakeCluster
) -> None:
    fake.unreachable = True

    answer = sent(payments)

    assert answer.status_code == 503
    assert "cannot be reached" in text_of(answer)
    assert "generateName: hi-" in text_of(answer)


# Submitting by somebody who has thousands of namespaces.


@pytest.fixture
def crowd(payments: TenantNamespace) -> list[TenantNamespace]:
    """More namespaces of the team than are listed, each name on one of two clusters."""
    west = ClusterFactory(name="west")
    return [
        NamespaceFactory(
            name=f"batch-{number:03}",
            team=payments.team,
            cluster=west if number % 2 else payments.cluster,
            applied_at=NOW,
        )
        for number in range(60)
    ]


def asks(namespace: TenantNamespace, query: str) -> str:
    return text_of(signed_in(member_of(namespace.team)).get(f"/workflows/submit/?{query}"))


def test_who_has_few_namespaces_chooses_from_a_list(
    payments: TenantNamespace, crowd: list[TenantNamespace]
) -> None:
    TenantNamespace.objects.filter(name__gte="batch-005", name__lt="batch-999").delete()

    assert f'<option value="{crowd[3].pk}">batch-003 on west</option>' in asks(payments, "")


def test_who_has_many_is_asked_for_a_name_and_the_page_stays_small(
    payments: TenantNamespace, crowd: list[TenantNamespace]
) -> None:
    page = asks(payments, "")

    assert 'name="find"' in page
    assert "batch-0" not in page


@pytest.mark.parametrize("written", ["batch-007", "BATCH-007 ", "batch-007 on west"])
def test_a_name_that_is_written_out_is_taken(
    payments: TenantNamespace, crowd: list[TenantNamespace], written: str
) -> None:
    NamespaceFactory(name="batch-007x", team=payments.team, applied_at=NOW)

    page = asks(payments, f"from=yaml&find={written}")

    assert f'name="namespace" value="{crowd[7].pk}"' in page
    assert 'value="batch-007 on west"' in page


def test_a_name_on_two_clusters_is_chosen_by_its_cluster(
    payments: TenantNamespace, crowd: list[TenantNamespace]
) -> None:
    twin = NamespaceFactory(
        name="batch-007", team=payments.team, cluster=payments.cluster, applied_at=NOW
    )

    listed = asks(payments, "from=yaml&find=batch-007")
    chosen = asks(payments, "from=yaml&find=batch-007 on east")

    assert re.findall(r'href="\?namespace=(\d+)&amp;from=yaml">batch-007 on', listed) == [
        str(twin.pk),
        str(crowd[7].pk),
    ]
    assert 'name="manifest"' not in listed
    assert f'name="namespace" value="{twin.pk}"' in chosen


def test_a_part_of_a_name_lists_some_and_says_that_there_are_more(
    payments: TenantNamespace, crowd: list[TenantNamespace]
) -> None:
    assert asks(payments, "find=batch").count('<a class="long" href="?namespace=') == 20
    assert "the first 20" in asks(payments, "find=batch")
    assert asks(payments, "find=ch-01").count('<a class="long" href="?namespace=') == 10
    assert "the first" not in asks(payments, "find=ch-01")
    assert "No namespace that you may submit to has zzz" in asks(payments, "find=zzz")
    assert "&lt;b&gt;" in asks(payments, "find=<b>")
    assert "No namespace" in asks(payments, "find=%00%25")


def test_nobody_finds_or_chooses_a_namespace_that_is_not_theirs_to_submit_to(
    payments: TenantNamespace, crowd: list[TenantNamespace]
) -> None:
    other = TeamFactory()
    theirs = NamespaceFactory(name="secret-1", team=other, applied_at=NOW)
    looks_only = PersonFactory(
        claimed_groups=[payments.team.member_group, other.viewer_group, "argosy-approvers"]
    )
    client = signed_in(looks_only)

    for query in ("find=secret-1", "find=secret", f"namespace={theirs.pk}"):
        page = text_of(client.get(f"/workflows/submit/?from=yaml&{query}"))
        assert f'href="?namespace={theirs.pk}&' not in page
        assert "secret-1 on" not in page
        assert 'name="manifest"' not in page
    assert "secret" not in text_of(client.get("/workflows/submit/namespaces/?find=secret"))
    sent = {"namespace": theirs.pk, "from": "yaml", "manifest": YAML}
    assert client.post("/workflows/submit/", sent).status_code == 404
    assert client.post("/workflows/submit/", sent | {"find": "secret-1"}).status_code == 404


def test_what_is_typed_is_completed_from_a_few(
    payments: TenantNamespace, crowd: list[TenantNamespace]
) -> None:
    member, stranger = signed_in(member_of(payments.team)), signed_in(owner_of(TeamFactory()))

    to_submit = text_of(member.get("/workflows/submit/namespaces/?find=batch"))
    to_filter = text_of(member.get("/workflows/namespaces/?namespace=batch-03"))

    assert to_submit.count("<option") == 20
    assert '<option value="batch-000 on east">' in to_submit
    assert to_filter.count("<option") == 10
    assert '<option value="batch-030">' in to_filter
    for part in ("submit/namespaces/?find=b", "namespaces/?namespace=b"):
        assert "batch" not in text_of(stranger.get(f"/workflows/{part}"))
        assert Client().get(f"/workflows/{part}").status_code == 302


def test_who_has_many_filters_the_list_by_a_name_that_is_typed(
    payments: TenantNamespace, crowd: list[TenantNamespace]
) -> None:
    row(crowd[4], "wanted")
    row(crowd[5], "unwanted")
    client = signed_in(member_of(payments.team))

    page = client.get("/workflows/?namespace=batch-004")

    assert names_in(page) == ["wanted"]
    assert 'name="namespace" value="batch-004"' in text_of(page)
    assert "batch-005" not in text_of(page)


def test_the_query_count_of_submitting_stays_the_same(
    payments: TenantNamespace,
    crowd: list[TenantNamespace],
    django_assert_num_queries: Any,
) -> None:
    client = signed_in(member_of(payments.team))
    client.get("/workflows/submit/")
    for _ in range(2):
        for query, count in (("", 7), ("find=batch", 8), (f"namespace={crowd[0].pk}", 8)):
            with django_assert_num_queries(count):
                client.get(f"/workflows/submit/?from=yaml&{query}")
        NamespaceFactory.create_batch(5, team=payments.team, applied_at=NOW)


# Schedules.


def scheduled(
    fake: FakeCluster, namespace: TenantNamespace, name: str, *schedules: str, **spec: Any
) -> Manifest:
    """A CronWorkflow in the cluster, as the watch saw it there."""
    cron = made(fake, "CronWorkflow", name, {"schedules": list(schedules), **spec})
    entry = cron_of(cron)
    assert entry is not None
    index.put(namespace.cluster, CRON, [entry], now=NOW)
    return cron


@pytest.fixture
def nightly(fake: FakeCluster, payments: TenantNamespace) -> Manifest:
    return scheduled(fake, payments, "nightly", "0 6 * * *", timezone="Europe/Berlin")


def test_schedules_are_said_in_words_and_as_written(
    payments: TenantNamespace, nightly: Manifest
) -> None:
    page = text_of(signed_in(viewer_of(payments.team)).get("/crons/"))

    assert "At 06:00 every day" in page
    assert "0 6 * * *" in page
    assert "Europe/Berlin" in page
    assert "Suspend" not in page


def test_a_member_lets_a_schedule_rest_and_wakes_it(
    payments: TenantNamespace, nightly: Manifest, fake: FakeCluster
) -> None:
    client = signed_in(member_of(payments.team))

    page = text_of(client.post(f"/crons/{payments.pk}/nightly/suspend/", follow=True))
    assert "not while suspended" in page
    assert stored(fake, "nightly", "CronWorkflow")["spec"]["suspend"] is True

    client.post(f"/crons/{payments.pk}/nightly/resume/")
    assert stored(fake, "nightly", "CronWorkflow")["spec"]["suspend"] is False
    assert client.post(f"/crons/{payments.pk}/nothing/resume/").status_code == 404


@pytest.mark.parametrize(
    ("schedules", "says", "badge"),
    [(["at noon"], "never runs", "Never runs"), (["at noon", "@daily"], "not by all", "Partly")],
)
def test_resuming_what_no_clock_can_start_says_so(
    payments: TenantNamespace, fake: FakeCluster, schedules: list[str], says: str, badge: str
) -> None:
    made(fake, "CronWorkflow", "broken", {"schedules": schedules, "suspend": True})
    client = signed_in(member_of(payments.team))

    page = text_of(client.post(f"/crons/{payments.pk}/broken/resume/", follow=True))

    assert says in page
    assert "runs again." not in page
    assert badge in page
    assert ">Active<" not in page


def test_a_viewer_may_not_touch_a_schedule(
    payments: TenantNamespace, nightly: Manifest, fake: FakeCluster
) -> None:
    answer = signed_in(viewer_of(payments.team)).post(f"/crons/{payments.pk}/nightly/suspend/")

    assert answer.status_code == 403
    assert "suspend" not in stored(fake, "nightly", "CronWorkflow")["spec"]


def test_other_teams_schedules_are_not_there(payments: TenantNamespace, nightly: Manifest) -> None:
    for who in (owner_of(TeamFactory()), approver()):
        assert "nightly" not in text_of(signed_in(who).get("/crons/"))


def test_how_old_a_clusters_schedules_are_is_said_and_why_to_the_platforms_people_only(
    payments: TenantNamespace, nightly: Manifest
) -> None:
    client = signed_in(viewer_of(payments.team))
    both = PersonFactory(claimed_groups=[payments.team.viewer_group, "argosy-approvers"])
    assert "<b>east</b> is not followed yet" in text_of(client.get("/crons/"))

    watch = Watch.objects.create(
        cluster=payments.cluster, kind="CronWorkflow", in_step=True, since=NOW, heard_at=NOW
    )
    assert "east: followed live" in text_of(client.get("/crons/"))

    watch.in_step, watch.message = False, "connection refused"
    watch.save()
    page = text_of(client.get("/crons/"))
    assert "<b>east</b> was lost sight of" in page
    assert "nightly" in page
    assert "connection refused" not in page
    assert "connection refused" in text_of(signed_in(both).get("/crons/"))


def test_that_there_is_no_schedule_is_said_only_where_the_watch_would_know(
    payments: TenantNamespace,
) -> None:
    client = signed_in(viewer_of(payments.team))
    assert "No schedule is known" in text_of(client.get("/crons/"))

    Watch.objects.create(
        cluster=payments.cluster, kind="CronWorkflow", in_step=True, since=NOW, heard_at=NOW
    )
    assert "Nothing starts by the clock yet" in text_of(client.get("/crons/"))


def test_schedules_are_read_from_no_cluster(
    payments: TenantNamespace, nightly: Manifest, fake: FakeCluster
) -> None:
    fake.unreachable = True

    assert "nightly" in text_of(signed_in(viewer_of(payments.team)).get("/crons/"))


def test_a_schedule_that_is_away_from_the_cluster_is_said_when_it_is_touched(
    payments: TenantNamespace, nightly: Manifest, fake: FakeCluster
) -> None:
    fake.unreachable = True

    answer = signed_in(member_of(payments.team)).post(f"/crons/{payments.pk}/nightly/suspend/")

    assert answer.status_code == 503
    assert "cannot be reached" in text_of(answer)
    assert "Suspend nightly" in text_of(answer)


def test_schedules_are_found_by_name_and_by_the_switchers_team(
    payments: TenantNamespace, nightly: Manifest, fake: FakeCluster
) -> None:
    scheduled(fake, payments, "hourly", "@hourly")
    other = TeamFactory(slug="ledger", viewer_group=payments.team.viewer_group)
    client = signed_in(viewer_of(payments.team))

    found = text_of(client.get("/crons/?q=NIGHT"))
    assert "nightly" in found
    assert "hourly" not in found
    assert "No schedule has that in its name" in text_of(client.get("/crons/?q=%25"))

    client.get(f"/?team={other.slug}")
    assert "nightly" not in text_of(client.get("/crons/"))


def test_the_query_count_of_schedules_stays_the_same(
    payments: TenantNamespace, nightly: Manifest, fake: FakeCluster, django_assert_num_queries: Any
) -> None:
    client = signed_in(viewer_of(payments.team))
    with django_assert_num_queries(10):
        client.get("/crons/")
    for number in range(40):
        scheduled(fake, payments, f"c-{number}", "@daily")
    NamespaceFactory(team=payments.team)

    with django_assert_num_queries(10):
        page = text_of(client.get("/crons/"))

    assert page.count("At 00:00 every day") == 25
