"""Choosing one namespace of all that a person has: from a list while they are few, else by its name.

A list of thousands is neither read nor sent quickly. So whoever has many types a name, or a part of it; one
that is written out is taken, and where several fit (or clusters have it twice), those few are listed.
"""

from dataclasses import dataclass, field

from django.db.models import Case, QuerySet, Value, When

from tenants.models import NamespaceQuerySet, TenantNamespace

from .asked_for import cleaned, whole

FEW = 50  # namespaces that are listed; who has more asks by name
MOST_FOUND = 20
ON = " on "  # between a namespace's name and its cluster's, as both are shown


@dataclass(frozen=True)
class Choice:
    """The one chosen; while none is, what there is to choose from."""

    chosen: TenantNamespace | None = None
    few: list[TenantNamespace] = field(default_factory=list)  # all there are, unless they are many
    many: bool = False
    asked: str = ""
    found: list[TenantNamespace] = field(default_factory=list)
    more_found: bool = False

    @property
    def possible(self) -> bool:
        return self.many or bool(self.few)

    @property
    def written(self) -> str:
        """What stands in the field for the name."""
        return str(self.chosen) if self.chosen else self.asked


def choose(mine: NamespaceQuerySet, *, pk: str, asked: str) -> Choice:
    """What `pk` says; else what `asked` names; else, where neither is said, the only one there is.

    One that is said and is not theirs is none: a workflow would go where nobody meant it to.
    """
    several = list(_ordered(mine)[: FEW + 1])
    if len(several) <= FEW:
        only = several[0] if len(several) == 1 and not pk else None
        return Choice(next((n for n in several if str(n.pk) == pk), only), few=several)
    if pk and (chosen := _brought(mine).filter(pk=whole(pk)).first()):
        return Choice(chosen, many=True)
    asked = cleaned(asked).lower()
    if not asked:
        return Choice(many=True)
    found = list(_fitting(mine, asked)[: MOST_FOUND + 1])
    exact = [n for n in found if n.name == _parts(asked)[0]]
    if len(exact) == 1:
        return Choice(exact[0], many=True)
    fitting = exact or found
    return Choice(
        many=True,
        asked=asked,
        found=fitting[:MOST_FOUND],
        more_found=len(fitting) > MOST_FOUND,
    )


def suggestions(mine: NamespaceQuerySet, asked: str) -> list[TenantNamespace]:
    """The first that fit what is typed so far."""
    return list(_fitting(mine, cleaned(asked).lower())[:MOST_FOUND])


def _fitting(mine: NamespaceQuerySet, asked: str) -> QuerySet[TenantNamespace]:
    """The very name first, then those that hold what was typed."""
    name, cluster = _parts(asked)
    fits = {"name": name, "cluster__name": cluster} if cluster else {"name__contains": name}
    place = Case(When(name=name, then=Value(0)), default=Value(1))
    return _brought(mine).filter(**fits).order_by(place, "name", "cluster__name", "pk")


def _ordered(mine: NamespaceQuerySet) -> QuerySet[TenantNamespace]:
    return _brought(mine).order_by("name", "cluster__name", "pk")


def _brought(mine: NamespaceQuerySet) -> NamespaceQuerySet:
    # Without its conditions: a database that sorts thousands would carry them along.
    return mine.select_related("team", "cluster").defer("conditions")


def _parts(asked: str) -> tuple[str, str]:
    """The name, and its cluster if that is said."""
    name, _, cluster = asked.partition(ON)
    return name.strip(), cluster.strip()
