"""A browser of somebody who is signed in, and what a page costs it."""

from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from controlplane.identity.models import User

FRAME = 10  # at most: session, person, teams, and the counts in the sidebar


def browser(user: User) -> Client:
    """Signed in as this person."""
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def queries(client: Client, path: str, **query: Any) -> int:
    """How many queries a page takes, once everything is warm."""
    client.get(path, query)
    with CaptureQueriesContext(connection) as seen:
        assert client.get(path, query).status_code == 200
    return len(seen)
