"""Which Argo does a controller itself say it is, and is that what its release says?

The release says which image was asked for. What answers may be another: a pod that was not replaced, or a tag
that was moved. Where nobody measures, or what was measured is old, nothing is said but that.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from controlplane.advisories.lookup import LOOKS, Standing, known
from controlplane.advisories.versions import read
from tenants.models import TenantNamespace
from tenants.names import control_namespace

from . import queries
from .identity import CLUSTER, NAMESPACE
from .queries import Answer

VERSION = "version"
NOT_MEASURED = "not measured"
SIMULATED = "its pods are simulated, so no controller runs"
NEVER_HEARD = "the metrics engine never heard the controller"
NAMES_NONE = "the controller answers, and names no released version"


@dataclass(frozen=True)
class Told:
    """The two versions of one namespace: its release's, and those its controller says it is.

    The second is of one, or of two while a controller is replaced; none with `why` it is not known.
    """

    name: str
    release: str  # '' until a controller of it was seen to be available
    versions: tuple[str, ...] = ()
    why: str = ""
    pk: int = 0
    team: str = ""

    @property
    def standing(self) -> Standing:
        """How what answers stands; of two the worse."""
        return max(map(known, self.versions or ("",)), key=_badness)

    @property
    def differs(self) -> str:
        """Where what answers is not what the release says: a sentence; '' where it is, or is not known."""
        others = [said for said in self.versions if not _same(said, self.release)]
        if not others or not self.release:
            return ""
        return (
            f"The release says {self.release}, the controller that answers says {' and '.join(others)}: "
            "its pod was not replaced yet, or the image of that tag holds another Argo. What answers is what "
            f"runs. The platform team looks at the controller's pod in {control_namespace(self.name)}."
        )


def of_namespace(namespace: TenantNamespace) -> Told:
    """What the controller of one namespace says, of its own team's series; for who may see the namespace."""
    if namespace.cluster.simulated:
        return _told(namespace, (), SIMULATED)
    where = {CLUSTER: namespace.cluster.name, NAMESPACE: namespace.name}
    answer = queries.run("controller_version", where, queries.team_scope(namespace.team))
    return _told(namespace, _by_namespace(answer).get(namespace.name, ()), _why(answer))


def on_cluster(name: str, namespaces: Iterable[TenantNamespace], answer: Answer) -> list[Told]:
    """The same of each of these that are on one cluster, by one answer: those that differ first."""
    said, why = _by_namespace(answer), _why(answer)
    silent = f"no version of it is heard from {name} now"
    told = [_told(each, said.get(each.name, ()), why or silent) for each in namespaces]
    return sorted(told, key=lambda each: (not each.differs, each.standing.worst is None, each.name))


def counted(answer: Answer) -> list[tuple[Standing, int]]:
    """Each version that controllers say they are, and how many say so: most first."""
    numbers = [(s.labels.get(VERSION, ""), round(s.points[-1][1])) for s in answer.series]
    most = sorted(numbers, key=lambda each: (-each[1], each[0]))
    return [(known(version), count) for version, count in most if version]


def _told(namespace: TenantNamespace, versions: tuple[str, ...], why: str) -> Told:
    return Told(
        name=namespace.name,
        release=namespace.argo_version,
        versions=versions,
        why="" if versions else why or NAMES_NONE,
        pk=namespace.pk,
        team=namespace.team.slug,
    )


def _by_namespace(answer: Answer) -> Mapping[str, tuple[str, ...]]:
    """What each says, of an answer that is of now: what is old is not what runs."""
    found: dict[str, set[str]] = defaultdict(set)
    if answer.freshness == "fresh":
        for each in answer.series:
            if version := each.labels.get(VERSION, ""):
                found[each.labels.get(NAMESPACE, "")].add(version)
    return {name: tuple(sorted(versions)) for name, versions in found.items()}


def _why(answer: Answer) -> str:
    """Why nothing is known of the versions; '' where the controllers are heard."""
    if answer.trouble:
        return answer.trouble
    if answer.freshness == "fresh":
        return ""
    since = answer.coverage.since
    return f"last heard on {since:%-d %b %Y, %H:%M} UTC" if since else NEVER_HEARD


def _same(one: str, other: str) -> bool:
    """Whether both are the same version, however it is written: v4.1.2, 4.1.2."""
    versions = read(one), read(other)
    return versions[0] == versions[1] if all(versions) else one == other


def _badness(standing: Standing) -> int:
    if standing.worst is None:
        return 0
    return 2 if standing.worst in LOOKS else 1
