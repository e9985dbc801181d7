"""What an address or a form asks for: bounded, printable text and numbers, never an error; a page or a part.

Only from here does what somebody typed get anywhere: no database takes a NUL, and some take it for an error.
"""

from django.http import HttpRequest

LONGEST = 253  # what the longest name of a cluster's has
DIGITS = 8  # no list is longer, and no database counts much further


def cleaned(said: str, longest: int = LONGEST) -> str:
    """The text without what no database takes; '' for nothing."""
    return "".join(c for c in said[:longest] if c.isprintable()).strip()


def text(request: HttpRequest, name: str) -> str:
    """The text of a parameter; '' for none."""
    return cleaned(request.GET.get(name, ""))


def posted(request: HttpRequest, name: str, longest: int = LONGEST) -> str:
    """The text of a form's field; '' for none."""
    return cleaned(request.POST.get(name, ""), longest)


def whole(said: str) -> int:
    """The number; 0 for what is none, or beyond reason."""
    return int(said) if said.isascii() and said.isdigit() and len(said) <= DIGITS else 0


def number(request: HttpRequest, name: str) -> int:
    """The number of a parameter; 0 for none or nonsense."""
    return whole(request.GET.get(name, ""))


def page_of(request: HttpRequest, pages: int) -> int:
    """The page that is asked for, of so many: the nearest one there is."""
    return nearest(number(request, "page"), pages)


def nearest(page: int, pages: int) -> int:
    """The page of so many that is nearest to this one."""
    return min(max(1, page), max(1, pages))


def a_part(request: HttpRequest) -> bool:
    """True if htmx asks for what it puts into a page; going back in history wants the whole page."""
    headers = request.headers
    return headers.get("HX-Request") == "true" and "HX-History-Restore-Request" not in headers
