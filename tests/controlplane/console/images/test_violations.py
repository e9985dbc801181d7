"""The list of violations: what, where, why, how often, and how to mend it."""

import csv
import io
from datetime import timedelta

import pytest
from django.utils import timezone

from controlplane.console.image_rules import RULES, rule_of
from controlplane.policies import sightings
from controlplane.policies.sightings import Scanned
from controlplane.policies.verdict import Code
from tests.browsing import FRAME, browser, queries
from tests.controlplane.console.images.stories import (
    CSV,
    LIST,
    TEAM,
    link,
    place,
    seen,
)
from tests.controlplane.console.pages import read
from tests.factories import (
    Who,
    approver,
    owner_of,
    viewer_of,
)
from tests.images import FOREIGN, sighting

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("who", TEAM)
def test_the_list_says_what_where_why_how_often_and_how_to_mend_it(who: Who) -> None:
    where = place()
    seen(where, name="hello-7xk", hours=1)
    seen(where, name="hello-7xk")

    page = read(browser(who(where.team)), LIST)

    for said in (
        FOREIGN,
        where.name,
        f"on {where.cluster.name}",
        *("Pod hello-7xk", "container main", "spec.containers[0].image", "no rule allows it"),
        *("Not among the images allowed here", "Use an image from a repository", "Refused"),
        *("2 time", "first 1 h ago", "1 in the last 24 hours"),
    ):
        assert said in page


def test_every_rule_of_the_policy_has_words_and_a_way_out() -> None:
    assert set(RULES) == set(Code)
    assert all(rule.title and rule.fix.endswith((".", ")")) for rule in RULES.values())
    assert "admins" in rule_of("a-rule-of-next-year").fix


def test_the_list_is_narrowed_by_its_address() -> None:
    where = place()
    seen(where, image="evil.example/a:1")
    seen(where, image="evil.example/b:1", code="forbidden-tag", source="webhook")
    client = browser(owner_of(where.team))

    for query in ({"q": "/b"}, {"code": "forbidden-tag"}, {"source": "webhook"}):
        page = read(client, LIST, **query)
        assert ("example/b:1" in page, "example/a:1" in page) == (True, False), query
    assert "No violation is like that" in read(client, LIST, cluster="elsewhere", q="\0'%")


def test_what_is_gone_is_shown_only_where_it_is_asked_for() -> None:
    where, now = place(), timezone.now()
    seen(where, state="running", source="scanner", hours=1)
    sightings.record(cluster=where.cluster, now=now, scanned=[Scanned(where.name, now, 3)])
    client = browser(owner_of(where.team))

    assert FOREIGN not in read(client, LIST)
    assert FOREIGN in read(client, LIST, state="gone")


def test_a_namespace_is_clean_as_of_its_last_scan_or_says_since_when_it_is_not() -> None:
    where, now = place(), timezone.now()
    client = browser(owner_of(where.team))
    assert "Nothing was scanned yet" in read(client, LIST)

    sightings.record(cluster=where.cluster, now=now, scanned=[Scanned(where.name, now, 3)])
    assert f"Clean as of {now:%H:%M}" in read(client, LIST)

    later = now + timedelta(seconds=9)
    broken = sighting(where.name, at=later, state="running", source="scanner")
    told = {"sightings": [broken], "scanned": [Scanned(where.name, later, 3)]}
    sightings.record(cluster=where.cluster, now=later, **told)  # type: ignore[arg-type]
    page = read(client, LIST)
    assert "Not clean" in page
    assert "0 of 1 namespaces are clean" in page


def test_the_list_says_what_it_cannot_know() -> None:
    page = read(browser(owner_of(place().team)), LIST)

    assert "denied kubectl on a managed cluster is seen by that person alone" in page


def test_the_csv_has_what_the_narrowed_list_has_and_runs_no_formula() -> None:
    where = place()
    seen(where, name="=cmd()", image="evil.example/a:1")
    seen(where, image="evil.example/b:1")
    client = browser(viewer_of(where.team))

    answer = client.get(CSV, {"q": "/a"})
    rows = list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode())))  # type: ignore[attr-defined]

    assert answer["Content-Disposition"].startswith('attachment; filename="violations-')
    assert [row[rows[0].index("image")] for row in rows[1:]] == ["evil.example/a:1"]
    assert rows[1][rows[0].index("name")] == "'=cmd()"


def test_what_is_of_no_team_is_the_platforms_alone() -> None:
    where = place()
    violation = seen(where, namespace="", kind="ClusterWorkflowTemplate")

    assert FOREIGN in read(browser(approver()), LIST)
    assert FOREIGN not in read(browser(owner_of(where.team)), LIST)
    page = read(browser(approver()), link(violation))
    assert "No exemption would help here" in page


def test_the_list_and_its_frame_take_the_same_queries_however_long_it_is() -> None:
    where = place()
    seen(where)
    client = browser(owner_of(where.team))
    cost = queries(client, LIST)

    for n in range(30):
        seen(where, image=f"evil.example/other:{n}")

    assert queries(client, LIST) == cost <= FRAME + 6
    assert "1 to 25 of 31" in read(client, LIST)
