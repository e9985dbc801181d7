"""What the tests of pages share: a browser of a person, without a browser."""

from django.test import Client
from django.utils.html import strip_tags

from controlplane.identity.models import User

HTMX = {"HX-Request": "true"}


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def read(client: Client, path: str, **asked: str) -> str:
    """The words of a page, as one line; a page that is not there fails."""
    answer = client.get(path, asked)
    assert answer.status_code == 200, (path, answer.status_code)
    return words(answer.content.decode())


def words(html: str) -> str:
    return " ".join(strip_tags(html.replace("<", " <")).split())
