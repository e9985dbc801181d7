"""No deletion ever follows from half an inventory: what was not seen is not gone, and the turn ends."""

from dataclasses import replace
from itertools import combinations

import pytest

from controlplane.kube.door import Connection
from controlplane.kube.errors import KubeError, Unreachable
from controlplane.objects import Ref, ref_of
from provisioning.desired import GUARD_RAIL_KINDS, RELEASE_KINDS, Desired
from provisioning.live import Live
from provisioning.observe import observe
from provisioning.plan import MendRelease, Recreate, Remove, RemoveRelease, Step, plan
from tests.fakes import FakeCluster, FakeHelm

from .manifests import desired_of, spec_of
from .test_plan import as_applied

DELETING = (Remove, RemoveRelease, Recreate, MendRelease)
HALF = Unreachable("the API server's list breaks off before its end")


def deleting(steps: tuple[Step, ...]) -> list[str]:
    return [str(step) for step in steps if isinstance(step, DELETING)]


def refs(live: Live) -> list[Ref]:
    return sorted(live.objects)


@pytest.mark.parametrize("missing", range(1, 7))
def test_whatever_was_not_seen_is_made_and_nothing_is_taken_away_for_it(missing: int) -> None:
    desired = desired_of()
    whole = as_applied(desired)
    assert len(refs(whole)) == 6

    for unseen in combinations(refs(whole), missing):
        seen = {ref: m for ref, m in whole.objects.items() if ref not in unseen}
        for releases in (whole.releases, {}):
            half = replace(whole, objects=seen, releases=releases)
            assert deleting(plan(spec_of(), desired, half)) == []


@pytest.fixture
def connection() -> Connection:
    """A cluster in which everything of a team is there."""
    cluster = FakeCluster()
    desired = desired_of()
    for manifest in (*desired.namespaces, *desired.guard_rails):
        cluster.apply(manifest)
    return Connection(kube=cluster, helm=FakeHelm(cluster, lambda _: ()))


LISTED = (*GUARD_RAIL_KINDS, *RELEASE_KINDS, ("v1", "Secret"))


@pytest.mark.parametrize("kind", [kind for _, kind in LISTED])
@pytest.mark.parametrize("desired", [desired_of(), Desired()], ids=["wanted", "unwanted"])
def test_a_list_that_is_answered_half_ends_the_look_before_anything_is_planned(
    connection: Connection, kind: str, desired: Desired
) -> None:
    cluster = connection.kube
    assert isinstance(cluster, FakeCluster)
    cluster.refusals[("list", kind)] = HALF

    with pytest.raises(KubeError):
        observe(connection, spec_of(), desired)


def test_a_namespace_that_cannot_be_read_is_not_one_that_is_gone(connection: Connection) -> None:
    cluster = connection.kube
    assert isinstance(cluster, FakeCluster)
    cluster.refusals[("get", "Namespace")] = HALF

    with pytest.raises(KubeError):
        observe(connection, spec_of(), Desired())

    assert ref_of(desired_of().namespaces[0]) in cluster.objects
