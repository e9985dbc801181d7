"""Who gets into which team's cluster, and what it opens there: by what was really made in the cluster.

The matrix says whose call is answered. An answer is worth what the account behind it is bound to: on `pier`
the own and the foreign team have a namespace each, and a kubeconfig for it opens the own one alone.
"""

from dataclasses import dataclass
from typing import Any

import orjson
import pytest
import yaml

from controlplane.access.wishes import name_of
from tenants.levels import Level, role_of, roles_of

from .knocking import undone
from .roles import TEAM, Role, Whose
from .world import FOREIGN, World, roles

pytestmark = pytest.mark.django_db
KUBECONFIGS = "/api/v1/kubeconfigs/"
RBAC = "rbac.authorization.k8s.io/v1"
LEVELS = {Role.VIEWER: Level.VIEWER, Role.MEMBER: Level.MEMBER, Role.OWNER: Level.OWNER}
THEIRS = (Whose.OWN, Whose.FROZEN)


@dataclass(frozen=True)
class Opened:
    """What came of asking: the answer, and the cluster as it was then."""

    status: int
    said: dict[str, Any]
    bound: frozenset[tuple[str, str, str]]  # account, namespace, Role
    asked: tuple[str, ...]  # of the cluster


def ask(world: World, role: Role, whose: Whose, **more: Any) -> Opened:
    """Ask for a kubeconfig of that side's cluster; all is undone afterwards."""
    body = orjson.dumps({"cluster": world.sides[whose].shore.name, **more})
    client = world.client(world.person(role, whose))
    with undone(world, set()):
        answer = client.post(KUBECONFIGS, body, content_type="application/json")
        asked = tuple(world.fake.calls)
        bindings = world.fake.list(RBAC, "RoleBinding")
    bound = {
        (subject["name"], each["metadata"]["namespace"], each["roleRef"]["name"])
        for each in bindings
        for subject in each["subjects"]
    }
    return Opened(answer.status_code, orjson.loads(answer.content), frozenset(bound), asked)


@pytest.mark.parametrize("whose", THEIRS)
@pytest.mark.parametrize("role", LEVELS)
def test_a_person_of_the_team_gets_in_at_their_level_and_into_no_other_namespace(
    everybody: World, role: Role, whose: Whose
) -> None:
    user, side = everybody.person(role, whose), everybody.sides[whose]
    assert user is not None

    got = ask(everybody, role, whose)

    account = name_of(user)
    assert got.status == 201
    assert got.said["token"] == f"token-of-{account}"
    assert got.bound == {
        (account, side.namespace.name, role_of(level)) for level in roles_of(LEVELS[role])
    }
    contexts = yaml.safe_load(got.said["kubeconfig"])["contexts"]
    assert [each["context"]["namespace"] for each in contexts] == [side.namespace.name]


@pytest.mark.parametrize("role", LEVELS)
def test_for_a_cluster_of_another_team_there_is_nothing_and_the_cluster_is_not_asked(
    everybody: World, role: Role
) -> None:
    for renewing in (False, True):
        got = ask(everybody, role, Whose.FOREIGN, renewing=renewing)

        assert (got.status, got.bound, got.asked) == (403, frozenset(), ())
        assert FOREIGN not in orjson.dumps(got.said).decode()


@pytest.mark.parametrize("whose", Whose)
def test_who_has_no_level_there_gets_in_nowhere_whatever_they_are_to_the_platform(
    everybody: World, whose: Whose
) -> None:
    for role in set(roles()) - TEAM:
        got = ask(everybody, role, whose)

        assert got.status in {401, 403}, role
        assert (got.bound, got.asked) == (frozenset(), ()), role


@pytest.mark.parametrize("role", LEVELS)
def test_one_that_renews_itself_holds_no_token_and_makes_nothing_before_it_is_used(
    everybody: World, role: Role
) -> None:
    got = ask(everybody, role, Whose.OWN, renewing=True)

    (user,) = yaml.safe_load(got.said["kubeconfig"])["users"]
    assert (got.status, got.said["token"], got.bound, got.asked) == (201, "", frozenset(), ())
    assert set(user["user"]) == {"exec"}
