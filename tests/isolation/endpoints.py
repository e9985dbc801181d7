"""Everything that answers on the web, from the URL table itself: nothing is listed by hand."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.contrib.admindocs.views import simplify_regex
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.generators import SchemaGenerator

READS, WRITES = ("GET",), ("POST", "PUT", "PATCH", "DELETE")
METHODS = (*READS, *WRITES)
PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
API = "/api/"


@dataclass(frozen=True, order=True)
class Endpoint:
    """One method of one address. `key` is what its access rule is declared by."""

    path: str  # with its parameters in braces: /namespaces/{pk}/
    method: str

    @property
    def key(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(re.findall(r"\{(\w+)\}", self.path))

    @property
    def of_the_api(self) -> bool:
        return self.path.startswith(API)

    @property
    def at_the_desk(self) -> bool:
        return self.path.startswith("/admin/")

    @property
    def writes(self) -> bool:
        return self.method in WRITES

    def filled(self, values: dict[str, Any]) -> str:
        """The address with these in place of its parameters."""
        return self.path.format(**values)


def endpoints() -> tuple[Endpoint, ...]:
    """All of them, in the order of their addresses."""
    found = {
        Endpoint(_written(route), method)
        for route, callback in _views(get_resolver().url_patterns, "")
        for method in _methods(callback, route)
    }
    return tuple(sorted(found))


def told() -> dict[Endpoint, dict[str, Any]]:
    """The operations that the OpenAPI document tells of, each with what it says."""
    return {
        Endpoint(path.replace("{id}", "{pk}"), method.upper()): operation
        for path, operations in document()["paths"].items()
        for method, operation in operations.items()
        if method.upper() in METHODS
    }


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document."""
    made: dict[str, Any] = SchemaGenerator(api_version="v1").get_schema(public=True)  # type: ignore[no-untyped-call]
    return made


def _views(
    patterns: list[URLPattern | URLResolver], before: str
) -> Iterator[tuple[str, Callable[..., Any]]]:
    for pattern in patterns:
        route = f"{before}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from _views(pattern.url_patterns, route)
        else:
            yield route, pattern.callback


def _written(route: str) -> str:
    """`^namespaces/(?P<pk>[0-9]+)/$`, and a route of Django's, as the OpenAPI document writes them."""
    simple = simplify_regex(route.replace(r"\Z", ""))
    return PARAMETER.sub(r"{\1}", simple).replace("//", "/")


def _methods(callback: Callable[..., Any], route: str) -> tuple[str, ...]:
    """What a view says that it takes; a function that says nothing and never asks, is one to read.

    That such a one does nothing when something is sent to it all the same is a test of its own.
    """
    actions: dict[str, str] | None = getattr(callback, "actions", None)
    if actions is not None:
        return tuple(method for method in METHODS if method.lower() in actions)
    view: Any = getattr(callback, "cls", None) or getattr(callback, "view_class", None)
    if view is not None:
        return tuple(
            m for m in METHODS if m.lower() in view.http_method_names and hasattr(view, m.lower())
        )
    layers = tuple(_unwrapped(callback))
    said = next((found for each in layers if (found := _required(each))), None)
    if said is not None:
        return tuple(m for m in METHODS if m in said)
    # Django's own pages of the desk hand on to views of theirs, which ask.
    asks = "method" in layers[-1].__code__.co_names or route.startswith("admin/")
    return ("GET", "POST") if asks else READS


def _unwrapped(callback: Any) -> Iterator[Any]:
    """A view's decorators from the outside in, and the view itself."""
    while callback is not None:
        yield getattr(callback, "__func__", callback)
        callback = getattr(callback, "__wrapped__", None)


def _required(layer: Any) -> frozenset[str]:
    """What Django's `require_http_methods` was told, if this is its decorator."""
    kept = dict(zip(layer.__code__.co_freevars, layer.__closure__ or (), strict=True))
    said = kept.get("request_method_list")
    return frozenset(said.cell_contents) if said is not None else frozenset()
