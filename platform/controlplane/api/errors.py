"""Every error of the API has one shape: `{"error": {"code", "sentence", "fields"}}`."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.exceptions import ValidationError as ModelError
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback

from controlplane.errors import Changed, DomainError, NotAllowed
from controlplane.kube.errors import Forbidden, Invalid, KubeError, Missing, Unreachable

HTTP_OF: tuple[tuple[type[Exception], int], ...] = (
    (NotAllowed, 403),
    (Changed, 409),
    (DomainError, 400),
    (Unreachable, 503),
    (Forbidden, 403),
    (Missing, 404),
    (Invalid, 400),
    (KubeError, 502),
)


def answer(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """The answer for an error; None (a 500) for one that nobody foresaw."""
    if isinstance(exc, DomainError):
        fields = {exc.field: [exc.sentence]} if exc.field else {}
        return _shaped(_http(exc), exc.code, exc.sentence, fields)
    if isinstance(exc, KubeError):
        return _shaped(_http(exc), f"cluster_{type(exc).__name__.lower()}", exc.sentence, {})
    if isinstance(exc, ModelError):
        # Django's own validation, raised by full_clean() in a service, which DRF does not know.
        exc = exceptions.ValidationError(_messages(exc))
    if isinstance(exc, Http404 | PermissionDenied | exceptions.APIException):
        return _drf(exc, context)
    return None


def _http(exc: Exception) -> int:
    return next(code for kind, code in HTTP_OF if isinstance(exc, kind))


def _drf(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    response = exception_handler(exc, dict(context))
    if response is None:
        return None
    if isinstance(exc, exceptions.ValidationError):
        fields = _by_field(response.data)
        sentence = next((m for messages in fields.values() for m in messages), "This cannot be.")
        return _shaped(response.status_code, "invalid", sentence, fields, response.headers)
    code = "not_found" if response.status_code == 404 else getattr(exc, "default_code", "refused")  # noqa: PLR2004
    sentence = str((response.data or {}).get("detail", "That cannot be done."))
    return _shaped(response.status_code, code, sentence, {}, response.headers)


def _shaped(
    status: int,
    code: str,
    sentence: str,
    fields: Mapping[str, list[str]],
    headers: Mapping[str, str] | None = None,
) -> Response:
    set_rollback()
    kept = {k: v for k, v in (headers or {}).items() if k in {"WWW-Authenticate", "Retry-After"}}
    body = {"error": {"code": code, "sentence": sentence, "fields": dict(fields)}}
    return Response(body, status=status, headers=kept)


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
