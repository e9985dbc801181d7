"""What people read when a page failed: by a mistake of the platform's, or for want of its database."""

import sys
from http import HTTPStatus

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.template import loader
from django.views.decorators.csrf import requires_csrf_token
from django.views.defaults import server_error


@requires_csrf_token
def failed(request: HttpRequest) -> HttpResponse:
    """The page of an error that nobody took; called while it is being handled."""
    if not isinstance(sys.exc_info()[1], OperationalError):
        return server_error(request)
    # Without a context, as Django's own: whoever surrounds a page asks the database.
    page = loader.get_template("503.html").render()
    return HttpResponse(page, status=HTTPStatus.SERVICE_UNAVAILABLE)
