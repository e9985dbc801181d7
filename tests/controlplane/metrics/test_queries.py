"""A question is put together here: from its name, its parameters as data, and who asks."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from controlplane.metrics import queries
from controlplane.metrics.engine import Down, current
from controlplane.metrics.queries import (
    CATALOGUE,
    BadParameter,
    Coverage,
    NoSuchQuery,
    Scope,
    Span,
    covered,
    expression_of,
    freshness_of,
)
from tests.factories import (
    ClusterFactory,
    NamespaceFactory,
    PersonFactory,
    TeamFactory,
    approver,
    owner_of,
    viewer_of,
)

EU = frozenset({"eu"})
ATLAS = Scope(frozenset({"atlas"}), EU, EU)
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_a_teams_question_is_narrowed_to_its_team_and_its_clusters() -> None:
    scope = Scope(frozenset({"atlas", "boreas"}), frozenset({"us", "eu"}), EU)

    made = expression_of(CATALOGUE["pods"], {"namespace": "shop"}, scope)

    assert made == (
        'sum by (phase) (namespace:pods:sum{team=~"atlas|boreas",cluster=~"eu|us",namespace="shop"})'
    )


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_every_question_has_a_place_for_whose_it_is(name: str) -> None:
    query = CATALOGUE[name]
    made = expression_of(query, {}, ATLAS)

    assert query.expression.count("{$m}") == query.expression.count("{") > 0
    assert made.count('team=~"atlas",cluster=~"eu"') == query.expression.count("{$m}")


@pytest.mark.parametrize(
    "value", ['"', 'x"} or up{a="', "\\", '\\"', "a\nb", "{}", "`", "\x00\x1f", "$m", "é"]
)
def test_a_value_never_leaves_its_quotes(value: str) -> None:
    made = queries.quoted(value)

    inner = made[1:-1].replace("\\\\", "").replace('\\"', "")
    assert made[0] == made[-1] == '"'
    assert '"' not in inner
    assert not inner.endswith("\\")
    assert not set(made) & {chr(n) for n in range(32)}


@pytest.mark.parametrize("value", ["x" * 254, "\ud800"])
def test_what_is_no_text_of_a_bounded_length_is_refused(value: str) -> None:
    with pytest.raises(BadParameter):
        queries.run("pods", {"namespace": value}, ATLAS)


@pytest.mark.parametrize(
    "params", [{"colour": "red"}, {"phase": "Dancing"}, {"range": "100y"}, {"$m": "x"}]
)
def test_a_parameter_that_a_question_does_not_have_is_refused(params: dict[str, str]) -> None:
    with pytest.raises(BadParameter):
        queries.run("workflows_by_phase", params, ATLAS)


def test_questions_of_the_fleet_are_not_there_for_teams() -> None:
    with pytest.raises(NoSuchQuery):
        queries.run("fleet_workflows", {}, ATLAS)
    with pytest.raises(NoSuchQuery):
        queries.run('up{job="x"}', {}, ATLAS)


@pytest.mark.parametrize("name", [n for n, q in CATALOGUE.items() if not q.platform_only])
def test_who_sees_everything_says_of_which_namespaces(name: str) -> None:
    everything = Scope(None, frozenset(), EU)

    with pytest.raises(BadParameter, match="fleet_"):
        queries.run(name, {"range": "1h"}, everything)


@pytest.mark.parametrize("params", [{}, {"cluster": "us"}])
def test_where_no_controller_runs_that_is_said_in_place_of_nothing(params: dict[str, str]) -> None:
    expected = frozenset({"eu"}) if params else frozenset()

    answer = queries.run("pods", params, Scope(frozenset({"atlas"}), EU, expected))

    assert (answer.trouble, answer.freshness) == (queries.UNMEASURED, "never")


def test_who_has_no_team_is_told_so_and_nothing_is_asked() -> None:
    nobody = Scope(frozenset(), frozenset(), frozenset())

    assert queries.run("pods", {}, nobody).trouble.startswith("There is nothing to see")


@pytest.mark.parametrize(
    "span",
    [
        Span(NOW, NOW, 15),
        Span(NOW, NOW - timedelta(hours=1), 15),
        Span(NOW - timedelta(days=32), NOW, 86_400),
        Span(NOW - timedelta(days=1), NOW, 1),
        Span(NOW - timedelta(days=1), NOW, 0),
    ],
)
def test_a_span_that_is_none_or_too_fine_is_refused(span: Span) -> None:
    with pytest.raises(BadParameter):
        span.checked()


@pytest.mark.parametrize("length", queries.RANGES.values())
def test_every_range_has_as_many_points_as_a_chart_can_show(length: timedelta) -> None:
    span = Span.ending(NOW, length).checked()

    assert span.step % 15 == 0


def test_coverage_tells_who_is_heard_who_fell_silent_and_who_never_spoke() -> None:
    heard = {
        "eu": [(0, NOW.timestamp() - 20)],
        "us": [(0, NOW.timestamp() - 600)],
        "ap": [(0, NOW.timestamp() - 60)],
        "not-ours": [(0, NOW.timestamp())],
    }

    found = covered(frozenset({"eu", "us", "ap", "sa"}), heard, NOW)

    assert found == Coverage(4, 1, 2, NOW - timedelta(seconds=600))
    assert (found.never, freshness_of(found)) == (1, "fresh")
    assert freshness_of(Coverage(2, 0, 1)) == "stale"
    assert freshness_of(Coverage(2, 0, 0)) == "never"


@pytest.mark.django_db
def test_a_person_may_see_their_teams_where_those_have_namespaces() -> None:
    eu, us, desk = ClusterFactory(), ClusterFactory(), ClusterFactory(simulated=True)
    team, now = TeamFactory(), timezone.now()
    NamespaceFactory(team=team, cluster=eu, applied_at=now)
    NamespaceFactory(team=team, cluster=us, applied_at=now, deleted_at=now)
    NamespaceFactory(team=team, cluster=desk, applied_at=now)
    NamespaceFactory(applied_at=now)  # another team's

    for person in (owner_of(team), viewer_of(team)):
        scope = queries.scope_of(person)
        assert scope == queries.team_scope(team)
        assert scope.teams == {team.slug}
        assert scope.clusters == {eu.name, us.name, desk.name}
        assert scope.expected == {eu.name}
    assert queries.scope_of(PersonFactory()).is_empty
    assert queries.scope_of(approver()).teams is None
    assert len(queries.platform_scope().expected) == 2


@pytest.mark.django_db
def test_one_team_name_on_two_clusters_is_one_team_and_one_namespace_name_may_be_anothers() -> None:
    ours, theirs = NamespaceFactory(name="shop"), NamespaceFactory(name="shop")

    made = expression_of(CATALOGUE["pods"], {"namespace": "shop"}, queries.team_scope(ours.team))

    assert f'team=~"{ours.team.slug}",cluster=~"{ours.cluster.name}"' in made
    assert theirs.team.slug not in made


def test_without_an_engine_the_way_out_is_named(settings, tmp_path) -> None:
    settings.METRICS_URL, settings.HOME = "", tmp_path

    found = current()

    assert isinstance(found, Down)
    assert "ARGOSY_METRICS_URL" in found.why
    answer = queries.run("pods", {}, ATLAS)
    assert (answer.series, answer.freshness, answer.coverage.of) == ((), "never", 1)
