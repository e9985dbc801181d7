"""The way to Ready as steps: from turns and conditions alone."""

from typing import Any

import pytest

from controlplane.console.meanings import REASONS, Who, headline_of, meaning_of
from controlplane.console.steps import (
    Facts,
    State,
    kind_of,
    making,
    merged,
    removing,
    usual_seconds,
)
from provisioning import status
from tenants.conditions import Condition, Status

DONE, NOW, FAILED, WAITING = State.DONE, State.NOW, State.FAILED, State.WAITING
PULL = "Waiting for workflow-controller: ImagePullBackOff: Back-off pulling image"


def entry(stage: str, state: str = "done", **more: Any) -> dict[str, Any]:
    return {"step": f"apply {stage} x in payments", "stage": stage, "state": state, **more}


def turn(namespaces: str, guard_rails: str, releases: str) -> list[dict[str, Any]]:
    return [
        entry("namespaces", namespaces),
        entry("guard_rails", guard_rails),
        entry("releases", releases),
    ]


def conditions(*given: tuple[str, Status, str]) -> dict[str, Condition]:
    return {kind: Condition(kind, state, reason, f"{reason}.") for kind, state, reason in given}


def states(facts: Facts) -> list[State]:
    return [step.state for step in making(facts)]


def test_before_the_first_turn_everything_waits() -> None:
    assert states(Facts([], {}, {})) == [WAITING] * 5


def test_a_turn_under_way_shows_the_step_it_is_at() -> None:
    facts = Facts([turn("done", "waiting", "waiting")], {}, {}, under_way=True, elapsed=3.0)

    assert states(facts) == [DONE, NOW, WAITING, WAITING, WAITING]
    assert making(facts)[1].seconds == 3.0


def test_a_failed_step_keeps_its_words_and_what_comes_after_has_not_begun() -> None:
    steps = turn("done", "failed", "waiting")
    steps[1]["error"] = "forbidden: by policy"
    seen = conditions(
        ("NamespaceReady", Status.TRUE, "Present"),
        ("GuardRailsReady", Status.FALSE, "Forbidden"),
        ("ArgoReady", Status.UNKNOWN, "Installing"),
        ("Ready", Status.FALSE, "Forbidden"),
    )

    found = making(Facts([steps], seen, {}))

    assert [step.state for step in found] == [DONE, FAILED, WAITING, WAITING, WAITING]
    assert found[1].words == ("apply guard_rails x in payments: forbidden: by policy",)
    assert found[1].meaning == REASONS["Forbidden"]


def test_the_release_is_done_while_its_controller_starts() -> None:
    seen = conditions(
        ("NamespaceReady", Status.TRUE, "Present"),
        ("GuardRailsReady", Status.TRUE, "Applied"),
        ("ArgoReady", Status.UNKNOWN, "ControllerStarting"),
    )

    assert states(Facts([turn("done", "done", "done")], seen, {})) == [
        DONE,
        DONE,
        DONE,
        NOW,
        WAITING,
    ]


def test_the_rules_on_images_are_the_last_to_be_waited_for() -> None:
    made = (
        ("NamespaceReady", Status.TRUE, "Present"),
        ("GuardRailsReady", Status.TRUE, "Applied"),
        ("ArgoReady", Status.TRUE, "Available"),
    )
    coming = conditions(*made, ("ImageRulesReady", Status.UNKNOWN, "OnTheirWay"))
    refused = conditions(*made, ("ImageRulesReady", Status.FALSE, "NotInForce"))

    assert states(Facts([], coming, {})) == [DONE, DONE, DONE, DONE, NOW]
    last = making(Facts([], refused, {}))[-1]
    assert (last.state, last.meaning) == (FAILED, REASONS["NotInForce"])


def test_a_release_that_failed_leaves_its_controller_waiting() -> None:
    seen = conditions(
        ("NamespaceReady", Status.TRUE, "Present"),
        ("GuardRailsReady", Status.TRUE, "Applied"),
        ("ArgoReady", Status.FALSE, "HelmTimedOut"),
    )

    assert states(Facts([], seen, {})) == [DONE, DONE, FAILED, WAITING, WAITING]


@pytest.mark.parametrize("reason", ["NameTaken", "ClusterUnreachable", "PlatformError"])
def test_a_trouble_of_the_whole_is_told_where_it_keeps_from_going_on(reason: str) -> None:
    first = making(Facts([], conditions(("Ready", Status.FALSE, reason)), {}))[0]

    assert (first.state, first.words) == (FAILED, (f"{reason}.",))
    assert first.meaning == REASONS[reason]


def test_a_changed_plan_is_the_approvers_not_a_failure_of_a_step() -> None:
    facts = Facts([], conditions(("Ready", Status.FALSE, "PlanChanged")), {})

    assert states(facts) == [WAITING] * 5


def test_what_was_made_once_is_done_though_its_turns_are_forgotten() -> None:
    facts = Facts([], conditions(("Ready", Status.FALSE, "ClusterUnreachable")), {}, applied=True)

    assert states(facts) == [DONE, DONE, DONE, FAILED, WAITING]


def test_a_later_turn_without_a_step_found_it_in_order() -> None:
    first = [entry("namespaces", "failed", seconds=1.0, error="no")]

    (found,) = merged([first, []])

    assert (found["state"], found["error"], found["seconds"]) == ("done", "", 1.0)


def test_a_step_tried_twice_took_as_long_as_both() -> None:
    (found,) = merged(
        [[entry("namespaces", "failed", seconds=1.0)], [entry("namespaces", seconds=0.5)]]
    )

    assert (found["state"], found["seconds"]) == ("done", 1.5)


def test_usual_is_the_median_of_what_went_well() -> None:
    seconds = [0.1, 0.2, 9.0]
    turns = [[entry("namespaces", seconds=s)] for s in seconds]
    turns.append([entry("namespaces", "failed", seconds=60.0)])

    usual = usual_seconds(turns)

    assert usual == {"apply namespaces": 0.2}
    assert making(Facts(turns[:1], {}, usual))[0].usual == 0.2


def test_a_kind_of_step_is_the_same_for_every_namespace() -> None:
    assert kind_of("apply Role argosy-owner in payments") == kind_of("apply Role viewer in ledger")


def test_removing_ends_when_nothing_is_left() -> None:
    left = Facts([[entry("removals")]], conditions(("Ready", Status.UNKNOWN, "Removing")), {})
    gone = Facts([], conditions(("Ready", Status.TRUE, "Gone")), {})

    assert [step.state for step in removing(left)] == [DONE, NOW]
    assert [step.state for step in removing(gone)] == [DONE, DONE]


def test_a_removal_that_fails_says_so() -> None:
    facts = Facts([], conditions(("Ready", Status.FALSE, "RemovalFailed")), {})

    assert removing(facts)[0].meaning == REASONS["RemovalFailed"]


@pytest.mark.parametrize(
    ("words", "headline"),
    [
        (PULL, "Its image could not be pulled"),
        ("no node takes its pod: 0/3 nodes are available", "No node has room for its pod"),
        ("CrashLoopBackOff: back-off 20s", "Its container starts and stops again"),
        ("pods is forbidden: exceeded quota: team", "A quota of the cluster is used up"),
    ],
)
def test_a_pods_own_words_tell_more_than_the_reason_around_them(words: str, headline: str) -> None:
    meaning = meaning_of("ControllerNotAvailable", words)

    assert meaning is not None
    assert meaning.headline == headline


@pytest.mark.parametrize(
    ("report", "who"),
    [
        (status.unreachable("no answer"), Who.PLATFORM),
        (status.broken("a mistake"), Who.PLATFORM),
        (status.plan_changed(), Who.APPROVER),
    ],
)
def test_what_the_loop_reports_has_a_meaning(report: status.Report, who: Who) -> None:
    meaning = meaning_of(report.ready.reason, report.ready.message)

    assert meaning is not None
    assert meaning.who is who


@pytest.mark.parametrize(
    "reason",
    ["NameTaken", "HelmFailed", "HelmTimedOut", "QuotaNotCounted", "Conflict", "Forbidden",
     "Invalid", "Missing", "Refused", "ReleaseFailed", "RemovalFailed", "ControllerNotAvailable"],
)  # fmt: skip
def test_each_reason_of_the_loop_is_explained(reason: str) -> None:
    assert meaning_of(reason) is not None


def test_a_reason_nobody_foresaw_is_told_in_its_own_words() -> None:
    assert headline_of(Condition("Ready", Status.FALSE, "Odd", "The moon is full")) == (
        "The moon is full"
    )


def test_a_change_that_failed_says_what_and_that_the_rest_stands_as_before() -> None:
    steps = [
        {
            "step": "apply LimitRange team-limits in payments",
            "stage": "guard_rails",
            "state": "failed",
            "error": "Invalid value",
        }
    ]
    seen = conditions(
        ("NamespaceReady", Status.TRUE, "Present"),
        ("GuardRailsReady", Status.FALSE, "Invalid"),
        ("ArgoReady", Status.TRUE, "Available"),
        ("Ready", Status.FALSE, "Invalid"),
    )

    found = making(Facts([steps], seen, {}, made=True))

    assert [step.state for step in found] == [DONE, FAILED, DONE, DONE, DONE]
    assert found[1].sentence.endswith("all as before, but not LimitRange team-limits in payments")
    assert {step.sentence for step in found[2:]} == {"stands as it was made before"}


def test_of_what_was_never_whole_it_is_told_how_far_it_came() -> None:
    steps = [entry("guard_rails"), {**entry("guard_rails", "failed"), "step": "apply Role y"}]
    seen = conditions(("GuardRailsReady", Status.FALSE, "Invalid"))

    assert "(1 of 2 done)" in making(Facts([steps], seen, {}))[1].sentence
