"""What who has tried too many passwords is told, at the console's door as at the API's."""

from typing import Any

from django.http import HttpRequest, HttpResponse

SENTENCE = "Too many wrong passwords for that name from your address. Wait 15 minutes."


def locked_out(request: HttpRequest, response: HttpResponse, credentials: Any) -> HttpResponse:  # noqa: ARG001
    """The answer to a form; the API shapes its own (`controlplane.api.tokens`)."""
    return HttpResponse(SENTENCE, status=429, content_type="text/plain")
