"""Each fact of a cluster is a condition with a reason and since when, and one word says what comes first."""

from datetime import UTC, datetime, timedelta

import pytest

from controlplane.clusters import health
from controlplane.clusters.health import Condition, Facts, State

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
WELL = Facts(
    latency=0.02,
    clock_skew=0.0,
    credential_ends_at=NOW + timedelta(days=300),
    version="v1.37.1",
    base_version="7",
    base_wanted="7",
)


def with_(**facts: object) -> Facts:
    return Facts(**{**vars(WELL), **facts})  # type: ignore[arg-type]


def reasons(facts: Facts) -> dict[str, str]:
    """What is amiss, by condition."""
    return {c.type: c.reason for c in health.amiss(health.conditions_of(facts, NOW))}


def test_nothing_is_amiss_with_a_cluster_that_is_well() -> None:
    assert reasons(WELL) == {}
    assert all(c.good for c in health.conditions_of(WELL, NOW))


@pytest.mark.parametrize(
    ("facts", "amiss", "word"),
    [
        ({"trouble": "away", "message": "refused"}, {"Serves": "Away"}, "refused"),
        ({"doubted": True, "message": "timed out"}, {"Serves": "Doubted"}, "timed out"),
        ({"latency": 1.7}, {"InTime": "Slow"}, "1.7 s"),
        ({"credential_ends_at": NOW}, {"CredentialLasts": "Ended"}, "ended on 21 Nov 2026"),
        (
            {"credential_ends_at": NOW + timedelta(days=13)},
            {"CredentialLasts": "EndsSoon"},
            "argosy cluster add",
        ),
        ({"clock_skew": 31.0}, {"ClockInStep": "Fast"}, "31 s fast"),
        ({"clock_skew": -400.0}, {"ClockInStep": "Slow"}, "400 s slow"),
        ({"version": "v1.29.4-gke.1"}, {"VersionServed": "TooOld"}, "need 1.30"),
        ({"base_message": "forbidden"}, {"BaseInPlace": "NotTaken"}, "forbidden"),
    ],
)
def test_what_is_amiss_has_a_reason_and_a_sentence(
    facts: dict[str, object], amiss: dict[str, str], word: str
) -> None:
    assert reasons(with_(**facts)) == amiss
    (found,) = health.amiss(health.conditions_of(with_(**facts), NOW))
    assert word in found.message


def test_what_was_not_learned_is_neither_good_nor_bad() -> None:
    unknown = {c.type for c in health.conditions_of(Facts(), NOW) if c.good is None}

    assert unknown == {"InTime", "ClockInStep", "VersionServed", "BaseInPlace"}


def test_a_credential_without_an_end_lasts() -> None:
    assert reasons(with_(credential_ends_at=None)) == {}


def test_since_when_holds_while_status_and_reason_do() -> None:
    slow = health.stamped(
        [Condition("InTime", good=False, reason="Slow", message="1.2 s")], [], NOW
    )
    later = NOW + timedelta(minutes=5)

    slower = health.stamped(
        [Condition("InTime", good=False, reason="Slow", message="3.4 s")], slow, later
    )
    prompt = health.stamped([Condition("InTime", good=True, reason="Prompt")], slower, later)

    assert [c.since for c in health.from_dicts(slower)] == [NOW]
    assert [c.message for c in health.from_dicts(slower)] == ["3.4 s"]
    assert [c.since for c in health.from_dicts(prompt)] == [later]


@pytest.mark.parametrize(
    ("reachable", "scheduling", "amiss", "age", "state"),
    [
        (True, "open", False, 5, State.REACHABLE),
        (True, "open", True, 5, State.DEGRADED),
        (True, "cordoned", True, 5, State.CORDONED),
        (True, "draining", False, 5, State.DRAINING),
        (False, "draining", True, 5, State.UNREACHABLE),
        (None, "open", False, None, State.NOT_ASKED),
        (None, "cordoned", False, None, State.CORDONED),
        (True, "open", False, 91, State.NOT_LOOKED_AT),
        (False, "cordoned", False, 91, State.NOT_LOOKED_AT),
    ],
)
def test_the_word_is_what_a_reader_needs_first(
    reachable: bool | None, scheduling: str, amiss: bool, age: int | None, state: State
) -> None:
    word = health.state_of(
        reachable=reachable,
        is_stale=health.is_stale(None if age is None else NOW - timedelta(seconds=age), NOW),
        scheduling=scheduling,
        is_amiss=amiss,
    )

    assert word is state


@pytest.mark.parametrize(("good", "amiss"), [(True, False), (None, False), (False, True)])
def test_what_is_kept_says_whether_something_is_amiss(good: bool | None, amiss: bool) -> None:
    kept = health.stamped([Condition("InTime", good=good, reason="x")], [], NOW)

    assert health.is_amiss(kept) is amiss
    assert any(health.amiss(health.from_dicts(kept))) is amiss


def test_one_slow_answer_is_no_slow_cluster() -> None:
    mean = health.smoothed(0.02, 3.0)
    assert mean < health.SLOW

    assert health.smoothed(mean, 3.0) > health.SLOW
    assert health.smoothed(None, 3.0) == 3.0


@pytest.mark.parametrize(
    ("theirs", "skew"), [(0.0, 0.0), (-0.9, 0.0), (2.0, 0.0), (-60.0, -59.0), (60.0, 58.0)]
)
def test_what_the_way_and_whole_seconds_explain_is_no_skew(theirs: float, skew: float) -> None:
    """Asked at 0 s and answered at 2 s; their clock is cut to the second."""
    found = health.skew_of(
        NOW + timedelta(seconds=theirs), asked=NOW, answered=NOW + timedelta(seconds=2)
    )

    assert found == pytest.approx(skew)


@pytest.mark.parametrize(
    ("text", "version"),
    [("v1.37.1", (1, 37)), ("1.31.4-eks-7", (1, 31)), ("", None), ("<html>", None)],
)
def test_a_version_is_read_as_vendors_write_it(text: str, version: tuple[int, int] | None) -> None:
    assert health.parsed_version(text) == version
