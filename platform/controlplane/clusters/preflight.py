"""Can this cluster be the platform's? A verdict a line, from facts that were gathered, with the way out."""

import re
from dataclasses import dataclass
from enum import StrEnum

import yaml

from controlplane.errors import DomainError

from . import rights
from .health import OLDEST
from .rights import Right

TESTED = (1, 37)
VERSION = re.compile(r"v?(\d+)\.(\d+)")
FULL, MINIMAL = "full", "minimal"
NAMED = 4  # of a longer list, so many stand in a sentence


class Level(StrEnum):
    """What follows from a verdict."""

    OK = "ok"
    WARN = "warn"
    REFUSE = "refuse"


@dataclass(frozen=True)
class Verdict:
    """One line: what was looked at, what came of it, and what to do if it is not well."""

    level: Level
    about: str
    sentence: str
    apply: str = ""  # YAML that mends it, for the cluster's own administrator


@dataclass(frozen=True)
class Controller:
    """An Argo controller that is not ours, by its Deployment."""

    namespace: str
    name: str
    cluster_wide: bool
    replicas: int


@dataclass(frozen=True)
class Definition:
    """One of Argo's kinds as the cluster has it."""

    name: str
    flavour: str  # FULL or MINIMAL
    line: str  # "3.x", "4.x" or "": what its fields tell
    keeper: str  # who put it there; "" if that was the platform
    serves: tuple[str, ...]


@dataclass(frozen=True)
class Tried:
    """What a dry run that must be refused showed. `acts` is None where it could not be tried."""

    acts: bool | None
    why: str = ""


@dataclass(frozen=True)
class Facts:
    """What was found. None: it could not be read, which is among what is `missing`."""

    version: str
    missing: tuple[Right, ...]
    may_do_all: bool
    controllers: tuple[Controller, ...] | None
    definitions: tuple[Definition, ...] | None
    serves_policies: bool
    quota: Tried
    pod_security: Tried


class NotFit(DomainError):
    """The cluster cannot be the platform's as it is; `verdicts` has every line."""

    code = "preflight_refused"

    def __init__(self, verdicts: tuple[Verdict, ...]) -> None:
        refusals = [v.sentence for v in verdicts if v.level is Level.REFUSE]
        more = "" if all(not v.apply for v in verdicts) else (
            " `argosy cluster preflight --kubeconfig FILE` prints the role to apply."
        )  # fmt: skip
        super().__init__("This cluster is not fit: " + " ".join(refusals) + more)
        self.verdicts = verdicts


def judged(facts: Facts) -> tuple[Verdict, ...]:
    """Every verdict, whatever the one before it was."""
    return (
        _version(facts),
        _controllers(facts),
        _definitions(facts),
        _policies(facts),
        _quota(facts),
        _pod_security(facts),
        _rights(facts),
    )


def demand(verdicts: tuple[Verdict, ...]) -> None:
    """Raise NotFit if one of them refuses."""
    if any(v.level is Level.REFUSE for v in verdicts):
        raise NotFit(verdicts)


def _version(facts: Facts) -> Verdict:
    about = "Kubernetes"
    found = VERSION.match(facts.version)
    if found is None:
        return Verdict(Level.WARN, about, f"Its version is {facts.version!r}, which says nothing.")
    number = (int(found[1]), int(found[2]))
    if number < OLDEST:
        return Verdict(
            Level.REFUSE, about,
            f"It is Kubernetes {facts.version}; the platform's policies need {_dotted(OLDEST)} or newer. "
            "Upgrade the cluster.",
        )  # fmt: skip
    if number != TESTED:
        return Verdict(
            Level.WARN, about,
            f"It is Kubernetes {facts.version}; the platform is tested on {_dotted(TESTED)}. What it uses "
            f"is stable since {_dotted(OLDEST)}.",
        )  # fmt: skip
    return Verdict(Level.OK, about, f"It is Kubernetes {facts.version}.")


def _controllers(facts: Facts) -> Verdict:
    about = "Argo controllers"
    if facts.controllers is None:
        return _unread(about, "Whether an Argo controller works on the whole cluster")
    wide = [c for c in facts.controllers if c.cluster_wide]
    if running := [c for c in wide if c.replicas]:
        return Verdict(
            Level.REFUSE, about,
            f"{_listed(running)} works on every namespace of this cluster: it and each team's own "
            "controller would fight for the same workflows, and pods would be made twice. Give it "
            "`--namespaced`, or take it away.",
        )  # fmt: skip
    if wide:
        return Verdict(
            Level.WARN, about,
            f"{_listed(wide)} would work on every namespace, but is scaled to nothing. Take it away "
            "before somebody scales it up: it would fight with the teams' own controllers.",
        )  # fmt: skip
    if facts.controllers:
        return Verdict(
            Level.OK, about,
            f"{_listed(list(facts.controllers))} keeps to its own namespace, and may stay.",
        )  # fmt: skip
    return Verdict(Level.OK, about, "None but the platform's own.")


def _definitions(facts: Facts) -> Verdict:
    about = "Argo's kinds"
    if facts.definitions is None:
        return _unread(about, "Which of Argo's kinds are there")
    if odd := [d for d in facts.definitions if "v1alpha1" not in d.serves]:
        return Verdict(
            Level.REFUSE, about,
            f"{odd[0].name} serves {', '.join(odd[0].serves) or 'no version'} and not v1alpha1, which "
            "every Argo speaks. Upgrade Argo's CRDs.",
        )  # fmt: skip
    foreign = [d for d in facts.definitions if d.keeper]
    if not foreign:
        there = "are there" if facts.definitions else "come with the platform"
        return Verdict(
            Level.OK, about, f"The minimal ones {there}; they serve Argo 3.x and 4.x alike."
        )
    keepers = ", ".join(sorted({d.keeper for d in foreign}))
    full = [d for d in foreign if d.flavour == FULL]
    if not full:
        return Verdict(
            Level.OK,
            about,
            f"The minimal ones are there, by {keepers}; the platform takes them over.",
        )
    lines = {d.line for d in full if d.line}
    line = f" of Argo {', '.join(sorted(lines))}" if lines else ""
    return Verdict(
        Level.WARN, about,
        f"They are the full ones{line}, by {keepers}. The platform's minimal ones take their place, so "
        "that older and newer controllers can share the cluster; what is stored stays. Take them out of "
        "what installed them without deleting them (helm: `helm.sh/resource-policy: keep`), or the two "
        "put back each other's.",
    )  # fmt: skip


def _policies(facts: Facts) -> Verdict:
    about = "admission policies"
    if facts.serves_policies:
        return Verdict(Level.OK, about, "ValidatingAdmissionPolicy v1 is served.")
    return Verdict(
        Level.REFUSE, about,
        "ValidatingAdmissionPolicy v1 is not served: nothing would bound what pods a team may run. Take "
        "`admissionregistration.k8s.io/v1=false` out of the API server's --runtime-config.",
    )  # fmt: skip


def _quota(facts: Facts) -> Verdict:
    return _tried(
        "quotas", "quotas hold", facts.quota,
        fine="An object beyond a quota is refused.",
        amiss="An object beyond a quota was taken: a team's budget would be a wish. Let the API server have "
        f"its admission plug-in ResourceQuota, and the controller-manager run. {facts.quota.why}".strip(),
    )  # fmt: skip


def _pod_security(facts: Facts) -> Verdict:
    return _tried(
        "Pod Security", "Pod Security acts", facts.pod_security,
        fine="Its admission plug-in acts.",
        amiss="A namespace with an impossible Pod Security level was taken: nobody reads that label, so a "
        "team's pod could be root on its node. Let the API server have its admission plug-in "
        "PodSecurity.",
    )  # fmt: skip


def _tried(about: str, what: str, trial: Tried, *, fine: str, amiss: str) -> Verdict:
    """What follows from something that was to be refused; `acts` is None if it could not be tried."""
    if trial.acts:
        return Verdict(Level.OK, about, fine)
    if trial.acts is None:
        return Verdict(Level.REFUSE, about, f"Whether {what} could not be tried: {trial.why}")
    return Verdict(Level.REFUSE, about, amiss)


def _rights(facts: Facts) -> Verdict:
    about = "rights"
    if facts.may_do_all:
        return Verdict(
            Level.WARN, about,
            "This account may do everything, which is more than the platform needs: `argosy cluster "
            "role` prints the role that is enough.",
        )  # fmt: skip
    if not facts.missing:
        return Verdict(Level.OK, about, "This account has every right that the platform uses.")
    shown = ", ".join(map(str, facts.missing[:NAMED]))
    rest = len(facts.missing) - NAMED
    return Verdict(
        Level.REFUSE, about,
        f"This account lacks {_count(len(facts.missing), 'right')}: {shown}"
        f"{f' and {rest} more' if rest > 0 else ''}. Have the cluster's administrator apply the role, and "
        "bind the account to it.",
        apply=yaml.safe_dump(rights.role(facts.missing, name="argosy-missing"), sort_keys=False),
    )  # fmt: skip


def _unread(about: str, what: str) -> Verdict:
    return Verdict(Level.REFUSE, about, f"{what} could not be read: see the rights below.")


def _listed(controllers: list[Controller]) -> str:
    named = [f"{c.name} in {c.namespace}" for c in controllers[:NAMED]]
    rest = len(controllers) - NAMED
    return ", ".join(named) + (f" and {rest} more" if rest > 0 else "")


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))
