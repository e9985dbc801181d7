"""The same as a page, from a program: the line of curl for an address of the API."""

from django.conf import settings


def curl(path: str, *, method: str = "GET") -> str:
    """One line to copy; the token is the person's own, from their environment."""
    way = "" if method == "GET" else f" -X {method}"
    return f'curl{way} -H "Authorization: Bearer $ARGOSY_TOKEN" {settings.BASE_URL}/api/v1/{path}'
