"""What is one cluster to hold? Everything the API server needs to know, out of one bundle's content."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from controlplane.policies.document import Document

from . import admission_policies, cost, probes, routing
from .rule_sets import RuleSet, rule_set
from .shapes import CLUSTER
from .tables import TooMuch

Manifest = dict[str, Any]


@dataclass(frozen=True)
class Held:
    """The objects of one cluster, and how to see that they act."""

    policies: tuple[Manifest, ...]
    configuration: Manifest | None  # none: the cluster stands down, or has no webhook
    revision: str
    probes: tuple[Manifest, ...]


def held(
    documents: Mapping[str, Document],
    namespaces: Mapping[str, str],
    *,
    client: Manifest | None,
    link: str = "",
) -> Held:
    """What a cluster with these namespaces holds. Raises TooMuch.

    `client` is where its webhook is. Without one nobody can be asked, and what only the webhook could
    judge is denied.
    """
    rules = rule_sets(documents, namespaces, standing_down=client is None)
    watched = probes.probes()
    if rules[CLUSTER].audit:
        watched = watched[:-1]  # what is only told denies nothing, so nothing can be seen
    return Held(
        policies=tuple(admission_policies.policies(rules, link=link)),
        configuration=None if client is None else routing.configuration(documents, client),
        revision=admission_policies.revision_of(rules, link),
        probes=tuple(watched),
    )


def rule_sets(
    documents: Mapping[str, Document], namespaces: Mapping[str, str], *, standing_down: bool = False
) -> dict[str, RuleSet]:
    """The rules by team. Raises TooMuch for a team whose rules would be too dear to look at."""
    places: dict[str, list[str]] = {name: [] for name in documents}
    for namespace, name in namespaces.items():
        places.setdefault(name, []).append(namespace)
    found = {
        name: rule_set(document, places[name], standing_down=standing_down)
        for name, document in documents.items()
    }
    for name, rules in found.items():
        _check(name, rules)
    return {CLUSTER: RuleSet(), **found}


def _check(name: str, rules: RuleSet) -> None:
    prefixes = sum(1 for each in (*rules.allow, *rules.deny) if each.endswith("/"))
    entries = len(rules.allow) + len(rules.deny) - prefixes
    judged = cost.judging(entries, prefixes, form=len(rules.form))
    if not cost.affordable(judged, cost.EXPRESSION_LIMIT):
        raise TooMuch(
            f"The policy of {name} names {entries} repositories and {prefixes} prefixes. For a "
            f"workflow with {cost.MANY_IMAGES} images the API server would need {judged} units of "
            f"work, and half of what it spends is {cost.EXPRESSION_LIMIT // 2}. Allow wider prefixes "
            "(`team/**`) in place of many."
        )
    telling = cost.telling_new(len(rules.exempt))
    if not cost.affordable(telling, cost.EXPRESSION_LIMIT):
        raise TooMuch(
            f"{name} has exemptions of {len(rules.exempt)} images. For a workflow with "
            f"{cost.MANY_IMAGES} images the API server would need {telling} units of work, and half of "
            f"what it spends is {cost.EXPRESSION_LIMIT // 2}. Allow their repositories in a policy in "
            "place of so many exemptions."
        )
