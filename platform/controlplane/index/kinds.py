"""Which kinds are watched, which objects of each, and what is kept of one."""

from collections.abc import Callable
from dataclasses import dataclass

from controlplane.objects import Manifest

from .entries import Entry, cron_of, quota_of, workflow_of


@dataclass(frozen=True)
class Kind:
    """One kind to watch on every cluster."""

    api_version: str
    name: str
    labels: str
    entry: Callable[[Manifest], Entry | None]


WORKFLOW = Kind("argoproj.io/v1alpha1", "Workflow", "", workflow_of)
CRON = Kind("argoproj.io/v1alpha1", "CronWorkflow", "", cron_of)
QUOTA = Kind("v1", "ResourceQuota", "argosy.dev/managed=true", quota_of)
KINDS = (WORKFLOW, CRON, QUOTA)
