"""The log of one container, followed by asking again: no worker is held while nothing is said."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from controlplane.argo import acts, logs, nodes
from controlplane.argo.logs import LIMIT_BYTES, TAIL_LINES, Part
from controlplane.argo.nodes import Node, Run
from controlplane.errors import DomainError, NotAllowed
from controlplane.identity.models import User
from controlplane.kube.errors import KubeError
from controlplane.objects import Manifest
from controlplane.refusals import status_of
from tenants.models import TenantNamespace

from .asked_for import a_part, number
from .people import signed_in
from .workflow import namespace_of, pace
from .workflow_graph import address

FIRST = ("main", "init", "wait")
QUIET_ROUNDS = (
    3  # a step that has ended is asked so often more: its last lines may still be written
)


@dataclass(frozen=True)
class Log:
    """What the card shows: lines, or why there are none."""

    why: str = ""  # there is no log, and this is why
    waits: bool = False  # there may be one later
    containers: tuple[str, ...] = ()
    container: str = ""
    part: Part | None = None


@signed_in
def log(request: HttpRequest, user: User, pk: int, name: str) -> HttpResponse:
    """The log's card; once it is `drawn`, only the lines after a mark (`at`)."""
    namespace = namespace_of(user, pk)
    mark = logs.mark_of(request.GET.get("at", ""), request.GET.get("seen", "0"))
    quiet, code = number(request, "quiet"), 200
    try:
        found = acts.find(namespace, user, name)
        run = nodes.read(found) if found is not None else None
        node = run.nodes.get(request.GET.get("node", "")) if run else None
        if run is None or node is None:
            raise Http404
        asked = request.GET.get("container", "")
        seen = _log_of(namespace, user, run, node, asked=asked, mark=mark)
    except (DomainError, KubeError) as exc:
        # Who has no level there will have none in a moment either.
        run, node, seen = None, None, Log(exc.sentence, waits=not isinstance(exc, NotAllowed))
        code = status_of(exc) if isinstance(exc, NotAllowed) and not a_part(request) else 200
    news = bool(seen.part and seen.part.lines)
    quiet = 0 if news else quiet + 1
    ended = node is not None and node.ended and quiet >= QUIET_ROUNDS
    context = {
        "namespace": namespace,
        "name": name,
        "run": run,
        "node": node,
        "log": seen,
        "base": f"/namespaces/{pk}/workflows/{name}/log/",
        "follows": (seen.waits and not (node and node.ended)) or (bool(seen.part) and not ended),
        "next": _next(request, seen, quiet),
        "pace": 0 if seen.part and seen.part.more else pace(quiet * 10),
        "tabs": [(c, address(_plain(request), container=c)) for c in seen.containers],
    }
    # A card that already has its lines asks for more of them only, also where none came so far.
    more = bool(request.GET.get("drawn"))
    template = "console/_workflow_log_lines.html" if more else "console/_workflow_log.html"
    if not a_part(request):
        template = "console/workflow_log.html"
    return render(request, template, context, status=code)


def _log_of(
    namespace: TenantNamespace,
    user: User,
    run: Run,
    node: Node,
    *,
    asked: str,
    mark: logs.Mark,
) -> Log:
    pod_name = nodes.pod_of(run, node)
    if not pod_name:
        return Log("This step runs in no pod of its own, so it has no log.")
    if namespace.cluster.simulated:
        return Log("Pods are simulated here: no container ran, so there is no log.")
    pod = acts.pod(namespace, user, pod_name)
    if pod is None:
        return Log(
            f"Its pod {pod_name} is gone, and its log with it."
            if node.ended
            else f"Its pod {pod_name} is not there yet.",
            waits=not node.ended,
        )
    containers = containers_of(pod)
    asked = asked or (node.label if node.kind == "Container" else "")
    container = asked if asked in containers else next(iter(containers), "")
    answer = acts.logs(
        namespace,
        user,
        pod_name,
        container,
        since=mark.since,
        tail=None if mark.at else TAIL_LINES,
        limit=LIMIT_BYTES,
    )
    part = logs.new_part(answer, mark)
    return Log(containers=containers, container=container, part=part)


def containers_of(pod: Manifest) -> tuple[str, ...]:
    """The containers of a pod: the step's own first."""
    spec = pod.get("spec")
    found = [
        each["name"]
        for part in ("containers", "initContainers")
        for each in (spec.get(part) or () if isinstance(spec, Mapping) else ())
    ]
    return tuple(sorted(found, key=lambda n: (FIRST.index(n) if n in FIRST else 0.5, n)))


def _next(request: HttpRequest, seen: Log, quiet: int) -> str:
    """The address to go on at."""
    changes: dict[str, Any] = {"quiet": str(quiet)}
    if seen.container:
        changes["container"] = seen.container
    if seen.part:
        changes |= {"at": seen.part.mark.at, "seen": str(seen.part.mark.seen), "drawn": "1"}
    return address(request.GET.copy(), **changes)


def _plain(request: HttpRequest) -> Any:
    query = request.GET.copy()
    for key in ("at", "seen", "quiet", "drawn"):
        query.pop(key, None)
    return query
