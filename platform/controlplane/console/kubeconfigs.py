"""A person's own ways into clusters: what was issued, how each stands, and a new one, shown once."""

import uuid
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from controlplane.access import services
from controlplane.access.models import Kubeconfig
from controlplane.errors import DomainError
from controlplane.identity.models import User
from controlplane.kube.errors import KubeError
from controlplane.refusals import status_of

from .asked_for import posted, text, whole
from .elsewhere import curl
from .people import signed_in

A_PAGE = 25
LASTING = (10, 30, 60, 120, 240, 480)  # minutes that are offered, up to what is allowed
FILE = "file"


@never_cache
@signed_in
def page(request: HttpRequest, user: User) -> HttpResponse:
    """The list and the form; sent, the kubeconfig comes as a file, or on the page this once."""
    if request.method != "POST":
        return render(request, "console/kubeconfigs.html", _context(request, user))
    cluster = posted(request, "cluster")
    try:
        document = _given(request, user, cluster)
    except (DomainError, KubeError) as exc:
        context = {**_context(request, user), "refused": exc.sentence, "wish": cluster}
        return render(request, "console/kubeconfigs.html", context, status=status_of(exc))
    if posted(request, "as") == FILE:
        return HttpResponse(
            document,
            content_type="application/yaml",
            headers={"Content-Disposition": f'attachment; filename="{cluster}.yaml"'},
        )
    context = {**_context(request, user), "made": document, "wish": cluster}
    return render(request, "console/kubeconfigs.html", context)


@require_POST
@signed_in
def revoke(request: HttpRequest, user: User, pk: uuid.UUID) -> HttpResponse:
    """Take one of one's own back."""
    row = services.visible(user).filter(account__user=user, pk=pk).first()
    if row is None:
        raise Http404
    said = services.revoke(row, now=timezone.now())
    messages.success(request, said.sentence, extra_tags="warn" if said.until else "ok")
    return redirect("console:kubeconfigs")


def _given(request: HttpRequest, user: User, cluster: str) -> str:
    minutes = whole(posted(request, "minutes"))
    if not minutes:
        return services.renewing(user=user, cluster=cluster)
    now = timezone.now()
    return services.issue(user=user, cluster=cluster, minutes=minutes, now=now).document


def _context(request: HttpRequest, user: User) -> dict[str, Any]:
    now, longest = timezone.now(), settings.KUBECONFIG_MINUTES
    mine = Kubeconfig.objects.of(user).select_related("account__cluster")
    shown = Paginator(mine, A_PAGE).get_page(request.GET.get("page"))
    clusters = [cluster.name for cluster in services.clusters_of(user)]
    return {
        "page": shown,
        "rows": [(row, services.standing_of(row, now), _look(row, now)) for row in shown],
        "clusters": clusters,
        "wish": text(request, "cluster"),
        "lasting": [*(each for each in LASTING if each < longest), longest],
        "longest": longest,
        "behind": [
            ("Terminal", "argosy kubeconfig new CLUSTER --to cluster.yaml"),
            ("Terminal, one that renews itself", "argosy kubeconfig new CLUSTER --renewing"),
            ("API", curl("kubeconfigs/")),
        ],
    }


def _look(row: Kubeconfig, now: Any) -> tuple[str, str]:
    """The word of its state, and how that looks."""
    if row.revoked_at is None:
        return ("ok", "Good") if row.expires_at > now else ("", "Ended")
    if row.gone_at is not None or row.expires_at <= now:
        return "", "Taken back"
    return "bad", "Cannot yet be taken back"
