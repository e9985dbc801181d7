"""What must every engine decide? The cases as files, and what reading one says when it is wrong.

The files beside this one are the repository's own: every row of the catalogue of bypasses, in all
its variants. An unknown field is an error: a misspelt `expect_reported` would prove nothing.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from controlplane.policies import document, facts
from controlplane.policies.document import Document
from controlplane.policies.extraction import group_and_kind
from controlplane.policies.facts import Facts
from controlplane.policies.verdict import Question

HERE = Path(__file__).parent


class User(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who asks, with groups where they matter."""

    username: str
    groups: tuple[str, ...] = ()


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One object, one policy, one expected answer."""

    id: str
    policy: Document
    expect: Literal["allow", "deny"]
    object: dict[str, Any] | None = None
    operation: Literal["CREATE", "UPDATE", "DELETE", "CONNECT"] = "CREATE"
    old_object: dict[str, Any] | None = None
    subresource: str = ""
    namespace: str = ""
    user: str | User = ""
    dry_run: bool = False
    now: datetime | None = None
    facts: dict[str, Any] = {}
    expect_reported: bool | None = None

    def known_facts(self) -> Facts:
        """What a verifier would report."""
        return facts.read(self.facts)

    def question(self, now: datetime) -> Question:
        """As it is asked of the library; `now` for a case that names no moment of its own."""
        about = self.object if self.object is not None else self.old_object or {}
        group, kind = group_and_kind(about)
        user = User(self.user) if isinstance(self.user, str) else self.user
        return Question(
            group=group,
            kind=kind,
            operation=self.operation,
            object=self.object,
            old_object=self.old_object,
            namespace=self.namespace,
            subresource=self.subresource,
            user=user.username,
            groups=user.groups,
            now=self.now or now,
        )


class NotACase(ValueError):
    """A file of cases that cannot be read; the sentence names the case and the field."""


def shipped() -> list[Case]:
    """Every case of the repository, in the order of its files."""
    cases = [case for file in sorted(HERE.glob("*.json")) for case in read_file(file)]
    _refuse_twins(cases)
    return cases


def read_file(file: Path) -> list[Case]:
    """The cases of one file. Raises NotACase."""
    try:
        values = json.loads(file.read_bytes(), object_pairs_hook=_once_each)
    except OSError as error:
        raise NotACase(f"{file}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise NotACase(f"{file}: {error}") from None
    return read(values, source=file.name)


def read(values: Any, *, source: str) -> list[Case]:
    """The cases in a list, or in an object with `cases` and perhaps `policies`."""
    policies: Any = {}
    if isinstance(values, dict):
        unknown = sorted(values.keys() - {"cases", "policies"})
        if unknown:
            raise NotACase(f"{source}: unknown field {unknown[0]!r}")
        policies, values = values.get("policies", {}), values.get("cases")
    if not isinstance(values, list) or not isinstance(policies, dict):
        raise NotACase(f"{source}: there must be a list of cases, or `cases` and `policies`")
    named = {name: _policy(name, f"policy {name}", policies) for name in policies}
    cases = [_case(value, named, f"{source}: case {i + 1}") for i, value in enumerate(values)]
    _refuse_twins(cases)
    return cases


def _case(value: Any, named: Mapping[str, Document], place: str) -> Case:
    if not isinstance(value, dict):
        raise NotACase(f"{place}: must be an object")
    place = f"case {value['id']}" if isinstance(value.get("id"), str) else place
    policy = value.get("policy")
    if isinstance(policy, str) and policy not in named:
        raise NotACase(f"{place}: policy: there is no policy {policy!r}")
    known = named[policy] if isinstance(policy, str) else _policy("policy", place, value)
    try:
        case = msgspec.convert({**value, "policy": document.plain(known)}, Case)
        case.known_facts()
    except msgspec.ValidationError as error:
        raise NotACase(f"{place}: {error}") from None
    except facts.NotFacts as error:
        raise NotACase(f"{place}: facts: {error}") from None
    return msgspec.structs.replace(case, policy=known)


def _policy(field: str, place: str, values: Mapping[str, Any]) -> Document:
    if field not in values:
        raise NotACase(f"{place}: {field} is missing")
    try:
        return document.read(values[field])
    except document.NotAPolicy as error:
        raise NotACase(f"{place}: {field}: {error}") from None


def _refuse_twins(cases: list[Case]) -> None:
    seen: set[str] = set()
    for case in cases:
        if case.id in seen:
            raise NotACase(f"case {case.id}: stands there twice")
        seen.add(case.id)


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} stands there twice")
    return values
