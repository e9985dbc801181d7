"""Our configuration, rules and questions on a real Prometheus, with controllers that behave in every way."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from controlplane.metrics import queries
from controlplane.metrics.alerts import ALERTS
from controlplane.metrics.dashboards import DASHBOARDS
from controlplane.metrics.engine import Down, Engine, Found
from controlplane.metrics.queries import CATALOGUE, Answer, Scope, Span
from controlplane.metrics.recording import GROUPS
from tests.prometheus import (
    Controllers,
    Running,
    agent,
    controller,
    controllers,
    prometheus,
    said,
    without_end,
)

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("engine")]

HERE = frozenset({"eu", "us"})
ATLAS = Scope(frozenset({"atlas"}), HERE, HERE)
BOREAS = Scope(frozenset({"boreas"}), HERE, HERE)
EVERYTHING = Scope(None, frozenset(), HERE)
LIES = b"""\
argo_workflows_gauge{phase="Running",cluster="us",team="atlas",namespace="shop",job="argosy"} 666
argo_workflows_gauge{phase="Invented"} 666
argo_workflows_gauge{phase="Failed",exported_team="atlas",user="ann",path="/etc"} 5
namespace:workflows:sum{cluster="us",team="atlas",namespace="shop",phase="Running"} 666
up{team="atlas"} 1
"""
ANOTHERS = (
    b'argo_workflows_version{version="v9.9.9",cluster="us",team="atlas",namespace="shop"} 1\n'
)
MANY_VERSIONS = b"".join(b'argo_workflows_version{version="v4.0.%d"} 1\n' % n for n in range(400))
BAD = {
    "huge": said(b'argo_workflows_gauge{phase="Running"} 666\n' + b"# filler\n" * 11_000_000),
    "endless": without_end(0.05),
    "torrent": without_end(0, b"# filler\n" * 10_000),
    "html": said(b"<!doctype html><title>Sign in</title>", "text/html"),
    "many": said(
        b"".join(
            f'argo_workflows_k8s_request_total{{status_code="{n % 500 + 100}",kind="k{n}"}} 1\n'.encode()
            for n in range(5000)
        )
    ),
    "binary": said(bytes(range(256)) * 64),
}


@pytest.fixture(scope="module")
def story() -> Iterator[Controllers]:
    with controllers() as them:
        them.add("eu", "atlas", "shop", controller(Running=2, Failed=1))
        them.add("us", "atlas", "shop-us", controller(Running=40))
        them.add("eu", "boreas", "lab", controller(Running=9))
        them.add("eu", "liar", "liar", said(LIES))
        them.add("eu", "forger", "forger", said(ANOTHERS))
        them.add("eu", "forger", "many-versions", said(MANY_VERSIONS))
        for name, behaviour in BAD.items():
            them.add("eu", "bad", name, behaviour)
        yield them


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, story: Controllers) -> Iterator[Running]:
    with prometheus(tmp_path_factory.mktemp("engine"), ["eu", "us"], story) as there:
        there.until('namespace:workflows:sum{namespace="liar"}')
        there.until('argo_workflows_version{namespace="many-versions"}')
        there.until("cluster:controller_version:count")
        there.until('namespace:workflows:sum{namespace="shop-us",phase="Running"}')
        there.until("cluster:recorded_series:count")
        there.until("cluster:workflows_finished:rate5m > 0")
        there.until("namespace:pods_pending:increase10m")
        yield there


def run(running: Running, name: str, scope: Scope, **params: str) -> Answer:
    return queries.run(name, params, scope, engine=running.engine)


def values(answer: Answer, label: str) -> dict[str, float]:
    return {each.labels[label]: each.points[-1][1] for each in answer.series}


def test_a_team_is_told_its_own_over_all_clusters_with_how_much_of_it_is_known(
    running: Running,
) -> None:
    answer = run(running, "workflows_by_phase", ATLAS)

    assert values(answer, "phase") == {"Running": 42, "Failed": 1}
    assert (answer.freshness, answer.trouble) == ("fresh", "")
    assert (answer.coverage.of, answer.coverage.seen, answer.coverage.stale) == (2, 2, 0)


def test_another_team_is_told_nothing_of_it_whatever_it_asks_for(running: Running) -> None:
    for params in ({"namespace": "shop"}, {"team": "atlas"}, {"cluster": "us"}):
        assert run(running, "workflows_by_phase", BOREAS, **params).series == ()


@pytest.mark.parametrize(
    "value", ['shop"} or up{job="x', "shop'", "a\nb", "{}", "\\", "$m", ".*", "a|b", "\x00", "é😀"]
)
def test_a_parameter_is_data_whatever_it_holds(running: Running, value: str) -> None:
    answer = run(running, "workflows_by_phase", BOREAS, namespace=value)

    assert (answer.series, answer.trouble) == ((), "")


def test_a_controller_that_lies_about_its_labels_speaks_for_itself_alone(running: Running) -> None:
    shop = run(running, "workflows_by_phase", ATLAS, namespace="shop")
    found = running.until('{__name__=~".+", team="liar", job="argo-controller"}')
    liar = running.until('namespace:workflows:sum{team="liar"}')

    assert values(shop, "phase") == {"Running": 2, "Failed": 1}
    assert {each.labels["phase"]: each.points[0][1] for each in liar} == {
        "Running": 666,
        "Failed": 5,
    }
    assert {label for each in found for label in each.labels} <= {
        "__name__", "cluster", "team", "namespace", "instance", "job", "phase",
    }  # fmt: skip
    assert {each.labels["cluster"] for each in found} == {"eu"}


def test_a_version_is_of_the_controller_that_was_asked_whatever_its_labels_say(
    running: Running,
) -> None:
    answer = run(running, "controller_version", EVERYTHING, cluster="eu")

    assert {s.labels["namespace"]: s.labels["version"] for s in answer.series} == {
        "shop": "v4.1.2",
        "lab": "v4.1.2",
        "forger": "v9.9.9",
    }  # and who names four hundred is believed none
    shop = run(running, "controller_version", ATLAS, cluster="eu", namespace="shop")
    assert [s.labels["version"] for s in shop.series] == ["v4.1.2"]
    assert run(running, "controller_version", BOREAS, namespace="shop").series == ()
    assert values(run(running, "fleet_versions", EVERYTHING), "version") == {
        "v4.1.2": 3,
        "v9.9.9": 1,
    }


@pytest.mark.parametrize("name", BAD)
def test_a_controller_that_answers_badly_counts_as_not_heard_and_leaves_nothing(
    running: Running, name: str
) -> None:
    (up,) = running.until(f'namespace:controller_up:max{{namespace="{name}"}}')
    left = running.engine.instant(f'argo_workflows_gauge{{namespace="{name}"}}', at=now())

    assert (up.points[0][1], left) == (0, ())
    assert run(running, "controller_up", ATLAS, cluster="eu").series[0].points[-1][1] == 1


def test_a_reason_that_is_not_known_is_another(running: Running) -> None:
    answer = run(running, "pods_pending", ATLAS)

    assert values(answer, "reason").keys() == {"Unschedulable", "Other"}


def test_names_of_templates_are_not_kept(running: Running) -> None:
    found = running.engine.instant('{__name__=~"argo_workflows_workflowtemplate.*"}', at=now())

    assert found == ()


def test_all_that_is_named_in_the_catalogue_can_be_asked_now_and_over_time(
    running: Running,
) -> None:
    for name, query in CATALOGUE.items():
        scope = EVERYTHING if query.platform_only else ATLAS
        at, over = run(running, name, scope), run(running, name, scope, range="1h")

        assert (name, at.trouble, over.trouble) == (name, "", "")
        if query.about == "controllers" and name != "success_ratio":
            assert (name, bool(at.series), bool(over.series)) == (name, True, True)


def test_every_rule_makes_series_that_its_own_engine_has(running: Running) -> None:
    for group in GROUPS:
        for rule in group.rules:
            running.until(rule.record)


def test_every_expression_of_alerts_and_dashboards_is_understood(running: Running) -> None:
    shown = [panel.expr for board in DASHBOARDS for panel in board.panels]
    chosen = [e.replace("$team", ".*").replace("$cluster", ".*") for e in shown]
    for expression in [alert.expr for alert in ALERTS] + chosen:
        found = running.engine.instant(expression, at=now())
        assert not isinstance(found, Down), (expression, found)


def test_a_cluster_stays_within_its_budget_and_what_it_has_is_told(running: Running) -> None:
    answer = run(running, "fleet_series", EVERYTHING)

    assert 20 < values(answer, "cluster")["eu"] < 2000


def test_who_falls_silent_is_stale_since_then_and_who_never_spoke_is_never(
    running: Running, story: Controllers
) -> None:
    (seen,) = running.until('max(namespace:controller_seen_seconds:max{cluster="us"})')
    there = story.answers.pop("shop-us")
    try:
        running.until('namespace:controller_up:max{namespace="shop-us"} == 0')
        later = now() + timedelta(minutes=1)
        more = Scope(ATLAS.teams, ATLAS.clusters, HERE | {"ap"})
        kept = running.until('max(namespace:controller_seen_seconds:max{cluster="us"})')
        answer = queries.run(
            "controller_up", {"cluster": "us"}, more, now=later, engine=running.engine
        )
        gone = run(running, "workflows_by_namespace", ATLAS, cluster="us")
    finally:
        story.answers["shop-us"] = there
    since = datetime.fromtimestamp(kept[0].points[0][1], UTC)

    assert kept[0].points[0][1] >= seen.points[0][1]
    assert (answer.freshness, answer.coverage.stale, answer.coverage.since) == ("stale", 1, since)
    assert gone.series == ()
    never = queries.run("controller_up", {"cluster": "ap"}, more, engine=running.engine)
    assert (never.freshness, never.coverage.never) == ("never", 1)
    running.until('namespace:controller_up:max{namespace="shop-us"} == 1')


def test_an_engine_that_is_away_is_a_sentence_with_its_time(tmp_path: Path) -> None:
    with controllers() as story, prometheus(tmp_path, ["eu"], story) as there:
        before = run(there, "workflows_by_phase", ATLAS)
        there.keeper.daemon.stop()
        first = run(there, "workflows_by_phase", ATLAS)
        second = run(there, "workflows_by_phase", ATLAS, range="6h")

    assert before.trouble == ""
    assert first.trouble == "The metrics engine does not answer: nobody listens there."
    assert (first.series, first.freshness, first.coverage.seen) == ((), "stale", 0)
    assert first.coverage.since is not None
    assert first.coverage.since == second.coverage.since


def test_from_an_engine_in_a_cluster_only_what_was_recorded_arrives_as_that_clusters(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    place = tmp_path_factory.mktemp
    with controllers() as story:
        story.add("eu", "atlas", "shop", controller(Running=2))
        receiving = prometheus(
            place("receiver"), [], story, options=("--web.enable-remote-write-receiver",)
        )
        with receiving as central:
            write = f"{central.engine.url}/api/v1/write"
            with agent(place("agent"), "eu", story, write=write):
                central.until('namespace:workflows:sum{cluster="eu",team="atlas"} == 2')
                central.until('cluster:controllers_up:sum{cluster="eu"} == 1')
                raw = central.engine.instant('{__name__=~"argo_.*|up", cluster!=""}', at=now())
            answer = run(central, "workflows_by_phase", Scope(ATLAS.teams, HERE, frozenset({"eu"})))

    assert raw == ()
    assert (answer.freshness, values(answer, "phase")) == ("fresh", {"Running": 2})


def test_a_configuration_that_the_checker_refuses_is_not_taken(running: Running) -> None:
    draft = running.folder / "bad.yml"
    draft.write_text("scrape_configs: [{job_name: x, sample_limit: many}]", encoding="utf-8")

    with pytest.raises(Exception, match="not taken"):
        running.keeper._check(draft)


def test_a_range_of_many_points_is_asked_with_as_many_as_a_chart_shows(running: Running) -> None:
    span = Span.ending(now(), timedelta(days=30))
    found: Found | Down = running.engine.over(
        "vector(1)", start=span.start, end=span.end, step=span.step
    )

    assert not isinstance(found, Down)
    assert len(found[0].points) <= queries.MOST_POINTS + 1


def now() -> datetime:
    return datetime.now(UTC)


def test_an_engine_that_is_none_is_away() -> None:
    with controllers() as story:
        engine = Engine(story.url)
        answer = engine.instant("up", at=now())
        engine.close()

    assert isinstance(answer, Down)
