"""`argosy demo`: one team from nothing to Ready, through the REST API like any client."""

from .story import demo

__all__ = ["demo"]
