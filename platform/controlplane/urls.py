"""Where everything is on the web."""

import logging

from django.contrib import admin
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.utils import timezone

from controlplane.api import scraping
from controlplane.clusters import answering

logger = logging.getLogger(__name__)


PLAIN = "text/plain; charset=utf-8"


def healthz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Up: the process answers."""
    return HttpResponse("ok", content_type="text/plain")


def readyz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """At work: the database answers, and somebody looks at the clusters. Else 503 and the sentence."""
    now = timezone.now()
    try:
        since = answering.idle_since(now)
    except Error as exc:
        logger.warning("not ready: the database does not answer: %s", exc)
        return HttpResponse("The database does not answer.", content_type=PLAIN, status=503)
    if since is not None:
        sentence = answering.idle_sentence(since, now)
        return HttpResponse(sentence, content_type=PLAIN, status=503)
    return HttpResponse("ok", content_type=PLAIN)


def readyz_web(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Fit to answer people: the database does. What else does not work, they are to read on the pages."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error as exc:
        logger.warning("not ready: the database does not answer: %s", exc)
        return HttpResponse("The database does not answer.", content_type=PLAIN, status=503)
    return HttpResponse("ok", content_type=PLAIN)


handler500 = "controlplane.console.bad_days.failed"
urlpatterns = [
    path("healthz", healthz),
    path("readyz", readyz),
    path("readyz/web", readyz_web),
    path("metrics", scraping.own, name="own-metrics"),
    path("admin/", admin.site.urls),
    path("api/", include("controlplane.api.urls")),
    path("", include("controlplane.console.urls")),
]
