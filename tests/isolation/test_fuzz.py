"""Calls that nobody would write by hand, made from the OpenAPI document: none of them breaks the platform.

`FUZZ=20000 pytest -m fuzz`, which `make fuzz` is, for more than the 2,000 of every run.
"""

import json
import os
from collections import Counter
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import booleans

from .endpoints import Endpoint, document
from .knocking import undone
from .roles import Role, Whose
from .tables import RULES
from .world import World

schemathesis = pytest.importorskip("schemathesis", reason="pip install schemathesis")

pytestmark = [pytest.mark.fuzz, pytest.mark.django_db, pytest.mark.timeout(7200)]
CALLS = int(os.environ.get("FUZZ", "2000"))
BROKEN = 500
# A cluster that cannot be reached, or that answers nonsense, is no mistake of ours.
OF_A_CLUSTER = {502, 503}
ROLES = (Role.OWNER, Role.ADMIN)


def test_no_call_breaks_the_platform(everybody: World) -> None:
    schema = schemathesis.openapi.from_dict(json.loads(json.dumps(document(), default=str)))
    operations = [found.ok() for found in schema.get_all_operations()]
    each = max(1, CALLS // (len(operations) * len(ROLES)))
    answered: Counter[int] = Counter()
    broken: dict[str, str] = {}
    for operation in operations:
        for role in ROLES:
            _try(everybody, operation, role, each, answered, broken)

    assert not broken, "\n".join(f"{key}: {said}" for key, said in broken.items())
    # Neither is everything turned away at the door, nor everything unreadable.
    assert sum(answered.values()) >= min(CALLS, len(operations)) * 0.8
    assert {200, 400, 404} <= answered.keys()


def _try(
    world: World,
    operation: "schemathesis.APIOperation",
    role: Role,
    calls: int,
    answered: Counter[int],
    broken: dict[str, str],
) -> None:
    """So many calls of one operation as somebody, noting what broke; the same ones every time."""
    endpoint = Endpoint(operation.path.replace("{id}", "{pk}"), operation.method.upper())
    person, cases = world.person(role, Whose.OWN), operation.as_strategy()
    there = RULES[endpoint.key].address(endpoint, world.own)

    @settings(
        max_examples=calls,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(cases, booleans())
    def calling(case: "schemathesis.Case", at_what_is_there: bool) -> None:
        path = there if at_what_is_there else _written(case.formatted_path)
        query = urlencode(dict(case.query or {}), doseq=True, errors="replace")
        sent = json.dumps(case.body) if isinstance(case.body, dict | list | str) else ""
        with undone(world, set()):
            answer = world.client(person).generic(
                endpoint.method, f"{path}?{query}", sent, content_type="application/json"
            )
        answered[answer.status_code] += 1
        if answer.status_code >= BROKEN and answer.status_code not in OF_A_CLUSTER:
            broken.setdefault(
                f"{endpoint.key} as {role}", f"{answer.status_code} for {path}?{query} {sent}"
            )

    calling()


def _written(path: str) -> str:
    """An address as a client sends it."""
    return quote(path, safe="/%:")
