"""What each level of a team may do. One definition; faces, Roles and bindings are rendered from it.

The querysets ask `MAY`, the Roles of a team's namespaces are `rules_of` and bound as `roles_of` says, Argo's
accounts and people's own are bound to those Roles, and the console offers what `MAY` allows. A chart and a
cluster's base import nothing: `team-guardrails` and the base's account tokens name the levels by hand, each
compared with `Level` by `tests/tenants/test_levels.py`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """A person's standing in a team, strongest first."""

    OWNER = "owner"
    MEMBER = "member"
    VIEWER = "viewer"


class Act(StrEnum):
    """Something a person may want to do with a team's things."""

    SEE = "see"
    SUBMIT_WORKFLOWS = "submit-workflows"
    KEEP_TEMPLATES = "keep-templates"
    FILE_REQUESTS = "file-requests"
    KEEP_SECRETS = "keep-secrets"  # write, try and remove them: reading back is nobody's
    KEEP_TOKENS = "keep-tokens"


MAY: dict[Level, frozenset[Act]] = {
    Level.OWNER: frozenset(Act),
    Level.MEMBER: frozenset({Act.SEE, Act.SUBMIT_WORKFLOWS}),
    Level.VIEWER: frozenset({Act.SEE}),
}


# What a team's own tokens act as. Never as owner: a request stands for a person, who may not decide on it.
SERVICE = Level.MEMBER


@dataclass(frozen=True)
class Rule:
    """One rule of a Role: these verbs on these kinds."""

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]

    def manifest(self) -> dict[str, list[str]]:
        """As a Role has it."""
        return {
            "apiGroups": [self.group],
            "resources": list(self.resources),
            "verbs": list(self.verbs),
        }


ARGO = "argoproj.io"
READ = ("get", "list", "watch")
WRITE = ("create", "delete", "patch", "update")

# What an act takes of a cluster's API, in a workload namespace. None reads a Secret, writes an account or a
# Role, or enters a pod. An act without a rule is the platform's own business.
RULES: dict[Act, tuple[Rule, ...]] = {
    Act.SEE: (
        Rule(
            ARGO,
            (
                "cronworkflows",
                "workfloweventbindings",
                "workflows",
                "workflowtaskresults",
                "workflowtemplates",
            ),
            READ,
        ),
        Rule("", ("events", "limitranges", "pods", "resourcequotas"), READ),
        Rule("", ("pods/log",), ("get",)),
    ),
    Act.SUBMIT_WORKFLOWS: (
        Rule(ARGO, ("workflows",), WRITE),
        # What others start from is not theirs to delete.
        Rule(ARGO, ("cronworkflows", "workflowtemplates"), ("create", "patch", "update")),
    ),
    Act.KEEP_TEMPLATES: (
        Rule(ARGO, ("cronworkflows", "workfloweventbindings", "workflowtemplates"), WRITE),
    ),
    Act.FILE_REQUESTS: (),
    Act.KEEP_SECRETS: (),
    Act.KEEP_TOKENS: (),
}


def strongest(levels: Iterable[Level]) -> Level | None:
    """The one level that counts for somebody who has several; None for a stranger."""
    held = set(levels)
    return next((level for level in Level if level in held), None)


def roles_of(level: Level) -> tuple[Level, ...]:
    """The levels whose Roles somebody of this level has: each Role is only what it adds."""
    return tuple(other for other in Level if MAY[other] <= MAY[level])


def rules_of(level: Level) -> tuple[Rule, ...]:
    """The rules of a level's own Role: those of the acts that no weaker level may do."""
    weaker = {act for other in roles_of(level) if other is not level for act in MAY[other]}
    added = (act for act in Act if act in MAY[level] - weaker)
    return tuple(rule for act in added for rule in RULES.get(act, ()))


def role_of(level: Level) -> str:
    """The name of a level's Role in a workload namespace."""
    return f"argosy-{level}"


def account_of(level: Level, namespace: str) -> str:
    """The user name of the account that stands for `level` in a workload namespace."""
    return f"system:serviceaccount:{namespace}:argo-{level}"
