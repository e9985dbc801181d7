"""Kinds that a cluster shall know before its controllers start.

The quota controller looks for new kinds only every thirty seconds. A kind that is there when it
starts is counted at once; so these go in first, and controllers that run already start anew.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from localcluster.api import Api
from localcluster.errors import LocalClusterError

PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
MANAGER = "argosy"
ESTABLISHED_SECONDS = 20.0
POLL_SECONDS = 0.05


def ensure(api: Api, crds: Sequence[Mapping[str, Any]]) -> bool:
    """Have all of them served; true if one was new to this cluster."""
    paths = [f"{PATH}/{crd['metadata']['name']}" for crd in crds]
    new = [path for path in paths if api.get(path) is None]
    for path, crd in zip(paths, crds, strict=True):
        api.apply(path, crd, MANAGER)
    deadline = time.monotonic() + ESTABLISHED_SECONDS
    for path in paths:
        while not _established(api.get(path)):
            if time.monotonic() > deadline:
                raise LocalClusterError(f"{api.url}{path} was not established in time.")
            time.sleep(POLL_SECONDS)
    return bool(new)


def _established(crd: Mapping[str, Any] | None) -> bool:
    conditions = ((crd or {}).get("status") or {}).get("conditions") or ()
    return any(entry["type"] == "Established" and entry["status"] == "True" for entry in conditions)
