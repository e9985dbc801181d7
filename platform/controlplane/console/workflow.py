"""One workflow, read live from its cluster as the person's level: steps, a step's panel, its log, acts."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from controlplane.argo import access, acts, nodes, panel, verbs
from controlplane.argo.folding import KNOTS
from controlplane.argo.nodes import BAD, Node, Run
from controlplane.argo.verbs import Verb
from controlplane.errors import DomainError, NotAllowed
from controlplane.identity.models import User
from controlplane.index import services as index
from controlplane.index.entries import workflow_of
from controlplane.index.kinds import WORKFLOW
from controlplane.index.models import Workflow
from controlplane.kube.errors import KubeError
from controlplane.objects import Manifest
from controlplane.refusals import status_of
from tenants.levels import Act
from tenants.models import TenantNamespace

from .asked_for import a_part, nearest, whole
from .elsewhere import CURL
from .followed import simulated
from .people import anew, signed_in
from .workflow_graph import Graph, address, graph_of, query_of

ROWS = 100
CROWD = 30
# Every 2 s for a minute, every 5 s for five, every 15 s after that.
PACE = ((30, 2), (90, 5))
SLOWEST = 15


@dataclass(frozen=True)
class Crowd:
    """What a folded box holds, the bad ones first."""

    members: tuple[Node, ...]
    more: int


@signed_in
def workflow(request: HttpRequest, user: User, pk: int, name: str) -> HttpResponse:
    """The page; for htmx only the parts of it that move.

    Of whom the page is no more, the parts are not either: the page is loaded anew, and says so as a whole.
    """
    try:
        namespace = namespace_of(user, pk)
    except Http404:
        if a_part(request):
            return anew()
        raise
    if a_part(request) and not access.may(namespace, user, Act.SEE):
        return anew()
    return _answer(request, user, namespace, name)


@require_POST
@signed_in
def act(request: HttpRequest, user: User, pk: int, name: str, verb: str) -> HttpResponse:
    """Stop, terminate, suspend, resume or resubmit it, and go to what came of that."""
    namespace = namespace_of(user, pk)
    try:
        done = acts.do(Verb(verb), namespace, user, name)
    except (DomainError, KubeError) as exc:
        return _answer(request, user, namespace, name, refusal=exc)
    if done is None:
        raise Http404
    messages.success(request, done.sentence, extra_tags="ok")
    return redirect(f"/namespaces/{pk}/workflows/{done.workflow['metadata']['name']}/")


@require_POST
@signed_in
def delete(request: HttpRequest, user: User, pk: int, name: str) -> HttpResponse:
    """Take it away, and go back to those that are left."""
    namespace = namespace_of(user, pk)
    try:
        found = acts.remove(namespace, user, name)
    except (DomainError, KubeError) as exc:
        return _answer(request, user, namespace, name, refusal=exc)
    if found is None:
        raise Http404
    # The watch will tell the same in a moment; the list that comes next is made before that.
    if entry := workflow_of(found):
        index.gone(namespace.cluster, WORKFLOW, [entry], now=timezone.now())
    messages.success(request, f"{name} is deleted, with its pods and their logs.", extra_tags="ok")
    return redirect("console:workflows")


def namespace_of(user: User, pk: int) -> TenantNamespace:
    """The namespace, if the person may see it; a team's former ones keep their pages."""
    seen = TenantNamespace.objects.visible_to(user).select_related("team", "cluster")
    found = seen.filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def pace(polls: int) -> int:
    """After how many seconds to look again."""
    return next((seconds for below, seconds in PACE if polls < below), SLOWEST)


def _answer(
    request: HttpRequest,
    user: User,
    namespace: TenantNamespace,
    name: str,
    *,
    refusal: DomainError | KubeError | None = None,
) -> HttpResponse:
    common = {
        "namespace": namespace,
        "name": name,
        "simulated": simulated([namespace.cluster]),
        "refusal": refusal.sentence if refusal else "",
        "behind": _behind(namespace, name),
    }
    code = status_of(refusal) if refusal else 200
    try:
        found = acts.find(namespace, user, name)
    except NotAllowed as exc:
        context = {**common, "problem": exc.sentence}
        return render(request, "console/workflow.html", context, status=status_of(exc))
    except (DomainError, KubeError) as exc:
        if a_part(request):
            return _later(request, exc.sentence)
        known = {"known": _known(user, namespace, name)}
        context = {**common, **known, "problem": exc.sentence}
        return render(request, "console/workflow.html", context, status=code)
    if found is None:
        return _gone(request, {**common, "known": _known(user, namespace, name)}, code)
    context = {**common, **_context(request, user, namespace, found)}
    if a_part(request):
        return render(request, "console/_workflow_live.html", context)
    return render(request, "console/workflow.html", context, status=code)


def _gone(request: HttpRequest, common: dict[str, Any], code: int) -> HttpResponse:
    """What the index still knows of it; who looks at it keeps what was seen last."""
    gone = f"{common['name']} is no longer in its cluster: it was deleted, or its time to live was over."
    if a_part(request):
        return render(request, "console/_workflow_gone.html", {"problem": gone})
    if common["known"] is None:
        raise Http404
    context = {**common, "problem": gone, "gone": True}
    return render(request, "console/workflow.html", context, status=code)


def _later(request: HttpRequest, problem: str) -> HttpResponse:
    """In place of what moves: why it does not, and the same question again later.

    With 200: what is refused, htmx puts nowhere, and then it asks no more.
    """
    said = query_of(request.GET)
    polls = whole(said.get("polls", ""))
    again = said.copy()
    again["polls"] = str(polls + 1)
    context = {"problem": problem, "again": f"?{again.urlencode()}", "pace": pace(polls)}
    return render(request, "console/_workflow_away.html", context)


def _known(user: User, namespace: TenantNamespace, name: str) -> Workflow | None:
    """What the index knows of it."""
    mine = Workflow.objects.visible_to(user).filter(namespace=namespace, name=name)
    return mine.order_by("-created_at").first()


def _context(
    request: HttpRequest, user: User, namespace: TenantNamespace, found: Manifest
) -> dict[str, Any]:
    run, now = nodes.read(found), timezone.now()
    said = query_of(request.GET)
    query = said.copy()
    node = _chosen(run, query.get("node", ""))
    if node is not None:
        query["node"] = node.id
    graph = graph_of(run, query, now)
    polls = whole(said.get("polls", ""))
    as_list = said.get("view") == "list"
    may = access.may(namespace, user, Act.SUBMIT_WORKFLOWS)
    possible = verbs.possible(run) if may else ()
    words = ".".join(possible)
    return {
        "run": run,
        "seconds": run.seconds(now),
        "graph": graph,
        "as_list": as_list,
        "list": _list(said, run, now) if as_list else None,
        "list_address": address(said, view="list"),
        "graph_address": address(said, view="", page=""),
        "steps": sum(n.kind in nodes.IN_A_POD for n in run.nodes.values()),
        "node": node,
        "step": _step(run, node, now) if node else None,
        "crowd": _crowd(run, graph, query.get("node", "")),
        "verbs": [_button(verb) for verb in possible],
        "acts": words,
        "acts_changed": said.get("acts", "") != words,
        "log_changed": said.get("logged", "") != (node.id if node else ""),
        "may": may,
        "poll": "" if run.ended else address(said, polls="") or "?",
        "polls": polls + 1,
        "pace": pace(polls),
        "parameters": panel.parameters_of(found),
        "description": panel.description_of(found),
        "left_to_argo": verbs.left_to_argo(run),
    }


def _chosen(run: Run, asked: str) -> Node | None:
    """The step that was asked for; else the first that went wrong: it is what people come to see."""
    if asked:
        return run.nodes.get(asked)
    bad = [n for n in run.nodes.values() if n.phase in BAD and n.kind in nodes.IN_A_POD]
    return nodes.in_order(bad)[0] if bad else None


def _crowd(run: Run, graph: Graph, key: str) -> Crowd | None:
    held = [
        run.nodes[node]
        for node, box in graph.box_of.items()
        if box == key != node and run.nodes[node].kind not in KNOTS
    ]
    if not held:
        return None
    ordered = sorted(nodes.in_order(held), key=lambda n: (n.phase not in BAD, n.ended))
    return Crowd(tuple(ordered[:CROWD]), max(0, len(ordered) - CROWD))


def _step(run: Run, node: Node, now: datetime) -> dict[str, Any]:
    return {
        "pod": nodes.pod_of(run, node),
        "seconds": node.seconds(now),
        "ends": [end for end in panel.ends_of(node) if end],
        "used": panel.used_by(node),
        "host": node.raw.get("hostNodeName")
        if isinstance(node.raw.get("hostNodeName"), str)
        else "",
    }


def _list(query: QueryDict, run: Run, now: datetime) -> dict[str, Any]:
    ordered = nodes.in_order(
        n
        for n in run.nodes.values()
        if n.kind not in KNOTS and not (n.name == run.name and n.kind in nodes.COMPOSITE)
    )
    pages = max(1, -(-len(ordered) // ROWS))
    number = nearest(whole(query.get("page", "")), pages)
    start = (number - 1) * ROWS
    shown = ordered[start : start + ROWS]
    return {
        "rows": [(n, n.seconds(now), address(query, node=n.id, container="")) for n in shown],
        "page": number,
        "pages": pages,
        "total": len(ordered),
    }


def _button(verb: Verb) -> dict[str, Any]:
    return {
        "verb": verb.value,
        "title": verb.value.capitalize(),
        "means": verbs.MEANS[verb],
        "asks": verb in {Verb.STOP, Verb.TERMINATE},
    }


def _behind(namespace: TenantNamespace, name: str) -> list[tuple[str, str]]:
    path = f"{settings.BASE_URL}/api/v1/namespaces/{namespace.pk}/workflows/{name}/"
    return [
        ("Terminal", f"argosy workflow show {namespace.name} {name}"),
        ("API", f"{CURL} {path}"),
        ("Ending it", f"argosy workflow stop {namespace.name} {name}"),
        ("Deleting it", f"argosy workflow delete {namespace.name} {name}"),
    ]
