"""Which kinds are watched, which objects of each, and what is kept of one."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from controlplane.objects import Manifest
from provisioning.desired import GUARD_RAIL_KINDS, RELEASE_KINDS
from provisioning.drift import HELMS, OURS

from .entries import Entry, cron_of, quota_of, workflow_of
from .owned import owned_of
from .places import ADMISSION, IMAGES, POLICY_KINDS, WEBHOOK_KIND

MANAGED = "argosy.dev/managed=true"


@dataclass(frozen=True)
class Kind:
    """One kind to watch on every cluster."""

    api_version: str
    name: str
    labels: str
    entry: Callable[[Manifest], Entry | None]
    metadata_only: bool = False
    called: str = ""  # only the object of this name

    @property
    def fields(self) -> str:
        """The name as a field selector: RBAC takes it for the name of what is asked for."""
        return f"metadata.name={self.called}" if self.called else ""


WORKFLOW = Kind("argoproj.io/v1alpha1", "Workflow", "", workflow_of)
CRON = Kind("argoproj.io/v1alpha1", "CronWorkflow", "", cron_of)
QUOTA = Kind("v1", "ResourceQuota", MANAGED, quota_of)
KINDS = (WORKFLOW, CRON, QUOTA)

# What the loop makes, so that a change by somebody else is seen when it happens.
GUARDED = (
    *(
        Kind(api_version, name, MANAGED, partial(owned_of, manager=OURS), metadata_only=True)
        for api_version, name in (("v1", "Namespace"), *GUARD_RAIL_KINDS)
    ),
    *(
        Kind(api_version, name, MANAGED, partial(owned_of, manager=HELMS), metadata_only=True)
        for api_version, name in RELEASE_KINDS
    ),
)
# What the API server itself refuses in the platform's name, everywhere on a cluster.
POLICIES = (
    *(
        Kind(ADMISSION, name, MANAGED, partial(owned_of, manager=OURS), metadata_only=True)
        for name in POLICY_KINDS
    ),
    # One object of that kind is ours, and the role is to see no other.
    Kind(
        ADMISSION,
        WEBHOOK_KIND,
        "",
        partial(owned_of, manager=OURS),
        metadata_only=True,
        called=IMAGES,
    ),
)


# All of those together, as their watch is spoken of: namespaces' pages tell of the first.
GUARD_RAILS = Kind("", "Guard rails", "", lambda _: None)
IN_FORCE = Kind("", "Policies", "", lambda _: None)
WHOLES = ((GUARD_RAILS, GUARDED), (IN_FORCE, POLICIES))
GUARDING = frozenset(whole.name for whole, _ in WHOLES)  # watches that no figure comes from


@dataclass(frozen=True)
class Stream:
    """What one connection carries: objects of one kind, for each of these to keep of them what it keeps.

    HTTP/1.1 carries one watch at a time, and a watch is of one kind.
    """

    kinds: tuple[Kind, ...]

    @property
    def asked(self) -> Kind:
        """What is asked of the cluster: whole objects, as soon as one of the kinds wants them."""
        return min(self.kinds, key=lambda kind: kind.metadata_only)


def _streams(kinds: Iterable[Kind]) -> Iterator[Stream]:
    """Kinds of the same objects share one: quotas are counted, and guarded beside that."""
    same: dict[tuple[str, ...], list[Kind]] = {}
    for kind in kinds:
        same.setdefault((kind.api_version, kind.name, kind.labels, kind.called), []).append(kind)
    yield from (Stream(tuple(found)) for found in same.values())


# Silent but for changes; each is a connection and a thread a cluster.
STREAMS = tuple(_streams((*KINDS, *GUARDED, *POLICIES)))
