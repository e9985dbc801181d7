"""The kinds of request: each one a file of this folder, found by listing it.

A kind says what it asks (`Asked`, a typed document that refuses what it does not know), where that goes
(`place` chooses if nobody named a cluster, `settled` puts the choice into what is asked), whether the team
may have it (`check`, and `problems` for all of the reasons), who else asks for the same (`rivals`), what it
would do in a sentence, the spec whose plan the approver reads, and what approval writes. To add one, copy
`create.py`; what it does is tested in `tests/tenants/test_requests.py`.
"""

import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from controlplane.errors import DomainError
from controlplane.listing import kinds_in
from tenants.spec import NamespaceSpec

if TYPE_CHECKING:
    from tenants.models import Request, RequestQuerySet, Team, TenantNamespace
    from tenants.placed import Placed


class Kind(Protocol):
    """What a module of this folder offers."""

    KIND: str
    Asked: type[msgspec.Struct]

    def place(self, team: "Team", asked: Any) -> "Placed | None": ...
    def settled(self, asked: Any, placed: "Placed | None") -> Any: ...
    def check(self, team: "Team", asked: Any) -> None: ...
    def problems(self, team: "Team", asked: Any) -> Iterator[DomainError]: ...
    def rivals(self, asked: Any) -> "RequestQuerySet": ...
    def sentence(self, team: "Team", asked: Any) -> str: ...
    def spec(self, team: "Team", asked: Any) -> NamespaceSpec: ...
    def approve(self, request: "Request", asked: Any, *, plan_hash: str) -> "TenantNamespace": ...


class BadRequest(DomainError):
    """What was asked is not of the kind's form."""

    code = "bad_request"


@lru_cache(maxsize=1)
def kinds() -> Mapping[str, Kind]:
    """Every kind there is, by name."""
    return kinds_in(sys.modules[__name__])


def kind_of(name: str) -> Kind:
    """The kind of this name. Raises BadRequest that lists what there is."""
    try:
        return kinds()[name]
    except KeyError:
        offered = ", ".join(sorted(kinds()))
        raise BadRequest(f"There is no request of kind {name!r}; there is: {offered}.") from None


def read(kind: Kind, fields: object) -> Any:
    """What was asked, typed. Raises BadRequest with the field at fault."""
    try:
        return msgspec.convert(fields, kind.Asked)
    except msgspec.ValidationError as exc:
        raise BadRequest(f"This is not what a {kind.KIND} request asks: {exc}.") from exc
