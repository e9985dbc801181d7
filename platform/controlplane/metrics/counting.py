"""Requests to this process by view: how many, how they ended, how long they took."""

import time
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

Answering = Callable[[HttpRequest], HttpResponseBase]

# When each began to be counted would be a series more for each, which nobody asks for.
disable_created_metrics()  # type: ignore[no-untyped-call]
# This process' own. The platform runs one process with threads for each copy of the web.
REGISTRY = CollectorRegistry()
REQUESTS = Counter(
    "argosy_http_requests", "Requests, by view and class of status.", ("view", "status"),
    registry=REGISTRY,
)  # fmt: skip
SECONDS = Histogram(
    "argosy_http_request_seconds", "How long requests took, by view.", ("view",),
    buckets=(0.01, 0.05, 0.15, 0.5, 1, 5), registry=REGISTRY,
)  # fmt: skip
NOWHERE = "nowhere"  # whatever path was asked for: paths are anybody's, views are ours


class CountRequests:
    """Middleware, outermost: what others refuse is counted as well."""

    def __init__(self, get_response: Answering) -> None:
        self._answer = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Count one."""
        began = time.monotonic()
        status = "5xx"
        try:
            response = self._answer(request)
            status = f"{response.status_code // 100}xx"
        finally:
            view = view_of(request)
            REQUESTS.labels(view, status).inc()
            SECONDS.labels(view).observe(time.monotonic() - began)
        return response


def view_of(request: HttpRequest) -> str:
    """The view's name, of which there are as many as the site has."""
    match = request.resolver_match
    if match is None:
        return NOWHERE
    return match.view_name or getattr(match.func, "__name__", NOWHERE)
