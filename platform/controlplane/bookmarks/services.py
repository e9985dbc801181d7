"""Keeping a view under a name, and forgetting it."""

from controlplane.errors import DomainError
from controlplane.identity.models import User

from .models import Bookmark

MOST = 30
LONGEST_NAME, LONGEST_QUERY = 60, 2000


def of(person: User, page: str) -> list[Bookmark]:
    """A person's views of a page, by name."""
    return list(Bookmark.objects.filter(person=person, page=page)[:MOST])


def keep(person: User, page: str, *, name: str, query: str) -> Bookmark:
    """Keep a view; one of the same name is replaced."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME:
        raise DomainError(f"A name has 1 to {LONGEST_NAME} characters.", field="name")
    if len(query) > LONGEST_QUERY:
        raise DomainError("That view's address is too long to be kept.", field="name")
    mine = Bookmark.objects.filter(person=person, page=page)
    if mine.exclude(name=name).count() >= MOST:
        raise DomainError(f"{MOST} views are kept already: forget one first.", field="name")
    kept, _ = mine.update_or_create(
        name=name,
        defaults={"query": query},
        create_defaults={"person": person, "page": page, "name": name, "query": query},
    )
    return kept


def forget(person: User, page: str, name: str) -> None:
    """Forget a view; one that is not there is forgotten already."""
    Bookmark.objects.filter(person=person, page=page, name=name).delete()
