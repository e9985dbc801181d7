"""The way of one namespace to Ready, or to gone, as numbered steps. Values in, values out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import median
from typing import Any

from tenants.conditions import READY, Condition, Status

from .meanings import Meaning, meaning_of

Entry = Mapping[str, Any]  # one step of a turn, as its row keeps it


class State(StrEnum):
    """How a step looks."""

    DONE = "done"
    NOW = "now"
    FAILED = "failed"
    WAITING = "waiting"


@dataclass(frozen=True)
class Step:
    """One line of the page. `words` are the cluster's own, in full."""

    name: str
    state: State
    sentence: str = ""
    seconds: float | None = None
    usual: float | None = None
    words: tuple[str, ...] = ()
    reason: str = ""

    @property
    def meaning(self) -> Meaning | None:
        """What a failure means for people."""
        if self.state is not State.FAILED:
            return None
        return meaning_of(self.reason, " ".join(self.words))


@dataclass(frozen=True)
class Stage:
    """A part of a turn that people see as one step."""

    key: str
    name: str
    sentence: str


MAKING = (
    Stage("namespaces", "Namespaces", "two namespaces with Pod Security restricted"),
    Stage(
        "guard_rails", "Guard rails",
        "quota, limits, network policies, roles, service accounts",
    ),
    Stage("releases", "Argo Workflows", "a helm release of the team's own"),
)  # fmt: skip
CONTROLLER = Step("Controller", State.WAITING, "its pod runs and answers")
RULES = Step("Image rules", State.WAITING, "which images may run here is decided on the cluster")
IMAGE_RULES = "ImageRulesReady"
REMOVING = Stage("removals", "Removal", "the release first, the namespaces last")
GONE = Step("Gone", State.WAITING, "nothing of it is left on the cluster")
# What ArgoReady can say only when the release itself is in place.
OF_CONTROLLER = {"ControllerStarting", "ControllerNotAvailable", "Available"}


@dataclass(frozen=True)
class Facts:
    """What is known of one namespace: its turns' steps, oldest first, and its conditions."""

    turns: Sequence[Sequence[Entry]]
    conditions: Mapping[str, Condition]
    usual: Mapping[str, float]
    applied: bool = False  # the whole of it was made once, at this generation
    made: bool = False  # the whole of it was made once, whatever was wished then
    under_way: bool = False  # a turn is at it now
    elapsed: float | None = None  # seconds since the step under way began
    controller_seconds: float | None = None
    controller_usual: float | None = None

    @property
    def trouble(self) -> Condition | None:
        """What is wrong with the whole, and with no part of it: the cluster is away, the name taken."""
        ready = self.conditions.get(READY)
        parts = [c for c in self.conditions.values() if c.type != READY]
        if ready is None or ready.status is not Status.FALSE or ready.reason == "PlanChanged":
            return None
        return None if any(c.status is Status.FALSE for c in parts) else ready


def kind_of(step: str) -> str:
    """What a step is, whatever it is done to: `apply Role argosy-owner in payments` is `apply Role`."""
    return " ".join(step.split()[:2])


def usual_seconds(turns: Iterable[Iterable[Entry]]) -> dict[str, float]:
    """The median of each kind of step over other turns' steps that went well."""
    seen: dict[str, list[float]] = {}
    for entries in turns:
        for entry in entries:
            if entry.get("state") == "done" and "seconds" in entry:
                seen.setdefault(kind_of(entry["step"]), []).append(entry["seconds"])
    return {kind: median(seconds) for kind, seconds in seen.items()}


def merged(turns: Iterable[Iterable[Entry]]) -> list[Entry]:
    """The steps of several turns, oldest first, as they stand now: each once, at its last state.

    A later turn that has no such step found it in order: what waited or failed before is done.
    """
    by_step: dict[str, Entry] = {}
    for entries in turns:
        present = {entry["step"]: entry for entry in entries}
        for step, before in by_step.items():
            if step not in present and before["state"] != "done":
                by_step[step] = {**before, "state": "done", "error": ""}
        for step, entry in present.items():
            spent = by_step.get(step, {}).get("seconds", 0) + entry.get("seconds", 0)
            by_step[step] = {**entry, "seconds": spent}
    return list(by_step.values())


def making(facts: Facts) -> tuple[Step, ...]:
    """The steps to Ready: three stages that turns take, then what is waited for: controller, rules."""
    entries = merged(facts.turns)
    release, controller = _split(facts.conditions.get("ArgoReady"))
    conditions = (
        facts.conditions.get("NamespaceReady"), facts.conditions.get("GuardRailsReady"), release,
    )  # fmt: skip
    stages = (
        _stage(stage, entries, condition, facts)
        for stage, condition in zip(MAKING, conditions, strict=True)
    )
    return _pointed((*stages, _controller(controller, facts), _rules(facts)), facts)


def removing(facts: Facts) -> tuple[Step, ...]:
    """The steps to gone."""
    ready = facts.conditions.get(READY)
    if ready is not None and ready.reason == "Gone":
        taken = _stage(REMOVING, merged(facts.turns), replace(ready, message=""), facts)
        return (taken, replace(GONE, state=State.DONE))
    if ready is not None and ready.status is Status.UNKNOWN:
        facts = replace(facts, under_way=True)  # by the cluster, whether a turn looks at it or not
    return _pointed((_stage(REMOVING, merged(facts.turns), None, facts), GONE), facts)


def _split(argo: Condition | None) -> tuple[Condition | None, Condition | None]:
    """ArgoReady speaks of the release until that is in place, and of the controller from then on."""
    if argo is None or argo.reason not in OF_CONTROLLER:
        return argo, None
    return replace(argo, status=Status.TRUE, reason="Deployed", message=""), argo


def _stage(
    stage: Stage, entries: Iterable[Entry], condition: Condition | None, facts: Facts
) -> Step:
    mine = [entry for entry in entries if entry["stage"] == stage.key]
    usual = [facts.usual[kind] for e in mine if (kind := kind_of(e["step"])) in facts.usual]
    errors = tuple(f"{e['step']}: {e['error']}" for e in mine if e.get("error"))
    failed = condition is not None and condition.status is Status.FALSE
    return Step(
        name=stage.name,
        state=_state(mine, condition, applied=facts.applied),
        sentence=_sentence(stage, mine, condition, made=facts.made),
        seconds=sum(entry.get("seconds", 0) for entry in mine) or None,
        usual=sum(usual) if usual else None,
        words=errors or ((condition.message,) if condition and failed else ()),
        reason=condition.reason if condition and failed else "StepFailed" if errors else "",
    )


def _state(mine: Sequence[Entry], condition: Condition | None, *, applied: bool) -> State:
    """What was observed goes before what was done; without either it waits."""
    if condition is not None:
        return {
            Status.TRUE: State.DONE, Status.FALSE: State.FAILED, Status.UNKNOWN: State.NOW,
        }[condition.status]  # fmt: skip
    states = {entry["state"] for entry in mine}
    if "failed" in states:
        return State.FAILED
    done = states == {"done"} or (not states and applied)
    return State.DONE if done else State.WAITING


def _sentence(
    stage: Stage, mine: Sequence[Entry], condition: Condition | None, *, made: bool
) -> str:
    if condition is not None and condition.status is Status.UNKNOWN:
        return condition.message
    failed = [entry["step"].partition(" ")[2] for entry in mine if entry["state"] == "failed"]
    if failed and made:
        # What a turn had to do of it is no measure of the whole, which stands.
        return f"{stage.sentence}: all as before, but not {', '.join(failed)}"
    done = sum(entry["state"] == "done" for entry in mine)
    held = condition is not None and condition.status is Status.TRUE
    # Once it is seen to hold, how far a turn came no longer matters.
    return stage.sentence if held or not mine else f"{stage.sentence} ({done} of {len(mine)} done)"


def _controller(condition: Condition | None, facts: Facts) -> Step:
    timed = replace(CONTROLLER, seconds=facts.controller_seconds, usual=facts.controller_usual)
    return _watched(timed, condition)


def _rules(facts: Facts) -> Step:
    """What was made before anybody asked for its image rules has them all the same."""
    ready = facts.conditions.get(READY)
    if IMAGE_RULES not in facts.conditions and (
        facts.made or (ready and ready.status is Status.TRUE)
    ):
        return replace(RULES, state=State.DONE)
    return _watched(RULES, facts.conditions.get(IMAGE_RULES))


def _watched(step: Step, condition: Condition | None) -> Step:
    """A step that nobody takes: it is waited for, and a condition says how it stands."""
    if condition is None:
        return step
    state = _state((), condition, applied=False)
    if state is State.FAILED:
        return replace(step, state=state, words=(condition.message,), reason=condition.reason)
    return replace(step, state=state, sentence=condition.message)


def _pointed(steps: Sequence[Step], facts: Facts) -> tuple[Step, ...]:
    """Say which step is under way, or which one a trouble of the whole keeps from going on."""
    first = next((i for i, s in enumerate(steps) if s.state is not State.DONE), None)
    if first is None:
        return tuple(steps)
    step = steps[first]
    if facts.trouble is not None:
        words = step.words or (facts.trouble.message,)
        step = replace(step, state=State.FAILED, words=words, reason=facts.trouble.reason)
    elif facts.under_way and step.state is State.WAITING:
        step = replace(step, state=State.NOW)
    if step.state is State.NOW and facts.elapsed is not None:
        step = replace(step, seconds=facts.elapsed)
    later = steps[first + 1 :]
    if step.state is State.FAILED:
        later = [_after_failure(s, made=facts.made) for s in later]
    return (*steps[:first], step, *later)


def _after_failure(step: Step, *, made: bool) -> Step:
    """What comes after a failed step is not under way, but has not begun; or it stands since before."""
    if step.state is State.NOW:
        return replace(step, state=State.WAITING)
    if step.state is State.DONE and made:
        return replace(step, sentence="stands as it was made before")
    return step
