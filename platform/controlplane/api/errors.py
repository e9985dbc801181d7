"""Every error of the API has one shape: `{"error": {"code", "sentence", "fields"}}`.

`details` is there too where a program needs a value to go on, such as the new hash of a plan.
"""

import logging
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.core.exceptions import ValidationError as ModelError
from django.db import OperationalError
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback

from controlplane.errors import DomainError
from controlplane.kube.errors import KubeError
from controlplane.refusals import status_of

KEPT_HEADERS = {"WWW-Authenticate", "Retry-After", "Allow"}

# Nested beyond reason, or half of a surrogate pair: no database and no cluster takes that.
UNREADABLE = (SuspiciousOperation, RecursionError, UnicodeError)
PLAIN: tuple[tuple[type[Exception] | tuple[type[Exception], ...], int, str, str], ...] = (
    (RequestDataTooBig, 413, "too_large", "That is too much for one call."),
    (UNREADABLE, 400, "parse_error", "The call cannot be read."),
    (
        OperationalError,
        503,
        "database",
        "The platform's database cannot be used: {}. Nothing of this was kept: try again in a moment.",
    ),
)

logger = logging.getLogger(__name__)


def answer(exc: Exception, context: Mapping[str, Any]) -> Response:
    """The answer for an error; a 500 for one that nobody foresaw, which is logged."""
    if isinstance(exc, DomainError):
        fields = {exc.field: [exc.sentence]} if exc.field else {}
        return _shaped(status_of(exc), exc.code, exc.sentence, fields, details=_details(exc))
    if isinstance(exc, KubeError):
        return _shaped(status_of(exc), f"cluster_{type(exc).__name__.lower()}", exc.sentence, {})
    if isinstance(exc, ModelError):
        # Django's own validation, raised by full_clean() in a service, which DRF does not know.
        exc = exceptions.ValidationError(_messages(exc))
    for kind, status, code, sentence in PLAIN:
        if isinstance(exc, kind):
            return _shaped(status, code, sentence.format(exc), {})
    if isinstance(exc, Http404 | PermissionDenied | exceptions.APIException):
        return _drf(exc, context)
    logger.error("a mistake of the platform's", exc_info=exc)
    return _shaped(500, "mistake", "The platform made a mistake; it is in its log.", {})


def _drf(exc: Exception, context: Mapping[str, Any]) -> Response:
    response = exception_handler(exc, dict(context))
    if response is None:
        raise TypeError("only what DRF has an answer for comes here")
    if isinstance(exc, exceptions.ValidationError):
        fields = _by_field(response.data)
        sentence = next((m for messages in fields.values() for m in messages), "This cannot be.")
        return _shaped(response.status_code, "invalid", sentence, fields, headers=response.headers)
    code = "not_found" if response.status_code == 404 else getattr(exc, "default_code", "refused")  # noqa: PLR2004
    sentence = str((response.data or {}).get("detail", "That cannot be done."))
    if isinstance(exc, Http404):
        sentence = f"There is no {_asked_for(context)}, or you may not see it."
    return _shaped(response.status_code, code, sentence, {}, headers=response.headers)


def _asked_for(context: Mapping[str, Any]) -> str:
    """What the address named: `request 99`."""
    view = context.get("view")
    said: Mapping[str, Any] = getattr(view, "kwargs", None) or {}
    model = getattr(getattr(view, "queryset", None), "model", None)
    key = str(getattr(view, "lookup_url_kwarg", None) or getattr(view, "lookup_field", "pk"))
    if model is not None and key in said:
        return f"{model._meta.verbose_name} {said[key]}"  # noqa: SLF001 - Django's documented way
    return f"namespace {said['namespace_id']}" if "namespace_id" in said else "such thing"


def _shaped(
    status: int,
    code: str,
    sentence: str,
    fields: Mapping[str, list[str]],
    *,
    headers: Mapping[str, str] | None = None,
    details: Mapping[str, Any] | None = None,
) -> Response:
    set_rollback()
    kept = {k: v for k, v in (headers or {}).items() if k in KEPT_HEADERS}
    body: dict[str, Any] = {"code": code, "sentence": sentence, "fields": dict(fields)}
    if details:
        body["details"] = dict(details)
    return Response({"error": body}, status=status, headers=kept)


def _details(exc: DomainError) -> Mapping[str, Any]:
    found: Mapping[str, Any] = getattr(exc, "details", {})
    return found


def _messages(exc: ModelError) -> Any:
    return exc.message_dict if hasattr(exc, "error_dict") else exc.messages


def _by_field(data: Any) -> dict[str, list[str]]:
    """DRF's nested errors, flat: `fields.name` to its sentences."""
    if isinstance(data, Mapping):
        flat: dict[str, list[str]] = {}
        for key, inner in data.items():
            for path, messages in _by_field(inner).items():
                flat[f"{key}.{path}".rstrip(".")] = messages
        return flat
    if isinstance(data, list):
        return {"": [str(m) for m in data]}
    return {"": [str(data)]}
