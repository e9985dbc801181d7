"""What can be done with a workflow, when, and what it then means: patches of its spec, or a new one.

What needs Argo's own algorithms (retrying, releasing a step that waits) is argo-server's and not offered.
"""

from enum import StrEnum

from controlplane.objects import Manifest

from .nodes import Run


class Verb(StrEnum):
    """Something to do with a workflow."""

    STOP = "stop"
    TERMINATE = "terminate"
    SUSPEND = "suspend"
    RESUME = "resume"
    RESUBMIT = "resubmit"


CHANGES: dict[Verb, Manifest] = {
    Verb.STOP: {"spec": {"shutdown": "Stop"}},
    Verb.TERMINATE: {"spec": {"shutdown": "Terminate"}},
    Verb.SUSPEND: {"spec": {"suspend": True}},
    Verb.RESUME: {"spec": {"suspend": None}},
}
MEANS = {
    Verb.STOP: "No new step starts, running ones are ended, exit handlers run.",
    Verb.TERMINATE: "Everything ends at once; exit handlers do not run.",
    Verb.SUSPEND: "Running steps go on to their end; no new one starts until it is resumed.",
    Verb.RESUME: "New steps start again.",
    Verb.RESUBMIT: "A new workflow from the same spec; this one stays as it is.",
}
DONE = {
    Verb.STOP: "{name} is being stopped: {means}",
    Verb.TERMINATE: "{name} is being terminated: {means}",
    Verb.SUSPEND: "{name} is suspended: {means}",
    Verb.RESUME: "{name} is resumed: {means}",
}


def refusal(verb: Verb, run: Run) -> str:
    """Why it cannot be done now; '' where it can."""
    if verb is Verb.RESUBMIT:
        return ""
    if run.ended:
        return f"{run.name} has ended: it is {run.phase}."
    if run.shutdown == "Terminate" or (run.shutdown and verb is not Verb.TERMINATE):
        return f"{run.name} is being ended already (shutdown: {run.shutdown})."
    if verb is Verb.SUSPEND and run.suspended:
        return f"{run.name} is suspended already."
    if verb is Verb.RESUME and not run.suspended:
        return f"{run.name} is not suspended. {left_to_argo(run)}".rstrip()
    return ""


def possible(run: Run) -> tuple[Verb, ...]:
    """What can be done now."""
    return tuple(verb for verb in Verb if not refusal(verb, run))


def outcome(verb: Verb, run: Run) -> str:
    """What was done, and what it leaves to others."""
    said = DONE[verb].format(name=run.name, means=MEANS[verb])
    return f"{said} {left_to_argo(run)}".rstrip() if verb is Verb.RESUME else said


def left_to_argo(run: Run) -> str:
    """Which steps wait for somebody, and that no patch of a spec can release them."""
    if not run.waiting:
        return ""
    names = ", ".join(node.label for node in run.waiting[:5])
    return (
        f"It waits at {names}: such a step is released by its own duration or by Argo's server "
        f"(`argo resume {run.name}`)."
    )
