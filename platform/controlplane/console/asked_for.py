"""What an address asks for: bounded, printable text and numbers, never an error; a page or a part of it."""

from django.http import HttpRequest

LONGEST = 100


def text(request: HttpRequest, name: str) -> str:
    """The text of a parameter; '' for none. What no database takes is left out."""
    said = request.GET.get(name, "")[:LONGEST]
    return "".join(c for c in said if c.isprintable()).strip()


def number(request: HttpRequest, name: str) -> int:
    """The number of a parameter; 0 for none or nonsense."""
    said = request.GET.get(name, "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < LONGEST // 10 else 0


def a_part(request: HttpRequest) -> bool:
    """True if htmx asks for what it puts into a page; going back in history wants the whole page."""
    headers = request.headers
    return headers.get("HX-Request") == "true" and "HX-History-Restore-Request" not in headers
