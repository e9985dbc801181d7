"""What of the image policies that a cluster was brought is no longer as it was, and who changed it?

A look asks for no dry run: to an API server each of these policies is seconds of work. What differs from what
is wanted shows in the object itself, and what somebody added beside it in whose fields they are.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from controlplane.kube.door import Kube
from controlplane.objects import Manifest, ref_of
from provisioning import repairs
from provisioning.base import NOBODYS
from provisioning.desired import Desired
from provisioning.drift import OURS, foreign_entries
from provisioning.live import Live
from provisioning.plan import Apply, Remove, Restore, Stage, Step

from . import delivery
from .compile import probes
from .compile.cluster import Held


@dataclass(frozen=True)
class Drift:
    """The steps that put back what others changed, and what was found in words; none and '' if nothing was.

    `older`: what lies there is an earlier wish of ours. Then there are no steps, for a newer one takes its
    place in an order of its own, which lets no image slip through.
    """

    steps: tuple[Step, ...] = ()
    told: str = ""
    older: bool = False


def look(kube: Kube, held: Held) -> Drift:
    """How it lies in the cluster now. What lies there need not act yet: that is known of who saw it act."""
    singles = (ref_of(probes.namespace()), delivery.CONFIGURATION)
    found = [*delivery.live(kube), *filter(None, map(kube.get, singles))]
    return drift_of(delivery.lasting(held), Live(objects={ref_of(each): each for each in found}))


def drift_of(wanted: Sequence[Manifest], live: Live) -> Drift:
    """What is to be done of it, and said."""
    if any(
        (found := live.objects.get(ref_of(each))) is not None
        and not repairs.is_same_wish(found, each)
        for each in wanted
    ):
        return Drift(older=True)
    steps = tuple(_steps(wanted, live))
    desired = Desired(guard_rails=tuple(wanted))
    return Drift(steps, repairs.told(steps, desired, live, control=NOBODYS))


def _steps(wanted: Iterable[Manifest], live: Live) -> Iterator[Step]:
    unwanted = dict(live.objects)
    for manifest in wanted:
        found = unwanted.pop(ref_of(manifest), None)
        if found is not None and foreign_entries(found, manager=OURS):
            yield Restore(Stage.GUARD_RAILS, manifest, OURS)
        elif found is None or not covers(found, manifest):
            yield Apply(Stage.GUARD_RAILS, manifest)
    for ref, found in unwanted.items():
        yield Remove(Stage.REMOVALS, ref, found["metadata"]["uid"])


def covers(live: Any, wanted: Any) -> bool:
    """Whether all that is wanted stands there, and no list has more; the API server adds defaults."""
    match live, wanted:
        case dict(), dict():
            return all(covers(live.get(key), value) for key, value in wanted.items())
        case list(), list():
            return len(live) == len(wanted) and all(map(covers, live, wanted))
        case _:
            return bool(live == wanted)
