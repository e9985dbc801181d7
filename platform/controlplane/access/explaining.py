"""Why may somebody do something in a namespace, or why not: group, level, binding, rule, each in a sentence.

A chain that breaks ends where it breaks, with the way out. It is told of what the platform renders; whether
a cluster acts by it is compared on a real one, by the tests.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from controlplane.errors import NotAllowed
from controlplane.identity.leaving import groups_of
from controlplane.identity.models import User
from tenants.levels import (
    MAY,
    RULES,
    Act,
    Level,
    account_of,
    role_of,
    roles_of,
    rules_of,
    strongest,
)
from tenants.models import TenantNamespace

from .wishes import name_of


class Link(StrEnum):
    """What a step of the chain is about."""

    PERSON = "person"
    GROUP = "group"
    LEVEL = "level"
    BINDING = "binding"
    RULE = "rule"


@dataclass(frozen=True)
class Step:
    """One link, and whether it holds."""

    link: Link
    sentence: str
    holds: bool = True


@dataclass(frozen=True)
class Explanation:
    """Whether somebody may, and why: the steps end at the first that does not hold."""

    username: str
    act: Act
    steps: tuple[Step, ...]

    @property
    def allowed(self) -> bool:
        return all(step.holds for step in self.steps)

    @property
    def sentence(self) -> str:
        """The answer, in one line."""
        return f"{self.username} {'may' if self.allowed else 'may not'} {does(self.act)}."


def does(act: Act) -> str:
    """An act in words: `submit workflows`."""
    return act.replace("-", " ")


def explain_to(user: User, namespace: TenantNamespace, act: Act, *, about: str = "") -> Explanation:
    """The chain for somebody: oneself, or anybody for the team's owners and the platform's people.

    Raises NotAllowed for who asks about another person's without being one of them.
    """
    username = about or user.username
    asks_others = user.sees_all or namespace.team.level_of(user) is Level.OWNER
    if username != user.username and not asks_others:
        raise NotAllowed(
            f"What others may in {namespace.team.slug} is told to its owners and to the platform's people.",
            field="person",
        )
    return explain(username, namespace, act)


def explain(username: str, namespace: TenantNamespace, act: Act) -> Explanation:
    """The chain for one person; for a name that nobody has it is that of one who brings no group."""
    user = User.objects.filter(username=username).first()
    steps: list[Step] = []
    for step in _chain(username, user, namespace, act):
        steps.append(step)
        if not step.holds:
            break
    return Explanation(username, act, tuple(steps))


def _chain(
    username: str, user: User | None, namespace: TenantNamespace, act: Act
) -> Iterator[Step]:
    team = namespace.team
    mine = groups_of(user) if user else frozenset()
    held = {level: group for level, group in team.groups.items() if group in mine}
    level = strongest(held)
    if user is None or level is None:
        yield Step(Link.GROUP, _no_group(username, namespace), holds=False)
        return
    yield Step(Link.GROUP, f"{username} brings the group {held[level]}, {_from(user)}.")
    may = act in MAY[level]
    said = f"{held[level]} is the group of {team.slug}'s {level}s, who may"
    others = ", ".join(does(each) for each in Act if each in MAY[level])
    way_out = "" if may else f", not {does(act)}: {_who_may(namespace, act)}"
    yield Step(Link.LEVEL, f"{said} {others}{way_out}.", holds=may)
    if not RULES.get(act):
        yield Step(Link.RULE, "That is the platform's own business: no cluster has a part in it.")
        return
    if namespace.applied_at is None or namespace.deleted_at is not None:
        yield Step(
            Link.BINDING, f"{namespace} is {namespace.phase}: nothing is there.", holds=False
        )
        return
    giver = next(each for each in roles_of(level) if act in _acts_of(each))
    yield Step(Link.BINDING, _bound(user, namespace, level, giver))
    rules = "; ".join(
        f"{', '.join(rule.verbs)} on {', '.join(rule.resources)}"
        for rule in rules_of(giver)
        if rule in RULES[act]
    )
    yield Step(Link.RULE, f"The Role {role_of(giver)} in {namespace.name} says: {rules}.")


def _acts_of(level: Level) -> frozenset[Act]:
    """The acts whose rules are in a level's own Role."""
    weaker = {act for other in roles_of(level) if other is not level for act in MAY[other]}
    return MAY[level] - weaker


def _no_group(username: str, namespace: TenantNamespace) -> str:
    team = namespace.team
    named = ", ".join(f"{group} ({level}s)" for level, group in team.groups.items() if group)
    return (
        f"{username} brings no group that has a level in {team.slug}. Those are {named}; "
        "who is added to one at the sign-in provider has it at the next look, within half a minute."
    )


def _from(user: User) -> str:
    return f"by their sign-in at {user.issuer}" if user.issuer else "given to their local account"


def _who_may(namespace: TenantNamespace, act: Act) -> str:
    able = [
        f"{level}s ({group})"
        for level, group in namespace.team.groups.items()
        if act in MAY[level] and group
    ]
    return f"that is for {' and '.join(able) or 'nobody'}"


def _bound(user: User, namespace: TenantNamespace, level: Level, giver: Level) -> str:
    """By which names the cluster knows them: through the platform, by kubectl, by the provider."""
    argo, where = account_of(level, namespace.name).rpartition(":")[2], namespace.cluster.name
    ways = [
        f"the account {argo}, as which the platform and Argo act for {level}s",
        f"{name_of(user)}, their own account, while a kubeconfig of theirs is good",
    ]
    if namespace.cluster.trusts_provider:
        group = f"{namespace.cluster.group_prefix}{namespace.team.groups[level]}"
        ways.append(f"the group {group}, which {where} takes from the provider itself")
    return (
        f"On {namespace.cluster.name} the Role {role_of(giver)} is bound to {'; to '.join(ways)}."
    )
