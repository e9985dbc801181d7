"""What a reason means for people, and who can mend it: the sentence above the cluster's own words."""

from dataclasses import dataclass
from enum import StrEnum

from tenants.conditions import Condition, Status


class Who(StrEnum):
    """Who can mend it."""

    NOBODY = "Nothing to do: it goes on by itself."
    TEAM = "Your team can mend this."
    PLATFORM = "The platform team can mend this."
    APPROVER = "An approver has to look again."


@dataclass(frozen=True)
class Meaning:
    """One sentence of what happened, who can mend it, and how."""

    headline: str
    who: Who
    advice: str


LOST = Meaning(
    "Another worker went on with it", Who.NOBODY,
    "A turn took longer than its lease, so a second worker took over where it stood.",
)  # fmt: skip

REASONS: dict[str, Meaning] = {
    "NameTaken": Meaning(
        "The name is taken on the cluster", Who.TEAM,
        "A namespace of this name exists there and belongs to somebody else; nothing of theirs was "
        "touched. Ask for another name, or have its owner remove it.",
    ),
    "ClusterUnreachable": Meaning(
        "The cluster does not answer", Who.PLATFORM,
        "What was made there stays as it is and keeps running if the cluster does. The platform tries "
        "again by itself.",
    ),
    "PlatformError": Meaning(
        "The platform made a mistake", Who.PLATFORM,
        "It is in the platform's log. Nothing that was made is lost.",
    ),
    "PlanChanged": Meaning(
        "What would be made has changed since it was approved", Who.APPROVER,
        "Nothing was made. The request is back in the inbox with the plan as it is now.",
    ),
    "QuotaNotCounted": Meaning(
        "The cluster has not counted the quota yet", Who.NOBODY,
        "A limit holds only once it is counted, which takes up to half a minute on a new cluster. If it "
        "stays so, the platform team should look at the cluster's controller manager.",
    ),
    "HelmFailed": Meaning(
        "Argo could not be installed", Who.PLATFORM,
        "helm's own words are below. The next try begins where this one ended.",
    ),
    "ReleaseFailed": Meaning(
        "Argo could not be installed", Who.PLATFORM,
        "The release is marked as failed on the cluster. The next try installs it again.",
    ),
    "HelmTimedOut": Meaning(
        "Installing Argo took too long and was stopped", Who.PLATFORM,
        "The half-made revision is undone before the next try. A slow API server is the usual cause.",
    ),
    "ControllerNotAvailable": Meaning(
        "The controller did not come up", Who.PLATFORM,
        "Argo is installed, but its controller's pod does not run. Its own words are below.",
    ),
    "NotInForce": Meaning(
        "The rules on images are not in force yet", Who.PLATFORM,
        "The cluster took them and does not act by them, or does not take them; they are brought again "
        "every minute. Until then no pod of the team is taken.",
    ),
    "RemovalFailed": Meaning(
        "Removing it failed", Who.PLATFORM,
        "Something on the cluster keeps it from going away. The platform tries again by itself.",
    ),
    "Conflict": Meaning(
        "Somebody else changed it at the same moment", Who.NOBODY,
        "The next try reads what is there now and goes on from it.",
    ),
    "Forbidden": Meaning(
        "The cluster does not let the platform do that", Who.PLATFORM,
        "The platform's account was refused there: its credential has ended, it lacks a right, or a policy "
        "of the cluster refuses the object. Its own words say which.",
    ),
    "Invalid": Meaning(
        "The cluster refuses an object as it is written", Who.PLATFORM,
        "The same again would be refused again: a tier or a chart has to change.",
    ),
    "Missing": Meaning(
        "Something it needs is not there", Who.PLATFORM,
        "An object or a kind was missing on the cluster. It may be on its way: the next try tells.",
    ),
    "Refused": Meaning(
        "The cluster refused for now", Who.NOBODY,
        "It was too busy or had a fault of its own. The next try is after a pause.",
    ),
    "StepFailed": Meaning("A step failed", Who.PLATFORM, "The cluster's own words are below."),
    "ClaimLost": LOST,
}  # fmt: skip

# What a pod or an API server says inside a longer sentence; it tells more than the reason around it.
WORDS: tuple[tuple[str, Meaning], ...] = (
    ("ImagePullBackOff", _pull := Meaning(
        "Its image could not be pulled", Who.PLATFORM,
        "The cluster cannot get the image from its registry: the mirror of this cluster is the first "
        "thing to check. Nothing is lost, and it goes on by itself once the image is there.",
    )),
    ("ErrImagePull", _pull),
    ("InvalidImageName", _pull),
    ("no node takes its pod", _place := Meaning(
        "No node has room for its pod", Who.PLATFORM,
        "The scheduler found no node with enough free CPU and memory, or none that the pod's placement "
        "allows. It starts by itself once a node has room.",
    )),
    ("Unschedulable", _place),
    ("CrashLoopBackOff", _crash := Meaning(
        "Its container starts and stops again", Who.PLATFORM,
        "The controller ends soon after it starts, most often because of its configuration.",
    )),
    ("its container ended", _crash),
    ("exceeded quota", Meaning(
        "A quota of the cluster is used up", Who.PLATFORM,
        "The quota that is named leaves no room for what has to be made in its namespace. If it is not one "
        "of the platform's, whoever made it has to raise it or take it away.",
    )),
    ("x509", Meaning(
        "The cluster's certificate is not the one we know", Who.PLATFORM,
        "Either its certificate was renewed, or something else answers at its address.",
    )),
)  # fmt: skip


def meaning_of(reason: str, message: str = "") -> Meaning | None:
    """What this means; None for what explains itself."""
    inner = next((meaning for words, meaning in WORDS if words in message), None)
    return inner or REASONS.get(reason)


def headline_of(condition: Condition) -> str:
    """A condition in one short sentence of ours, or its own where that is the shortest."""
    if condition.status is Status.TRUE:
        return condition.message
    meaning = meaning_of(condition.reason, condition.message)
    return meaning.headline if meaning else condition.message or condition.reason
