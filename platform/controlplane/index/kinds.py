"""Which kinds are watched, which objects of each, and what is kept of one."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from controlplane.objects import Manifest
from provisioning.desired import GUARD_RAIL_KINDS, RELEASE_KINDS
from provisioning.drift import HELMS, OURS

from .entries import Entry, cron_of, quota_of, workflow_of
from .owned import owned_of

MANAGED = "argosy.dev/managed=true"


@dataclass(frozen=True)
class Kind:
    """One kind to watch on every cluster."""

    api_version: str
    name: str
    labels: str
    entry: Callable[[Manifest], Entry | None]
    metadata_only: bool = False


WORKFLOW = Kind("argoproj.io/v1alpha1", "Workflow", "", workflow_of)
CRON = Kind("argoproj.io/v1alpha1", "CronWorkflow", "", cron_of)
QUOTA = Kind("v1", "ResourceQuota", MANAGED, quota_of)
KINDS = (WORKFLOW, CRON, QUOTA)

# What the loop makes, so that a change by somebody else is seen when it happens. A stream each: HTTP/1.1
# carries one, so a cluster has ten more connections, silent but for changes. A quota is there twice: its
# counting needs all of it, and the two have nothing else in common.
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
# All of those together, as their watch is spoken of.
GUARD_RAILS = Kind("", "Guard rails", "", lambda _: None)
